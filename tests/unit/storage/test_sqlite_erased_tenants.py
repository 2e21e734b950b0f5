"""An erased tenant leaves nothing of what it kept beside its accounts, whatever others did in the same file."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import Append, Batch, Claim, PutDocument, SealedAccount
from smartify_core.storage._sqlite import _connections as connections
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TENANTS = ("gone", "keep")
#: Sizes of what is written, at most: a page holds many, some, one, or part of one.
SIZES = (60, 300, 700, 1200, 5000, 20_000)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


@pytest.fixture(autouse=True)
def disk_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the same bytes without waiting for the disk, which would take most of the time."""
    settings = [one.replace("synchronous = full", "synchronous = off") for one in connections._SETTINGS]
    assert "synchronous = off" in settings
    monkeypatch.setattr(connections, "_SETTINGS", settings)


class Workload:
    """Two tenants whose documents and journals come, change and go in one file, in an order drawn from a seed.

    All that is written consists of marks: its tenant, which value it is, and so on to its end.
    """

    def __init__(self, storage: SQLiteStorage, seed: int) -> None:
        self.storage = storage
        self.random = random.Random(seed)
        self.size = SIZES[seed % len(SIZES)]
        self.claims: dict[str, Claim] = {one: storage.claim(one, now=NOON, ttl=HOUR) for one in TENANTS}
        self.documents: dict[tuple[str, str], int] = {}
        #: The numbers of the values that are held, by where they are.
        self.held: dict[tuple[str, str], int] = {}
        self.written = 0

    def value(self, tenant: str) -> bytes:
        """Return something new of some size."""
        self.written += 1
        mark = f"<{tenant}:{self.written:05d}>".encode()
        return mark * self.random.randrange(1, self.size // len(mark) + 2)

    def step(self) -> None:
        """Write once for one of the tenants."""
        tenant = self.random.choice(TENANTS)
        documents = []
        for key in {f"{self.random.randrange(90):03d}" for _ in range(self.random.randrange(4))}:
            there = self.documents.pop((tenant, key), 0)
            self.held.pop((tenant, key), None)
            if there and self.random.random() < 0.4:
                documents.append(PutDocument("plan", key, None, there))
                continue
            documents.append(PutDocument("plan", key, self.value(tenant), there))
            self.documents[tenant, key], self.held[tenant, key] = there + 1, self.written
        entries = self.entries(tenant, "outbox", self.random.randrange(4))
        trail = self.entries(tenant, "trail", self.random.randrange(2))
        batch = Batch(entries=entries, documents=tuple(documents), appends=(Append("trail", trail),))
        self.storage.commit(self.claims[tenant], batch)
        if self.random.random() < 0.2:
            self.trim(tenant, self.random.choice(("outbox", "trail")))

    def entries(self, tenant: str, journal: str, number: int) -> tuple[bytes, ...]:
        """Return entries to add, noting where they will be."""
        record = self.storage.tenant(tenant)
        position = record.position if journal == "outbox" else record.positions.get(journal, 0)
        made = []
        for at in range(position + 1, position + 1 + number):
            made.append(self.value(tenant))
            self.held[tenant, f"{journal} {at}"] = self.written
        return tuple(made)

    def trim(self, tenant: str, journal: str) -> None:
        """Trim a journal somewhere, often in the middle of what was written together."""
        kept = sorted(int(key.split()[1]) for one, key in self.held if one == tenant and key.startswith(journal))
        if kept:
            through = self.random.choice(kept)
            self.storage.trim(tenant, journal=journal, through=through)
            for at in [one for one in kept if one <= through]:
                del self.held[tenant, f"{journal} {at}"]

    def held_by(self, tenant: str) -> set[int]:
        """Return the numbers of the values that the tenant holds."""
        return {number for (one, _), number in self.held.items() if one == tenant}


def found(content: bytes, tenant: str) -> set[int]:
    """Return the numbers of the tenant's values of which bytes are there."""
    return {int(number) for number in re.findall(b"<" + tenant.encode() + b":([0-9]{5})>", content)}


@pytest.mark.parametrize("seed", range(48))
def test_an_erased_tenant_leaves_nothing(path: Path, content: Callable[[], bytes], seed: int) -> None:
    """Neither of live documents and entries nor of former ones: in file and log is only what the other tenant holds."""
    with SQLiteStorage(path) as storage:
        work = Workload(storage, seed)
        for _ in range(250):
            work.step()
        assert work.held_by("gone") <= found(content(), "gone")
        storage.erase_tenant(work.claims["gone"])
        assert b"<gone:" not in content()
        assert b"gone:0" not in content()
        assert found(content(), "keep") == work.held_by("keep")
        assert storage.check() == []


@pytest.mark.parametrize("seed", range(48))
def test_what_is_replaced_removed_or_trimmed_is_gone_once_the_store_is_closed(path: Path, seed: int) -> None:
    """The file then holds what is held, of either tenant, and nothing of what was."""
    with SQLiteStorage(path) as storage:
        work = Workload(storage, 1000 + seed)
        for _ in range(250):
            work.step()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    for tenant in TENANTS:
        assert found(path.read_bytes(), tenant) == work.held_by(tenant)


def test_documents_that_live_until_the_tenant_is_erased(path: Path, content: Callable[[], bytes]) -> None:
    """Those that were never replaced go as well, where another tenant's came and went between them."""
    dice = random.Random(5)
    with SQLiteStorage(path) as storage:
        claims = {one: storage.claim(one, now=NOON, ttl=HOUR) for one in TENANTS}
        for number in range(200):
            for tenant in TENANTS:
                value = f"<{tenant}:{number:05d}>".encode() * dice.randrange(20, 60)
                storage.commit(claims[tenant], Batch(documents=(PutDocument("plan", str(number), value, 0),)))
        for number in dice.sample(range(200), 150):
            storage.commit(claims["keep"], Batch(documents=(PutDocument("plan", str(number), None, 1),)))
        storage.erase_tenant(claims["gone"])
        assert b"<gone:" not in content()


def test_a_document_that_grows_leaves_places_for_others(path: Path) -> None:
    """What grows and shrinks again and again does not have the file grow with it."""
    with SQLiteStorage(path) as storage:
        sizes = []
        for turn in range(4):
            for step in range(12):
                version = turn * 12 + step
                storage.record("acme", documents=[PutDocument("k", "d", os.urandom(100 * 2**step), version)])
            storage.close()
            sizes.append(path.stat().st_size)
            storage = SQLiteStorage(path)  # noqa: PLW2901 - the next turn's
        storage.close()
    assert sizes == sizes[:1] * 4


def test_the_middle_of_a_row_is_overwritten(path: Path, content: Callable[[], bytes]) -> None:
    """Trimming within what one commit wrote overwrites what is trimmed and leaves the rest as it was."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        entries = tuple(os.urandom(40) for _ in range(5))
        storage.commit(claim, Batch(entries=entries))
        storage.trim("acme", through=2)
        storage.trim("acme", through=3)
        assert [entry.content for entry in storage.entries("acme")] == list(entries[3:])
        assert storage.check() == []
    assert [entry for entry in entries if entry in content()] == list(entries[3:])
