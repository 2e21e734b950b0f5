"""What `check_storage` finds in a store that contradicts itself, whatever the backend."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from smartify_core.errors import StorageUnavailable
from smartify_core.model import Append, Batch, Entry, HeadPage, Put, PutDocument, SealedAccount, TenantRecord, Tombstone
from smartify_core.storage import Finding, Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.soundness import check_storage, check_tenant
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


def fill(storage: Storage, account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> None:
    """Give two tenants some of everything."""
    for tenant in ("acme", "globex"):
        claim = storage.claim(tenant, now=NOON, ttl=HOUR)
        storage.commit(claim, put(*(account(f"s{n}", tenant=tenant) for n in range(1200))))
        storage.commit(claim, erase(*(account(f"s{n}", tenant=tenant) for n in range(3))))
        storage.commit(claim, Batch(entries=(b"one", b"two", b"three")))
        storage.record(tenant, appends=[Append("audit", (b"a", b"b"), 40)])
        storage.record(tenant, documents=[PutDocument("plan", "a", b"", 0), PutDocument("plan", "b", b"", 0)])
        storage.release(claim)


@pytest.fixture
def storage(account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> MemoryStorage:
    """Return a store in memory with some of everything."""
    made = MemoryStorage()
    fill(made, account, put, erase)
    return made


def test_a_sound_store_has_no_findings(
    storage: MemoryStorage, path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """Whatever the backend, and also when a journal was trimmed or a tenant is empty."""
    with SQLiteStorage(path) as sqlite:
        stores: tuple[Storage, ...] = (storage, sqlite)
        for store in stores:
            if store is sqlite:
                fill(store, account, put, erase)
            store.trim("acme", through=2)
            store.trim("acme", journal="audit", through=42)
            store.schedule({"nobody": NOON})
            assert list(check_storage(store)) == []


DAMAGES: Mapping[str, str] = {
    "1197 accounts are there, and 7 are told (tenant acme)": "update tenant set accounts = 7 where id = 1",
    "the digest is not that of the accounts (tenant acme)": "update total set record = zeroblob(16) where id = 1",
    "an account is not found by its address (tenant acme, source id s7)": (
        "update account set email_bucket = email_bucket + 1 where tenant = 1 and source_id = 's7'"
    ),
    "an account is live that has ended (tenant acme, account account of s1)": (
        "update account set source_id = 's1', account_id = 'account of s1' where tenant = 1 and source_id = 's9'"
    ),
    "position 43 follows 41 (tenant acme, journal audit)": (
        "insert into content values (991, cast(x'0000000400000000' || zeroblob(56) as blob)),"
        " (992, cast(x'0000000400000000' || zeroblob(56) as blob));"
        "insert into journal (tenant, name, first, entries, content) values (1, 'audit', 43, 1, 991);"
        "update journal set content = 992, entries = 1 where name = 'audit' and tenant = 1 and first = 41"
    ),
    "the last entry has position 3, and 9 is told (tenant acme, journal outbox)": (
        "update tenant set position = 9 where id = 1"
    ),
}


@pytest.mark.parametrize("finding", list(DAMAGES))
def test_what_contradicts_itself_is_found(
    path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch, finding: str
) -> None:
    """Each kind of contradiction is told with its place, and the other tenant has none."""
    with SQLiteStorage(path) as storage:
        fill(storage, account, put, erase)
        connection = sqlite3.connect(path)
        connection.executescript(DAMAGES[finding])
        connection.close()
        found = [str(one) for one in check_storage(storage)]
    assert finding in found
    assert not [one for one in found if "globex" in one]


class Odd(MemoryStorage):
    """A backend that tells one thing wrong."""

    wrong = ""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = 1000) -> HeadPage:
        page = super().heads(tenant, after=after, limit=limit)
        if self.wrong == "versions":
            return HeadPage.of([evolve(page[0], version=9), *page[1:]])
        return super().heads(tenant) if self.wrong == "circle" else page

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        found = dict(super().load(tenant, source_ids))
        if self.wrong == "load":
            found.pop("s7", None)
        return found

    def tombstones(self, tenant: str, **options: Any) -> Sequence[Tombstone]:
        found = list(super().tombstones(tenant, **options))
        return found[::-1] if self.wrong == "stones" else found

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        return {} if self.wrong == "latest" else super().tombstones_of(tenant, source_ids)

    def documents(self, tenant: str, kind: str | None = None, **options: Any) -> Sequence[Any]:
        found = list(super().documents(tenant, kind, **options))
        return found[::-1] if self.wrong == "documents" else found

    def document(self, tenant: str, kind: str, key: str) -> Any:
        return None if self.wrong == "document" else super().document(tenant, kind, key)

    def tenants(self, **options: Any) -> Sequence[TenantRecord]:
        found = list(super().tenants(**options))
        return found[::-1] if self.wrong == "tenants" else found

    def entries(self, tenant: str, **options: Any) -> Sequence[Entry]:
        if self.wrong == "once":
            self.wrong = ""
            return [super().entries(tenant, **options)[0], *super().entries(tenant, **options)[2:]]
        if self.wrong == "gone":
            raise StorageUnavailable("the server is gone", cure="Bring it back.")
        return super().entries(tenant, **options)


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ("versions", "an account is not as its head says (tenant acme, source id s10)"),
        ("load", "an account is not as its head says (tenant acme, source id s7)"),
        ("circle", "accounts are not in order (tenant acme, source id s10)"),
        ("stones", "tombstones are not in order (tenant acme, account account of s1)"),
        ("latest", "a tombstone is not found by its source id (tenant acme, account account of s0)"),
        ("documents", "documents are not in order (tenant acme, document plan/a)"),
        ("document", "a document is not found by its name (tenant acme, document plan/b)"),
        ("tenants", "tenants are not in order; the rest was not looked at (tenant acme)"),
    ],
)
def test_a_backend_that_tells_something_wrong_is_found_out(
    account: MakeAccount, put: MakeBatch, erase: MakeBatch, wrong: str, finding: str
) -> None:
    """Each answer is held against another one; a backend whose pages turn in a circle does not take the check along."""
    storage = Odd()
    fill(storage, account, put, erase)
    storage.wrong = wrong
    assert finding in [str(one) for one in check_storage(storage)]


def test_what_is_wrong_only_once_is_not_told(account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> None:
    """Somebody may trim a journal while it is read: only what a second look finds too counts."""
    storage = Odd()
    fill(storage, account, put, erase)
    storage.wrong = "once"
    assert list(check_storage(storage)) == []
    assert not storage.wrong, "the gap was told"


def test_a_store_that_is_gone_is_an_error(account: MakeAccount, put: MakeBatch, erase: MakeBatch) -> None:
    """It is no finding about the store, and does not look like a sound one."""
    storage = Odd()
    fill(storage, account, put, erase)
    storage.wrong = "gone"
    with pytest.raises(StorageUnavailable, match="Bring it back"):
        list(check_storage(storage))


def test_what_is_damaged_is_a_finding(path: Path, account: MakeAccount, put: MakeBatch) -> None:
    """A row that does not open is told, and the rest is looked at all the same."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("s1"), account("s2")))
        storage.commit(claim, Batch(entries=(b"one",)))
        with storage._connections.writing() as connection:
            connection.execute("update sealed set record = x'00' where id = 1")
            connection.execute("update tenant set position = 9")
        found = check_tenant(storage, "acme")
    assert Finding("the row of an account is damaged", "tenant acme") in found
    assert Finding("the last entry has position 1, and 9 is told", "tenant acme, journal outbox") in found


