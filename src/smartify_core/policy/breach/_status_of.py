"""Counting how an incident stands, in one pass over what is on record around it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from ._clocks import Deadline, DeadlineState
from ._dossier import Dossier
from ._notice import Hearing
from ._said import grouped, open_calls
from ._status import DueNotices, IncidentStatus, RoundStatus
from ._vocabulary import DeliveryState

_OPEN = tuple(one.value for one in DeliveryState if one.is_open)


def status_of(
    dossier: Dossier,
    deadlines: Iterable[Deadline],
    deliveries: Mapping[tuple[int, str], Counter[str]],
    now: datetime,
) -> IncidentStatus:
    """Return how an incident stands.

    Args:
        dossier: What is on record around it.
        deadlines: Its deadlines.
        deliveries: How many deliveries of each round and tenant are in each state.
        now: The present instant.
    """
    incident, impact = dossier.incident, dossier.impact
    running: list[Deadline] = []
    unexplained: list[Deadline] = []
    for one in deadlines:
        if one.state is DeadlineState.RUNNING:
            running.append(one)
        elif one.state.is_failed and not dossier.said.is_explained(one):
            unexplained.append(one)
    tenants: Counter[str] = Counter()
    rounds: dict[int, Counter[str]] = {one.number: Counter() for one in dossier.rounds}
    sent: dict[int, Counter[str]] = {one.number: Counter() for one in dossier.rounds}
    for (number, _), states in deliveries.items():
        sent.setdefault(number, Counter()).update(states)
    for tenant, some in dossier.hearings.items():
        calls = open_calls(some)
        marks: set[str] = {"queued"}
        failed = 0
        for hearing in some:
            its = _marks(hearing, deliveries.get((hearing.round, tenant)))
            failed += "failed" in its
            marks |= its - {"failed"}
            rounds.setdefault(hearing.round, Counter()).update(its)
        for hearing in calls:
            rounds[hearing.round]["to_call"] += 1
        if failed == len(some):
            marks.add("failed")
        if calls:
            marks.add("to_call")
        tenants.update(marks)
    return IncidentStatus(
        id=incident.id,
        state=incident.state,
        first_signal_at=incident.first_signal_at,
        aware_at=incident.aware_at,
        confirmed_at=incident.confirmed_at,
        closed_at=incident.closed_at,
        held_until=incident.hold.until if incident.hold is not None and incident.is_held(now) else None,
        is_assessed=dossier.is_assessed,
        impact_revision=0 if impact is None else impact.revision,
        outcomes={} if impact is None else dict(impact.counts),
        owed=None if dossier.owed is None else len(dossier.owed),
        rounds=tuple(
            RoundStatus(
                one.number,
                one.phase,
                one.state,
                one.notices,
                **rounds[one.number],
                deliveries=dict(sent[one.number]),
            )
            for one in dossier.rounds
        ),
        due=tuple(map(_due, grouped(running))),
        unexplained=tuple(map(_due, grouped(unexplained))),
        **tenants,
    )


def _marks(hearing: Hearing, deliveries: Counter[str] | None) -> set[str]:
    """Return as what a notice counts."""
    marks = {"queued"}
    if hearing.delivered_at is not None:
        marks.add("delivered")
    if hearing.acknowledged_at is not None:
        marks.add("acknowledged")
    if not hearing.has_heard and not any(deliveries is not None and deliveries[one] for one in _OPEN):
        marks.add("failed")
    return marks


def _due(group: list[Deadline]) -> DueNotices:
    first = min(group, key=lambda one: one.due_at)
    return DueNotices(
        first.phase,
        first.number,
        first.due_at,
        first.kind,
        first.citation,
        len(group),
        tuple(one.tenant for one in group if one.tenant is not None),
        first.held_until,
    )
