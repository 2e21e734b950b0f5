"""A vendor with two customers, and the people who work there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.lifecycle import Reconciler
from smartify_core.model import Identity
from smartify_core.policy import ACCOUNT_FIELDS, Grant, PersonalField, Policy, Purpose
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

ADA = identity("ada", groups=["eng", "all"])
BOB = identity("bob")
EVIDENCE = "ab" * 32


class Vendor:
    """A real SQLite store with accounts of two tenants, and policy over it."""

    def __init__(self, file: Path, *more: Identity, storage: Storage | None = None) -> None:
        self.file = file
        self.clock = ManualClock("2030-01-01")
        self.storage: Storage = SQLiteStorage(file) if storage is None else storage
        self.sealer = Sealer(MemoryKeyRing())
        self.directory = FakeDirectory(ADA, BOB, *more, clock=self.clock)
        self.other = FakeDirectory(identity("cyd"), clock=self.clock)
        sources = {"acme": self.directory, "globex": self.other}
        self.reconciler = Reconciler(sources, self.storage, self.sealer, clock=self.clock)
        self.sync()
        self.policy = self.policy_of(self.storage)
        for name in ("e-1", "e-2", "e-3"):
            self.policy.staff.add(name, by="admin", may_approve=name == "e-2")
            self.policy.staff.bind(name, agreement=f"nda-{name}", evidence=EVIDENCE, by="admin")

    def policy_of(self, storage: Storage, **options: Any) -> Policy:
        """Return policy over a store, by this vendor's keys and clock."""
        return Policy(storage, self.sealer, clock=self.clock, **options)

    def sync(self) -> None:
        """Bring both tenants in step."""
        for tenant in ("acme", "globex"):
            assert self.reconciler.run(tenant).error is None

    def grant(self, *, approved: bool = True, employee: str = "e-1", **options: Any) -> Grant:
        """Return a grant for a day, for all fields of Acme's people, that another employee has approved."""
        wanted: dict[str, Any] = {
            "tenant": "acme",
            "purpose": Purpose.CUSTOMER_CARE,
            "fields": ACCOUNT_FIELDS,
            "reason": "ticket 4711",
            "lasts": timedelta(days=1),
        }
        grant = self.policy.grants.request(employee, **{**wanted, **options})
        return self.policy.grants.approve(grant.id, by="e-2") if approved else grant

    def ask(self, employee: str = "e-1", **options: Any) -> dict[str, Any]:
        """Return what `Gate.open` takes: for Ada's address, to help with an issue, unless told otherwise."""
        wanted: dict[str, Any] = {
            "tenant": "acme",
            "purpose": Purpose.CUSTOMER_CARE,
            "fields": [PersonalField.EMAIL],
            "reason": "she cannot sign in",
            "source_id": ADA.source_id,
        }
        return {"employee": employee, **wanted, **options}

    def kinds(self) -> list[str]:
        """Return the kinds of all entries of the trail."""
        return [entry.record.kind for entry in self.policy.trail.entries()]


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    """Return a vendor."""
    made = Vendor(tmp_path / "store.db")
    yield made
    made.storage.close()
