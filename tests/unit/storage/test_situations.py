"""The table of situations and errors in ``docs/reference/storage-contract.md``, for the backends of this library.

What is damaged is in ``test_damaged.py``; the example on Redis has its own tests in ``docs/examples``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import (
    ForeignStore,
    NewerSchema,
    SmartifyError,
    StorageBroken,
    StorageBusy,
    StorageUnavailable,
    UsageError,
)
from smartify_core.model import Append, Batch, Put, PutDocument, SealedAccount
from smartify_core.storage import Maintained, Storage
from smartify_core.storage._sqlite._schema import MIGRATIONS
from smartify_core.storage.checks import LARGEST
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def refused(kind: type[SmartifyError], call: Callable[[], object]) -> None:
    """See that a call raises this error and none that only descends from it, with a cure."""
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind
    assert raised.value.cure
    assert raised.value.retryable is (kind in {StorageUnavailable, StorageBusy})


def change(path: Path, statement: str) -> None:
    """Do something to a file behind the store's back."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, path: Path) -> Iterator[Storage]:
    """Give a store of each kind."""
    if request.param == "memory":
        storage: Storage = MemoryStorage()
    elif request.param == "sqlite":
        storage = SQLiteStorage(path)
    else:
        storage = PostgreSQLStorage(request.getfixturevalue("postgresql_url"), schema=request.getfixturevalue("schema"))
    with storage:
        yield storage


def test_closed(opened: Storage) -> None:
    """A store that was closed is broken, whatever is asked."""
    opened.close()
    refused(StorageBroken, lambda: opened.tenant("acme"))
    refused(StorageBroken, lambda: opened.claim("acme", now=NOON, ttl=HOUR))


@pytest.mark.parametrize("tenant", ["x" * 2001, "\ud83d"])
def test_misuse(opened: Storage, tenant: str) -> None:
    """An id that is too long or no text is the caller's mistake, and is not quoted."""
    with pytest.raises(UsageError) as raised:
        opened.claim(tenant, now=NOON, ttl=HOUR)
    assert "xx" not in str(raised.value)
    refused(UsageError, lambda: opened.heads("acme", after=tenant))
    refused(UsageError, lambda: opened.trim("acme", through=2**63))


@pytest.mark.parametrize("content", [b"x", b"no", b"name,email\n" * 500])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_is_no_database(path: Path, content: bytes, read_only: bool) -> None:
    """However short it is, it is broken, and left as it was."""
    path.write_bytes(content)
    refused(StorageBroken, lambda: SQLiteStorage(path, read_only=read_only))
    assert path.read_bytes() == content


def test_tables_that_are_behind(path: Path, postgresql_url: str, schema: str) -> None:
    """Where nothing may be migrated they are broken on both, with the cure."""
    SQLiteStorage(path).close()
    change(path, f"delete from smartify_schema where version = {len(MIGRATIONS)}")
    refused(StorageBroken, lambda: SQLiteStorage(path, read_only=True))
    refused(StorageBroken, lambda: PostgreSQLStorage(postgresql_url, schema=schema, migrate=False))


def test_nowhere_to_be_reached(path: Path) -> None:
    """A folder or a server that is not there may be there in a moment."""
    refused(StorageUnavailable, lambda: SQLiteStorage(path.parent / "no" / "store.db"))
    refused(StorageUnavailable, lambda: SQLiteStorage(path, read_only=True))
    refused(StorageUnavailable, lambda: PostgreSQLStorage("postgresql://localhost:1/nothing"))


def test_in_use(path: Path, postgresql_url: str, schema: str) -> None:
    """A lock that is held for too long is no more than that."""
    with SQLiteStorage(path, busy_timeout=0.01) as storage:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("begin immediate")
        refused(StorageBusy, lambda: storage.claim("acme", now=NOON, ttl=HOUR))
        holder.close()
    with PostgreSQLStorage(postgresql_url, schema=schema, lock_timeout=0.01) as server:
        server.claim("acme", now=NOON, ttl=HOUR)
        with psycopg.connect(postgresql_url) as other:
            other.execute(f"select 1 from {schema}.tenant for update".encode())
            refused(StorageBusy, lambda: server.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR))


def test_something_elses(path: Path, postgresql_url: str, schema: str) -> None:
    """What belongs to something else is told as that by both."""
    change(path, "create table theirs (x int)")
    postgresql.run(postgresql_url, f"create schema {schema}", f"create table {schema}.theirs (x int)")
    refused(ForeignStore, lambda: SQLiteStorage(path))
    refused(ForeignStore, lambda: PostgreSQLStorage(postgresql_url, schema=schema))


def test_a_newer_versions(path: Path, postgresql_url: str, schema: str) -> None:
    """So is what a newer version wrote."""
    SQLiteStorage(path).close()
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    change(path, "insert into smartify_schema values (99, 1, 'later')")
    postgresql.run(postgresql_url, f"insert into {schema}.smartify_schema values (99, now(), 'later')")
    refused(NewerSchema, lambda: SQLiteStorage(path))
    refused(NewerSchema, lambda: PostgreSQLStorage(postgresql_url, schema=schema))


def test_opened_for_reading_only(path: Path) -> None:
    """A write is the caller's mistake then."""
    SQLiteStorage(path).close()
    with SQLiteStorage(path, read_only=True) as storage:
        refused(UsageError, lambda: storage.claim("acme", now=NOON, ttl=HOUR))


def test_numbers_end_where_64_bits_do(opened: Storage, account: Callable[..., SealedAccount]) -> None:
    """The largest position and revision are used; what would go beyond them is refused and leaves nothing."""
    opened.record("acme", appends=[Append("audit", (b"a", b"b"), LARGEST - 2)])
    calls: list[Callable[[], object]] = [
        lambda: opened.record("acme", appends=[Append("audit", (b"c",))]),
        lambda: opened.record("new", appends=[Append("audit", (b"c",), LARGEST)]),
    ]
    for call in calls:
        refused(UsageError, call)
    assert opened.tenant("acme").positions == {"audit": LARGEST}
    for after, expected in ((0, [b"a", b"b"]), (LARGEST - 2, [b"a", b"b"]), (LARGEST - 1, [b"b"]), (LARGEST, [])):
        assert [one.content for one in opened.entries("acme", journal="audit", after=after)] == expected
    assert [one.position for one in opened.entries("acme", journal="audit", limit=1)] == [LARGEST - 1]
    opened.trim("acme", journal="audit", through=LARGEST - 1)
    assert [one.content for one in opened.entries("acme", journal="audit")] == [b"b"]
    if isinstance(opened, Maintained):
        assert opened.check() == []
    opened.trim("acme", journal="audit", through=LARGEST)
    assert list(opened.entries("acme", journal="audit")) == []
    claim = opened.claim("acme", now=NOON, ttl=HOUR)
    opened.commit(claim, Batch((Put(account("s1", LARGEST), 0),), revision=LARGEST))
    before = opened.tenant("acme")
    calls = [
        lambda: opened.commit(claim, Batch((Put(account("s2"), 0),), (b"e",), (PutDocument("k", "n", b"", 0),))),
        lambda: opened.erase_tenant(claim),
    ]
    for call in calls:
        refused(UsageError, call)
    assert opened.tenant("acme") == before
    assert [head.version for head in opened.heads("acme")] == [LARGEST]
    assert list(opened.documents("acme")) == []
