"""Damaged bytes have one word in every backend, whatever holds them: `StorageBroken` from `refusals.damaged`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests import _postgresql as postgresql

from smartify_core.errors import StorageBroken
from smartify_core.model import Append, Batch, PutDocument, SealedAccount
from smartify_core.storage import Maintained, Storage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Read = Callable[[Storage], object]


def heads(storage: Storage) -> object:
    """Read all heads, whichever way they are kept."""
    return list(storage.heads("acme"))


def claimed(storage: Storage) -> object:
    """Claim the tenant, whatever lease there is."""
    return storage.claim("acme", now=NOON + 9 * HOUR, ttl=HOUR)


def told(storage: Storage) -> object:
    """Read what is known of the tenant."""
    return storage.tenant("acme")


def told_of_all(storage: Storage) -> object:
    """Read what is known of all tenants."""
    return storage.tenants()


def loaded(storage: Storage) -> object:
    """Load the accounts."""
    return storage.load("acme", ["s1", "s2"])


def stones(storage: Storage) -> object:
    """Read the tombstones."""
    return storage.tombstones("acme")


def stones_of(storage: Storage) -> object:
    """Read the tombstone of somebody."""
    return storage.tombstones_of("acme", ["s3"])


def outbox(storage: Storage) -> object:
    """Read the outbox."""
    return storage.entries("acme")


def document(storage: Storage) -> object:
    """Read the document."""
    return storage.document("acme", "plan", "a")


def documents(storage: Storage) -> object:
    """Read the documents."""
    return storage.documents("acme")


def replaced(storage: Storage) -> object:
    """Write over the document."""
    storage.record("acme", documents=[PutDocument("plan", "a", b"new", 1)])
    return None


def added(storage: Storage) -> object:
    """Add to the journal that is not the outbox."""
    storage.record("acme", appends=[Append("audit", (b"more",))])
    return None


def audit(storage: Storage) -> object:
    """Read the journal that is not the outbox."""
    return storage.entries("acme", journal="audit")


#: What is done to the tables, what is called damaged then, and by which readers. The same in both dialects.
DAMAGES: Sequence[tuple[str, str, Sequence[Read]]] = (
    ("update {account} set state = 9 where source_id = 's1'", "the row of an account", (heads, loaded)),
    ("update {account} set inactive_reason = 9 where source_id = 's1'", "the row of an account", (heads, loaded)),
    ("update {account} set created_at = 1000000000000000000", "the row of an account", (loaded,)),
    ("update {tombstone} set created_at = 1000000000000000000", "a tombstone", (stones, stones_of)),
    ("update {tombstone} set deleted_at = -1000000000000000000", "a tombstone", (stones, stones_of)),
    ("update {records} set record = {three} where {outbox}", "a journal", (outbox,)),
    ("update {records} set record = {none} where {outbox}", "a journal", (outbox,)),
    ("update {journal} set entries = 7 where name = 'audit'", "a journal", (audit,)),
    ("update {tenant} set due_at = 1000000000000000000", "the numbers of a tenant", (told, told_of_all, claimed)),
    ("update {tenant} set expires_at = 1000000000000000000", "the numbers of a tenant", (told, told_of_all, claimed)),
)
#: What only SQLite lets into a column.
ODD: Sequence[tuple[str, str, Sequence[Read]]] = (
    ("update account set version = 'text' where source_id = 's1'", "the row of an account", (heads, loaded)),
    ("update account set version = 1.5 where source_id = 's1'", "the row of an account", (heads, loaded)),
    ("update account set account_id = x'61' where source_id = 's1'", "the row of an account", (loaded,)),
    ("update digest set record = 'a text of 32 characters, no less'", "the row of an account", (loaded,)),
    ("update tombstone set created_at = 'text'", "a tombstone", (stones, stones_of)),
    ("update tombstone set deleted_at = 1.5", "a tombstone", (stones, stones_of)),
    ("update tombstone set source_id = x'61'", "a tombstone", (stones,)),
    ("update tombstone set source_id = cast(x'ff' as text)", "a text in the store", (stones,)),
    (
        "update content set record = 'text' where id in (select content from journal where name = 'outbox')",
        "a journal",
        (outbox,),
    ),
    ("update journal set entries = 'text' where name = 'outbox'", "a journal", (outbox,)),
    ("update journal_position set position = 'text'", "a journal", (audit, added, told, told_of_all)),
    (
        "update content set record = 'text' where id in (select content from document)",
        "a document",
        (document, documents),
    ),
    ("update document set version = 'text'", "a document", (document, documents, replaced)),
    ("update tenant set fence = 'text'", "the numbers of a tenant", (told, told_of_all, claimed)),
    ("update tenant set due_at = 'text'", "the numbers of a tenant", (told, told_of_all, claimed)),
    ("update tenant set accounts = 1.5", "the numbers of a tenant", (told, told_of_all)),
    ("update total set record = 'sixteen letters.'", "the total of a tenant", (told, told_of_all)),
    ("update total set record = x'00'", "the total of a tenant", (told, told_of_all)),
)


def fill(storage: Storage, account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> None:
    """Give the tenant some of everything."""
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, put(account("s1"), account("s2"), account("s3")))
    storage.commit(claim, erase(account("s3")))
    storage.commit(claim, Batch(entries=(b"one", b"two")))
    storage.record("acme", documents=[PutDocument("plan", "a", b"value", 0)], appends=[Append("audit", (b"a",))])
    storage.release(claim, due_at=NOON)


@pytest.fixture(params=["sqlite", "postgresql"])
def damaged(
    request: pytest.FixtureRequest, path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> Iterator[Callable[[str], Storage]]:
    """Give a function that damages a filled store and opens it."""
    if request.param == "sqlite":
        opened: Storage = SQLiteStorage(path)
        held = "id in (select content from journal where name = 'outbox')"
        names = {"three": "x'000000'", "none": "x''", "records": "content", "outbox": held}
        tables = ""
    else:
        url, schema = request.getfixturevalue("postgresql_url"), request.getfixturevalue("schema")
        opened = PostgreSQLStorage(url, schema=schema)
        names = {"three": r"'\x000000'", "none": r"'\x'", "records": f"{schema}.journal", "outbox": "name = 'outbox'"}
        tables = f"{schema}."
    names |= {table: f"{tables}{table}" for table in ("account", "tombstone", "journal", "tenant")}
    fill(opened, account, put, erase)

    def damage(statement: str) -> Storage:
        if request.param == "sqlite":
            change(path, statement.format(**names))
        else:
            postgresql.run(url, statement.format(**names))
        return opened

    with opened:
        yield damage


def change(path: Path, statement: str) -> None:
    """Do something to the tables behind the store's back."""
    connection = sqlite3.connect(path)
    assert connection.execute(statement).rowcount
    connection.commit()
    connection.close()


