"""What SQLite raises, as errors of ours: they name the file and the kind of trouble, and quote nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smartify_core.errors import StorageBroken, StorageBusy, StorageError, StorageUnavailable
from smartify_core.storage import refusals

_RESTORE: Final = "Restore the store from a backup; the next sync brings it up to date."

_NO_DATABASE: Final = "the file is not a SQLite database"
_NAME_ANOTHER: Final = "Name another file, or restore it from a backup."

#: What happened and what to do, by primary result code (https://www.sqlite.org/rescode.html).
_TROUBLES: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space; nothing of the refused write was kept."),
    sqlite3.SQLITE_READONLY: ("the store is read-only", "Make the file and its folder writable for this user."),
    sqlite3.SQLITE_CANTOPEN: ("the store cannot be opened", "Make the file and its folder readable and writable."),
    sqlite3.SQLITE_PERM: ("access to the store is refused", "Make the file and its folder readable and writable."),
    sqlite3.SQLITE_IOERR: ("the disk failed while the store was read or written", "Check the disk and its quota."),
    sqlite3.SQLITE_CORRUPT: ("the store is damaged or cut short", _RESTORE),
    sqlite3.SQLITE_NOTADB: (_NO_DATABASE, _NAME_ANOTHER),
    sqlite3.SQLITE_NOMEM: ("SQLite ran out of memory", "Give the process more memory."),
}
#: How Python's binding says that it cannot read a text, which has no code. The text is quoted after it.
_NO_TEXT: Final = "Could not decode to UTF-8"
#: How SQLite says that the schema is not the one that our statements are made for.
_NO_SUCH: Final = ("no such table", "no such column", "no such index")
_OTHER_SCHEMA: Final = f"If a newer version of smartify-core has opened the store, upgrade this one. {_RESTORE}"
_BROKEN: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise what SQLite raises inside as a `StorageError` about ``path``."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_storage_error(error, path) from None


def as_storage_error(error: sqlite3.Error, path: Path) -> StorageError:
    """Return our error for SQLite's."""
    # Extended codes keep the primary one in their low byte. Errors of Python's own binding carry none.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if _NO_TEXT in str(error):
        return refusals.damaged("a text in the store", str(path))
    if code in _BUSY:
        return busy(path)
    if code == sqlite3.SQLITE_ERROR and str(error).startswith(_NO_SUCH):
        return StorageBroken("a table, column or index of the store is missing", where=str(path), cure=_OTHER_SCHEMA)
    what, cure = _TROUBLES.get(
        code, (f"SQLite refused (result code {code})", "Check that the file is a healthy store.")
    )
    kind = StorageBroken if code in _BROKEN else StorageUnavailable
    return kind(what, where=str(path), cure=cure)


def not_a_database(path: Path) -> StorageBroken:
    """Return the error for a file that holds something else: one of a single byte, which SQLite takes for empty."""
    return StorageBroken(_NO_DATABASE, where=str(path), cure=_NAME_ANOTHER)


def busy(path: Path) -> StorageBusy:
    """Return the error for a write lock that did not come free in time."""
    return StorageBusy(
        "another writer held the store for longer than the time allowed",
        where=str(path),
        cure="Try again, or allow more time with busy_timeout.",
    )
