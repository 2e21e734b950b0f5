"""A tenant to reconcile: a fake directory, a real store, keys, and a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from attrs import define, field

from smartify_core.lifecycle import Accounts, Plan, Reconciler, Run
from smartify_core.model import Account, AccountState
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock

TENANT = "acme"


@define
class World:
    """Everything that one tenant's run touches."""

    storage: Storage
    directory: FakeDirectory = field(factory=FakeDirectory)
    sealer: Sealer = field(factory=lambda: Sealer(MemoryKeyRing()))
    clock: ManualClock = field(factory=ManualClock)
    reconciler: Reconciler = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reconciler = self.worker()

    def worker(self, *, batch_size: int = 500) -> Reconciler:
        """Return one more reconciler of the same tenant, as another process would have."""
        return Reconciler({TENANT: self.directory}, self.storage, self.sealer, clock=self.clock, batch_size=batch_size)

    def plan(self) -> Plan:
        """Plan the tenant's run."""
        return self.reconciler.plan(TENANT)

    def run(self) -> Run:
        """Run the tenant."""
        return self.reconciler.run(TENANT)

    def every(self) -> list[Account]:
        """Return every account, the deleted ones too."""
        return list(Accounts(self.storage, self.sealer).each(TENANT))

    def live(self) -> Mapping[str, Account]:
        """Return the live accounts by source id."""
        return {account.source_id: account for account in self.every() if account.state is not AccountState.DELETED}


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty tenant, once over each backend."""
    storage: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "store.db")
    with storage:
        yield World(storage)
