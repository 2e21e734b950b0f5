"""Deadlines as evidence: what was due when, where that is written, and whether it was kept. Pure."""

from __future__ import annotations

import enum
from datetime import datetime

from attrs import field, frozen

from smartify_core.policy.breach._customer import ClockStart, LimitKind
from smartify_core.policy.breach._vocabulary import Phase


@enum.unique
class DeadlineStanding(enum.Enum):
    """Whether a deadline was kept."""

    MET = "met"
    #: What was due came after it.
    LATE = "late"
    #: It has passed, and what was due has not come.
    MISSED = "missed"
    #: It has not passed yet.
    OPEN = "open"


@frozen(order=False)
class EvidencedDeadline:
    """One deadline of a notice.

    Args:
        tenant: Whose notice; ``None`` for one of the whole incident.
        phase: Which notice.
        number: The how-manieth of its phase, from 1.
        due_at: By when it was due.
        kind: What set it.
        citation: Where that is written.
        start: From when it ran.
        met_at: When the notice arrived; ``None`` until then.
        held_until: Until when law enforcement asked for silence, where that moved it.
        reason: Why it was late or missed, in the host's words.
    """

    tenant: str | None
    phase: Phase
    number: int
    due_at: datetime
    kind: LimitKind
    citation: str
    start: ClockStart
    met_at: datetime | None = None
    held_until: datetime | None = None
    reason: str | None = field(default=None, repr=False)

    def standing(self, now: datetime) -> DeadlineStanding:
        """Return whether it was kept, as far as that is known at ``now``."""
        if self.met_at is not None:
            return DeadlineStanding.MET if self.met_at <= self.due_at else DeadlineStanding.LATE
        return DeadlineStanding.MISSED if now > self.due_at else DeadlineStanding.OPEN
