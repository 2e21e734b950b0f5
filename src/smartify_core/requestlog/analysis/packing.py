"""Packing: finished days of a log into Parquet files, a twentieth of the size and many times as quick to ask."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from attrs import evolve, field, frozen

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._schema import VERSION
from smartify_core.requestlog.files import LogFile
from smartify_core.requestlog.files._opened import Shelf, sync_directory
from smartify_core.requestlog.files._packed import PACKED, packed_files
from smartify_core.requestlog.files._settings import absolute

from ._connections import MEMORY, Connection, Trouble, connection
from ._gathering import of_files, read
from ._inventory import Inventory, day_name, inventory, origin_of
from ._keeping import alone, finished, make_parquet
from ._lines import COLUMNS
from ._salvaging import is_whole
from ._sql import filled, quoted, read_name

__all__ = ["Packed", "pack", "unsound"]

_WHOLE: Final = """
select count(*) filter (where note is null), count(columns(*)) from read_parquet($path, hive_partitioning = false)"""
#: Equal programs stand together: that is smaller, and quicker to count.
_ORDER: Final = "browser, version, os, device, language, zone, ip, referrer, feature, time"
_OF_DAY: Final = "select $columns, source from gathered where day_of = $day order by $order"
_DAYS: Final = "select day_of, source, count(*) from gathered group by day_of, source order by day_of, source"
_NEWER: Final = "select distinct source from read where kind <> 'unreadable' and v > $version"
_FORGET: Final = "delete from read where source in ($sources)"
_EVENTS: Final = "select day_of, count(*) from gathered where note is null group by day_of order by day_of"


@frozen
class Packed:
    """What `pack` did.

    Attributes:
        files: The Parquet files that it made.
        days: How many events of each day (UTC, ``YYYY-MM-DD``) it packed.
        removed: The names of the files of lines that are gone, because all they held is packed.
        left: The names of those that it left alone, because a newer version of this library wrote lines in them, or
            because they are damaged.
    """

    files: tuple[Path, ...] = ()
    days: Mapping[str, int] = field(factory=dict)
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def pack(
    directory: str | os.PathLike[str],
    *,
    now: datetime,
    threads: int = 2,
    memory: str = MEMORY,
    spill: str | os.PathLike[str] | None = None,
) -> Packed:
    """Pack what was written before today into ``packed/day=YYYY-MM-DD/``, and delete the files of lines.

    Every event and note is kept, in columns of the schema's names; of lines that nobody can read, how many there were.
    A file of lines goes once what was made of it was read back and has as many rows. Files that are still written to
    stay, and so do those with lines of a newer schema, and damaged ones. Wherever this is cut short, nothing is lost or
    counted twice, and the next call does the rest. Packed days are exact. They expire as files of lines do: `expire`
    and every process that writes delete them, `expire_with_cells` makes their cells before.

    Args:
        directory: The directory of the log.
        now: The present instant, aware: a day is finished once it is over in UTC.
        threads: How many threads work.
        memory: How much memory DuckDB may use.
        spill: A folder for what does not fit into memory.

    Raises:
        UsageError: An argument is of no use, or the directory cannot be changed.
        StorageBroken: What was written reads back otherwise. Nothing was deleted.
        MissingExtra: DuckDB is not installed; raised by the import of this module.
    """
    if now.tzinfo is None:
        raise UsageError("now says no time zone", where="pack(now=...)", cure="Give an aware datetime.")
    top, today = absolute(directory), now.astimezone(UTC).date()
    if (top / PACKED).is_symlink():
        raise UsageError(
            "the folder of packed days is a link: what lies behind it could not expire",
            where=str(top / PACKED),
            cure="Put the log's whole directory on the larger disk.",
        )
    inventory(top)  # refuses what is no directory before anything is made in it
    with alone(top) as shelf:
        found = inventory(top)
        files = finished(shelf, [file for file in found.raw if file.started.date() < today])
        if not files:
            return Packed()
        with connection(threads=threads, memory=memory, spill=spill) as (lent, _):
            try:
                return _packed(lent, shelf, top, found, files)
            except Trouble:
                whole = [file for file in files if is_whole(file)]
                packed = _packed(lent, shelf, top, found, whole)
                return evolve(
                    packed, left=tuple(file.path.name for file in files if file.path.name not in packed.removed)
                )


def unsound(directory: str | os.PathLike[str], *, threads: int = 2, memory: str = MEMORY) -> tuple[str, ...]:
    """Return the names of packed files that cannot be read whole, or hold another number of events than was noted.

    Args:
        directory: The directory of the log.
        threads: How many threads work.
        memory: How much memory DuckDB may use.

    Raises:
        UsageError: An argument is of no use.
        MissingExtra: DuckDB is not installed; raised by the import of this module.
    """
    top, found = absolute(directory), []
    with connection(threads=threads, memory=memory, spill=None) as (lent, _):
        for one in packed_files(top):
            try:
                ((events, *_),) = lent.execute(filled(_WHOLE, path=read_name(one.path))).fetchall()
            except Trouble:
                events = None
            if events is None or events != (events if one.events is None else one.events):
                found.append(one.path.relative_to(top).as_posix())
    return tuple(found)


def _packed(lent: Connection, shelf: Shelf, top: Path, found: Inventory, files: Sequence[LogFile]) -> Packed:
    lent.execute(f"create or replace temp table read as {read(files)}")
    newer = {source for (source,) in lent.execute(filled(_NEWER, version=VERSION)).fetchall()}
    if newer:
        lent.execute(filled(_FORGET, sources=", ".join(map(quoted, sorted(newer)))))
    lent.execute(f"create or replace temp view gathered as {of_files(found.hidden)}")
    events = {day_name(day): n for day, n in lent.execute(_EVENTS).fetchall()}
    by_day: dict[int, dict[str, int]] = {}
    for day, source, n in lent.execute(_DAYS).fetchall():
        by_day.setdefault(day, {})[source] = n
    made = []
    for day, rows in by_day.items():
        query = filled(_OF_DAY, columns=", ".join(COLUMNS), day=day, order=_ORDER)
        first = top / PACKED / f"day={day_name(day)}" / "part.parquet"
        made.append(make_parquet(lent, shelf, query, first, rows, events=events.get(day_name(day), 0)))
    gone = [file for file in files if origin_of(file.path) not in newer]
    for file in gone:
        # The original of a compressed file goes first: alone, it would count as a file again.
        file.path.with_name(f"{origin_of(file.path)}.jsonl").unlink(missing_ok=True)
        file.path.unlink(missing_ok=True)
    sync_directory(top)
    left = tuple(file.path.name for file in files if file not in gone)
    return Packed(tuple(made), events, tuple(file.path.name for file in gone), left)
