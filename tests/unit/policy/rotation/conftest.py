"""A tenant with people, documents and keys to rotate, in every store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import define, field

from smartify_core.lifecycle import Reconciler, Rules, Run
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.audit import Trail
from smartify_core.policy.rotation import Rotation
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

PEOPLE = 23


@define
class World:
    """One store with its key file, and the directory of one tenant."""

    storage: Storage
    keys: Path
    directory: FakeDirectory = field(factory=FakeDirectory)
    clock: ManualClock = field(factory=ManualClock)
    sealer: Sealer = field(init=False)
    trail: Trail = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.sealer = Sealer(FileKeyRing.create(self.keys))
        self.trail = Trail(self.storage, clock=self.clock)
        self.directory.add(*(identity(f"s{n:02}", groups=["all"]) for n in range(PEOPLE)))

    def run(self) -> Run:
        """Bring the tenant in step."""
        rules = Rules()
        return Reconciler({"acme": self.directory}, self.storage, self.sealer, rules=rules, clock=self.clock).run(
            "acme"
        )

    def rotation(self, *, batch_size: int = 5, storage: Storage | None = None, audited: bool = True) -> Rotation:
        """Return a rotation with small batches."""
        return Rotation(
            storage or self.storage,
            self.sealer,
            self.trail if audited else None,
            clock=self.clock,
            batch_size=batch_size,
        )

    def keep(self, tenant: str, kind: str, key: str, content: bytes, *, over: int = 0) -> None:
        """Write a sealed document."""
        sealed = self.sealer.seal_document(tenant, kind, key, content)
        self.storage.record(tenant, documents=[PutDocument(kind, key, sealed, over)])

    def names(self) -> list[str]:
        """Open every account of the tenant and return the addresses."""
        page = self.storage.heads("acme")
        found = self.storage.load("acme", page.source_ids)
        return [self.sealer.open(found[source_id]).email for source_id in page.source_ids]

    def under(self) -> set[str]:
        """Return the names of the keys that the tenant's accounts are under."""
        page = self.storage.heads("acme")
        return {self.sealer.key_of(one) for one in self.storage.load("acme", page.source_ids).values()}


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Return a fresh store of each kind."""
    if request.param == "memory":
        with MemoryStorage() as memory:
            yield memory
    elif request.param == "sqlite":
        with SQLiteStorage(tmp_path / "smartify.db") as sqlite:
            yield sqlite
    else:
        url, schema = request.getfixturevalue("postgresql_url"), request.getfixturevalue("schema")
        with PostgreSQLStorage(url, schema=schema) as postgresql:
            yield postgresql


@pytest.fixture
def world(storage: Storage, tmp_path: Path) -> World:
    """Return a tenant whose people were provisioned, with documents of its own and of policy's, sealed and not."""
    made = World(storage, tmp_path / "smartify.keys")
    made.run()
    for number in range(7):
        made.keep("acme", "note", f"n{number}", b"sealed %d" % number)
        made.keep(LEDGER, "grant", f"g{number}", b"granted %d" % number)
    made.clock.advance(timedelta(hours=1))
    storage.record("acme", documents=[PutDocument("host's own", "k", b'{"plain": true}', 0)])
    return made
