"""The clocks of notices: what is due to whom, when, and where that is written. Pure.

Three instants start clocks (first signal, awareness, confirmation), and each notice starts the next one. The earliest
of what the host promises and what the customer's contract and laws say is what counts.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from attrs import frozen

from ._customer import ClockStart, Customer, LimitKind, TimeLimit
from ._incident import Incident, PoliceHold
from ._notice import Hearing
from ._rules import BreachRules
from ._vocabulary import IncidentState, Phase

#: What stands as the citation of the host's own times.
OWN_TARGET: Final = "the host's own target"
#: How long after a police hold what had to rest goes out. Laws say "promptly" (California Civil Code 1798.82(c)), and
#: no notice arrives in the instant in which silence ends.
AFTER_HOLD: Final = timedelta(hours=1)


@enum.unique
class DeadlineState(enum.Enum):
    """How a deadline stands."""

    RUNNING = "running"
    MET = "met"
    #: The customer heard of it, but too late.
    LATE = "late"
    #: It is over, and the customer has not heard of it.
    MISSED = "missed"

    @property
    def is_failed(self) -> bool:
        """Whether it was not kept, so that a reason has to be on record (GDPR 33(1))."""
        return self in {DeadlineState.LATE, DeadlineState.MISSED}


@frozen(order=False)
class BindingLimit:
    """One of the times that bind a notice.

    Args:
        due_at: The last instant at which it is kept, before any police hold.
        kind: What sets it.
        citation: Where it is written.
        start: Where its clock started.
    """

    due_at: datetime
    kind: LimitKind
    citation: str
    start: ClockStart


@frozen(order=False)
class Deadline:
    """When one notice to one customer is due at the latest.

    Args:
        incident: The incident.
        tenant: The customer; ``None`` for all of them, while nobody has assessed who they are.
        phase: Which notice.
        number: The how-manieth of its phase, from 1.
        due_at: The last instant at which it is kept.
        bindings: All that binds it, the earliest first: that one counts.
        state: How it stands.
        heard_at: When the customer heard of it; ``None`` until then.
        held_until: The end of the police hold that moved it; ``None`` where none did.
    """

    incident: str
    tenant: str | None
    phase: Phase
    number: int
    due_at: datetime
    bindings: tuple[BindingLimit, ...]
    state: DeadlineState
    heard_at: datetime | None = None
    held_until: datetime | None = None

    @property
    def kind(self) -> LimitKind:
        """What sets it."""
        return self.bindings[0].kind

    @property
    def citation(self) -> str:
        """Where it is written."""
        return self.bindings[0].citation

    @property
    def start(self) -> ClockStart:
        """Where its clock started."""
        return self.bindings[0].start


#: From which instant each kind of clock runs; what is absent does not run yet.
_Starts: TypeAlias = Mapping[ClockStart, datetime]


def deadlines_of(
    incident: Incident,
    owed: Collection[str] | None,
    customers: Mapping[str, Customer],
    hearings: Mapping[str, Sequence[Hearing]],
    *,
    rules: BreachRules,
    now: datetime,
) -> Iterator[Deadline]:
    """Yield every deadline of an incident, those that are over included, customer by customer in order of tenant.

    A limit that starts at the first signal runs before anybody has decided anything: it counts from when one would have
    known with reasonable diligence (HIPAA 164.410). A near miss owes nobody anything.

    Args:
        incident: The incident.
        owed: The tenants that are owed notices; ``None`` while nobody has assessed who they are.
        customers: What is known of customers, by tenant.
        hearings: The notices that were queued, by tenant. Whoever has one is owed the next ones too.
        rules: What the host promises.
        now: The present instant.
    """
    if incident.state is IncidentState.NEAR_MISS:
        return
    clock = _Clock(incident, rules, now)
    if owed is None:
        every = [limit for customer in customers.values() for limit in customer.limits]
        yield from clock.undirected(every)
        return
    for tenant in sorted({*owed, *hearings}):
        customer = customers.get(tenant)
        limits = () if customer is None else customer.limits
        yield from clock.of_tenant(tenant, limits, _heard(hearings.get(tenant, ())))


def times_of(
    incident: Incident,
    customer: Customer,
    hearings: Sequence[Hearing],
    phase: Phase,
    *,
    rules: BreachRules,
    now: datetime,
) -> tuple[tuple[Deadline, ...], datetime | None]:
    """Return which deadlines a notice that is written now misses, and by when the next notice comes.

    A notice is what any update was due as that waits, and any first notice; a final one is what a final one was due as.

    Args:
        incident: The incident.
        customer: Who is told.
        hearings: The notices to it that were queued.
        phase: Which notice is written.
        rules: What the host promises.
        now: The present instant.

    Returns:
        What it misses; and the earliest time for a notice after this one that lies ahead, ``None`` after a final one.
    """
    clock, heard = _Clock(incident, rules, now), _heard(hearings)
    found = clock.of_tenant(customer.tenant, customer.limits, heard)
    missed = tuple(
        one
        for one in found
        if one.state is DeadlineState.MISSED and (one.phase is phase or one.phase is not Phase.FINAL)
    )
    if phase is Phase.FINAL:
        return missed, None
    return missed, clock.next_of(customer.tenant, customer.limits, [*heard, (now, phase)])


def _heard(hearings: Iterable[Hearing]) -> list[tuple[datetime, Phase]]:
    """Return when a customer heard, and of which notice, in order of time."""
    found = [(at, one.phase) for one in hearings if (at := one.heard_at) is not None]
    return sorted(found, key=lambda one: one[0])


def after_holds(due_at: datetime, holds: Iterable[PoliceHold]) -> tuple[datetime, datetime | None]:
    """Return until when a time runs that police holds fell into, and the end of the last of them.

    A hold that was put on record once the time was over moves nothing.
    """
    until: datetime | None = None
    for hold in sorted(holds, key=lambda one: one.at):
        if hold.at <= due_at < hold.until + AFTER_HOLD:
            due_at, until = hold.until + AFTER_HOLD, hold.until
    return due_at, until


class _Clock:
    """The clocks of one incident."""

    def __init__(self, incident: Incident, rules: BreachRules, now: datetime) -> None:
        self._incident = incident
        self._now = now
        self._holds = (*incident.past_holds, *(() if incident.hold is None else (incident.hold,)))
        self._targets = (
            TimeLimit(Phase.FIRST, rules.first_notice, ClockStart.AWARENESS, LimitKind.TARGET, OWN_TARGET),
            TimeLimit(Phase.UPDATE, rules.update_every, ClockStart.LAST_NOTICE, LimitKind.TARGET, OWN_TARGET),
        )
        self._starts = {
            start: at
            for start, at in (
                (ClockStart.FIRST_SIGNAL, incident.first_signal_at),
                (ClockStart.AWARENESS, incident.aware_at),
                (ClockStart.CONFIRMATION, incident.confirmed_at),
            )
            if at is not None
        }

    def undirected(self, limits: Iterable[TimeLimit]) -> Iterator[Deadline]:
        """Yield what is due while nobody knows to whom: of each kind of limit the strictest."""
        every = (*self._targets, *limits)
        for phase in (Phase.FIRST, Phase.FINAL):
            strictest = {one.kind: one for one in reversed(self._bindings(every, phase, self._starts))}
            yield from self._deadline(None, phase, 1, sorted(strictest.values(), key=_strictness), None)

    def next_of(
        self, tenant: str, limits: Sequence[TimeLimit], heard: Sequence[tuple[datetime, Phase]]
    ) -> datetime | None:
        """Return the earliest time for a notice to one customer that lies ahead; what is over promises nothing."""
        ahead = (
            after_holds(binding.due_at, self._holds)[0]
            for one in self.of_tenant(tenant, limits, heard)
            if one.heard_at is None
            for binding in one.bindings
        )
        return min((at for at in ahead if at > self._now), default=None)

    def of_tenant(
        self, tenant: str, limits: Sequence[TimeLimit], heard: Sequence[tuple[datetime, Phase]]
    ) -> Iterator[Deadline]:
        """Yield what is and was due to one customer, who heard of these notices at these instants."""
        every = (*self._targets, *limits)
        first = heard[0][0] if heard else None
        yield from self._deadline(tenant, Phase.FIRST, 1, self._bindings(every, Phase.FIRST, self._starts), first)
        starts, final = self._starts, None
        for number, (at, phase) in enumerate(heard, start=1):
            if phase is Phase.FINAL:
                final = at
                break
            # What runs from another instant than the notice before it binds the first update only.
            starts = {**(self._starts if number == 1 else {}), ClockStart.LAST_NOTICE: at}
            after = heard[number][0] if number < len(heard) else None
            yield from self._deadline(tenant, Phase.UPDATE, number, self._bindings(every, Phase.UPDATE, starts), after)
        starts = {**self._starts, **starts}
        yield from self._deadline(tenant, Phase.FINAL, 1, self._bindings(every, Phase.FINAL, starts), final)

    def _bindings(self, limits: Iterable[TimeLimit], phase: Phase, starts: _Starts) -> list[BindingLimit]:
        found = [
            BindingLimit(started + one.within, one.kind, one.citation, one.start)
            for one in limits
            if one.phase is phase and (started := starts.get(one.start)) is not None
        ]
        return sorted(found, key=_strictness)

    def _deadline(
        self, tenant: str | None, phase: Phase, number: int, bindings: Sequence[BindingLimit], heard: datetime | None
    ) -> Iterator[Deadline]:
        """Yield the deadline, unless nothing binds it or the incident was over before it was."""
        if not bindings:
            return
        due_at, held_until = after_holds(bindings[0].due_at, self._holds)
        closed_at = self._incident.closed_at
        if heard is not None:
            state = DeadlineState.MET if heard <= due_at else DeadlineState.LATE
        elif closed_at is not None and closed_at <= due_at:
            return
        else:
            state = DeadlineState.RUNNING if self._now <= due_at else DeadlineState.MISSED
        yield Deadline(self._incident.id, tenant, phase, number, due_at, tuple(bindings), state, heard, held_until)


def _strictness(binding: BindingLimit) -> tuple[datetime, int, str]:
    """Put the earliest first; of two at the same instant, the one that binds more: a law before a contract."""
    return binding.due_at, _BINDING[binding.kind], binding.citation


_BINDING: Final = {LimitKind.LAW: 0, LimitKind.CONTRACT: 1, LimitKind.TARGET: 2}
