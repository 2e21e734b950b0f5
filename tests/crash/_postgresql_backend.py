"""One schema on a PostgreSQL server, whose state can be kept and brought back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from threading import Event
from typing import Any

import psycopg
from psycopg import sql
from tests import _postgresql as postgresql

from smartify_core.storage import Storage
from smartify_core.storage.postgresql import PostgreSQLStorage

#: Statements that neither write nor end a transaction.
_HARMLESS = ("select", "begin", "rollback", "set")


class PostgreSQLBackend:
    """A store in a schema of its own.

    Args:
        url: The server.
        through: What the store is opened with in place of ``url``, such as a wire that is cut.
        limits: Further options of the store.
    """

    def __init__(self, url: str, *, through: str | None = None, **limits: Any) -> None:
        self._url = url
        self.schema = postgresql.fresh_name()
        self.through = postgresql.with_parts(through or url, application_name=self.schema)
        self._limits = limits
        self._tables: list[str] = []

    def open(self) -> Storage:
        """Open a handle."""
        return PostgreSQLStorage(self.through, schema=self.schema, **self._limits)

    def keep(self) -> dict[str, bytes]:
        """Return what all tables hold."""
        self.settle()
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(
                "select c.relname from pg_class c where relnamespace = %s::regnamespace and relkind = 'r'"
                # Tables that others point to come first.
                " order by (select count(*) from pg_constraint f where f.conrelid = c.oid and f.contype = 'f'), 1",
                (self.schema,),
            )
            self._tables = [name for (name,) in rows]
            kept = {}
            for name in self._tables:
                with connection.cursor() as cursor, cursor.copy(self._sql("copy {} to stdout", name)) as copy:
                    kept[name] = b"".join(map(bytes, copy))
        return kept

    def bring_back(self, state: dict[str, bytes]) -> None:
        """Put back what the tables held."""
        self.settle()
        with psycopg.connect(self._url) as connection:
            for name in reversed(self._tables):
                connection.execute(self._sql("delete from {}", name))
            for name in self._tables:
                with connection.cursor() as cursor, cursor.copy(self._sql("copy {} from stdin", name)) as copy:
                    copy.write(state[name])

    def die_at_write(self, number: int) -> None:
        """Have this process killed when its n-th statement that writes or ends a transaction is about to be sent."""
        left = number

        def counted(method: Callable[..., Any]) -> Callable[..., Any]:
            def run(self: object, statement: Any, *values: Any, **named: Any) -> Any:
                nonlocal left
                text = statement if isinstance(statement, str) else bytes(statement).decode()
                if not text.lower().startswith(_HARMLESS):
                    left -= 1
                    if left < 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                return method(self, statement, *values, **named)

            return run

        # The process that is to die does it to itself.
        psycopg.Connection.execute = counted(psycopg.Connection.execute)  # type: ignore[method-assign]
        psycopg.Cursor.copy = counted(psycopg.Cursor.copy)  # type: ignore[method-assign]

    def require_sound(self) -> None:
        """Have the store look for what contradicts itself, once nobody is connected to it any more."""
        self.settle()
        with PostgreSQLStorage(self._url, schema=self.schema) as storage:
            assert list(storage.check()) == []

    def settle(self) -> None:
        """Wait until the server has noticed that whoever was connected is gone."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            asked = "select count(*) from pg_stat_activity where application_name = %s"
            while connection.execute(asked, (self.schema,)).fetchone() != (0,):
                Event().wait(0.001)

    def remove(self) -> None:
        """Remove the schema."""
        postgresql.drop_schema(self._url, self.schema)

    def _sql(self, statement: str, table: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(self.schema, table))