class Busy(MemoryStorage):
    """A store that somebody writes to whenever it is looked at."""

    writes = 0
    make: MakeAccount

    def heads(self, tenant: str, *, after: str | None = None, limit: int = 1000) -> HeadPage:
        page = super().heads(tenant, after=after, limit=limit)
        if self.writes:
            self.writes -= 1
            claim = self.claim(tenant, now=NOON, ttl=HOUR)
            self.commit(claim, Batch((Put(self.make(f"a{self.writes}"), 0),)))
            self.release(claim)
        return page


@pytest.mark.parametrize(("writes", "expected"), [(3, 0), (1000, 1)])
def test_what_is_written_meanwhile_is_no_contradiction(account: MakeAccount, writes: int, expected: int) -> None:
    """A tenant that is written to is looked at again; one that never rests is told as that, not as damaged."""
    storage = Busy()
    storage.make = account
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, Batch((Put(account("s1"), 0),)))
    storage.release(claim)
    storage.writes = writes
    found = list(check_storage(storage))
    assert len(found) == expected
    assert all("were not compared" in one.what for one in found)


def test_a_store_that_was_closed_is_an_error(storage: MemoryStorage) -> None:
    """Whoever looks through a closed handle has looked at nothing."""
    storage.close()
    with pytest.raises(StorageUnavailable, match="is closed"):
        list(check_storage(storage))
