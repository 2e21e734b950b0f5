"""The deadlines of an incident as evidence: as the clocks have them now, with the reasons that are on record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smartify_core.policy.breach._clocks import Deadline
from smartify_core.policy.breach._said import AlarmKind, DeadlineRecord
from smartify_core.policy.breach._vocabulary import Phase

from ._deadlines import EvidencedDeadline


def evidenced(deadlines: Iterable[Deadline], records: Iterable[DeadlineRecord]) -> Iterator[EvidencedDeadline]:
    """Yield deadlines as evidence, each with the latest reason that was given for it.

    Args:
        deadlines: The deadlines of an incident.
        records: What was said of them, in order.
    """
    reasons: dict[tuple[str | None, Phase | None, int], str] = {}
    for record in records:
        said = record.said
        if said.kind is AlarmKind.EXPLAINED and record.reason is not None:
            for tenant in said.tenants or (None,):
                reasons[tenant, said.phase, said.number] = record.reason
    for one in deadlines:
        yield EvidencedDeadline(
            one.tenant,
            one.phase,
            one.number,
            one.due_at,
            one.kind,
            one.citation,
            one.start,
            one.heard_at,
            one.held_until,
            reasons.get((one.tenant, one.phase, one.number)),
        )
