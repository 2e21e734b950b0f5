"""Incidents, impacts and what is due, as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from smartify_core.policy.breach import (
    Alarm,
    AlarmKind,
    DueNotices,
    Impact,
    ImpactDifference,
    IncidentStatus,
    Outcome,
    TenantImpact,
)

from ._numbers import are, numbered

#: How many customers are named before the others are counted.
_NAMED: Final = 3


def minute(at: datetime) -> str:
    """Return an instant to the minute, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}Z"


def lines_of_impact(impact: Impact, tenants: Iterable[TenantImpact]) -> Iterator[str]:
    """Yield what an assessment found, with a line for each tenant that is given."""
    counts = impact.counts
    safe = counts.get(Outcome.NOT_AFFECTED.value, 0)
    yield (
        f"{impact.incident}, assessment {impact.revision}: of {numbered(impact.tenants, 'tenant')} "
        f"{counts.get(Outcome.AFFECTED.value, 0):,} may be affected, "
        f"{counts.get(Outcome.CIPHERTEXT_ONLY.value, 0):,} by ciphertext only, "
        f"{safe:,} {are(safe)} not affected"
    )
    yield f"  from all {numbered(impact.trail_size, 'entry')} of the audit trail, root {impact.trail_root[:16]}"
    shown = 0
    for one in tenants:
        shown += one.outcome is not Outcome.NOT_AFFECTED
        found = f"{numbered(one.subjects, 'account')}, {', '.join(one.fields)}" if one.fields else ""
        yield f"  {one.tenant}  {one.outcome.value}  {found}".rstrip()
    left = counts.get(Outcome.AFFECTED.value, 0) + counts.get(Outcome.CIPHERTEXT_ONLY.value, 0) - shown
    if left > 0:
        yield f"  and {left:,} more: smartify breach impact {impact.incident}"
    for limit in impact.limits:
        yield f"  not known: {limit}"


def line_of_difference(difference: ImpactDifference) -> str:
    """Return what differs from the assessment before, by how many customers, the first ones named."""
    said = [
        f"{what}: {_some(tenants, len(tenants))}"
        for what, tenants in (
            ("newly affected", difference.newly),
            ("no longer affected", difference.no_longer),
            ("affected otherwise", difference.changed),
        )
        if tenants
    ]
    return f"since assessment {difference.before}, {'; '.join(said) or 'nothing differs'}"


def lines_of_status(status: IncidentStatus) -> Iterator[str]:
    """Yield how an incident stands: what is due when, what was missed, and who has heard."""
    yield f"{status.id}  {status.state.value}  first signal {minute(status.first_signal_at)}"
    if status.aware_at is not None:
        yield f"  aware since {minute(status.aware_at)}"
    if status.held_until is not None:
        yield f"  notices wait for law enforcement until {minute(status.held_until)}"
    if not status.is_assessed and not status.state.is_over:
        yield "  its impact is not assessed for what is in scope now"
    if status.owed is not None:
        yield (
            f"  {numbered(status.owed, 'customer')} {are(status.owed)} owed a notice: {status.delivered:,} delivered, "
            f"{status.acknowledged:,} acknowledged, {status.failed:,} failed, {status.to_call:,} to be called"
        )
    for one in status.rounds:
        yield (
            f"  round {one.number}, {one.phase.value}: {one.state.value}, {numbered(one.notices, 'notice')}, "
            f"{one.delivered:,} delivered, {one.acknowledged:,} acknowledged, {one.failed:,} failed"
        )
    for due in status.due:
        yield f"  DUE     {_due(due)}"
    for missed in status.unexplained:
        yield f"  MISSED  {_due(missed)}; say why: smartify breach explain"


def line_of_alarm(alarm: Alarm) -> str:
    """Return an alarm as a line."""
    whom = f" to {_some(alarm.tenants, alarm.count)}" if alarm.tenants else ""
    phase = "" if alarm.phase is None else f"{alarm.phase.value} notice"
    due = "" if alarm.due_at is None else minute(alarm.due_at)
    said = {
        AlarmKind.NEAR: f"the {phase}{whom} is due {due} ({alarm.citation})",
        AlarmKind.MISSED: f"the {phase}{whom} was due {due} and has not arrived ({alarm.citation})",
        AlarmKind.EXPLAINED: f"it is on record why the {phase}{whom} was late",
        AlarmKind.HOLD_ENDED: f"the silence for law enforcement ended {due}",
        AlarmKind.UNDECIDED: f"nobody has decided since {due} whether it is a breach",
        AlarmKind.CALL: f"somebody has to call{whom.replace(' to', '')}: nothing else arrived",
    }
    return f"{alarm.incident}: {said[alarm.kind]}"


def _due(due: DueNotices) -> str:
    whom = f" to {_some(due.tenants, due.count)}" if due.tenants else ""
    number = f" {due.number}" if due.number > 1 else ""
    return f"{minute(due.due_at)}  {due.phase.value} notice{number}{whom} ({due.citation})"


def _some(tenants: Iterable[str], count: int) -> str:
    named = sorted(tenants)[:_NAMED]
    more = count - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")
