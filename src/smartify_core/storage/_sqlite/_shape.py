"""Whether tables, indexes and single values of a SQLite store are as its schema says: SQLite itself takes anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

from smartify_core.storage._maintained import Finding

from ._schema import MIGRATIONS, made_anew
from ._slabs import SLABS

#: What no row is, by table.
_NEVER: Final[Mapping[str, str]] = {
    "tenant": "fence < 0 or revision < 0 or accounts < 0 or trimmed < 0 or trimmed > position",
    "account": "version < 1 or adopted not in (0, 1)",
    "journal": "first < 1 or entries < 1",
    "journal_position": "trimmed < 0 or trimmed > position",
    "document": "version < 1",
    "vacancy": f"size < 1 or slab not in ({', '.join(map(str, SLABS.values()))})",
    "smartify_schema": f"version not between 1 and {len(MIGRATIONS)}",
}

_Shape = Mapping[tuple[str, str], object]


def differences(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Yield what is missing of the schema, what is another than it says, and what is there besides."""
    fresh = made_anew()
    try:
        told, there = _shape(fresh), _shape(connection)
    finally:
        fresh.close()
    for kind, name in sorted({*told, *there}):
        where = f"{kind} {name}"
        if (kind, name) not in there:
            yield Finding("a part of the schema is missing", where)
        elif (kind, name) not in told:
            yield Finding("this is no part of the schema", where)
        elif there[kind, name] != told[kind, name]:
            yield Finding("a part of the schema is another than this version makes", where)


def values(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Yield the columns that hold what they cannot, and the tables that hold rows which are never written."""
    for kind, table in sorted(_shape(connection)):
        if kind != "table":
            continue
        for _, column, declared, required, _, key, _ in connection.execute(f"pragma table_xinfo({table})"):
            allowed = f"'{declared.lower()}'" if required or key else f"'{declared.lower()}', 'null'"
            (odd,) = connection.execute(
                f"select count(*) from {table} where typeof({column}) not in ({allowed})"  # noqa: S608  # the schema's
            ).fetchone()
            if odd:
                yield Finding(f"{odd} values are not of the type {declared.lower()}", f"{table}, column {column}")
        if table in _NEVER:
            (odd,) = connection.execute(f"select count(*) from {table} where {_NEVER[table]}").fetchone()  # noqa: S608
            if odd:
                yield Finding(f"{odd} rows hold numbers that are never written", table)
    (steps,) = connection.execute("select count(*) from smartify_schema").fetchone()
    if steps != len(MIGRATIONS):
        yield Finding(f"{steps} steps of the schema are noted, not {len(MIGRATIONS)}", "smartify_schema")


def _shape(connection: sqlite3.Connection) -> _Shape:
    """Return tables with their columns and keys, indexes with what makes them, and whatever else there is."""
    shape: dict[tuple[str, str], Any] = {}
    parts = connection.execute("select type, name, tbl_name, sql from sqlite_master").fetchall()
    for kind, name, table, statement in parts:
        if name.startswith("sqlite_"):
            continue  # what SQLite keeps for itself, such as the indexes of keys, which are told by their tables
        about: list[object] = [table]
        if kind == "table":
            # By its columns: the statement is written anew where columns are added, by each SQLite in its way.
            about += connection.execute("select * from pragma_table_xinfo(?)", (name,)).fetchall()
            about += connection.execute(
                "select \"unique\", origin, partial from pragma_index_list(?) where origin <> 'c' order by name",
                (name,),
            ).fetchall()
        else:
            about += str(statement).lower().replace('"', "").split()
        shape[kind, name] = about
    return shape
