"""Turning files of a log into others, so that wherever it is cut short every event counts once.

A file that is made gets its name last, and beside it stands from which files it was made: that was written before. So a
reader who meets a new file knows what it stands for, and one who meets only what tells of it passes over that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from smartify_core.errors import StorageBroken, UsageError
from smartify_core.requestlog.files import LogFile
from smartify_core.requestlog.files._opened import Opened, Shelf, sync_directory
from smartify_core.requestlog.files._packed import LOCK, beside

from ._connections import Connection
from ._sql import filled, quoted, read_name

#: The modes of what is made, as those of the log's own files.
_MODE: Final = 0o640
_FOLDER_MODE: Final = 0o750
_PARTIAL: Final = ".part"

_READ_BACK: Final = "select source, count(*) from read_parquet($path, hive_partitioning = false) group by source"
_COPY: Final = "copy ($query) to $path (format parquet, compression zstd, compression_level 6)"


@contextmanager
def alone(directory: Path) -> Iterator[Shelf]:
    """Wait until nobody else packs or rolls up, and lend what opens files.

    Raises:
        UsageError: The directory cannot be changed.
    """
    shelf = Shelf()
    try:
        opened = shelf.open(directory / LOCK, os.O_RDWR | os.O_CREAT, _MODE)
        opened.wait_for_lock()
        yield shelf
    except OSError as error:
        raise UsageError(
            f"the directory of the request log cannot be changed: {os.strerror(error.errno or 0)}",
            where=str(directory),
            cure="Name the directory of a log, and run as the user that writes it.",
        ) from None
    finally:
        shelf.forget()


def finished(shelf: Shelf, files: Sequence[LogFile]) -> list[LogFile]:
    """Return those of the files that nobody writes to, and keep them so while the shelf is lent."""
    return [file for file in files if file.compressed or _locked(shelf, file)]


def _locked(shelf: Shelf, file: LogFile) -> bool:
    try:
        opened: Opened = shelf.open(file.path)
    except OSError:  # gone, or another user's
        return False
    if opened.lock(unless_known=False) and opened.is_in_place():
        return True
    opened.close()
    return False


def make_parquet(
    connection: Connection,
    shelf: Shelf,
    query: str,
    first: Path,
    origins: Mapping[str, int] | Collection[str],
    *,
    events: int | None = None,
) -> Path:
    """Write the rows of a query to a Parquet file that was made from these origins.

    Args:
        connection: What runs the query.
        shelf: What opens files.
        query: The query.
        first: The name of the file, where it is free; else it gets a number.
        origins: Of which files of lines its rows are. Where it says how many of each, they are read back and counted.
        events: How many of its rows are events, where they are: retention tells that when they go.

    Returns:
        The file, under its name and on the disk.

    Raises:
        StorageBroken: It reads back otherwise than it was written; it is gone again.
        OSError: It cannot be written.
    """
    folder = first.parent
    for missing in (folder.parent, folder):
        if not missing.is_dir():
            missing.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            sync_directory(missing.parent)
    path, number = first, 1
    while path.exists():
        number += 1
        path = first.with_name(f"{first.stem}-{number}{first.suffix}")
    partial = folder / f".{path.name}{_PARTIAL}"
    partial.unlink(missing_ok=True)
    shelf.create(partial, _MODE).close()
    try:
        connection.execute(filled(_COPY, query=query, path=quoted(str(partial))))
        partial.chmod(_MODE)
        if isinstance(origins, Mapping):
            found = dict(connection.execute(filled(_READ_BACK, path=read_name(partial))).fetchall())
            if found != origins:
                raise StorageBroken(
                    "a file reads back otherwise than it was written",
                    where=str(path),
                    cure="Look at the disk; nothing was deleted.",
                )
        _synced(shelf, partial)
        _tell(shelf, beside(path), {"origins": sorted(origins)} | ({} if events is None else {"events": events}))
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    sync_directory(folder)
    return path


def _tell(shelf: Shelf, path: Path, what: Mapping[str, object]) -> None:
    partial = path.with_name(f".{path.name}{_PARTIAL}")
    partial.unlink(missing_ok=True)
    out = shelf.create(partial, _MODE)
    try:
        out.write(json.dumps(what).encode("ascii"))
        os.fsync(out.fd)
    finally:
        out.close()
    partial.rename(path)
    sync_directory(path.parent)


def _synced(shelf: Shelf, path: Path) -> None:
    opened = shelf.open(path)
    try:
        os.fsync(opened.fd)
    finally:
        opened.close()
