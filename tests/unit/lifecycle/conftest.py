"""A tenant to reconcile: a fake directory, a real store, keys, and a clock that is turned by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from attrs import define, field

from smartify_core.lifecycle import HeldPlan, Plan, Reconciler, Rules, Run, RunState, _run_state
from smartify_core.model import Account, AccountState, Identity
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity, opened_accounts

TENANT = "acme"


@define
class World:
    """Everything that one tenant's run touches."""

    storage: Storage
    directory: FakeDirectory = field(factory=FakeDirectory)
    sealer: Sealer = field(factory=lambda: Sealer(MemoryKeyRing()))
    clock: ManualClock = field(factory=ManualClock)
    rules: Rules = field(factory=Rules)
    #: Whom `staffed` added last.
    people: Sequence[Identity] = ()
    reconciler: Reconciler = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.reconciler = self.worker()

    def worker(self, *, batch_size: int = 500) -> Reconciler:
        """Return one more reconciler of the same tenant, as another process would have."""
        return Reconciler(
            {TENANT: self.directory},
            self.storage,
            self.sealer,
            rules=self.rules,
            clock=self.clock,
            batch_size=batch_size,
        )

    def obey(self, rules: Rules) -> None:
        """Have the tenant's runs follow these rules from now on."""
        self.rules = rules
        self.reconciler = self.worker()

    def staffed(self, number: int, *, groups: Sequence[str] = ()) -> list[Identity]:
        """Add so many people to the directory, bring the accounts in step, and return the people."""
        people = [identity(f"staff-{one:03}", groups=groups) for one in range(number)]
        self.directory.add(*people)
        self.run()
        self.people = people
        return people

    def plan(self) -> Plan:
        """Plan the tenant's run."""
        return self.reconciler.plan(TENANT)

    def run(self) -> Run:
        """Run the tenant."""
        return self.reconciler.run(TENANT)

    def refresh(self, person: Identity) -> Run:
        """Bring one person in step."""
        return self.reconciler.refresh(TENANT, person.source_id)

    def waiting_plan(self) -> HeldPlan:
        """Return the held plan that the latest run speaks of."""
        plans = {plan.hash: plan for plan in self.reconciler.held_plans(TENANT)}
        return plans[self.state().held_plan or "none"]

    def approve(self, plan: HeldPlan) -> Run:
        """Approve a held plan."""
        return self.reconciler.approve(TENANT, plan.hash, by="olga", reason="confirmed with the customer")

    def state(self) -> RunState:
        """Return what the store remembers of the tenant's runs."""
        return _run_state.load(self.storage, TENANT)[0]

    def every(self) -> list[Account]:
        """Return every account, the deleted ones too."""
        return list(opened_accounts(self.storage, self.sealer, TENANT))

    def live(self) -> Mapping[str, Account]:
        """Return the live accounts by source id."""
        return {account.source_id: account for account in self.every() if account.state is not AccountState.DELETED}


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty tenant, once over each backend."""
    storage: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "store.db")
    with storage:
        yield World(storage)
