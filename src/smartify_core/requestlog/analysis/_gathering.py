"""Lines with where they are from, for what is made of them. SQL for DuckDB. Pure.

What is gathered has the columns of a line, checked, and ``source``, its origin, and ``day_of``, when the day begins
that it counts for (UTC). Lines that nobody can read become one note for each file, of how many there were, and count
for the day on which their file was begun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from smartify_core.requestlog._event._schema import VERSION
from smartify_core.requestlog.files import LogFile

from ._inventory import Made, day_start, origin_of
from ._lines import COLUMNS, UNREADABLE, checked, kind
from ._reading import LONGEST_LINE, first_day, json_columns, listed, nothing, parquet
from ._sql import filled, quoted
from ._steps import DAY

#: Days (``YYYY-MM-DD``) of origins.
Days = Mapping[str, Collection[str]]

_READ: Final = """
select kind, source, case when kind = '$unreadable' then first else time - time % $day end as day_of, $columns
from (
    select $kind as kind, files.source as source, files.first as first, $checked
    from read_json($paths, format = 'newline_delimited', ignore_errors = true, filename = 'path',
        maximum_object_size = $longest, columns = {$types}) as lines
    join (values $files) as files (path, source, first) on lines.path = files.path
) as a"""
_OF_FILES: Final = """
select $columns, source, day_of from read where kind <> '$unreadable' and not ($elsewhere)
union all
select $noted, source, day_of from (
    select source, day_of, count(*) as bad from read where kind = '$unreadable' and not ($elsewhere)
    group by source, day_of
) as b"""

_OF_PACKED: Final = "select *, $start as day_of from ($rows) as a where not ($elsewhere)"


def read(files: Sequence[LogFile]) -> str:
    """Return the query for ``read``: every line of files, with its kind."""
    if not files:
        return nothing({"kind": "str", "source": "str", "day_of": "int", **COLUMNS})
    rows = (
        f"({quoted(str(file.path))}, {quoted(origin_of(file.path))}, {day_start(first_day(file))})" for file in files
    )
    return filled(
        _READ,
        unreadable=UNREADABLE,
        day=DAY,
        columns=", ".join(COLUMNS),
        kind=kind(),
        checked=", ".join(f"{checked(name)} as {name}" for name in COLUMNS),
        paths=listed(str(file.path) for file in files),
        longest=LONGEST_LINE,
        types=json_columns(),
        files=", ".join(rows),
    )


def of_files(elsewhere: Days) -> str:
    """Return the query for what was `read`, without what is told elsewhere."""
    noted = {"v": str(VERSION), "time": "day_of", "note": f"'{UNREADABLE}'", "count": "bad"}
    return filled(
        _OF_FILES,
        columns=", ".join(COLUMNS),
        unreadable=UNREADABLE,
        elsewhere=_any_of(elsewhere),
        noted=", ".join(noted.get(name, "null") for name in COLUMNS),
    )


def of_packed(files: Iterable[Made], elsewhere: Days) -> str:
    """Return the query for the lines of packed files, without what is told elsewhere."""
    names = [*COLUMNS, "source"]
    parts = [nothing({**COLUMNS, "source": "str", "day_of": "int"})]
    parts += (
        filled(
            _OF_PACKED,
            start=day_start(one.day),
            rows=parquet([one.path], names),
            elsewhere=_of_day(one.day, elsewhere),
        )
        for one in files
    )
    return " union all ".join(parts)


def _any_of(elsewhere: Days) -> str:
    told = (
        f"(source = {quoted(origin)} and day_of in ({', '.join(str(day_start(day)) for day in sorted(days))}))"
        for origin, days in sorted(elsewhere.items())
    )
    return " or ".join(told) or "false"


def _of_day(day: str, elsewhere: Days) -> str:
    told = [quoted(origin) for origin, days in sorted(elsewhere.items()) if day in days]
    return f"source in ({', '.join(told)})" if told else "false"
