"""Packed days, as far as retention has to know them: where they are, how old, and how many events they hold."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from attrs import frozen

from ._opened import Opened, Shelf, is_regular

#: The folder of packed days, in the directory of the log.
PACKED: Final = "packed"
#: The folder of cells, in the directory of the log.
CELLS: Final = "cells"
#: Whoever holds this file's lock is the only one who packs, rolls up or expires.
LOCK: Final = ".packing.lock"
_TRIES: Final = 200
_PAUSE: Final = 0.05

#: How the names end of what tells from which files a Parquet file was made.
NOTE: Final = ".json"

_day_like = re.compile(r"day=(\d{4}-\d{2}-\d{2})", re.ASCII).fullmatch


@frozen(order=False)
class PackedFile:
    """A Parquet file of packed events.

    Attributes:
        path: Where it is.
        started: When its day began (UTC).
        events: How many events it holds; None where nothing beside it tells.
    """

    path: Path
    started: datetime
    events: int | None


def is_told(directory: Path, origin: str) -> bool:
    """Return whether packed files or cells are said to be made from a file of lines of that name."""
    told = (path for folder in (PACKED, CELLS) for path in (directory / folder).rglob("_*.json"))
    return any(f'"{origin}"'.encode() in _bytes(path) for path in told)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def beside(path: Path) -> Path:
    """Return where it is told what a Parquet file was made from. Readers of whole folders pass over such a name."""
    return path.with_name(f"_{path.stem}{NOTE}")


def packed_files(directory: Path) -> list[PackedFile]:
    """Return the packed files of a log, oldest first."""
    found: list[PackedFile] = []
    for path in sorted((directory / PACKED).glob("day=*/*.parquet")):
        day = _day_like(path.parent.name)
        if day is not None and not path.name.startswith((".", "_")) and is_regular(path):
            with suppress(ValueError):  # digits that are no date
                found.append(PackedFile(path, datetime.fromisoformat(day[1]).replace(tzinfo=UTC), _events(path)))
    return found


def _events(path: Path) -> int | None:
    try:
        told = json.loads(beside(path).read_bytes())
    except (OSError, ValueError):
        return None
    events = told.get("events") if isinstance(told, dict) else None
    return events if type(events) is int and events >= 0 else None


@contextmanager
def nobody_packs(directory: Path, shelf: Shelf, *, wait: bool) -> Iterator[bool]:
    """Keep others from packing and rolling up; give False where somebody is at it and is not to be waited for.

    Raises:
        OSError: The lock cannot be opened; ``EBUSY`` where somebody else did not let go of it in ten seconds.
    """
    opened = shelf.open(directory / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        opened.give_to(directory.stat())  # one that an administrator's command made is the application's, too
        yield _locked(opened, wait=wait)
    finally:
        opened.close()


def _locked(opened: Opened, *, wait: bool) -> bool:
    pause = threading.Event()
    for _ in range(_TRIES if wait else 1):
        if opened.lock(unless_known=True):
            return True
        if wait:
            pause.wait(_PAUSE)
    if wait:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
    return False
