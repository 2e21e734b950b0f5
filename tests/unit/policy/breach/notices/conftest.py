"""Incidents on record with an impact, for the notices that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from smartify_core.model import LEDGER
from smartify_core.policy import Policy
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.breach import (
    BreachRules,
    BreachScope,
    Customer,
    Impact,
    Incident,
    IncidentState,
    NoticeField,
    Notices,
    Outcome,
    Phase,
    Round,
    ScopeKind,
    Stated,
    SubjectImpact,
    TenantImpact,
    known,
)
from smartify_core.policy.breach._places import CUSTOMER, IMPACT, INCIDENT, TENANT_IMPACT, numbered, of_tenant
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

ID = "inc-20300101-0a1b2c3d"
RULES = BreachRules(
    organisation="Initech",
    contact_point="privacy@initech.example, +1 555 0100",
    link="https://initech.example/n/{code}",
)
#: An answer to each thing that does not follow from the impact.
STATED: Mapping[NoticeField, Stated] = {
    NoticeField.WHAT_HAPPENED: known("Somebody signed in as one of our people."),
    NoticeField.CONSEQUENCES: known("Unwanted mail may come to the addresses."),
    NoticeField.MEASURES_TAKEN: known("We locked the account."),
    NoticeField.MEASURES_PLANNED: known("We will have everybody use a security key."),
    NoticeField.RECOMMENDED_STEPS: known("Warn your people of mail that asks for passwords."),
}


def affected(tenant: str, **more: Any) -> TenantImpact:
    """Return what an incident may have done to a tenant whose people's addresses were looked at."""
    start = ManualClock("2029-12-30")()
    given: dict[str, Any] = {
        "fields": ("email",),
        "subjects": 3,
        "records": 7,
        "first_at": start,
        "last_at": start + timedelta(hours=5),
        "scopes": (0,),
        "chunks": 1,
    }
    return TenantImpact(tenant, Outcome.AFFECTED, **{**given, **more})


class World:
    """A store with one incident that somebody decided to be a breach."""

    def __init__(self, storage: Storage | None = None, *, rules: BreachRules = RULES, **options: Any) -> None:
        self.clock = ManualClock("2030-01-01T08:00")
        self.storage = MemoryStorage() if storage is None else storage
        self.sealer = Sealer(MemoryKeyRing())
        self.policy = Policy(self.storage, self.sealer, clock=self.clock)
        self.subjects: dict[str, list[SubjectImpact]] = {}
        self.names = {"mailer": "Mailer & Sons <Ltd>"}
        self.rules = rules
        self.notices = self.room(**options)
        self.incidents = Shelf(self.storage, self.sealer, INCIDENT, Incident)
        self.impacts = Shelf(self.storage, self.sealer, IMPACT, Impact)
        self.tenant_impacts = Shelf(self.storage, self.sealer, TENANT_IMPACT, TenantImpact)
        self.customers = Shelf(self.storage, self.sealer, CUSTOMER, Customer)
        now = self.clock()
        scope = BreachScope(ScopeKind.ACTOR, ("e-7",))
        self._put(
            Incident(
                ID,
                IncidentState.AWARE,
                now,
                "e-1",
                "somebody saw a strange sign-in",
                now - timedelta(hours=2),
                scopes=(scope,),
                aware_at=now - timedelta(hours=1),
                aware_by="e-1",
            )
        )

    def room(self, storage: Storage | None = None, **options: Any) -> Notices:
        """Return the room of notices, over this world's store or another form of it."""
        given: dict[str, Any] = {
            "rules": self.rules,
            "gate": self.policy.gate,
            "subjects": lambda _incident, tenant, _revision: self.subjects.get(tenant, []),
            "vendor_names": lambda: self.names,
        }
        return Notices(storage or self.storage, self.sealer, self.policy.trail, **{**given, **options})

    @property
    def incident(self) -> Incident:
        """The incident as it is on record."""
        found, _ = self.incidents.get(ID)
        assert found is not None
        return found

    def change(self, **changes: Any) -> Incident:
        """Change the incident as other rooms do, and return it."""
        self._put(evolve(self.incident, **changes))
        return self.incident

    def _put(self, incident: Incident) -> None:
        _, version = self.incidents.get(ID)
        self.storage.record(LEDGER, documents=[self.incidents.put(ID, incident, over=version)])

    def assess(self, *impacts: TenantImpact) -> None:
        """Put another impact on record, for the incident's present scopes."""
        incident = self.incident
        revision = incident.impact_revision + 1
        counts = {one.value: sum(impact.outcome is one for impact in impacts) for one in Outcome}
        impact = Impact(
            ID,
            revision,
            self.clock(),
            "e-1",
            incident.scopes,
            incident.scope_revision,
            trail_size=1,
            trail_root="00" * 32,
            entries=1,
            tenants=len(impacts),
            counts=counts,
            subjects=sum(one.subjects for one in impacts),
        )
        puts = [self.impacts.put(numbered(ID, revision), impact, over=0)]
        puts += [self.tenant_impacts.put(of_tenant(ID, revision, one.tenant), one, over=0) for one in impacts]
        self.storage.record(LEDGER, documents=puts)
        self.change(impact_revision=revision)

    def register(self, *customers: Customer) -> None:
        """Put customers on record."""
        self.storage.record(LEDGER, documents=[self.customers.put(one.tenant, one, over=0) for one in customers])

    def told(self, phase: Phase, **options: Any) -> Round:
        """Draft a round and release it."""
        self.notices.draft(ID, phase, by="e-1", **options)
        return self.notices.send(ID, by="e-1")

    def kinds(self) -> list[str]:
        """Return the kinds of all entries of the trail."""
        return [entry.record.kind for entry in self.policy.trail.entries()]


def tenants_of(notices: Iterable[Any]) -> list[str]:
    """Return whom notices are for, in order."""
    return sorted(one.tenant for one in notices)


@pytest.fixture
def world() -> World:
    """Return a world."""
    return World()
