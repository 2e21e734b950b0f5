"""Whether a draft still says what is so: time makes one false as surely as another statement does. Pure.

A notice says whether it comes in time, why not, and by when the next one comes (GDPR 33(1) and 33(4)). Each of these is
true when it is written, and may be false when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from smartify_core.policy.breach._clocks import DeadlineState, deadlines_of
from smartify_core.policy.breach._customer import Customer
from smartify_core.policy.breach._incident import Incident
from smartify_core.policy.breach._notice import Hearing, Round
from smartify_core.policy.breach._rules import BreachRules
from smartify_core.policy.breach._said import AlarmKind, DeadlineRecord
from smartify_core.policy.breach._vocabulary import Phase

#: The oldest draft that is sent. Long enough to be read by everybody who has to, and short enough that whoever releases
#: it on the next day has to look at what is known by then.
DRAFT_KEEPS: Final = timedelta(hours=6)


@frozen(order=False)
class Present:
    """What is so when a draft is to be sent.

    Args:
        incident: The incident.
        statement_revision: What is stated.
        is_assessed: Whether the draft's impact is that of the scopes that the incident has now.
        released: The rounds that are out.
        said: What was said of deadlines.
        digest: The digest of the draft that was read; ``None`` where it was not named.
        now: The present instant.
    """

    incident: Incident
    statement_revision: int
    is_assessed: bool
    released: tuple[int, ...]
    said: Iterable[DeadlineRecord]
    digest: str | None
    now: datetime


def why_stale(drafted: Round, present: Present) -> str | None:
    """Return why a draft does not say any more what would be said now; ``None`` where it does."""
    incident = present.incident
    reasons = (
        (present.statement_revision != drafted.statement_revision, "something else was stated since"),
        (incident.impact_revision != drafted.impact_revision, "the impact was computed anew since"),
        (not present.is_assessed, "the scopes were changed since"),
        (present.released != drafted.released_before, "other notices were sent since"),
        (_is_explained(drafted, present.said), "a reason for a delay came on record since"),
        (present.now >= keeps_until(drafted), "what it says of times may not be so any more"),
        (present.digest not in {None, drafted.digest}, "the latest draft is not the one that was read"),
    )
    return next((what for is_so, what in reasons if is_so), None)


def keeps_until(drafted: Round) -> datetime:
    """Return from when on a draft is stale by time alone."""
    latest = drafted.drafted_at + DRAFT_KEEPS
    return latest if drafted.keeps_until is None else min(latest, drafted.keeps_until)


def times_ahead(
    incident: Incident,
    customer: Customer,
    hearings: Sequence[Hearing],
    phase: Phase,
    *,
    rules: BreachRules,
    now: datetime,
) -> Iterator[datetime]:
    """Yield the instants that a notice of a phase does not miss yet: once one is past, it would say so."""
    tenant = customer.tenant
    found = deadlines_of(incident, (tenant,), {tenant: customer}, {tenant: hearings}, rules=rules, now=now)
    for one in found:
        if one.state is DeadlineState.RUNNING and (one.phase is phase or one.phase is not Phase.FINAL):
            # One that is due at this instant is kept until it is over (`Deadline.due_at`).
            yield one.due_at + timedelta.resolution


def _is_explained(drafted: Round, said: Iterable[DeadlineRecord]) -> bool:
    return any(one.number > drafted.said and one.said.kind is AlarmKind.EXPLAINED for one in said)
