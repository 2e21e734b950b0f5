"""The file of a SQLite store and those that SQLite keeps beside it: what may be named, and for how long is waited."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smartify_core.errors import FileExists, StorageUnavailable, UsageError

#: What SQLite calls the files beside a database: it takes them for its own, writes them over and deletes them.
_BESIDE: Final = ("-journal", "-wal", "-shm")
#: SQLite counts milliseconds in 31 bits.
_LONGEST_WAIT: Final = 1_000_000


def store_path(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a store.

    Raises:
        UsageError: No file can have this name, or SQLite keeps something of another database there.
    """
    name = os.fspath(path)
    if not name or name == ":memory:":
        raise UsageError("a SQLite store needs a file", cure="Use MemoryStorage for a store in memory.")
    if "\0" in name:
        raise UsageError("the name of a file has no null character", cure="Name another file.")
    found = Path(path).absolute()
    for end in _BESIDE:
        if found.name.endswith(end) and os.path.lexists(found.with_name(found.name[: -len(end)] or ".")):
            raise UsageError(
                f"SQLite keeps a file of this name beside {found.name[: -len(end)]}, and would delete a store there",
                where=str(found),
                cure="Name another file.",
            )
    return found


@contextmanager
def named_trouble(path: Path) -> Iterator[None]:
    """Raise what the file system raises inside as an error of ours about ``path``.

    Raises:
        UsageError: No file can have this name.
        StorageUnavailable: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UsageError(
                "the name of the file is too long for the file system", where=str(path), cure="Name another file."
            ) from None
        raise StorageUnavailable(
            f"the store cannot be looked at: {os.strerror(error.errno or 0)}", where=str(path), cure="Check its path."
        ) from None


def check_patience(seconds: float) -> float:
    """Return a time to wait that SQLite can count.

    Raises:
        UsageError: It is none.
    """
    if not (math.isfinite(seconds) and 0 <= seconds <= _LONGEST_WAIT):
        raise UsageError(
            f"a store is waited for between 0 and {_LONGEST_WAIT} seconds, not {seconds}",
            cure="Give a busy_timeout between them; the default is 5 seconds.",
        )
    return seconds


def refuse_beside(target: Path, store: Path) -> None:
    """Raise where a copy at ``target`` would be one of the files beside the store.

    Raises:
        UsageError: It would.
    """
    # SQLite follows links to the file itself, and keeps the others beside it.
    for path in (store, Path(os.path.realpath(store))):
        for end in _BESIDE:
            if _same(target, path.with_name(path.name + end)):
                raise UsageError(
                    "SQLite keeps a file of this name beside the store, and would delete the backup",
                    where=str(target),
                    cure="Name another file, best in another folder.",
                )


def refuse_strange(target: Path) -> None:
    """Raise where a file is there that SQLite would take for one of those beside a copy at ``target``.

    Raises:
        FileExists: There is one.
    """
    for end in _BESIDE:
        beside = target.with_name(target.name + end)
        if os.path.lexists(beside):
            raise FileExists(
                f"{beside.name} is there, which SQLite would take for a part of the backup",
                where=str(target),
                cure="Name another file.",
            )


def _same(one: Path, other: Path) -> bool:
    """Return whether two paths name one file, whether it is there or not, on any file system."""
    if one.name.casefold() != other.name.casefold():
        return False
    try:
        return one.parent.samefile(other.parent)
    except OSError:
        return False
