"""A store with one tenant and a directory, and everything that sees to it that whoever is gone is gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from attrs import define, field

from smartify_core.lifecycle import Reconciler, Rules, Run
from smartify_core.model import LegalHold, SealedAccount
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy.audit import AuditEntry, Trail
from smartify_core.policy.shredding import EndingsFile, LegalHolds, Shredder
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

TENANT = "acme"


@define
class World:
    """Everything that one tenant's endings touch."""

    storage: Storage
    register: EndingsFile | None = None
    directory: FakeDirectory = field(factory=FakeDirectory)
    ring: MemoryKeyRing = field(factory=MemoryKeyRing)
    clock: ManualClock = field(factory=ManualClock)
    rules: Rules = field(factory=Rules)

    @property
    def sealer(self) -> Sealer:
        """Return a sealer as a process of its own has."""
        return Sealer(self.ring)

    @property
    def trail(self) -> Trail:
        """Return the trail as a process of its own has it."""
        return Trail(self.storage, clock=self.clock)

    @property
    def holds(self) -> LegalHolds:
        """Return the holds."""
        return LegalHolds(self.storage, self.sealer, self.trail)

    @property
    def shredder(self) -> Shredder:
        """Return a shredder as a process of its own has."""
        return Shredder(self.storage, self.sealer, self.trail, register=self.register)

    def reconciler(self, *, batch_size: int = 500) -> Reconciler:
        """Return a worker."""
        return Reconciler(
            {TENANT: self.directory},
            self.storage,
            self.sealer,
            rules=self.rules,
            clock=self.clock,
            batch_size=batch_size,
        )

    def run(self) -> Run:
        """Bring the accounts in step."""
        return self.reconciler().run(TENANT)

    def staffed(self, *names: str) -> None:
        """Have these people in the directory and the store, beside a colleague who stays."""
        if not self.directory.truth():
            self.directory.add(identity("colleague"))
        self.directory.add(*(identity(name, source_id=name) for name in names))
        self.run().require_complete()

    def leave(self, *names: str) -> Run:
        """Have these people deleted in the directory, and run."""
        for name in names:
            self.directory.delete(name)
        return self.run()

    def account(self, name: str) -> SealedAccount:
        """Return a person's account."""
        return self.storage.load(TENANT, [name])[name]

    def is_here(self, name: str) -> bool:
        """Return whether a person has a live account."""
        return bool(self.storage.load(TENANT, [name]))

    def hold(self, name: str | None = None) -> LegalHold:
        """Place a hold on a person, or on the tenant."""
        return self.holds.place(TENANT, name, by="counsel", reason="a lawsuit of Zebulon's")

    def release(self, name: str | None = None) -> LegalHold:
        """Release it."""
        return self.holds.release(TENANT, name, by="counsel", reason="it was settled with Zebulon")

    def seal(self, name: str, text: bytes = b"text") -> bytes:
        """Seal something under a person's key."""
        keys = SubjectKeys(self.storage, self.sealer)
        return keys.seal(TENANT, name, self.account(name).account_id, "reason", text)

    def told(self, kind: str) -> Sequence[AuditEntry]:
        """Return the entries of a kind."""
        return [entry for entry in self.trail.entries() if entry.record.kind == kind]


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty tenant with a register, once over each backend."""
    storage: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "store.db")
    with storage:
        yield World(storage, EndingsFile.create(tmp_path / "endings.jsonl"))


@pytest.fixture
def in_memory(tmp_path: Path) -> World:
    """Return an empty tenant with a register, over a store in memory."""
    return World(MemoryStorage(), EndingsFile.create(tmp_path / "endings.jsonl"))
