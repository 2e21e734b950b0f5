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
from pathlib import Path
from typing import Final

from attrs import field, frozen

from smartify_core.errors import UsageError

PACKED: Final = "packed"
CELLS: Final = "cells"
EXPIRED: Final = "expired.jsonl"

_raw_like = re.compile(r"(requests-\d{8}T\d{6}Z-\d{1,10}-\d{1,9})\.jsonl(\.gz)?", re.ASCII).fullmatch
_day_like = re.compile(r"day=(\d{4}-\d{2}-\d{2})", re.ASCII).match


@frozen
class Raw:
    """A file of lines. ``origin`` is its name without its ends."""

    path: Path
    origin: str


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
        notes: Lines that tell what expired.
        hidden: Origins and days (``YYYY-MM-DD``) that do not count in files of lines.
        rolled: Origins and days that do not count in packed files either.
    """

    raw: tuple[Raw, ...]
    packed: tuple[Made, ...]
    cells: tuple[Made, ...]
    notes: tuple[Path, ...]
    hidden: Mapping[str, frozenset[str]] = field(factory=dict)
    rolled: Mapping[str, frozenset[str]] = field(factory=dict)

    @property
    def files(self) -> int:
        """How many files are read."""
        return len(self.raw) + len(self.packed) + len(self.cells) + len(self.notes)


def inventory(directory: str | os.PathLike[str]) -> Inventory:
    """Return what a directory holds.

    Raises:
        UsageError: It is no directory, or cannot be listed.
    """
    top = Path(directory)
    raw = _raw_files(top)
    packed = tuple(_made(top / PACKED))
    there: dict[str, set[str]] = {}
    for one in packed:
        there.setdefault(one.day, set()).update(one.origins)
    origins = {one.origin for one in raw}
    cells = tuple(one for one in _made(top / CELLS) if not one.origins <= origins | there.get(one.day, set()))
    rolled = _by_origin(cells)
    notes = top / EXPIRED
    return Inventory(raw, packed, cells, (notes,) if notes.is_file() else (), _by_origin((*packed, *cells)), rolled)


def _raw_files(top: Path) -> tuple[Raw, ...]:
    try:
        with os.scandir(top) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError as error:
        raise UsageError(
            f"the request log cannot be listed: {os.strerror(error.errno or 0)}",
            where=os.fspath(top),
            cure="Name the directory that the request log is written to.",
        ) from None
    found = {match[1]: name for name in names if (match := _raw_like(name))}  # the compressed form sorts last and wins
    return tuple(Raw(top / name, origin) for origin, name in sorted(found.items()))


def _made(folder: Path) -> Iterable[Made]:
    """Return the Parquet files below a folder, each with its day and what the note beside it says of its origins."""
    for path in sorted(folder.rglob("*.parquet")):
        day = _day_like(path.name) or _day_like(path.parent.name)
        if day is not None and not path.name.startswith((".", "_")):
            yield Made(path, day[1], _origins(path))


def beside(path: Path) -> Path:
    """Return where the origins of a Parquet file are told. Readers of whole folders pass over such a name."""
    return path.with_name(f"_{path.stem}.json")


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
