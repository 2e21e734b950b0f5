"""What `SQLiteStorage.check` finds: each kind of damage is made by hand and told by its own finding."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import StorageError
from smartify_core.model import Append, Batch, PutDocument, SealedAccount
from smartify_core.storage import Finding, Maintained, Storage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Tell = Callable[[Storage], tuple[object, ...]]


@pytest.fixture
def store(path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> Path:
    """Return a store with a history: accounts written, changed, grown and ended, journals, documents, two tenants."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(*(account(f"s{n}") for n in range(30))))
        storage.commit(claim, put(account("s1", 2), account("s2", 2, payload=b"longer" * 200)))
        storage.commit(claim, erase(account("s3"), account("s4")))
        storage.commit(claim, Batch(entries=(b"one", b"two"), documents=(PutDocument("kind", "key", b"value", 0),)))
        storage.commit(claim, Batch(entries=(b"three",), appends=(Append("audit", (b"a", b"b"), 40),)))
        storage.record("acme", appends=[Append("audit", (b"c",)), Append("empty", (), 7)])
        storage.trim("acme", through=1)
        storage.release(claim)
        storage.claim("globex", now=NOON, ttl=HOUR)
    return path


def found(path: Path, *statements: str) -> list[Finding]:
    """Do something to the store behind its back, and return what a check finds then."""
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with SQLiteStorage(path, read_only=True) as storage:
        return list(storage.check())


def hidden(path: Path, statement: str, *values: object) -> list[tuple[object, ...]]:
    """Do something that even the list of tables and indexes does not resist."""
    connection = sqlite3.connect(path)
    connection.execute("pragma writable_schema = on")
    rows = connection.execute(statement, values).fetchall()
    connection.commit()
    connection.close()
    return rows


def test_a_store_with_a_history_is_sound(store: Path) -> None:
    """Everything that the port can do leaves nothing to find; a handle that writes finds the same."""
    assert found(store) == []
    with SQLiteStorage(store) as storage:
        assert isinstance(storage, Maintained)
        assert storage.check() == []


def test_a_finding_reads_as_what_and_where() -> None:
    """It prints in one line."""
    assert str(Finding("a row is odd", "tenant acme")) == "a row is odd (tenant acme)"


THIRD = "id = (select content from journal where first = 3)"
#: A record whose only entry is longer than it.
NINE = "cast(x'0000000400000009' || zeroblob(56) as blob)"
VACANT = "(select id from vacancy where slab = 1)"


