"""The journals of the SQLite store. One row holds the entries of one commit, so that many cost one insert."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from smartify_core.errors import StorageUnavailable
from smartify_core.model import Entry

#: Each entry comes after its length in so many bytes.
_LENGTH_BYTES: Final = 4

#: The row that holds the position given, or the first one after it, and all that follow.
_ROWS: Final = (
    "select first, record from journal where tenant = :tenant and first >= coalesce("
    "(select max(first) from journal where tenant = :tenant and first <= :start), 0) order by first"
)


def append(connection: sqlite3.Connection, tenant: int, position: int, entries: Sequence[bytes]) -> None:
    """Append these entries, of which there is at least one, after ``position``."""
    record = b"".join(part for entry in entries for part in (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry))
    connection.execute(
        "insert into journal (tenant, first, entries, record) values (?, ?, ?, ?)",
        (tenant, position + 1, len(entries), record),
    )


def entries(connection: sqlite3.Connection, tenant: str, after: int, limit: int) -> Sequence[Entry]:
    """Return the next page of the journal. See `Storage.entries`."""
    found = connection.execute("select id, trimmed from tenant where name = ?", (tenant,)).fetchone()
    if found is None:
        return []
    number, trimmed = found
    start = max(after, trimmed) + 1
    page: list[Entry] = []
    for first, record in connection.execute(_ROWS, {"tenant": number, "start": start}):
        page.extend(
            Entry(position, content)
            for position, content in enumerate(_contents(record, tenant), start=first)
            if position >= start
        )
        if len(page) >= limit:
            return page[:limit]
    return page


def trim(connection: sqlite3.Connection, tenant: str, through: int) -> None:
    """Remove entries up to this position. See `Storage.trim`.

    Whole rows are removed; what is left of a row that begins before the position is hidden.
    """
    found = connection.execute("select id, trimmed, position from tenant where name = ?", (tenant,)).fetchone()
    if found is None:
        return
    number, trimmed, position = found
    through = min(through, position)
    if through <= trimmed:
        return
    connection.execute(
        "delete from journal where tenant = ? and first <= ? and first + entries - 1 <= ?", (number, through, through)
    )
    connection.execute("update tenant set trimmed = ? where id = ?", (through, number))


def _contents(record: bytes, tenant: str) -> Iterator[bytes]:
    at = 0
    while at < len(record):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(record[at:start], "big")
        if at > len(record):
            raise StorageUnavailable(
                "the journal is damaged", where=f"tenant {tenant}", cure="Restore the store from a backup."
            )
        yield record[start:at]
