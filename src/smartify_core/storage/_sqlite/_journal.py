"""The journals of the SQLite store. One row holds the entries of one commit, so that many cost one insert."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from smartify_core.errors import StorageUnavailable
from smartify_core.model import OUTBOX, Append, Entry
from smartify_core.storage.deciding import end_of

#: Each entry comes after its length in so many bytes.
_LENGTH_BYTES: Final = 4

#: The row that holds the position given, or the first one after it, and all that follow.
_ROWS: Final = (
    "select first, record from journal where tenant = :tenant and name = :journal and first >= coalesce("
    "(select max(first) from journal where tenant = :tenant and name = :journal and first <= :start), 0)"
    " order by first"
)
_NUMBERS: Final = "select position, trimmed from journal_position where tenant = ? and name = ?"


def append(connection: sqlite3.Connection, tenant: int, name: str, outbox: int, appends: Iterable[Append]) -> int:
    """Add to journals of a tenant, and return the position of its outbox, which was ``outbox`` before.

    Raises:
        WriteConflict: A journal is not as its append expects it.
    """
    for one in appends:
        row = None if one.journal == OUTBOX else connection.execute(_NUMBERS, (tenant, one.journal)).fetchone()
        position = outbox if one.journal == OUTBOX else row[0] if row else 0
        if (ends := end_of(name, one, position)) == position:
            continue
        if one.entries:
            connection.execute(
                "insert into journal (tenant, name, first, entries, record) values (?, ?, ?, ?, ?)",
                (tenant, one.journal, ends - len(one.entries) + 1, len(one.entries), _record(one.entries)),
            )
        if one.journal == OUTBOX:
            outbox = ends
        else:
            connection.execute(
                "insert into journal_position (tenant, name, position, trimmed) values (?, ?, ?, 0)"
                " on conflict (tenant, name) do update set position = excluded.position",
                (tenant, one.journal, ends),
            )
    return outbox


def entries(connection: sqlite3.Connection, tenant: str, journal: str, after: int, limit: int) -> Sequence[Entry]:
    """Return the next page of a journal. See `Storage.entries`."""
    number, _, trimmed = _numbers(connection, tenant, journal)
    start = max(after, trimmed) + 1
    page: list[Entry] = []
    for first, record in connection.execute(_ROWS, {"tenant": number, "journal": journal, "start": start}):
        page.extend(
            Entry(position, content)
            for position, content in enumerate(contents(record, tenant), start=first)
            if position >= start
        )
        if len(page) >= limit:
            return page[:limit]
    return page


def trim(connection: sqlite3.Connection, tenant: str, journal: str, through: int) -> None:
    """Remove entries up to this position. See `Storage.trim`.

    Whole rows are removed; what is left of a row that begins before the position is hidden.
    """
    number, position, trimmed = _numbers(connection, tenant, journal)
    through = min(through, position)
    if through <= trimmed:
        return
    connection.execute(
        "delete from journal where tenant = ? and name = ? and first <= ? and first + entries - 1 <= ?",
        (number, journal, through, through),
    )
    if journal == OUTBOX:
        connection.execute("update tenant set trimmed = ? where id = ?", (through, number))
    else:
        connection.execute(
            "update journal_position set trimmed = ? where tenant = ? and name = ?", (through, number, journal)
        )


def erase(connection: sqlite3.Connection, tenant: int) -> None:
    """Remove all entries of a tenant. Its outbox is told by the row of the tenant what was trimmed."""
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
    for tenant, journal, position in connection.execute(statement, keys):
        found.setdefault(tenant, {})[journal] = position
    return found


def contents(record: bytes, tenant: str) -> Iterator[bytes]:
    """Yield the entries that a row holds.

    Raises:
        StorageUnavailable: The row is damaged.
    """
    at = 0
    while at < len(record):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(record[at:start], "big")
        if at > len(record):
            raise StorageUnavailable(
                "the journal is damaged", where=f"tenant {tenant}", cure="Restore the store from a backup."
            )
        yield record[start:at]


def _numbers(connection: sqlite3.Connection, tenant: str, journal: str) -> tuple[int, int, int]:
    """Return the tenant's id, the journal's position and what of it is trimmed: zeros where there is none."""
    found = connection.execute("select id, position, trimmed from tenant where name = ?", (tenant,)).fetchone()
    if found is None:
        return (0, 0, 0)
    number, position, trimmed = found
    if journal != OUTBOX:
        position, trimmed = connection.execute(_NUMBERS, (number, journal)).fetchone() or (0, 0)
    return number, position, trimmed


def _record(entries: Sequence[bytes]) -> bytes:
    return b"".join(part for entry in entries for part in (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry))
