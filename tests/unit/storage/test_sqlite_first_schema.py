"""A store that the first version of the tables wrote is brought up to date with all that it holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import Batch, Entry, PutDocument, SealedAccount, TenantRecord
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]

#: The tables as version 0.1.0 made them, written out: a test that took them from the library would change with it.
FIRST = """
    pragma application_id = 1936548210;
    create table smartify_schema (
        version integer primary key, applied_at integer not null, library text not null
    );
    insert into smartify_schema values (1, 0, '0.1.0');
    create table tenant (
        id integer primary key,
        name text not null unique,
        fence integer not null,
        expires_at integer,
        revision integer not null
    );
    create table account (
        tenant integer not null references tenant,
        source_id text not null,
        account_id text not null,
        state integer not null,
        inactive_reason integer not null,
        version integer not null,
        created_at integer not null,
        updated_at integer not null,
        predecessor text,
        email_bucket integer not null,
        digest integer not null,
        sealed integer not null,
        primary key (tenant, source_id)
    ) without rowid;
    create unique index account_by_account_id on account (tenant, account_id);
    create index account_by_email_bucket on account (tenant, email_bucket);
    create table digest (id integer primary key, record blob not null);
    create table sealed (id integer primary key, record blob not null);
    create table vacancy (
        slab integer not null, size integer not null, id integer not null, primary key (slab, size, id)
    ) without rowid;
    create table tombstone (
        tenant integer not null references tenant,
        account_id text not null,
        source_id text not null,
        created_at integer not null,
        deleted_at integer not null,
        primary key (tenant, account_id)
    ) without rowid;
    create index tombstone_by_source_id on tombstone (tenant, source_id, deleted_at, account_id);
"""


def first_store(path: Path, accounts: Sequence[SealedAccount]) -> None:
    """Write a store as the first version did: these accounts, a tenant without any, and a tombstone."""
    connection = sqlite3.connect(path)
    connection.executescript(FIRST)
    names = [*sorted({one.tenant for one in accounts}), "empty"]
    expiry = int((NOON + HOUR).timestamp()) * 1_000_000
    connection.executemany(
        "insert into tenant values (?, ?, 3, ?, 2)", [(n, name, expiry) for n, name in enumerate(names, start=1)]
    )
    for place, one in enumerate(accounts, start=1):
        header = b"".join(len(part).to_bytes(4, "big") for part in (b"", one.wrapped_key, one.payload))
        sealed = (header + one.wrapped_key + one.payload).ljust(512, b"\0")
        connection.execute("insert into digest values (?, ?)", (place, one.fingerprint + one.email_index))
        connection.execute("insert into sealed values (?, ?)", (place, sealed))
        times = [int(time.timestamp()) * 1_000_000 for time in (one.created_at, one.updated_at)]
        bucket = int.from_bytes(one.email_index[:2], "big") >> 4
        row = (one.source_id, one.account_id, 0, 0, one.version, *times, one.predecessor, bucket, place, place)
        marks = ", ".join("?" * 12)
        connection.execute(f"insert into account values ({marks})", (names.index(one.tenant) + 1, *row))
    connection.execute("insert into tombstone values (1, 'ended', 's9', 0, 0)")
    connection.commit()
    connection.close()


@pytest.fixture
def people(account: MakeAccount) -> list[SealedAccount]:
    """Return accounts of two tenants, whose fingerprints add up to more than 128 bits."""
    made = [account("s1"), account("s2", fingerprint=b"\xff" * 16), account("s3", predecessor="ended")]
    return [*made, account("s1", tenant="umbrella")]


def test_a_store_of_the_first_version_keeps_what_it_holds(path: Path, people: list[SealedAccount]) -> None:
    """Leases, revisions, accounts and tombstones are as they were; the totals are those of the accounts."""
    first_store(path, people)
    with SQLiteStorage(path) as storage:
        acme = [one for one in people if one.tenant == "acme"]
        assert storage.load("acme", ["s1", "s2", "s3"]) == {one.source_id: one for one in acme}
        assert [one.source_id for one in storage.find_by_email("acme", [acme[0].email_index])] == ["s1"]
        digest = sum(int.from_bytes(one.fingerprint, "big") for one in acme) % 2**128
        their_digest = int.from_bytes(people[-1].fingerprint, "big")
        assert list(storage.tenants()) == [
            TenantRecord("acme", 3, NOON + HOUR, 2, None, 3, digest, 0),
            TenantRecord("empty", 3, NOON + HOUR, 2),
            TenantRecord("umbrella", 3, NOON + HOUR, 2, None, 1, their_digest, 0),
        ]
        assert [one.account_id for one in storage.tombstones("acme")] == ["ended"]


def test_a_store_of_the_first_version_goes_on(
    path: Path, people: list[SealedAccount], account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """It takes what only the new tables can hold, and its totals follow."""
    first_store(path, people)
    with SQLiteStorage(path) as storage:
        storage.schedule({"acme": NOON, "empty": NOON, "new": NOON})
        storage.record("acme", documents=[PutDocument("note", "n", b"x", 0)])
        taken = storage.claim_due(now=NOON + HOUR, ttl=HOUR, limit=10)
        assert [(claim.tenant, claim.fence) for claim in taken] == [("acme", 4), ("empty", 4), ("new", 1)]
        adopted = account("s1", 2, adopted=True)
        storage.commit(taken[0], Batch(put(adopted).writes, (b"entry",), (), "b"))
        storage.commit(taken[0], erase(*people[1:3]))
        storage.commit(taken[1], put(account(tenant="empty")))
        assert storage.load("acme", ["s1"]) == {"s1": adopted}
        assert storage.entries("acme") == [Entry(1, b"entry")]
        for tenant in ("acme", "empty", "umbrella"):
            heads = storage.heads(tenant)
            digest = sum(int.from_bytes(head.fingerprint, "big") for head in heads)
            record = storage.tenant(tenant)
            assert (record.accounts, record.digest) == (len(heads), digest) == (1, digest)
