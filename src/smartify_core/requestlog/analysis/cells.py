"""Cells: what is kept of a day when its events go. Trends without addresses, and without what too few share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.requestlog.files import Expired, LogFile, delete_and_note
from smartify_core.requestlog.files._ledger import is_owed
from smartify_core.requestlog.files._opened import Shelf
from smartify_core.requestlog.files._packed import CELLS, NOTE, beside
from smartify_core.requestlog.files._settings import absolute, check_instant, check_keep

from ._connections import MEMORY, Connection, connection
from ._counting import all_counted, counted_events, relations
from ._dimensions import DETAILS, PERSONAL, Seen
from ._floor import checked_floor
from ._gathering import of_files, of_packed, read
from ._inventory import Inventory, Made, day_name, day_start, inventory
from ._keeping import alone, finished, make_parquet
from ._reading import CELL_COLUMNS, TYPES, nothing
from ._salvaging import salvaged
from ._sql import filled, named

__all__ = ["RolledUp", "expire_with_cells", "roll_up"]

_PLAIN: Final = {
    "hour": "select hour as start, n, errors, client_errors, slow from @hours",
    "use": """
select day as start, feature, method, status, ms, error, failed, sum(n) as n, sum(errors) as errors, max(last) as last
from @facts group by day, feature, method, status, ms, error, failed""",
    "note": "select $day as start, kind as value, sum(n) as n from @told group by kind",
}
_PERSONAL: Final = "select $day as start, value, cast(detail as varchar) as detail, n from ($rows) as r"
_KIND: Final = "select $columns from ($rows) as a"
_OF_DAY: Final = "select * from gathered where day_of = $day"
_ORIGINS: Final = "select distinct source from today order by source"
_DAYS: Final = "select day_of, count(*) filter (where note is null) from gathered group by day_of order by day_of"


@frozen
class RolledUp:
    """What `roll_up` made.

    Attributes:
        day: The day (UTC).
        requests: How many requests went into its cells.
        file: The file of cells; None where there was nothing new.
    """

    day: date
    requests: int
    file: Path | None


def roll_up(
    directory: str | os.PathLike[str],
    day: date,
    *,
    k: int = 5,
    threads: int = 2,
    memory: str = MEMORY,
    spill: str | os.PathLike[str] | None = None,
) -> RolledUp:
    """Make the cells of a day from all its events that no cells tell of yet.

    A cell says how many requests of a day shared a value. Of the application: requests of each hour, and of each
    feature with its statuses, failures and durations. Of the senders: of each browser, version, system, device,
    language, referrer and time zone that at least ``k`` networks were seen with on that day; the rest is ``(few)``, by
    the rules of the answers. No address is kept. Cells count once the first file of the day's events is gone, and until
    then the events do. Nothing is deleted.

    Args:
        directory: The directory of the log.
        day: The day, in UTC. It should be over.
        k: The floor.
        threads: How many threads work.
        memory: How much memory DuckDB may use.
        spill: A folder for what does not fit into memory.

    Raises:
        UsageError: An argument is of no use, or the directory cannot be changed.
        MissingExtra: DuckDB is not installed; raised by the import of this module.
    """
    top, k = absolute(directory), checked_floor(k)
    inventory(top)
    with alone(top) as shelf, connection(threads=threads, memory=memory, spill=spill) as (lent, folder):
        found = inventory(top)
        start = day_start(day.isoformat())
        raw = finished(shelf, [file for file in found.raw if file.started.timestamp() < start + 86_400])
        _gather(lent, found, salvaged(raw, folder), [one for one in found.packed if one.day == day.isoformat()])
        return _rolled(lent, shelf, top, start, k)


def expire_with_cells(
    directory: str | os.PathLike[str],
    *,
    keep: timedelta,
    now: datetime,
    k: int = 5,
    threads: int = 2,
    memory: str = MEMORY,
    spill: str | os.PathLike[str] | None = None,
) -> Expired:
    """Delete what has been kept long enough, after its cells were made.

    Files of lines go ``keep`` after they were begun, as `expire` has it, and packed days ``keep`` after they began.
    Files that are still written to stay. Wherever this is cut short, no trend is lost and none counts twice, and the
    next call does the rest. What went is noted in ``expired.jsonl``.

    Args:
        directory: The directory of the log.
        keep: How long events are kept.
        now: The present instant, aware.
        k: The floor of the cells.
        threads: How many threads work.
        memory: How much memory DuckDB may use.
        spill: A folder for what does not fit into memory.

    Returns:
        What was deleted by this call.

    Raises:
        UsageError: An argument is of no use, or the directory cannot be changed.
        MissingExtra: DuckDB is not installed; raised by the import of this module.
    """
    check_keep(keep)
    check_instant(now)
    top, before, k = absolute(directory), now - keep, checked_floor(k)
    inventory(top)
    with alone(top) as shelf:
        if is_owed(top):  # what a deletion that was cut short has noted is not noted again
            delete_and_note(top, [], {}, now=now)
        found = inventory(top)
        raw = finished(shelf, [file for file in found.raw if file.started <= before])
        packed = [one for one in found.packed if day_start(one.day) <= before.timestamp()]
        if not raw and not packed:
            return Expired()
        with connection(threads=threads, memory=memory, spill=spill) as (lent, folder):
            readable = salvaged(raw, folder)
            _gather(lent, found, readable, packed, again=True)
            days = {day_name(day): n for day, n in lent.execute(_DAYS).fetchall()}
            _gather(lent, found, readable, packed)
            for day, _ in lent.execute(_DAYS).fetchall():
                _rolled(lent, shelf, top, day, k)
        paths = [file.path for file in raw]
        for one in packed:
            paths += (one.path, beside(one.path))
        delete_and_note(top, paths, days, now=now)
        return Expired(tuple(path.relative_to(top).as_posix() for path in paths if path.suffix != NOTE), days)


def _gather(
    lent: Connection,
    found: Inventory,
    raw: Sequence[LogFile],
    packed: Iterable[Made],
    *,
    again: bool = False,
) -> None:
    """Gather the events of files that count; unless ``again``, only those that no cells tell of."""
    hidden, rolled = (found.hidden, found.rolled) if again else (found.made, found.celled)
    _make(lent, "table", "read", read(raw))
    _make(lent, "view", "gathered", f"{of_files(hidden)} union all {of_packed(packed, rolled)}")


def _rolled(lent: Connection, shelf: Shelf, top: Path, start: int, k: int) -> RolledUp:
    """Write the cells of what was gathered of one day."""
    day = day_name(start)
    _make(lent, "table", "today", filled(_OF_DAY, day=start))
    origins = [source for (source,) in lent.execute(_ORIGINS).fetchall()]
    if not origins:
        return RolledUp(date.fromisoformat(day), 0, None)
    _make(lent, "table", "counts", all_counted([counted_events("today", offset=0, since=None, until=None)]))
    _make(lent, "table", "cells", nothing(CELL_COLUMNS))
    for name, query in relations(0).items():
        _make(lent, "view", name, query)
    query = _named(_cells(start, k))
    path = make_parquet(lent, shelf, query, top / CELLS / f"day={day}.parquet", origins)
    ((requests,),) = lent.execute("select sum(n) from uses").fetchall()
    return RolledUp(date.fromisoformat(day), int(requests or 0), path)


def _cells(start: int, k: int) -> str:
    """Return the query for the cells of a day."""
    seen = [*(Seen(name) for name in PERSONAL), *(Seen(name, detail) for name, detail in DETAILS.items())]
    parts = {kind: filled(text, day=start) for kind, text in _PLAIN.items()}
    parts |= {one.kind: filled(_PERSONAL, day=start, rows=one.floored(k)) for one in seen}
    given = {"hour": {"start", "n", "errors", "client_errors", "slow"}, "note": {"start", "value", "n"}}
    given["use"] = {"start", "feature", "method", "status", "ms", "error", "failed", "n", "errors", "last"}
    personal = {"start", "value", "detail", "n"}
    return " union all ".join(
        filled(_KIND, columns=_columns(kind, given.get(kind, personal)), rows=query) for kind, query in parts.items()
    )


def _columns(kind: str, given: set[str]) -> str:
    return ", ".join(
        f"'{kind}' as kind"
        if name == "kind"
        else f"cast({name if name in given else 'null'} as {TYPES[type_]}) as {name}"
        for name, type_ in CELL_COLUMNS.items()
    )


def _make(lent: Connection, kind: str, name: str, query: str) -> None:
    lent.execute(f"create or replace temp {kind} {name} as {_named(query)}")


def _named(query: str) -> str:
    return named(query, str)
