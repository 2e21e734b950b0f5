"""What a request log's directory holds, and what of it counts, so that nothing is counted twice.

An event has one origin: the file that a process wrote it to, and its day. The same events may be there again in packed
files and in cells, each of which says from which files it was made. So they are told apart by origin and day: packed
files stand for the files they were made from, and cells for the events of a day once the first of them is gone.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.requestlog._event._lines import read_line
from smartify_core.requestlog._event._note import Note
from smartify_core.requestlog.files import LogFile, log_files
from smartify_core.requestlog.files._packed import CELLS, PACKED, beside

EXPIRED: Final = "expired.jsonl"

_day_like = re.compile(r"day=(\d{4}-\d{2}-\d{2})", re.ASCII).match
_FIRST: Final = date(1970, 1, 1).toordinal()


@frozen
class Made:
    """A file that was made from events of one day, and from which files these were."""

    path: Path
    day: str
    origins: frozenset[str]


@frozen
class Inventory:
    """The files of a log.

    Attributes:
        raw: Files of lines, in the order in which they were begun.
        packed: Packed files.
        cells: Files of cells whose events are no longer all there: these count.
        spare: Files of cells whose events are all there: these do not.
        hidden: Origins and days (``YYYY-MM-DD``) that do not count in files of lines.
        rolled: Origins and days that do not count in packed files either.
        expired: How many events of which day retention deleted.
        unreadable: Lines of the ledger of deletions that are none.
        ledger: Whether there is one.
    """

    raw: tuple[LogFile, ...]
    packed: tuple[Made, ...]
    cells: tuple[Made, ...]
    spare: tuple[Made, ...]
    hidden: Mapping[str, frozenset[str]]
    rolled: Mapping[str, frozenset[str]]
    expired: Mapping[str, int]
    unreadable: int
    ledger: bool

    @property
    def celled(self) -> Mapping[str, frozenset[str]]:
        """Origins and days that any cells tell of, whether they count or not."""
        return _by_origin((*self.cells, *self.spare))

    @property
    def made(self) -> Mapping[str, frozenset[str]]:
        """Origins and days of which packed files or any cells tell."""
        return _by_origin((*self.packed, *self.cells, *self.spare))

    @property
    def files(self) -> int:
        """How many files are read."""
        return len(self.raw) + len(self.packed) + len(self.cells) + self.ledger

    def expired_within(self, since: int | None, until: int | None) -> int:
        """Return how many events of the days of a period retention deleted."""
        return sum(
            count
            for day, count in self.expired.items()
            if (since is None or day_start(day) + 86_400 > since) and (until is None or day_start(day) < until)
        )


def inventory(directory: str | os.PathLike[str]) -> Inventory:
    """Return what a directory holds.

    Raises:
        UsageError: It is no directory, or cannot be listed.
    """
    top = Path(directory)
    # In the order in which events move on: what moves while we look is met twice, which is seen, and never missed.
    raw = log_files(top)
    packed = tuple(_made(top / PACKED))
    made = tuple(_made(top / CELLS))
    there = {origin_of(one.path) for one in raw}
    by_day: dict[str, set[str]] = {}
    for one in packed:
        by_day.setdefault(one.day, set()).update(one.origins)
    cells = tuple(one for one in made if not one.origins <= there | by_day.get(one.day, set()))
    expired, unreadable = _expired(top / EXPIRED)
    return Inventory(
        raw,
        packed,
        cells,
        tuple(one for one in made if one not in cells),
        _by_origin((*packed, *cells)),
        _by_origin(cells),
        expired,
        unreadable,
        (top / EXPIRED).is_file(),
    )


def origin_of(path: Path) -> str:
    """Return the name of a file of lines, compressed or not: ``requests-20261129T225223Z-17-1``."""
    return path.name.removesuffix(".gz").removesuffix(".jsonl")


def day_start(day: str) -> int:
    """Return when a day (``YYYY-MM-DD``, UTC) begins, in seconds since 1970."""
    return (date.fromisoformat(day).toordinal() - _FIRST) * 86_400


def day_name(start: int) -> str:
    """Return the day (``YYYY-MM-DD``, UTC) that begins so many seconds after 1970 did."""
    return date.fromordinal(start // 86_400 + _FIRST).isoformat()


def _made(folder: Path) -> Iterable[Made]:
    """Return the Parquet files below a folder, each with its day and what the note beside it says of its origins."""
    for path in sorted(folder.rglob("*.parquet")):
        day = _day_like(path.name) or _day_like(path.parent.name)
        if day is not None and not path.name.startswith((".", "_")) and _is_day(day[1]):
            yield Made(path, day[1], _origins(path))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _origins(path: Path) -> frozenset[str]:
    try:
        told = json.loads(beside(path).read_bytes())
    except (OSError, ValueError):
        return frozenset()
    return frozenset(map(str, told.get("origins", ()))) if isinstance(told, dict) else frozenset()


def _by_origin(files: Iterable[Made]) -> dict[str, frozenset[str]]:
    days: dict[str, set[str]] = {}
    for one in files:
        for origin in one.origins:
            days.setdefault(origin, set()).add(one.day)
    return {origin: frozenset(some) for origin, some in days.items()}


def _expired(path: Path) -> tuple[dict[str, int], int]:
    """Return how many events of which day expired, and how many lines say nothing of that."""
    days: dict[str, int] = {}
    unreadable = 0
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return days, 0
    for line in filter(bytes.strip, lines):
        try:
            note = read_line(line)
        except ValueError:
            note = None
        if isinstance(note, Note) and note.kind == "expired" and note.day is not None and _is_day(note.day):
            days[note.day] = days.get(note.day, 0) + note.count
        else:
            unreadable += 1
    return days, unreadable
