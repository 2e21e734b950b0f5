"""The files of a log as DuckDB reads them. SQL. Pure but for the names of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ._inventory import Inventory, Made
from ._lines import COLUMNS

#: What DuckDB and Spark call the kinds of the schema.
TYPES: Final = {"int": "bigint", "str": "varchar"}
#: A row of `cells`: what is known of an expired day. ``value`` and ``detail`` are those of the personal dimensions.
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
#: Longer lines are none of ours; DuckDB keeps twice as much in memory for each thread.
_LONGEST_LINE: Final = 1 << 20


def empty(columns: Mapping[str, str]) -> str:
    """Return a query with these columns and no row."""
    return f"select {', '.join(f'cast(null as {TYPES[kind]}) as {name}' for name, kind in columns.items())} where false"


def lines(found: Inventory) -> str:
    """Return the query for ``@lines``: a row for each line that counts."""
    names = ", ".join(COLUMNS)
    plain = [one.path for one in (*found.raw,) if one.origin not in found.hidden]
    partly = [one for one in found.raw if one.origin in found.hidden]
    parts = [empty(COLUMNS)]
    if plain or found.notes:
        parts.append(f"select {names} from {_json((*plain, *found.notes))}")
    for one in partly:
        days = ", ".join(f"{_day_number(day)}" for day in sorted(found.hidden[one.origin]))
        parts.append(f"select {names} from {_json((one.path,))} where time is null or time // 86400 not in ({days})")
    parts += [_packed(one, found, names) for one in found.packed]
    return " union all ".join(parts)


def cells(found: Inventory, *, since: int | None, until: int | None) -> str:
    """Return the query for ``@cells``: what is known of days whose events have expired."""
    parts = [empty(CELL_COLUMNS)]
    inside = " and ".join(
        [*([] if since is None else [f"start >= {since}"]), *([] if until is None else [f"start < {until}"])]
    )
    if found.cells:
        parts.append(
            f"select {', '.join(CELL_COLUMNS)} from read_parquet({_list(one.path for one in found.cells)})"
            f"{f' where {inside}' if inside else ''}"
        )
    return " union all ".join(parts)


def _json(paths: Iterable[Path]) -> str:
    columns = ", ".join(f"{name}: '{TYPES[kind]}'" for name, kind in COLUMNS.items())
    return (
        f"read_json({_list(paths)}, format = 'newline_delimited', ignore_errors = true, "
        f"maximum_object_size = {_LONGEST_LINE}, columns = {{{columns}}})"
    )


def _packed(one: Made, found: Inventory, names: str) -> str:
    gone = sorted(origin for origin in one.origins if one.day in found.rolled.get(origin, ()))
    where = f" where source not in ({', '.join(map(quoted, gone))})" if gone else ""
    return f"select {names} from read_parquet({_list((one.path,))}){where}"


def _list(paths: Iterable[Path]) -> str:
    return f"[{', '.join(quoted(str(path)) for path in paths)}]"


def quoted(text: str) -> str:
    """Return text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _day_number(day: str) -> int:
    from datetime import date

    return date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()
