"""A schema on its way from one version to the next, with several processes at it, and some of them dying."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import NewerSchema, StorageBroken, StorageBusy
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage._postgresql import _schema as schemas
from smartify_core.storage._postgresql._connections import Connections
from smartify_core.storage._postgresql._schema import MIGRATIONS, explain, prepare
from smartify_core.storage.postgresql import PostgreSQLStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]

NOW_KNOWN = list(range(1, len(MIGRATIONS) + 1))
LATER = [*NOW_KNOWN, len(MIGRATIONS) + 1]
#: What a later version might do: a table of its own, and a column filled from what is there.
NEXT = (
    *MIGRATIONS,
    (
        "create table @later (id bigint primary key)",
        "alter table @tenant add column region text",
        "update @tenant set region = 'of ' || name",
    ),
)


def migrate(url: str, schema: str, migrations: Sequence[Sequence[str]], *, allowed: bool = True) -> None:
    """Bring a schema to the last of these versions."""
    connections = Connections(
        url,
        schema=schema,
        pool_size=1,
        statement_timeout=None,
        lock_timeout=None,
        prepare_threshold=None,
        read_only=False,
        explain=explain,
    )
    try:
        prepare(connections, migrate=allowed, migrations=migrations)
    finally:
        connections.close()


def versions(url: str, schema: str) -> list[int]:
    """Return the versions that the schema says were applied."""
    return [version for (version,) in postgresql.run(url, f"select version from {schema}.smartify_schema order by 1")]


def test_a_new_store_says_when_and_by_what_it_was_made(postgresql_url: str, schema: str) -> None:
    """Each version that was applied has a row with the instant and the library's version."""
    ((before,),) = postgresql.run(postgresql_url, "select now()")
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    assert versions(postgresql_url, schema) == NOW_KNOWN
    ((after,),) = postgresql.run(postgresql_url, "select now()")
    for applied_at, library in postgresql.run(
        postgresql_url, f"select applied_at, library from {schema}.smartify_schema"
    ):
        assert before <= applied_at <= after
        assert library


def test_a_migration_keeps_everything(
    postgresql_url: str, schema: str, account: MakeAccount, put: MakeBatch, everything: Callable[[Storage], object]
) -> None:
    """What was there is there, the new column is filled, and the older version refuses from then on."""
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("a"), account("b")))
        before = everything(storage)
        migrate(postgresql_url, schema, NEXT)
        assert versions(postgresql_url, schema) == LATER
        assert everything(storage) == before
        assert postgresql.run(postgresql_url, f"select region from {schema}.tenant") == [("of acme",)]
        with pytest.raises(NewerSchema):
            storage.renew(claim, now=NOON, ttl=HOUR)
    with pytest.raises(NewerSchema):
        PostgreSQLStorage(postgresql_url, schema=schema)


def test_a_version_in_between_is_refused_where_nothing_may_be_migrated(postgresql_url: str, schema: str) -> None:
    """The newer version does not read what it would have to migrate first."""
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    with pytest.raises(StorageBroken, match=f"has schema {len(MIGRATIONS)}.*needs {len(NEXT)}"):
        migrate(postgresql_url, schema, NEXT, allowed=False)
    assert versions(postgresql_url, schema) == NOW_KNOWN


def test_processes_that_migrate_at_once_do_it_once(
    postgresql_url: str, schema: str, spawn: Callable[..., int], status: Callable[[int], int]
) -> None:
    """From nothing to the next version, by six at once."""
    children = [spawn(lambda: migrate(postgresql_url, schema, NEXT)) for _ in range(6)]
    assert [status(child) for child in children] == [0] * 6
    assert versions(postgresql_url, schema) == LATER


def test_a_migration_that_fails_leaves_the_version_before(postgresql_url: str, schema: str) -> None:
    """Whatever it had done already is undone."""
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    with pytest.raises(Exception, match="SQLSTATE 42601"):
        migrate(postgresql_url, schema, (*NEXT, ("nonsense",)))
    assert versions(postgresql_url, schema) == NOW_KNOWN
    assert postgresql.run(postgresql_url, f"select to_regclass('{schema}.later')") == [(None,)]
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1


def test_a_process_that_is_killed_in_a_migration_leaves_the_version_before(
    postgresql_url: str, schema: str, spawn: Callable[..., int], status: Callable[[int], int]
) -> None:
    """The next one begins it anew, without waiting for the dead."""
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    names = postgresql.with_parts(postgresql_url, application_name=schema)

    def work() -> None:
        migrate(names, schema, (*MIGRATIONS, (*NEXT[-1], "select pg_sleep(600)")))

    child = spawn(work)
    event = threading.Event()
    asleep = f"select 1 from pg_stat_activity where application_name = '{schema}' and wait_event = 'PgSleep'"
    while not postgresql.run(postgresql_url, asleep):
        event.wait(0.01)
    os.kill(child, signal.SIGKILL)
    assert status(child) == -signal.SIGKILL
    # The server notices when it next speaks to the client; an administrator need not wait for that.
    postgresql.run(
        postgresql_url,
        f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = '{schema}'",
    )
    assert versions(postgresql_url, schema) == NOW_KNOWN
    migrate(postgresql_url, schema, NEXT)
    assert versions(postgresql_url, schema) == LATER


def test_a_migration_waits_for_others_no_longer_than_allowed(
    postgresql_url: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that does not end, or another host that migrates for ever, makes it `StorageBusy`."""
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    monkeypatch.setattr(schemas, "_PATIENCE", 0.2)
    with psycopg.connect(postgresql_url) as other:
        other.execute(f"insert into {schema}.tenant (name) values ('half')".encode())
        with pytest.raises(StorageBusy):
            migrate(postgresql_url, schema, NEXT)
    assert versions(postgresql_url, schema) == NOW_KNOWN
    migrate(postgresql_url, schema, NEXT)
