"""A PostgreSQL store that is opened for reading only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import ForeignStore, NewerSchema, StorageError, StorageUnavailable, UsageError
from smartify_core.model import Append, Batch, Claim, PutDocument, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage._postgresql._schema import MIGRATIONS, prepare
from smartify_core.storage.postgresql import PostgreSQLStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Tell = Callable[[Storage], tuple[object, ...]]


@pytest.fixture
def store(postgresql_url: str, schema: str, account: MakeAccount, put: MakeBatch) -> str:
    """Return the schema of a store with some accounts that nobody has open."""
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(*(account(f"s{n}") for n in range(30))))
    return schema


def test_all_is_read_and_checked_as_by_any_handle(postgresql_url: str, store: str, everything: Tell) -> None:
    """What others write meanwhile is seen, and `repr` tells how it was opened."""
    with PostgreSQLStorage(postgresql_url, schema=store) as writer:
        with PostgreSQLStorage(postgresql_url, schema=store, read_only=True) as storage:
            assert isinstance(storage, Storage)
            assert "read only" in repr(storage)
            assert everything(storage) == everything(writer)
            assert storage.check() == []
            writer.record("acme", documents=[PutDocument("kind", "key", b"", 0)])
            assert storage.document("acme", "kind", "key") is not None
        assert "read only" not in repr(writer)
        with pytest.raises(StorageUnavailable, match="closed"):
            storage.release(Claim("acme", 1, NOON, 0))


def test_every_write_is_refused(postgresql_url: str, store: str, account: MakeAccount, put: MakeBatch) -> None:
    """Whatever would write raises the error that a SQLite store raises, with its cure, and asks the server nothing."""
    claim = Claim("acme", 1, NOON + HOUR, 1)
    with PostgreSQLStorage(postgresql_url, schema=store, read_only=True) as storage:
        writes: list[Callable[[], object]] = [
            lambda: storage.claim("globex", now=NOON, ttl=HOUR),
            lambda: storage.claim_due(now=NOON, ttl=HOUR, limit=1),
            lambda: storage.renew(claim, now=NOON, ttl=HOUR),
            lambda: storage.release(claim),
            lambda: storage.schedule({"acme": NOON}),
            lambda: storage.commit(claim, put(account("new"))),
            lambda: storage.record("acme", documents=[PutDocument("kind", "key", b"", 0)]),
            lambda: storage.record("acme", appends=[Append("audit", (b"one",))]),
            lambda: storage.trim("acme", through=1),
            lambda: storage.erase_tenant(claim),
        ]
        for write in writes:
            with pytest.raises(UsageError, match="for reading only; nothing was written") as caught:
                write()
            assert caught.value.where == storage._connections.place.where
            assert "read_only" in (caught.value.cure or "")
        assert [one.tenant for one in storage.tenants()] == ["acme"]


@pytest.mark.parametrize("migrate", [True, False])
def test_nothing_is_created(postgresql_url: str, schema: str, *, migrate: bool) -> None:
    """A schema that is not there, and one that is empty, are errors with a cure, whatever ``migrate`` says."""
    for begun in (False, True):
        if begun:
            postgresql.run(postgresql_url, f"create schema {schema}")
        with pytest.raises(StorageUnavailable, match="there is no store in the schema") as caught:
            PostgreSQLStorage(postgresql_url, schema=schema, read_only=True, migrate=migrate)
        assert schema in str(caught.value)
        assert "open it for writing" in str(caught.value)
        assert relations(postgresql_url, schema) == ([(0,)] if begun else [])


def test_nothing_is_migrated(postgresql_url: str, store: str) -> None:
    """A store of an older version is told apart from none, and left as it is."""
    before = relations(postgresql_url, store)
    newer = (*MIGRATIONS, ("create table @more (name text)",))
    words = f"has schema {len(MIGRATIONS)}, and only {len(newer)} is read"
    with (
        PostgreSQLStorage(postgresql_url, schema=store, read_only=True) as storage,
        pytest.raises(UsageError, match=words) as caught,
    ):
        prepare(storage._connections, migrate=True, migrations=newer)
    assert "Open it once for writing" in (caught.value.cure or "")
    assert relations(postgresql_url, store) == before


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("drop table {0}.smartify_schema", ForeignStore),
        ("insert into {0}.smartify_schema values (99, now(), 'later')", NewerSchema),
        ("delete from {0}.smartify_schema", StorageError),
    ],
)
def test_what_cannot_be_read_is_refused_as_ever(
    postgresql_url: str, store: str, statement: str, kind: type[Exception]
) -> None:
    """Somebody else's tables, a newer version's and broken ones are not read either."""
    postgresql.run(postgresql_url, statement.format(store))
    with pytest.raises(kind):
        PostgreSQLStorage(postgresql_url, schema=store, read_only=True)


def test_the_server_is_told_that_every_transaction_only_reads(
    postgresql_url: str, store: str, everything: Tell
) -> None:
    """Opening, each read and the check: whatever is sent is inside a transaction that may not write."""
    sent: list[str] = []
    with postgresql.wire(postgresql_url) as wire:
        wire.on_sent = lambda data: sent.append(data.decode("utf-8", "replace"))
        url = postgresql.with_parts(wire.url, sslmode="disable", gssencmode="disable")
        with PostgreSQLStorage(url, schema=store, read_only=True) as storage:
            everything(storage)
            storage.tenants()
            storage.documents("acme")
            storage.entries("acme")
            storage.check()
    told = "".join(sent)
    assert told.count("begin isolation level") == told.count(" read only") >= 10
    assert "read write" not in told
    assert told.index("begin isolation level") < told.index("server_encoding")


def test_a_role_that_may_only_read_is_enough(postgresql_url: str, store: str, everything: Tell) -> None:
    """Who looks at reports needs no right to write anything."""
    role = postgresql.fresh_name()
    postgresql.run(
        postgresql_url,
        f"create role {role} login",
        f"grant usage on schema {store} to {role}",
        f"grant select on all tables in schema {store} to {role}",
    )
    try:
        url = postgresql.with_parts(postgresql_url, user=role, options="-c default_transaction_read_only=on")
        with PostgreSQLStorage(url, schema=store, read_only=True) as storage:
            assert storage.check() == []
            assert len(everything(storage)) == 5
    finally:
        postgresql.run(postgresql_url, f"drop owned by {role}", f"drop role {role}")


def relations(url: str, schema: str) -> list[tuple[int]]:
    """Return how many things there are in a schema; nothing where there is none."""
    return postgresql.run(
        url,
        "select count(c.oid) from pg_namespace n left join pg_class c on c.relnamespace = n.oid"
        f" where n.nspname = '{schema}' group by n.oid",
    )
