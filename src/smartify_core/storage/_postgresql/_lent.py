"""A connection to PostgreSQL that is lent for one call, and what its statements are told.

Nothing here outlives a transaction on the server: settings are ``set local``, locks end with the transaction, and no
statement is prepared unless the host asks for it. So a proxy may give each transaction another connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

from ._rows import Blobs, Numbers, Texts

Cursor = psycopg.Cursor[tuple[Any, ...]]

#: A libpq older than version 14 takes statements one by one only.
_PIPELINES: Final = psycopg.Pipeline.is_supported()
#: Ways to go about a statement that are not for ours, which find rows by keys and read them in the order of an index. A
#: table that has just been filled is unknown to the planner, which may then read all of a tenant for one page of it.
_WAYS_OFF: Final = (
    "enable_seqscan",
    "enable_bitmapscan",
    "enable_hashjoin",
    "enable_mergejoin",
    "enable_material",
    "enable_sort",
    "jit",
)
_DURABLE: Final = (
    "case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', true) end"
)


class Lent:
    """A connection that is lent for one call.

    In statements, ``@name`` is the table of that name in the store's schema.
    """

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], place: Place) -> None:
        self.connection = connection
        self.place = place
        #: Whether the transaction was to be kept: when the connection breaks then, nobody knows whether it was.
        self.ending = False
        self._waiting: list[tuple[bytes, Sequence[object]]] = []

    def run(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement and return its answer, in PostgreSQL's binary form."""
        last = (self.place.statement(statement), values)
        if not self._waiting:
            return self.connection.execute(*last, binary=True)
        with self._pipeline():
            for one in self._drained():
                self.connection.execute(*one)
            return self.connection.execute(*last, binary=True)

    def ask(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run a statement that reads, in a transaction of its own, and return its answer."""
        with self._pipeline():
            for one in self.place.begin_reading:
                self.connection.execute(one)
            answer = self.connection.execute(self.place.statement(statement), values, binary=True)
            self.connection.execute(b"commit")
        return answer

    def later(self, statement: str, values: Sequence[object] = ()) -> None:
        """Run a statement whose answer nobody needs before the next one, in one journey with it."""
        self._waiting.append((self.place.statement(statement), values))

    def copy(self, statement: str, rows: bytes) -> None:
        """Run a statement that reads ``rows``."""
        if self._waiting:
            with self._pipeline():
                for one in self._drained():
                    self.connection.execute(*one)
        with self.connection.cursor() as cursor, cursor.copy(self.place.statement(statement)) as copy:
            copy.write(rows)

    def commit(self) -> None:
        """End the transaction so that what it wrote is kept."""
        if not self._waiting:
            self.ending = True
            self.connection.execute(b"commit")
            return
        with self._pipeline():
            for one in self._drained():
                self.connection.execute(*one)
            self.ending = True
            self.connection.execute(b"commit")

    def _drained(self) -> list[tuple[bytes, Sequence[object]]]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _pipeline(self) -> AbstractContextManager[object]:
        return self.connection.pipeline() if _PIPELINES else nullcontext()


class Place:
    """Where the store is, and what statements are told of it.

    Args:
        where: The server, database and schema, for errors: no name and no password.
        schema: The schema.
        statement_timeout: Seconds that one statement may take.
        lock_timeout: Seconds to wait for a lock.
    """

    def __init__(self, where: str, schema: str, statement_timeout: float | None, lock_timeout: float | None) -> None:
        self.where = where
        self.schema = schema
        self.quoted_schema = '"' + schema.replace('"', '""') + '"'
        #: In milliseconds.
        self.lock_timeout = _milliseconds(lock_timeout)
        limits = {"statement_timeout": _milliseconds(statement_timeout), "lock_timeout": self.lock_timeout}
        local = [
            *(f"set_config('{name}', '{number}', true)" for name, number in limits.items() if number is not None),
            *(f"set_config('{name}', 'off', true)" for name in _WAYS_OFF),
        ]
        #: What a transaction sets for itself once it has begun.
        self.settings = f"select {', '.join(local)}"
        self.begin_reading = (b"begin isolation level read committed read only", self.settings.encode())
        self.begin_writing = ("begin isolation level read committed read write", f"{self.settings}, {_DURABLE}")
        self._made: dict[str, bytes] = {}

    def statement(self, text: str) -> bytes:
        """Return a statement with ``@name`` as the table of the store."""
        made = self._made.get(text)
        if made is None:
            made = self._made[text] = text.replace("@", f"{self.quoted_schema}.").encode()
        return made


def teach(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Have a connection take arrays that are packed already."""
    for kind, dumper in ((Texts, _Texts), (Blobs, _Blobs), (Numbers, _Numbers)):
        connection.adapters.register_dumper(kind, dumper)


class _ReadyMade(Dumper):
    """Sends an array that `_postgresql._rows` has packed already."""

    format = Format.BINARY

    def dump(self, obj: bytes) -> Buffer:
        """Return it as it is."""
        return obj


class _Texts(_ReadyMade):
    oid = Texts.OID


class _Blobs(_ReadyMade):
    oid = Blobs.OID


class _Numbers(_ReadyMade):
    oid = Numbers.OID


def _milliseconds(seconds: float | None) -> int | None:
    # 0 would stand for no limit at all.
    return None if seconds is None else max(1, round(seconds * 1000))
