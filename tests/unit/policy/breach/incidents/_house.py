"""A host with incidents, and what the other rooms of breaches put on record around them, written by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from attrs import evolve

from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import Trail
from smartify_core.policy.breach import (
    Alarm,
    BreachRules,
    BreachScope,
    Customer,
    Delivery,
    DeliveryState,
    Hearing,
    Impact,
    Incident,
    Incidents,
    Outcome,
    Phase,
    Round,
    RoundState,
    ScopeKind,
    TenantImpact,
    TimeLimit,
    Watch,
)
from smartify_core.policy.breach._places import (
    CUSTOMER,
    DELIVERY,
    DELIVERY_DONE,
    HEARING,
    IMPACT,
    ROUND,
    TENANT_IMPACT,
    numbered,
    of_contact,
    of_tenant,
)
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

_Value = TypeVar("_Value")
BEGINNING = "2030-01-01"
HOST = BreachScope(ScopeKind.HOST, ("web-1",))
ACTOR = BreachScope(ScopeKind.ACTOR, ("e-9",))
HOUR = timedelta(hours=1)


class House:
    """A store with incidents. What a test needs of customers, impacts, rounds and hearings it writes itself."""

    def __init__(self, storage: Storage | None = None, *, rules: BreachRules | None = None) -> None:
        self.clock = ManualClock(BEGINNING)
        self.storage: Storage = MemoryStorage() if storage is None else storage
        self.sealer = Sealer(MemoryKeyRing())
        self.rules = BreachRules() if rules is None else rules
        self.alarms: list[Alarm] = []
        self.trail = Trail(self.storage, clock=self.clock)
        self.incidents = self.incidents_of(self.storage)
        self.watch = self.watch_of(self.storage)

    def incidents_of(self, storage: Storage) -> Incidents:
        """Return the incidents as another worker has them."""
        return Incidents(storage, self.sealer, Trail(storage, clock=self.clock), rules=self.rules)

    def watch_of(self, storage: Storage) -> Watch:
        """Return a watch as another worker has it."""
        trail = Trail(storage, clock=self.clock)
        return Watch(storage, self.sealer, trail, rules=self.rules, on_alarm=self.alarms.append)

    # --- incidents ----------------------------------------------------------------------------------------------------

    def opened(self, **options: Any) -> Incident:
        """Return an incident that is suspected."""
        wanted: dict[str, Any] = {"by": "e-1", "signal": "an odd sign-in", "scopes": [HOST]}
        return self.incidents.open(**{**wanted, **options})

    def aware(self, **options: Any) -> Incident:
        """Return an incident of which somebody is aware."""
        return self.incidents.become_aware(self.opened(**options).id, by="e-2", reason="the log shows it")

    def assessed(self, *tenants: str, **options: Any) -> Incident:
        """Return an incident that may have affected these tenants."""
        incident = self.aware(**options)
        self.assess(incident.id, tenants)
        return self.incidents.get(incident.id)

    # --- what other rooms write ---------------------------------------------------------------------------------------

    def put(self, kind: str, type_: type[_Value], values: Mapping[str, _Value]) -> None:
        """Write documents, new ones or over those that are there."""
        shelf = Shelf(self.storage, self.sealer, kind, type_)
        puts: list[PutDocument] = [shelf.put(key, value, over=shelf.get(key)[1]) for key, value in values.items()]
        self.storage.record(LEDGER, documents=puts)

    def know(self, *tenants: str) -> None:
        """Have the store know tenants."""
        self.storage.schedule(dict.fromkeys(tenants, self.clock()))

    def customer(self, tenant: str, *limits: TimeLimit) -> None:
        """Put a customer on record."""
        self.put(CUSTOMER, Customer, {tenant: Customer(tenant, limits=limits)})

    def assess(self, incident_id: str, affected: Iterable[str], *, ciphertext: Iterable[str] = ()) -> None:
        """Put a new impact on record."""
        recorded = Recorded(self.storage, self.sealer, self.trail)
        incident, version = recorded.get(incident_id)
        revision = incident.impact_revision + 1
        found = {tenant: TenantImpact(tenant, Outcome.AFFECTED) for tenant in affected}
        found |= {tenant: TenantImpact(tenant, Outcome.CIPHERTEXT_ONLY) for tenant in ciphertext}
        found["safe"] = TenantImpact("safe", Outcome.NOT_AFFECTED)
        keys = {of_tenant(incident_id, revision, tenant): one for tenant, one in found.items()}
        self.put(TENANT_IMPACT, TenantImpact, keys)
        counts = Counter(one.outcome.value for one in found.values())
        now = self.clock()
        impact = Impact(
            incident_id, revision, now, "e-1", incident.scopes, incident.scope_revision, 1, "", 0, len(found), counts
        )
        self.put(IMPACT, Impact, {numbered(incident_id, revision): impact})
        after = evolve(incident, impact_revision=revision)
        recorded.change(after, version, "incident.assessed", by="e-1", at=recorded.now())

    def send(
        self,
        incident_id: str,
        phase: Phase,
        tenants: Iterable[str],
        *,
        state: RoundState = RoundState.SPREAD,
        delivered: bool = True,
        **hearing: Any,
    ) -> int:
        """Put a round on record, and that each tenant heard of it, or not; return its number."""
        recorded = Recorded(self.storage, self.sealer, self.trail)
        incident, version = recorded.get(incident_id)
        number, now, every = incident.rounds + 1, self.clock(), list(tenants)
        one = Round(
            incident_id, number, phase, state, 1, incident.impact_revision, now, "e-1", len(every), released_at=now
        )
        self.put(ROUND, Round, {numbered(incident_id, number): one})
        if state is RoundState.SPREAD:
            at = now if delivered else None
            hearings = {
                of_tenant(incident_id, number, tenant): evolve(
                    Hearing(f"ntc-{number}", incident_id, number, tenant, phase, now, delivered_at=at), **hearing
                )
                for tenant in every
            }
            self.put(HEARING, Hearing, hearings)
        after = evolve(incident, rounds=number)
        recorded.change(after, version, "notice.released", by="e-1", at=recorded.now())
        return number

    def spread(self, incident_id: str, number: int) -> None:
        """Put on record that a round was spread."""
        shelf = Shelf(self.storage, self.sealer, ROUND, Round)
        held, _ = shelf.get(numbered(incident_id, number))
        assert held is not None
        self.put(ROUND, Round, {numbered(incident_id, number): evolve(held, state=RoundState.SPREAD)})

    def hear(self, incident_id: str, number: int, tenant: str, **changes: Any) -> None:
        """Change what is on record of a tenant's having heard of a round."""
        shelf = Shelf(self.storage, self.sealer, HEARING, Hearing)
        key = of_tenant(incident_id, number, tenant)
        held, _ = shelf.get(key)
        assert held is not None
        self.put(HEARING, Hearing, {key: evolve(held, **changes)})

    def deliver(self, incident_id: str, number: int, tenant: str, *states: DeliveryState) -> None:
        """Put deliveries to contacts of a tenant on record, one in each state."""
        for place, state in enumerate(states):
            contact = f"contact-{place}"
            one = Delivery(
                f"ntc-{number}", incident_id, number, tenant, contact, "mail", "to@x.example", 1, state, self.clock(),
                None,
            )  # fmt: skip
            kind = DELIVERY if state.is_open else DELIVERY_DONE
            self.put(kind, Delivery, {of_contact(incident_id, number, tenant, contact): one})

    # --- looking ------------------------------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """Return the kinds of all entries of the trail."""
        return [entry.record.kind for entry in self.trail.entries()]

    def now(self) -> datetime:
        """Return the present instant."""
        return self.clock()


class Counting:
    """A store that counts what it is asked."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._storage, name)
