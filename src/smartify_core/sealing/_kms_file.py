"""The file of a ring whose keys a KMS guards: secrets of tenants, each encrypted by the KMS, and nothing that opens."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve, field, frozen

from smartify_core.errors import KeyFileInvalid

from ._key_file import content_of, from_text, refuse, sync_folder, to_text, write_new
from ._wrapping import KEY_ID_BYTES

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]  # asked for once, in _CAN_WAIT

_CAN_WAIT: Final = fcntl is not None
_FORMAT: Final = "smartify-kms-keys"
_VERSION: Final = 1
_LARGEST: Final = 1 << 28
_DAMAGED: Final = "Restore it from your backup."
_WAIT: Final = "Wait for the other process; if none is running, remove this file and try again."


@frozen(order=False)
class Guarded:
    """A secret as the KMS encrypted it, and the full name of the version of the KMS key that did."""

    ciphertext: bytes = field(repr=False)
    version: str


@frozen(order=False)
class TenantSecrets:
    """What the file holds of one tenant: its wrapping keys by name, the oldest first, and its lookup secret."""

    lookup: Guarded
    current: str
    keys: Mapping[str, Guarded]

    def guarded(self) -> Iterator[Guarded]:
        """Yield all that the KMS encrypted."""
        yield self.lookup
        yield from self.keys.values()


@frozen(order=False, slots=False)
class KmsFile:
    """What the file holds."""

    key_name: str
    tenants: Mapping[str, TenantSecrets] = field(factory=dict[str, TenantSecrets])

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """The tenant of each wrapping key."""
        return {key: tenant for tenant, secrets in self.tenants.items() for key in secrets.keys}

    def with_tenant(self, tenant: str, secrets: TenantSecrets | None) -> KmsFile:
        """Return the file with other secrets of one tenant, or with none of it."""
        others = {name: one for name, one in self.tenants.items() if name != tenant}
        return evolve(self, tenants=others if secrets is None else {**others, tenant: secrets})


def dump(file: KmsFile) -> bytes:
    """Return the content of the file."""
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "key": file.key_name,
        "tenants": {
            tenant: {
                "lookup": _entry(one.lookup),
                "current": one.current,
                "keys": {name: _entry(key) for name, key in one.keys.items()},
            }
            for tenant, one in file.tenants.items()
        },
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def read(path: Path) -> KmsFile:
    """Return what the file at ``path`` holds.

    Raises:
        KeyFileInvalid: It cannot be used; the message says why and how to mend it.
    """
    where = str(path)
    content = content_of(path, _LARGEST)
    try:
        parsed = json.loads(content) if len(content) <= _LARGEST else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("format") != _FORMAT:
        refuse("the file is not a file of keys that a KMS guards", where, "Name one that GoogleKmsKeyRing.create made.")
    version = parsed.get("version")
    if isinstance(version, int) and version > _VERSION:
        what = f"the key file has format {version}; this version of the library knows {_VERSION}"
        refuse(what, where, "Upgrade smartify-core.")
    try:
        file = KmsFile(str(parsed["key"]), {name: _tenant(one) for name, one in parsed["tenants"].items()})
    except (AttributeError, KeyError, TypeError, ValueError):
        file = None
    if file is None or version != _VERSION:
        refuse("the key file is damaged: a part is missing or of the wrong kind", where, _DAMAGED)
    return file


def create(path: Path, key_name: str) -> None:
    """Write a new file without tenants. Raises what `write_new` does."""
    write_new(path, dump(KmsFile(key_name)), cure="Use the key file that is there, or name another path.")


def change(path: Path, how: Callable[[KmsFile], KmsFile]) -> KmsFile:
    """Put a changed file in the place of the one at ``path``, in one step, and return what it holds.

    Of several processes that change it at once, each sees what the one before it wrote. ``how`` may return what it was
    given; then nothing is written.

    Raises:
        KeyFileInvalid: It cannot be used or replaced; it is as it was.
        FileExists: Another process changes it, on a system without locks that wait.
    """
    target = path.resolve()
    with _locked(target.with_name(target.name + ".lock")):
        before = read(target)
        after = how(before)
        if after is before:
            return before
        aside = target.with_name(target.name + ".new")
        try:
            aside.unlink(missing_ok=True)  # of a process that ended in the middle: the lock was its, and is ours
            write_new(aside, dump(after), cure=_WAIT)
            aside.replace(target)
            sync_folder(target)
        except OSError:
            aside.unlink(missing_ok=True)
            raise KeyFileInvalid(
                "the key file could not be replaced; it is as it was",
                where=str(target),
                cure="Check the disk and the folder's permissions.",
            ) from None
        return after


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    if not _CAN_WAIT:
        write_new(path, b"", cure=_WAIT)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        refuse(f"the lock of the key file cannot be opened: {reason}", str(path), "Check the folder's permissions.")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _entry(one: Guarded) -> dict[str, str]:
    return {"version": one.version, "ciphertext": to_text(one.ciphertext)}


def _tenant(document: dict[str, Any]) -> TenantSecrets:
    keys = {_name(name): _guarded(one) for name, one in document["keys"].items()}
    if document["current"] not in keys:
        raise ValueError
    return TenantSecrets(_guarded(document["lookup"]), document["current"], MappingProxyType(keys))


def _guarded(document: dict[str, Any]) -> Guarded:
    if not isinstance(document["version"], str):
        raise TypeError
    return Guarded(from_text(document["ciphertext"]), document["version"])


def _name(text: str) -> str:
    if len(bytes.fromhex(text)) != KEY_ID_BYTES:
        raise ValueError
    return text
