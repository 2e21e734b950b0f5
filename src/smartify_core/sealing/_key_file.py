"""The key file: its format, and the care with which it is read and written. No message here quotes a byte of it."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, Final, NoReturn

from smartify_core.errors import FileExists, KeyFileInvalid

from ._root_secrets import RootSecrets
from ._wrapping import KEY_ID_BYTES, SECRET_BYTES

_FORMAT: Final = "smartify-keys"
_VERSION: Final = 1
_LARGEST: Final = 1 << 20
_OWNER_ONLY: Final = 0o600
#: Seconds between two looks at a file that is watched.
LOOK_EVERY: Final = 0.01


def dump(secrets: RootSecrets) -> bytes:
    """Return the content of a key file."""
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "current": secrets.current.hex(),
        "wrapping": {key_id.hex(): to_text(secret) for key_id, secret in secrets.wrapping.items()},
        "lookup": to_text(secrets.lookup),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def read(path: Path) -> RootSecrets:
    """Return the secrets in the key file at ``path``.

    Raises:
        KeyFileInvalid: It cannot be used; the message says why and how to mend it.
    """
    return _parse(content_of(path), str(path))


def write_new(path: Path, content: bytes, *, cure: str) -> None:
    """Create the file at ``path``, owner-only from its first byte, and make it durable.

    Raises:
        FileExists: Something is there already; ``cure`` says what to do.
        KeyFileInvalid: It cannot be created there.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), _OWNER_ONLY)
    except FileExistsError:
        raise FileExists("a file is there already; it was left as it is", where=str(path), cure=cure) from None
    except OSError as error:
        raise _unusable("cannot be created", error, path) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unusable("cannot be written", error, path) from None


def replace(path: Path, change: Callable[[RootSecrets], RootSecrets]) -> None:
    """Put a key file with changed secrets in the place of the one at ``path``, in one step.

    Raises:
        KeyFileInvalid: It cannot be used or replaced; it is as it was.
        FileExists: Another change is under way, or one was cut short: its ``.new`` file is there.
    """
    target = path.resolve()
    aside = target.with_name(target.name + ".new")
    read(target)
    # The exclusive creation is the lock of changes; so the secrets are read again under it.
    write_new(aside, b"", cure="Wait for the other rotation; if none is running, remove this file and try again.")
    try:
        secrets = change(read(target))
        with aside.open("r+b") as file:
            file.write(dump(secrets))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    except OSError:
        aside.unlink(missing_ok=True)
        raise KeyFileInvalid(
            "the key file could not be replaced; it is as it was",
            where=str(target),
            cure="Check the disk and the folder's permissions.",
        ) from None
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(target)
    settle()


class Watch:
    """Tells whether a file was replaced, for whoever asks a hundred thousand times a second.

    The file is looked at once in `LOOK_EVERY` seconds, and whoever replaces it waits for longer than that before they
    say that it is done (`settle`). So what happens after that happens to the new file, in every process of the host.

    Args:
        path: The file. It is looked at before it is read for the first time, so that no change is missed.
    """

    def __init__(self, path: Path) -> None:
        self._path = os.fspath(path)
        self._seen = _stamp(self._path)
        self._next = 0.0

    def changed(self, take: Callable[[], None]) -> None:
        """Call ``take`` if the file was replaced since it was last looked at, and is there."""
        now = monotonic()
        if now < self._next:
            return
        found = _stamp(self._path)
        if found not in {None, self._seen}:
            take()
            self._seen = found
        # Only now: a thread that comes by meanwhile looks for itself.
        self._next = now + LOOK_EVERY


def settle() -> None:
    """Wait until every process has had to look at a file that was replaced just now."""
    threading.Event().wait(2.5 * LOOK_EVERY)


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - the path is a text: this is asked often
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def sync_folder(path: Path) -> None:
    """Make the entry of ``path`` in its folder durable, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def content_of(path: Path, largest: int = _LARGEST) -> bytes:
    """Return what is in the file at ``path``, which only its owner may use: its first ``largest`` bytes and one more.

    Raises:
        KeyFileInvalid: It is missing, is no regular file, or may be used by others.
    """
    try:
        # Non-blocking, so that a pipe in the file's place cannot hold the process up.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise KeyFileInvalid(
            "the key file is missing",
            where=str(path),
            cure="Create one with `smartify init`, or restore it from your backup if a store was written with it.",
        ) from None
    except OSError as error:
        raise _unusable("cannot be read", error, path) from None
    try:
        with os.fdopen(descriptor, "rb") as file:
            # Asked of the open file, not of the path: what is checked is what is read.
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                refuse("the key file is not a regular file", str(path), "Name a key file that `smartify init` made.")
            if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                mode = stat.S_IMODE(status.st_mode)
                refuse(
                    f"others than its owner may use the key file (mode {mode:04o})", str(path), f"Run: chmod 600 {path}"
                )
            return file.read(largest + 1)
    except OSError as error:
        raise _unusable("cannot be read", error, path) from None


def _parse(content: bytes, where: str) -> RootSecrets:
    cure = "Restore it from your backup, or name a key file that `smartify init` made."
    try:
        parsed = json.loads(content) if len(content) <= _LARGEST else None
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("format") != _FORMAT:
        refuse("the file is not a key file of this library", where, cure)
    document: dict[str, Any] = parsed
    version = document.get("version")
    if isinstance(version, int) and version > _VERSION:
        what = f"the key file has format {version}; this version of the library knows {_VERSION}"
        refuse(what, where, "Upgrade smartify-core.")
    wrapping = document.get("wrapping")
    if version != _VERSION or not isinstance(wrapping, dict) or not wrapping:
        refuse("the key file is damaged: a part is missing or of the wrong kind", where, cure)
    try:
        current = bytes.fromhex(document["current"])
        secrets = {bytes.fromhex(key_id): from_text(secret) for key_id, secret in wrapping.items()}
        lookup = from_text(document["lookup"])
    except (KeyError, TypeError, ValueError):
        refuse("the key file is damaged: a key is not in its notation", where, cure)
    if any(len(secret) != SECRET_BYTES for secret in (lookup, *secrets.values())):
        refuse(f"the key file is damaged: a key does not have {SECRET_BYTES} bytes", where, cure)
    if current not in secrets or any(len(key_id) != KEY_ID_BYTES for key_id in secrets):
        refuse("the key file is damaged: the names of its keys do not match", where, cure)
    return RootSecrets(current, secrets, lookup)


def to_text(secret: bytes) -> str:
    """Return bytes as the file has them."""
    return base64.b64encode(secret).decode("ascii")


def from_text(text: str) -> bytes:
    """Return the bytes of `to_text`, or raise ``ValueError``."""
    return base64.b64decode(text, validate=True)


def refuse(what: str, where: str, cure: str) -> NoReturn:
    """Raise the error for a key file that cannot be used."""
    # ``from None``: a parser's message may quote the file.
    raise KeyFileInvalid(what, where=where, cure=cure) from None


def _unusable(what: str, error: OSError, path: Path) -> KeyFileInvalid:
    reason = os.strerror(error.errno) if error.errno else "unknown"
    return KeyFileInvalid(
        f"the key file {what}: {reason}", where=str(path), cure="Check the folder and its permissions."
    )
