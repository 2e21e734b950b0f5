"""A host with two customers over one store, an employee with a grant, and the rooms above the gate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import define, field
from tests.unit.policy.vendors._making import EVIDENCE, NOW

from smartify_core.lifecycle import Reconciler
from smartify_core.policy import Grant, PersonalField, Policy, Purpose
from smartify_core.policy.audit import AuditRecord
from smartify_core.policy.vendors import Exports, Vendors
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.testing import FakeDirectory, ManualClock, identity

ADA, BOB = identity("ada"), identity("bob")


@define
class Host:
    """Everything that an export or a conversation touches."""

    storage: Storage
    clock: ManualClock = field(factory=lambda: ManualClock(NOW))
    sealer: Sealer = field(factory=lambda: Sealer(MemoryKeyRing()))
    directory: FakeDirectory = field(init=False)
    reconciler: Reconciler = field(init=False)
    policy: Policy = field(init=False)
    vendors: Vendors = field(init=False)
    exports: Exports = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.directory = FakeDirectory(ADA, BOB, clock=self.clock)
        other = FakeDirectory(identity("cyd"), clock=self.clock)
        sources = {"acme": self.directory, "globex": other}
        self.reconciler = Reconciler(sources, self.storage, self.sealer, clock=self.clock)
        self.sync()
        self.policy = Policy(self.storage, self.sealer, clock=self.clock)
        for name in ("e-1", "e-2"):
            self.policy.staff.add(name, by="admin", may_approve=name == "e-2")
            self.policy.staff.bind(name, agreement=f"nda-{name}", evidence=EVIDENCE, by="admin")
        self.vendors = Vendors(self.storage, self.sealer, self.policy.trail)
        self.exports = Exports(self.vendors, self.policy.gate)

    def sync(self) -> None:
        """Bring both tenants in step."""
        for tenant in ("acme", "globex"):
            assert self.reconciler.run(tenant).error is None

    def account(self, source_id: str) -> str:
        """Return the account id of one of Acme's people."""
        return self.storage.load("acme", [source_id])[source_id].account_id

    def grant(self, **options: Any) -> Grant:
        """Return a grant for ten days, to see addresses of Acme's people for the service, approved by another."""
        wanted: dict[str, Any] = {
            "tenant": "acme",
            "purpose": Purpose.SERVICE_PROVISION,
            "fields": [PersonalField.EMAIL],
            "reason": "newsletter",
            "lasts": timedelta(days=10),
        }
        grant = self.policy.grants.request("e-1", **{**wanted, **options})
        return self.policy.grants.approve(grant.id, by="e-2")

    def export(self, **options: Any) -> Any:
        """Open an export that nothing stands against, with whatever is told otherwise."""
        wanted: dict[str, Any] = {
            "vendor": "mailer",
            "tenant": "acme",
            "employee": "e-1",
            "purpose": Purpose.SERVICE_PROVISION,
            "fields": [PersonalField.EMAIL],
            "consideration": "none",
            "reason": "the monthly letter",
        }
        return self.exports.open(**{**wanted, **options})

    def records(self, *beginnings: str) -> list[AuditRecord]:
        """Return the records of the trail of these kinds."""
        every = [entry.record for entry in self.policy.trail.entries()]
        return [one for one in every if one.kind.startswith(beginnings)]

    def documents(self, tenant: str = "acme") -> Mapping[tuple[str, str], int]:
        """Return the versions of all documents of a tenant."""
        return {(one.kind, one.key): one.version for one in self.storage.documents(tenant)}
