"""What SQLite's adapter promises of due times, journals and documents beyond the contract."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.model import Batch, Entry, PutDocument
from smartify_core.storage._sqlite import _documents as documents
from smartify_core.storage._sqlite import _tenants as tenants
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def query(path: Path, statement: str, *keys: object) -> list[tuple[object, ...]]:
    """Return what a statement answers."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement, keys).fetchall()
    finally:
        connection.close()


def test_free_tenants_are_read_off_an_index(path: Path) -> None:
    """The longest due come from a range of an index that leased tenants are not in, without a sort."""
    with SQLiteStorage(path) as storage:
        storage.schedule({f"t{number}": NOON for number in range(9)})
    statement = "explain query plan " + tenants._FREE.replace(":now", "?1").replace(":limit", "?2")
    assert [row[3] for row in query(path, statement, 0, 5)] == [
        "SEARCH tenant USING INDEX tenant_due (due_at>? AND due_at<?)"
    ]


def test_workers_who_died_are_read_off_another_index(path: Path) -> None:
    """Expired leases come from a range of an index that holds leased tenants only."""
    with SQLiteStorage(path) as storage:
        storage.schedule({f"t{number}": NOON for number in range(9)})
    statement = "explain query plan " + tenants._EXPIRED.replace(":now", "?1").replace(":limit", "?2")
    plan = [row[3] for row in query(path, statement, 0, 5)]
    assert plan[0] == "SEARCH tenant USING INDEX tenant_leased (expires_at>? AND expires_at<?)"


class Asked:
    """Notes what a connection is asked, and answers nothing."""

    def __init__(self) -> None:
        self.statement = ""
        self.keys: tuple[object, ...] = ()

    def execute(self, statement: str, keys: tuple[object, ...]) -> list[Any]:
        """Note a statement."""
        self.statement, self.keys = statement, keys
        return []


def test_a_page_of_documents_begins_at_its_key(path: Path) -> None:
    """The next page of a kind is a range of the index from the key on: no page costs more than the first."""
    SQLiteStorage(path).close()
    asked: Any = Asked()
    documents.documents(asked, "acme", "notice", ("notice", "n-7"), 5)
    plan = [str(row[3]) for row in query(path, f"explain query plan {asked.statement}", *asked.keys)]
    assert any("document USING" in step and "kind=? AND name>?" in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan)


def test_the_entries_of_a_commit_are_one_row(path: Path) -> None:
    """However many entries a batch has, one row is inserted, and trimming removes it once its last entry goes."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        for _ in range(2):
            storage.commit(claim, Batch(entries=(b"entry",) * 500))
        assert query(path, "select first, entries from journal order by first") == [(1, 500), (501, 500)]
        storage.trim("acme", through=499)
        assert query(path, "select count(*) from journal") == [(2,)]
        assert storage.entries("acme", limit=1) == [Entry(500, b"entry")]
        storage.trim("acme", through=500)
        assert query(path, "select first from journal") == [(501,)]


@pytest.mark.parametrize("by", ["a batch", "itself"])
def test_a_removed_document_is_gone_from_file_and_log(path: Path, content: Callable[[], bytes], by: str) -> None:
    """Its bytes are overwritten and the log is emptied when the call returns."""
    secret = os.urandom(5000)
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.record("acme", documents=[PutDocument("note", "n", secret, 0)])
        assert secret[:500] in content()
        removal = PutDocument("note", "n", None, 1)
        if by == "itself":
            storage.record("acme", documents=[removal])
        else:
            storage.commit(claim, Batch(documents=(removal,)))
        assert secret[:16] not in content()
        assert secret[-16:] not in content()


def test_a_refused_document_brings_no_tenant_into_being(path: Path) -> None:
    """A write of a tenant never heard of that expects another version leaves nothing."""
    with SQLiteStorage(path) as storage:
        with pytest.raises(Exception, match="SC305"):
            storage.record("acme", documents=[PutDocument("note", "n", b"x", 1)])
        assert storage.tenants() == []


def test_a_release_does_not_wait_for_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release is written without a wait, the next write with one."""
    with SQLiteStorage(path) as storage:
        asked: list[bool] = []
        writing = storage._connections.writing

        def noted(*, durable: bool = True) -> object:
            asked.append(durable)
            return writing(durable=durable)

        monkeypatch.setattr(storage._connections, "writing", noted)
        for _ in range(2):
            storage.release(storage.claim("acme", now=NOON, ttl=HOUR))
        assert asked == [True, False, True, False]
        with writing() as connection:
            assert connection.execute("pragma synchronous").fetchone() == (2,)
        with writing(durable=False) as connection:
            assert connection.execute("pragma synchronous").fetchone() == (1,)
