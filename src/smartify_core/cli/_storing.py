"""What the commands do that look after a store as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from attrs import asdict

from smartify_core.errors import ConfigInvalid, StorageBroken, UsageError
from smartify_core.lifecycle import utc_now
from smartify_core.storage import Finding, Maintained, Storage
from smartify_core.storage.moving import CopiedTenant, copy_storage
from smartify_core.storage.soundness import check_storage
from smartify_core.storage.url import open_storage

from . import _documents as documents
from . import _exit_codes as exit_codes
from ._build import file_of_sqlite, is_absent
from ._config import load
from ._numbers import numbered
from ._output import Output
from ._progress import progress_of_copy
from ._signals import stoppable_storage

_IN_MEMORY = "memory:"


def copy(output: Output, source: str, target: str) -> int:
    """Copy a store, and tell what became of each tenant."""
    _require_two_stores(source, target)
    _require_store(source, "FROM")
    with _opened(source, "FROM") as ours, _opened(target, "TO") as theirs, progress_of_copy() as progress:
        copied = copy_storage(stoppable_storage(ours), stoppable_storage(theirs), now=utc_now, on_progress=progress)
    left = [one for one in copied if one.error is not None]
    output.document({"tenants": [_of_copied(one) for one in copied], "left": len(left)})
    for one in copied:
        output.line(_line_of(one))
    output.line(f"{numbered(len(copied) - len(left), 'tenant')} copied and compared, {len(left):,} left")
    for one in left:
        output.note(f"smartify: {one.error}")
    return exit_codes.FAILED if left else exit_codes.DONE


def check(output: Output, file: Path, url: str | None) -> int:
    """Look through a store, and tell what is wrong with it."""
    with _opened_for_reading(file, url) as storage:
        # Both may come by the same thing, and say it in the same words.
        findings = list(dict.fromkeys(chain(_maintenance(storage), check_storage(storage))))
    damages = [finding for finding in findings if finding.damage]
    output.document({"sound": not damages, "findings": [asdict(finding) for finding in findings]})
    for finding in findings:
        output.line(str(finding))
    if damages:
        output.note(
            f"smartify: {numbered(len(damages), 'finding')}; restore the store from a backup, or begin anew and sync"
        )
        return exit_codes.FAILED
    output.line("nothing else is to be told of the store" if findings else "nothing is wrong with the store")
    return exit_codes.DONE


def backup(output: Output, file: Path, path: Path) -> int:
    """Copy the configured store to a new file."""
    with _opened_for_reading(file, None) as storage:
        if not isinstance(storage, Maintained):
            raise UsageError(
                "the store's backend makes no backups",
                where=f"{file}: storage.url",
                cure="Copy it with `smartify storage copy FROM sqlite:///FILE`, or use the tools of its server.",
            )
        storage.backup(path)
    size = path.stat().st_size
    output.document({"backup": str(path), "bytes": size})
    output.line(f"{path}: {size:,} bytes, checked")
    return exit_codes.DONE


def _maintenance(storage: Storage) -> Iterator[Finding]:
    """Have the backend look into its own bytes, where it can."""
    if isinstance(storage, Maintained):
        try:
            yield from storage.check()
        except StorageBroken as error:
            yield Finding(error.what, error.where or "store")


def _opened(url: str, name: str) -> Storage:
    with _named(name):
        return open_storage(url)


def _opened_for_reading(file: Path, url: str | None) -> Storage:
    """Open the store of a URL, or the configured one, so that nothing of it is created or written."""
    if url is not None:
        with _named("URL"):
            return open_storage(url, read_only=True)
    asked = load(file, without_tenants=True).storage_url
    with _named(f"{file}: storage.url", ConfigInvalid):
        return open_storage(asked, read_only=True)


@contextmanager
def _named(place: str, kind: type[UsageError] = UsageError) -> Iterator[None]:
    """Say of a URL that is not right which one it is. The URL itself may hold a password."""
    try:
        yield
    except UsageError as error:
        where = f"{place}, {error.where}" if error.where else place
        raise (kind if type(error) is UsageError else type(error))(error.what, where=where, cure=error.cure) from None


def _require_two_stores(source: str, target: str) -> None:
    for url, name in ((source, "FROM"), (target, "TO")):
        if url.lower().startswith(_IN_MEMORY):
            raise UsageError("a store in memory is there for one command only", where=name, cure="Name another store.")
    ours, theirs = file_of_sqlite(source), file_of_sqlite(target)
    one_file = ours is not None and theirs is not None and os.path.realpath(ours) == os.path.realpath(theirs)
    if source == target or one_file:
        raise UsageError("a store is not copied into itself", where="FROM and TO", cure="Name another target.")


def _require_store(url: str, name: str) -> None:
    """Raise where there is no store. It is to be written to, and opening it for that would make one."""
    if file_of_sqlite(url) is not None:
        if is_absent(url):
            raise UsageError("there is no store to copy", where=name, cure="Name one that is there.")
        return
    # A store of an older version is there, too, and what is wrong with a URL is told when it is opened for writing.
    with suppress(UsageError):
        open_storage(url, read_only=True).close()


def _of_copied(one: CopiedTenant) -> documents.Document:
    document = asdict(one, recurse=False)
    document["error"] = None if one.error is None else documents.of_error(one.error)
    return document


def _line_of(one: CopiedTenant) -> str:
    if one.error is not None:
        return f"{one.tenant}: left, {one.error.code}"
    numbers = {"account": one.accounts, "tombstone": one.tombstones, "entry": one.entries, "document": one.documents}
    told = ", ".join(numbered(number, what) for what, number in numbers.items())
    return f"{one.tenant}: {told}; {one.written:,} written now"
