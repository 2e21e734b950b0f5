"""Rows that never move: a table is only appended to, and a row only overwritten by another of its length, in place.

SQLite then writes over the very bytes that were there, which makes an erasure certain (see ``_schema``).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Final

from attrs import frozen

#: Stored in ``vacancy``: never renumbered.
_DIGEST: Final = 0
_SEALED: Final = 1
_TOTAL: Final = 2
_CONTENT: Final = 3

#: Each slab's table, with what stands for it in ``vacancy``.
SLABS: Final = {"digest": _DIGEST, "sealed": _SEALED, "total": _TOTAL, "content": _CONTENT}


@frozen(order=False)
class Place:
    """Where a record lies: its row and its length."""

    id: int
    size: int


class Slab:
    """One table of ``(id, record)``. Call it inside a writing transaction only.

    Args:
        connection: What to write with.
        table: The table.
        number: What stands for the table in ``vacancy``.
    """

    def __init__(self, connection: sqlite3.Connection, table: str, number: int) -> None:
        self._connection = connection
        self._number = number
        # The table's name comes from the two constants below.
        self._table = table
        self._last_id = f"select max(id) from {table}"  # noqa: S608 - the table is one of ours
        self._append = f"insert into {table} (record, id) values (?, ?)"  # noqa: S608 - the table is one of ours
        self._overwrite = f"update {table} set record = ? where id = ?"  # noqa: S608 - the table is one of ours
        self._zero = f"update {table} set record = zeroblob(length(record)) where id = ?"  # noqa: S608 - the table is one of ours

    def vacate(self, places: Sequence[Place]) -> None:
        """Overwrite these records with zeros and keep their places for others."""
        self._connection.executemany(self._zero, [(place.id,) for place in places])
        noted = [(self._number, place.size, place.id) for place in places]
        self._connection.executemany("insert into vacancy (slab, size, id) values (?, ?, ?)", noted)

    def vacate_named(self, named: str, keys: Sequence[object]) -> None:
        """Vacate all places whose ids a statement yields, however many.

        Args:
            named: The statement: a constant.
            keys: Its parameters.
        """
        self._connection.execute(
            "insert into vacancy (slab, size, id)"  # noqa: S608 - the table is one of ours
            f" select {self._number}, length(record), id from {self._table} where id in ({named})",
            keys,
        )
        self._connection.execute(
            f"update {self._table} set record = zeroblob(length(record)) where id in ({named})",  # noqa: S608 - likewise
            keys,
        )

    def store(self, records: Sequence[bytes], present: Sequence[Place | None]) -> list[int]:
        """Write each record, over its present one where the length is the same, and return the ids of their rows."""
        pairs = list(zip(records, present, strict=True))
        self.vacate([there for record, there in pairs if there is not None and there.size != len(record)])
        homeless = [record for record, there in pairs if there is None or there.size != len(record)]
        vacant = {size: self._take(size, number) for size, number in Counter(map(len, homeless)).items()}
        last = self._connection.execute(self._last_id).fetchone()[0] or 0
        if len(homeless) == len(records) and not any(vacant.values()):
            ids = list(range(last + 1, last + 1 + len(records)))
            self._connection.executemany(self._append, zip(records, ids, strict=True))
            return ids
        fresh = count(last + 1)
        ids = []
        appended: list[tuple[bytes, int]] = []
        overwritten: list[tuple[bytes, int]] = []
        for record, there in pairs:
            rows = overwritten
            if there is not None and there.size == len(record):
                row = there.id
            elif vacant[len(record)]:
                row = vacant[len(record)].pop()
            else:
                row, rows = next(fresh), appended
            rows.append((record, row))
            ids.append(row)
        self._connection.executemany(self._append, appended)
        self._connection.executemany(self._overwrite, overwritten)
        return ids

    def _take(self, size: int, number: int) -> list[int]:
        """Take up to ``number`` vacant places of ``size``."""
        statement = "select id from vacancy where slab = ? and size = ? order by id limit ?"
        ids = [place for (place,) in self._connection.execute(statement, (self._number, size, number))]
        taken = [(self._number, size, place) for place in ids]
        self._connection.executemany("delete from vacancy where slab = ? and size = ? and id = ?", taken)
        return ids


def digests(connection: sqlite3.Connection) -> Slab:
    """Return the slab of what comparisons and look-ups read."""
    return Slab(connection, "digest", _DIGEST)


def sealed(connection: sqlite3.Connection) -> Slab:
    """Return the slab of what only opening reads."""
    return Slab(connection, "sealed", _SEALED)


def totals(connection: sqlite3.Connection) -> Slab:
    """Return the slab of the sums of tenants' fingerprints."""
    return Slab(connection, "total", _TOTAL)


def contents(connection: sqlite3.Connection) -> Slab:
    """Return the slab of what documents and journals hold."""
    return Slab(connection, "content", _CONTENT)
