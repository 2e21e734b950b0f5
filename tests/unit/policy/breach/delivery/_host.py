"""A host in the middle of a breach: customers, a released round of notices, and a channel that answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar

from attrs import evolve

from smartify_core.model import LEDGER
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import Trail
from smartify_core.policy.breach import (
    AttemptVerdict,
    BreachRules,
    Contact,
    Customer,
    Delivery,
    Hearing,
    Incident,
    IncidentState,
    Notice,
    Outcome,
    Parcel,
    Phase,
    PoliceHold,
    Reply,
    Round,
    RoundState,
)
from smartify_core.policy.breach._delivery import Courier
from smartify_core.policy.breach._places import CUSTOMER, INCIDENT, NOTICE, REACH, ROUND, numbered, of_tenant
from smartify_core.policy.breach._reach import Reach
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

_T = TypeVar("_T")
INCIDENT_ID = "inc-20300101-0000abcd"
ACCEPTED = Reply(AttemptVerdict.ACCEPTED, "250", reference="m-1", content_sha256="ab" * 32)
TRY_AGAIN = Reply(AttemptVerdict.TRY_AGAIN, "http 500", detail="oops")
REFUSED = Reply(AttemptVerdict.REFUSED, "550 5.1.1", detail="no such user")
GONE = Reply(AttemptVerdict.GONE, "http 410")
WAITS = (timedelta(minutes=1), timedelta(minutes=10))
RULES = BreachRules(call="e-9", escalate_after=timedelta(hours=1))


class Scripted:
    """A channel that keeps what it was given, and answers each address as it is told: the last answer again and again.

    Args:
        channel: Its name.
        answers: The replies by address; those that are not named are accepted. A function is called in its place.
        waits: How long to wait.
    """

    def __init__(
        self,
        channel: str = "mail",
        answers: dict[str, Sequence[Reply | Callable[[Parcel], Reply]]] | None = None,
        *,
        waits: tuple[timedelta, ...] = WAITS,
    ) -> None:
        self.channel = channel
        self.waits = waits
        self.answers = {address: list(replies) for address, replies in (answers or {}).items()}
        self.parcels: list[Parcel] = []
        self._mutex = threading.Lock()

    def check(self, address: str) -> None:
        """Take whatever there is."""

    @contextmanager
    def opened(self) -> Iterator[Scripted]:
        """Return itself."""
        yield self

    def send(self, parcel: Parcel) -> Reply:
        """Keep a parcel, and answer."""
        with self._mutex:
            self.parcels.append(parcel)
            replies = self.answers.get(parcel.address, [ACCEPTED])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        return reply if isinstance(reply, Reply) else reply(parcel)

    def got(self) -> dict[str, set[str]]:
        """Return the ids that were sent to each address."""
        found: dict[str, set[str]] = {}
        for parcel in self.parcels:
            found.setdefault(parcel.address, set()).add(parcel.id)
        return found


def mail(tenant: str, *, name: str = "mail", tier: int = 1, channel: str = "mail") -> Contact:
    """Return a contact of a tenant."""
    return Contact(name, channel, f"{name}@{tenant}.example", tier)


def notice_of(tenant: str, number: int = 1, *, incident: str = INCIDENT_ID, phase: Phase = Phase.FIRST) -> Notice:
    """Return what a tenant is told in a round."""
    digest = sha256(f"{incident}/{number}/{tenant}".encode()).hexdigest()
    return Notice(
        id=f"ntc-{digest[:32]}",
        incident=incident,
        round=number,
        phase=phase,
        tenant=tenant,
        outcome=Outcome.AFFECTED,
        locale="en",
        subject=f"Notice for {tenant}",
        text=f"What happened to the data of {tenant}.\n" * 20,
        html=f"<p>What happened to the data of {tenant}.</p>\n" * 20,
        payload=json.dumps({"incident": incident, "tenant": tenant, "round": number}),
        code=f"code-{digest}",
        open_fields=(),
        annex=None,
        sha256=sha256(digest.encode()).hexdigest(),
        drafted_at=ManualClock()(),
    )


class Host:
    """A store with an incident, and what leads from a released round to its customers."""

    def __init__(self, storage: Storage | None = None) -> None:
        self.storage = MemoryStorage() if storage is None else storage
        self.clock = ManualClock("2030-01-01")
        self.sealer = Sealer(MemoryKeyRing())
        self.trail = Trail(self.storage, clock=self.clock)
        self.put(INCIDENT, INCIDENT_ID, self.incident())

    def incident(self, **other: Any) -> Incident:
        """Return the incident as it is at first."""
        now = self.clock()
        made = Incident(INCIDENT_ID, IncidentState.AWARE, now, "e-1", "a signal", now, aware_at=now, aware_by="e-1")
        return evolve(made, **other)

    def put(self, kind: str, key: str, value: Any) -> None:
        """Keep a value, over whatever is there."""
        shelf = self.shelf(kind, type(value))
        self.storage.record(LEDGER, documents=[shelf.put(key, value, over=shelf.get(key)[1])])

    def shelf(self, kind: str, type_: type[Any]) -> Shelf[Any]:
        """Return the shelf of a kind."""
        return Shelf(self.storage, self.sealer, kind, type_)

    def held(self, kind: str, key: str, type_: type[_T]) -> _T:
        """Return the value of a kind under a key."""
        found: _T | None = self.shelf(kind, type_).get(key)[0]
        assert found is not None
        return found

    def customer(self, tenant: str, *contacts: Contact, call: str | None = None) -> None:
        """Put a customer on record."""
        self.put(CUSTOMER, tenant, Customer(tenant, contacts, call=call))

    def release(self, *tenants: str, number: int = 1, phase: Phase = Phase.FIRST) -> None:
        """Put a round on record that is to go out to these tenants."""
        for tenant in tenants:
            self.put(NOTICE, of_tenant(INCIDENT_ID, number, tenant), notice_of(tenant, number, phase=phase))
        now = self.clock()
        round_ = Round(INCIDENT_ID, number, phase, RoundState.RELEASED, 1, 1, now, "e-1", notices=len(tenants))
        self.put(ROUND, numbered(INCIDENT_ID, number), evolve(round_, released_at=now, released_by="e-1"))
        self.put(INCIDENT, INCIDENT_ID, evolve(self.held(INCIDENT, INCIDENT_ID, Incident), rounds=number))

    def hold(self, **until: float) -> None:
        """Have police ask for silence for a while."""
        now = self.clock()
        hold = PoliceHold(now + timedelta(**until), "police, 4711", "e-1", "they asked", now)
        self.put(INCIDENT, INCIDENT_ID, evolve(self.held(INCIDENT, INCIDENT_ID, Incident), hold=hold))

    def courier(self, *notifiers: Any, storage: Storage | None = None, **options: Any) -> Courier:
        """Return a courier over the store, or over another one that leads there."""
        given = self.storage if storage is None else storage
        trail = self.trail if storage is None else Trail(storage, clock=self.clock)
        return Courier(given, self.sealer, trail, notifiers, **{"rules": RULES, "threads": 2, **options})

    def deliveries(self) -> dict[tuple[str, str, int], Delivery]:
        """Return every delivery by tenant, contact and round: each stands in one place only."""
        listed = list(self.courier().deliveries(INCIDENT_ID))
        found = {(one.tenant, one.contact, one.round): one for one in listed}
        assert len(found) == len(listed)
        return found

    def hearing(self, tenant: str, number: int = 1) -> Hearing:
        """Return whether a tenant has heard."""
        return next(one for one in self.courier().hearings(INCIDENT_ID) if (one.tenant, one.round) == (tenant, number))

    def reach(self, tenant: str) -> Reach | None:
        """Return what is known of a tenant's contacts."""
        found: Reach | None = self.shelf(REACH, Reach).get(tenant)[0]
        return found

    def kinds(self, tenant: str | None = None) -> list[str]:
        """Return the kinds of the trail's entries, or of those of a tenant."""
        return [entry.record.kind for entry in self.trail.entries() if tenant is None or entry.record.tenant == tenant]