def require_told(storage: Storage, what: str, reads: Sequence[Read]) -> None:
    """Have each of these readers say that this is damaged, and the check find something."""
    for read in reads:
        with pytest.raises(StorageBroken, match=f"^SC311 {what} is damaged") as told:
            read(storage)
        assert not told.value.retryable
        assert told.value.where
    assert isinstance(storage, Maintained)
    assert storage.check()


@pytest.mark.parametrize(("statement", "what", "reads"), DAMAGES)
def test_what_is_damaged_is_told_in_one_word(
    damaged: Callable[[str], Storage], statement: str, what: str, reads: Sequence[Read]
) -> None:
    """Whoever reads it gets a `StorageBroken` that no time will mend, never an error of Python's or of a driver."""
    require_told(damaged(statement), what, reads)


@pytest.mark.parametrize(("statement", "what", "reads"), ODD)
def test_what_sqlite_lets_into_a_column_is_told_too(
    path: Path,
    account: MakeAccount,
    put: MakeBatch,
    erase: MakeBatch,
    statement: str,
    what: str,
    reads: Sequence[Read],
) -> None:
    """SQLite keeps texts where numbers belong; every reader notices."""
    with SQLiteStorage(path) as storage:
        fill(storage, account, put, erase)
        change(path, statement)
        require_told(storage, what, reads)


def test_an_error_that_is_kept_keeps_no_state_of_the_store(
    path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """After damage was met the same handle reads and writes the store as it is now, whoever holds on to the error."""
    with SQLiteStorage(path) as storage, SQLiteStorage(path) as other:
        fill(storage, account, put, erase)
        change(path, "update account set state = 9, version = 'text' where source_id = 's1'")
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        kept = []
        for call in (heads, lambda one: one.commit(claim, put(account("s1", 2), account("s2", 2)))):
            with pytest.raises(StorageBroken) as told:
                call(storage)
            kept.append(told)
        other.record("acme", appends=[Append("audit", (b"b",))])
        storage.record("acme", appends=[Append("audit", (b"c",))])
        assert [entry.content for entry in storage.entries("acme", journal="audit")] == [b"a", b"b", b"c"]
        assert len(kept) == 2
