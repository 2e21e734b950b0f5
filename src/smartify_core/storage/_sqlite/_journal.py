"""The journals of the SQLite store. One row holds the entries of one commit, so that many cost one insert.

What it holds lies in a row that never moves, and is overwritten with zeros when it is trimmed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from smartify_core.model import OUTBOX, Append, Entry
from smartify_core.storage._numbers import entries_in, entries_record
from smartify_core.storage.checks import LARGEST
from smartify_core.storage.deciding import end_of

from ._content import content_in, content_record
from ._rows import require
from ._slabs import Place, contents

#: What is called damaged.
_JOURNAL: Final = "a journal"

#: The row that holds the position given, or the first one after it, and all that follow.
_ROWS: Final = (
    "select j.first, j.entries, c.record from journal j left join content c on c.id = j.content"
    " where j.tenant = :tenant and j.name = :journal and j.first >= coalesce("
    "(select max(first) from journal where tenant = :tenant and name = :journal and first <= :start), 0)"
    " order by j.first"
)
#: The rows that end at a position or before it.
_TRIMMED: Final = "from journal where tenant = ? and name = ? and first <= ? and first - 1 + entries <= ?"
_NUMBERS: Final = "select position, trimmed from journal_position where tenant = ? and name = ?"


def append(connection: sqlite3.Connection, tenant: int, name: str, outbox: int, appends: Iterable[Append]) -> int:
    """Add to journals of a tenant, and return the position of its outbox, which was ``outbox`` before.

    Raises:
        WriteConflict: A journal is not as its append expects it.
    """
    for one in appends:
        position = outbox if one.journal == OUTBOX else _position(connection, tenant, name, one.journal)
        if (ends := end_of(name, one, position)) == position:
            continue
        if one.entries:
            (content,) = contents(connection).store([content_record(entries_record(one.entries))], [None])
            connection.execute(
                "insert into journal (tenant, name, first, entries, content) values (?, ?, ?, ?, ?)",
                (tenant, one.journal, ends - len(one.entries) + 1, len(one.entries), content),
            )
        # Where a journal begins nothing was before, as if it had been trimmed.
        before = 0 if position else ends - len(one.entries)
        if one.journal == OUTBOX:
            outbox = ends
            if before:
                connection.execute("update tenant set trimmed = ? where id = ?", (before, tenant))
        else:
            connection.execute(
                "insert into journal_position (tenant, name, position, trimmed) values (?, ?, ?, ?)"
                " on conflict (tenant, name) do update set position = excluded.position",
                (tenant, one.journal, ends, before),
            )
    return outbox


def entries(connection: sqlite3.Connection, tenant: str, journal: str, after: int, limit: int) -> Sequence[Entry]:
    """Return the next page of a journal. See `Storage.entries`."""
    number, _, trimmed = _numbers(connection, tenant, journal)
    # Beyond the largest position there is nothing, and no number.
    start = min(max(after, trimmed), LARGEST - 1) + 1
    page: list[Entry] = []
    where = f"tenant {tenant}, journal {journal}"
    for row in connection.execute(_ROWS, {"tenant": number, "journal": journal, "start": start}):
        first, counted, record = require(row, (int, int, bytes), _JOURNAL, where)
        held = entries_in(content_in(record, _JOURNAL, where), counted, where)
        page.extend(
            Entry(position, content)
            for position, content in enumerate(held, start=first)
            if position > max(after, trimmed)
        )
        if len(page) >= limit:
            return page[:limit]
    return page


def trim(connection: sqlite3.Connection, tenant: str, journal: str, through: int) -> None:
    """Remove entries up to this position. See `Storage.trim`.

    Whole rows are removed. Of a row that goes on behind the position, what is before it is overwritten, and hidden.
    """
    number, position, trimmed = _numbers(connection, tenant, journal)
    through = min(through, position)
    if through <= trimmed:
        return
    keys = (number, journal, through, through)
    contents(connection).vacate_named(f"select content {_TRIMMED}", keys)
    connection.execute(f"delete {_TRIMMED}", keys)
    _blank(connection, tenant, number, journal, through)
    if journal == OUTBOX:
        connection.execute("update tenant set trimmed = ? where id = ?", (through, number))
    else:
        connection.execute(
            "update journal_position set trimmed = ? where tenant = ? and name = ?", (through, number, journal)
        )


def erase(connection: sqlite3.Connection, tenant: int) -> None:
    """Remove all entries of a tenant. Its outbox is told by the row of the tenant what was trimmed."""
    contents(connection).vacate_named("select content from journal where tenant = ?", (tenant,))
    connection.execute("delete from journal where tenant = ?", (tenant,))
    connection.execute("update journal_position set trimmed = position where tenant = ?", (tenant,))


def positions(connection: sqlite3.Connection, tenants: str, keys: Sequence[object]) -> dict[str, dict[str, int]]:
    """Return the positions of journals other than the outbox, by tenant and journal.

    Args:
        connection: What to read with.
        tenants: A statement that yields the ids of the tenants.
        keys: Its parameters.
    """
    found: dict[str, dict[str, int]] = {}
    statement = (
        "select t.name, j.name, j.position from journal_position j join tenant t on t.id = j.tenant"  # noqa: S608  # constants
        f" where j.tenant in ({tenants})"
    )
    for row in connection.execute(statement, keys):
        tenant, journal, position = require(row, (str, str, int), _JOURNAL, f"tenant {row[0]}")
        found.setdefault(tenant, {})[journal] = position
    return found


def _blank(connection: sqlite3.Connection, tenant: str, number: int, journal: str, through: int) -> None:
    """Overwrite the entries up to a position in the row that goes on behind it, if there is one."""
    found = connection.execute(
        "select j.first, j.entries, j.content, c.record from journal j left join content c on c.id = j.content"
        " where j.tenant = ? and j.name = ? and j.first <= ?",
        (number, journal, through),
    ).fetchone()
    if found is None:
        return
    where = f"tenant {tenant}, journal {journal}"
    first, counted, place, record = require(found, (int, int, int, bytes), _JOURNAL, where)
    held = list(entries_in(content_in(record, _JOURNAL, where), counted, where))
    gone = through - first + 1
    held[:gone] = [bytes(len(entry)) for entry in held[:gone]]
    contents(connection).store([content_record(entries_record(held))], [Place(place, len(record))])


def _numbers(connection: sqlite3.Connection, tenant: str, journal: str) -> tuple[int, int, int]:
    """Return the tenant's id, the journal's position and what of it is trimmed: zeros where there is none."""
    found = connection.execute("select id, position, trimmed from tenant where name = ?", (tenant,)).fetchone()
    if found is None:
        return (0, 0, 0)
    number, position, trimmed = found
    if journal != OUTBOX:
        position, trimmed = connection.execute(_NUMBERS, (number, journal)).fetchone() or (0, 0)
    require((position, trimmed), (int, int), _JOURNAL, f"tenant {tenant}, journal {journal}")
    return number, position, trimmed


def _position(connection: sqlite3.Connection, tenant: int, name: str, journal: str) -> int:
    """Return the position of a journal other than the outbox; ``name`` is the tenant's."""
    row = connection.execute(_NUMBERS, (tenant, journal)).fetchone() or (0, 0)
    position: int = require(row, (int, int), _JOURNAL, f"tenant {name}, journal {journal}")[0]
    return position
