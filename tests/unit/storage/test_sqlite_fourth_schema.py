"""A store of the fourth version, whose journals and documents held their bytes themselves, is brought up to date."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import Append, Document, Entry, PutDocument
from smartify_core.storage._sqlite._schema import MIGRATIONS, bring_up_to_date
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def record(*entries: bytes) -> bytes:
    """Return entries as that version kept them."""
    return b"".join(len(entry).to_bytes(4, "big") + entry for entry in entries)


@pytest.fixture
def fourth(path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to an empty store of that version with two tenants."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma secure_delete = on")
    bring_up_to_date(connection, path, patience=5, migrations=MIGRATIONS[:4])
    connection.execute("insert into tenant (name, fence, revision) values ('acme', 1, 0), ('umbrella', 1, 0)")
    yield connection
    connection.close()


def test_a_store_of_the_fourth_version_keeps_what_it_holds(path: Path, fourth: sqlite3.Connection) -> None:
    """Journals that were trimmed in the middle of a row, began behind a position, or never had an entry; documents."""
    rows = [
        (1, "outbox", 1, 3, record(b"one", b"", b"three")),
        (1, "outbox", 4, 1, record(b"4" * 9000)),
        (1, "audit", 41, 2, record(b"a", b"b")),
        (2, "outbox", 12, 1, record(b"late")),
    ]
    fourth.executemany("insert into journal (tenant, name, first, entries, record) values (?, ?, ?, ?, ?)", rows)
    fourth.execute("update tenant set position = 4, trimmed = 2 where id = 1")
    fourth.execute("update tenant set position = 12 where id = 2")
    fourth.execute("insert into journal_position values (1, 'audit', 42, 0), (1, 'empty', 7, 0), (2, 'gone', 5, 5)")
    documents = [(1, "plan", "a", 3, b"first"), (1, "plan", "b", 1, b""), (2, "note", "a", 1, b"n" * 70_000)]
    fourth.executemany("insert into document (tenant, kind, name, version, value) values (?, ?, ?, ?, ?)", documents)
    fourth.close()
    with SQLiteStorage(path) as storage:
        assert storage.check() == []
        assert list(storage.entries("acme")) == [Entry(3, b"three"), Entry(4, b"4" * 9000)]
        assert list(storage.entries("acme", journal="audit")) == [Entry(41, b"a"), Entry(42, b"b")]
        assert list(storage.entries("umbrella")) == [Entry(12, b"late")]
        assert (storage.tenant("acme").position, storage.tenant("acme").positions) == (4, {"audit": 42, "empty": 7})
        assert storage.tenant("umbrella").positions == {"gone": 5}
        told = [Document("plan", "a", b"first", 3), Document("plan", "b", b"", 1)]
        assert list(storage.documents("acme")) == told
        assert storage.document("umbrella", "note", "a") == Document("note", "a", b"n" * 70_000, 1)
        appends = [Append("outbox", (b"5",)), Append("audit", (b"c",), 42), Append("empty", (b"8",))]
        storage.record("acme", documents=[PutDocument("plan", "a", b"longer" * 100, 3)], appends=appends)
        storage.trim("acme", through=3)
        storage.erase_tenant(storage.claim("umbrella", now=NOON, ttl=HOUR))
        assert [entry.position for entry in storage.entries("acme")] == [4, 5]
        assert [entry.position for entry in storage.entries("acme", journal="empty")] == [8]
        assert storage.check() == []
    assert b"late" not in path.read_bytes()
    assert b"nnnn" not in path.read_bytes()


@pytest.mark.parametrize("seed", range(6))
def test_what_had_stayed_behind_is_gone(
    path: Path, fourth: sqlite3.Connection, content: Callable[[], bytes], seed: int
) -> None:
    """Copies of what was removed before, in the slack of pages, go with the tables that they were in."""
    dice = random.Random(seed)
    for number in range(400):
        value = f"<{number:05d}>".encode() * dice.randrange(1, 100)
        fourth.execute("insert into document values (?, ?, 'plan', ?, 1, ?)", (None, 1, f"{dice.random()}", value))
    for table in (1, 2, 3):
        fourth.execute("update document set value = value || value where id % 5 = ?", (table,))
    removed = dice.sample(range(400), 250)
    fourth.executemany("delete from document where id = ?", [(number + 1,) for number in removed])
    reader = sqlite3.connect(path, isolation_level=None)
    fourth.close()
    SQLiteStorage(path).close()
    left = {int(number) for number in re.findall(rb"<([0-9]{5})>", content())}
    assert left == set(range(400)) - set(removed)
    reader.close()


def test_the_log_of_a_migration_is_emptied_when_nobody_reads_any_more(
    path: Path, fourth: sqlite3.Connection, content: Callable[[], bytes]
) -> None:
    """It holds the pages of the former tables; a reader that is in the way delays it only."""
    fourth.execute("insert into document values (null, 1, 'plan', 'a', 1, ?)", (b"<a plan>" * 100,))
    fourth.execute("delete from document")
    fourth.execute("begin")
    fourth.execute("select count(*) from tenant").fetchone()
    with SQLiteStorage(path) as storage:
        assert b"<a plan>" in content()
        fourth.execute("rollback")
        storage.record("acme")
        assert b"<a plan>" not in content()
