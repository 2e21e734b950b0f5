"""The files of a log as DuckDB reads them. SQL. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from smartify_core.requestlog.files import LogFile

from ._inventory import Inventory, Made, day_start, origin_of
from ._lines import COLUMNS, UNREADABLE, kind
from ._sql import filled, quoted, read_name, within
from ._steps import DAY

#: What engines call the kinds of the schema.
TYPES: Final = {"int": "bigint", "str": "string"}
#: A row of a file of cells: what is known of an expired day. Without a floor are the rows of kind ``hour`` and ``use``,
#: which tell of the application; every other kind is a personal dimension, with ``value`` and ``detail``, or ``note``.
CELL_COLUMNS: Final[dict[str, str]] = {
    "kind": "str",
    "start": "int",
    "feature": "str",
    "method": "str",
    "status": "int",
    "ms": "int",
    "error": "str",
    "failed": "str",
    "value": "str",
    "detail": "str",
    "n": "int",
    "errors": "int",
    "client_errors": "int",
    "slow": "int",
    "last": "int",
}
#: Longer lines than this may stop DuckDB. None of ours is longer than a thousandth of it.
LONGEST_LINE: Final = 1 << 20

_JSON: Final = """
select $names from read_json($paths, format = 'newline_delimited', ignore_errors = true,
    maximum_object_size = $longest, columns = {$columns})$where"""
_PARQUET: Final = "select $names from read_parquet([$paths], hive_partitioning = false)$where"


def lines(raw: Iterable[str], found: Inventory, more: Iterable[str] = ()) -> str:
    """Return the query for lines that may be anything: a row for each that counts.

    Args:
        raw: Files of lines that count whole.
        found: Of what other files of lines only some days count.
        more: Queries for other lines.
    """
    parts = [nothing(COLUMNS), *more]
    if paths := [*raw]:
        parts.append(_json(paths))
    parts += (
        _json([str(file.path)], f" where {counts(days, file)}")
        for file in found.raw
        if (days := found.hidden.get(origin_of(file.path)))
    )
    return " union all ".join(parts)


def packed(found: Inventory) -> str:
    """Return the query for lines that were checked when they were packed."""
    parts = [nothing(COLUMNS)]
    if whole := [one.path for one in found.packed if not gone_of(one, found)]:
        parts.append(parquet(whole, COLUMNS))
    parts += (
        parquet([one.path], COLUMNS, f" where source not in ({', '.join(map(quoted, gone))})")
        for one in found.packed
        if (gone := gone_of(one, found))
    )
    return " union all ".join(parts)


def cells(found: Inventory, *, since: int | None, until: int | None) -> str:
    """Return the query for ``@cells``: what is known of days whose events have expired."""
    if not found.cells:
        return nothing(CELL_COLUMNS)
    where = f" where {within('start', since, until)}"
    return parquet((one.path for one in found.cells), CELL_COLUMNS, where)


def nothing(columns: Mapping[str, str]) -> str:
    """Return a query with these columns and no row."""
    return f"select {', '.join(f'cast(null as {TYPES[kind]}) as {name}' for name, kind in columns.items())} where false"


def parquet(paths: Iterable[Path], names: Iterable[str], where: str = "") -> str:
    """Return the query for columns of Parquet files."""
    return filled(_PARQUET, names=", ".join(names), paths=", ".join(map(read_name, paths)), where=where)


def json_columns() -> str:
    """Return the columns of a line as DuckDB's readers of JSON want them."""
    return ", ".join(f"{name}: '{TYPES[kind]}'" for name, kind in COLUMNS.items())


def listed(paths: Iterable[str]) -> str:
    """Return names of files that are to be read as a list of SQL."""
    return f"[{', '.join(map(read_name, paths))}]"


def _json(paths: Iterable[str], where: str = "") -> str:
    return filled(
        _JSON,
        names=", ".join(COLUMNS),
        paths=listed(paths),
        longest=LONGEST_LINE,
        columns=json_columns(),
        where=where,
    )


def counts(days: Iterable[str], file: LogFile) -> str:
    """Return the condition that a line counts of a file of which some days are told elsewhere."""
    return f"{_day_of(first_day(file))} not in ({', '.join(str(day_start(day)) for day in sorted(days))})"


def _day_of(first: str) -> str:
    """Return the SQL for when the day of a line began: of one that nobody can read, the day on which its file did."""
    return f"case when {kind()} = '{UNREADABLE}' then {day_start(first)} else time - time % {DAY} end"


def first_day(file: LogFile) -> str:
    """Return the day on which a file was begun."""
    return f"{file.started:%Y-%m-%d}"


def gone_of(one: Made, found: Inventory) -> list[str]:
    """Return the origins whose lines in a packed file do not count, because cells tell of them."""
    return sorted(origin for origin in one.origins if one.day in found.rolled.get(origin, ()))