@pytest.mark.parametrize(
    ("statement", "what", "where"),
    [
        ("delete from vacancy where slab = 0", "a record that nothing leads to", "digest"),
        ("delete from vacancy where slab = 1", "a record that nothing leads to", "sealed"),
        ("insert into total values (99, zeroblob(16))", "a record that nothing leads to", "total, record 99"),
        ("update account set digest = 999 where source_id = 's9'", "a record is named that there is not", "digest"),
        ("delete from sealed where id = (select sealed from account where source_id = 's9')", "named that", "sealed"),
        ("insert into vacancy values (1, 256, 999)", "a vacant record is named that there is not", "sealed"),
        (
            "insert into vacancy select 0, 32, digest from account where source_id = 's9'",
            "a record is in use and vacant at once",
            "digest",
        ),
        (
            "update account set sealed = (select sealed from account where source_id = 's8') where source_id = 's9'",
            "a record is in use twice",
            "sealed",
        ),
        (
            f"update sealed set record = zeroblob(5) where id in {VACANT}",
            "a vacant record has another length than is noted",
            "sealed",
        ),
        (
            f"update sealed set record = zeroblob(length(record) - 1) || x'01' where id in {VACANT}",
            "a vacant record still holds bytes",
            "sealed",
        ),
        (
            "update sealed set record = x'00' where id = (select sealed from account where source_id = 's9')",
            "the row of an account is damaged",
            "tenant acme, source id s9",
        ),
        ("update account set state = 7 where source_id = 's9'", "the row of an account is damaged", "source id s9"),
        (
            "update account set email_bucket = email_bucket + 1 where source_id = 's9'",
            "an account is not found by its address",
            "tenant acme, source id s9",
        ),
        ("update tenant set accounts = 27 where name = 'acme'", "28 accounts are there, and 27 are told", "acme"),
        ("update total set record = zeroblob(16)", "the digest is not that of the accounts", "tenant acme"),
        (
            "insert into tombstone values (1, 'account of s9', 's9', 0, 0)",
            "an account is live that has ended",
            "tenant acme, account account of s9",
        ),
        ("update tenant set position = 9 where name = 'acme'", "has position 3, and 9 is told", "journal outbox"),
        ("update journal_position set position = 42", "has position 43, and 42 is told", "journal audit"),
        ("delete from journal_position where name = 'audit'", "has position 43, and 0 is told", "journal audit"),
        ("update journal set first = 44 where first = 43", "position 44 follows 42", "tenant acme, journal audit"),
        (f"update content set record = {NINE} where {THIRD}", "from position 3 on are damaged", "outbox"),
        (f"update content set record = 'text' where {THIRD}", "from position 3 on are damaged", "outbox"),
        ("update journal set tenant = 77 where first = 3", "a row names one of tenant that there is not", "journal"),
        ("delete from journal where first = 1", "the first entry has position 3, and 1 are trimmed", "journal outbox"),
        ("delete from journal where first = 3", "the last entry has position 2, and 3 is told", "journal outbox"),
        ("delete from journal where name = 'outbox'", "no entry is there, and 3 is told", "journal outbox"),
        ("delete from journal where first = 41", "has position 43, and 40 are trimmed", "journal audit"),
        ("delete from journal where name = 'audit'", "no entry is there, and 43 is told", "journal audit"),
        ("update journal_position set trimmed = 42 where name = 'audit'", "41 on are there that were trimmed", "audit"),
        ("update journal_position set trimmed = 3 where name = 'empty'", "no entry is there, and 7 is told", "empty"),
        ("delete from document", "a record that nothing leads to", "content"),
        ("update document set content = 999", "a record is named that there is not", "content"),
        ("update document set content = (select max(content) from journal)", "a record is in use twice", "content"),
        ("update document set content = 999", "a document is damaged", "tenant acme, document kind/key"),
        ("update content set record = 'text'", "values are not of the type blob", "content, column record"),
        ("update document set version = 'text'", "1 values are not of the type integer", "document, column version"),
        ("update tenant set due_at = 1.5", "2 values are not of the type integer", "tenant, column due_at"),
        ("update tenant set expires_at = 'soon'", "2 values are not of the type integer", "tenant, column expires_at"),
        (
            "update tombstone set deleted_at = x'00'",
            "2 values are not of the type integer",
            "tombstone, column deleted_at",
        ),
        ("update account set predecessor = x'00'", "28 values are not of the type text", "account, column predecessor"),
        ("update account set version = -1 where source_id = 's9'", "1 rows hold numbers that are never", "account"),
        ("update account set adopted = 2", "28 rows hold numbers that are never written", "account"),
        ("update document set version = 0", "1 rows hold numbers that are never written", "document"),
        ("update tenant set trimmed = 4 where name = 'acme'", "1 rows hold numbers that are never written", "tenant"),
        ("update tenant set fence = -5", "2 rows hold numbers that are never written", "tenant"),
        ("update tenant set revision = -1", "2 rows hold numbers that are never written", "tenant"),
        ("update journal_position set trimmed = -1", "2 rows hold numbers that are never written", "journal_position"),
        ("update journal set entries = 0 where first = 3", "1 rows hold numbers that are never written", "journal"),
        ("update vacancy set slab = 9", "rows hold numbers that are never written", "vacancy"),
        ("delete from smartify_schema where version = 2", "steps of the schema are noted", "smartify_schema"),
        ("drop index account_by_account_id", "a part of the schema is missing", "index account_by_account_id"),
        ("drop index tenant_due", "a part of the schema is missing", "index tenant_due"),
        ("drop table document", "a part of the schema is missing", "table document"),
        ("alter table account rename column state to status", "another than this version makes", "table account"),
        ("alter table tenant add column nickname text", "another than this version makes", "table tenant"),
        ("create table notes (id integer)", "this is no part of the schema", "table notes"),
        (
            "create trigger watch after insert on account begin delete from tombstone; end",
            "this is no part of the schema",
            "trigger watch",
        ),
    ],
)
def test_what_contradicts_itself_is_found(store: Path, statement: str, what: str, where: str) -> None:
    """Each rule is broken once, and its finding names the place, with ids only."""
    told = found(store, "pragma foreign_keys = off", statement)
    assert [one for one in told if what in one.what and where in one.where], told
    assert "payload of" not in str(told)


@pytest.mark.parametrize(
    ("name", "statements"),
    [
        (
            "account_by_account_id",
            (
                "drop index account_by_account_id",
                "create index account_by_account_id on account (tenant, account_id)",
            ),
        ),
        (
            "tenant_due",
            ("drop index tenant_due", "create index tenant_due on tenant (due_at, name) where due_at is not null"),
        ),
        (
            "account_by_email_bucket",
            (
                "drop index account_by_email_bucket",
                "create index account_by_email_bucket on account (tenant, digest, email_bucket)",
            ),
        ),
    ],
)
def test_an_index_of_another_kind_is_found(store: Path, name: str, statements: tuple[str, ...]) -> None:
    """One of the same name that allows two of a kind, has other columns, or other rows."""
    told = found(store, *statements)
    assert [one.where for one in told] == [f"index {name}"]


def test_an_index_that_lacks_a_row_is_found(store: Path) -> None:
    """What SQLite itself can find is told in its words."""
    name = "tombstone_by_source_id"
    (index,) = hidden(store, f"select * from sqlite_master where name = '{name}'")
    hidden(store, f"delete from sqlite_master where name = '{name}'")
    hidden(store, "insert into tombstone values (2, 'gone', 'gone', 0, 0)")
    hidden(store, "insert into sqlite_master values (?, ?, ?, ?, ?)", *index)
    told = found(store)
    assert any("SQLite finds its file damaged" in one.what for one in told), told


@pytest.mark.parametrize("seed", range(24))
def test_flipped_bytes_are_found_or_refused(store: Path, everything: Tell, seed: int) -> None:
    """Garbage in the file is a finding or an error of ours with a cure, unless no row is in it; it is never mended."""
    with SQLiteStorage(store) as storage:
        expected = everything(storage)
    content = bytearray(store.read_bytes())
    pages = len(content) // 4096
    start = (seed * pages // 24) * 4096 + (0 if seed % 2 else 8)
    content[start : start + 64] = bytes(255 - byte for byte in content[start : start + 64])
    store.write_bytes(content)
    try:
        with SQLiteStorage(store, read_only=True) as storage:
            assert storage.check() or everything(storage) == expected
    except StorageError as error:
        refusal = error
        assert (bool(refusal.cure), refusal.__cause__) == (True, None)
    assert store.read_bytes() == bytes(content)
    assert [file.name for file in store.parent.iterdir()] == [store.name]
