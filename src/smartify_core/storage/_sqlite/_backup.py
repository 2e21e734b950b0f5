"""A copy of a SQLite store while others use it: written anew row by row, so that nothing freed or stale comes along."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol

from smartify_core.errors import FileExists, StorageBroken, StorageUnavailable, UsageError
from smartify_core.storage._maintained import Finding

from ._errors import as_storage_error
from ._files import refuse_beside, refuse_strange

_OWNER_ONLY: Final = 0o600
#: What says that the store itself is in trouble, and not the place of the copy.
_OF_THE_STORE: Final = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}


class Lender(Protocol):
    """What lends connections to the store."""

    path: Path

    def apart(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a connection in no transaction."""


def backup(lender: Lender, path: str | os.PathLike[str], *, check: Callable[[Path], Sequence[Finding]]) -> None:
    """Copy the store into a new file. See `Maintained.backup`.

    Args:
        lender: Lends a connection to the store.
        path: The file that is made.
        check: Looks into a copy, and returns what is wrong with it.
    """
    target = Path(path).absolute()
    try:
        refuse_beside(target, lender.path)
        _refuse_taken(target)
        refuse_strange(target)
        if not target.parent.is_dir():
            raise UsageError(
                "the folder of the backup does not exist", where=str(target.parent), cure="Create it first."
            )
        # Under another name until it is whole: whoever finds the file finds a store.
        partial = target.with_name(f".{target.name[:200]}.{secrets.token_hex(8)}.partial")
        try:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
            _copy(lender, partial, target)
            findings = check(partial)
            if findings:
                raise StorageBroken(
                    f"the store is not sound, and so is no copy of it ({len(findings)} findings); none was kept",
                    where=str(lender.path),
                    cure="Look with `smartify storage check`. To keep what is left, stop all work and copy its files.",
                )
            _put_in_place(partial, target)
        finally:
            for end in ("", "-journal"):
                partial.with_name(partial.name + end).unlink(missing_ok=True)
        _settle(target.parent)
    except OSError as error:
        raise StorageUnavailable(
            f"the backup cannot be written: {os.strerror(error.errno or 0)}",
            where=str(target),
            cure="Check the folder and its free space; nothing was kept.",
        ) from None
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        # A null character, which no file's name can have.
        raise UsageError("the backup cannot have this name", cure="Name another file.") from None


def _copy(lender: Lender, partial: Path, target: Path) -> None:
    with lender.apart() as connection:
        try:
            # In one read of the store, so that it is one moment's; whoever writes meanwhile is not held up.
            connection.execute("vacuum into ?", (partial.as_uri(),)).close()
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            raise as_storage_error(error, lender.path if code in _OF_THE_STORE else target) from None
    _settle(partial)


def _put_in_place(partial: Path, target: Path) -> None:
    """Give the file its name, unless there is one of that name by now."""
    try:
        os.link(partial, target)
    except FileExistsError:
        _refuse_taken(target)
        raise
    except OSError:
        # A file system without links: between the look and the act somebody might make a file of that name.
        _refuse_taken(target)
        partial.rename(target)


def _refuse_taken(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExists("the backup's file is there already", where=str(target), cure="Name a new file.")


def _settle(path: Path) -> None:
    """Have what was written to a file, or to the list of a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
