"""What is counted while the evidence is written, for the summary on top of the page. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from attrs import define, field, frozen

from smartify_core.policy.breach._clocks import DeadlineState
from smartify_core.policy.breach._impact import Impact, TenantImpact
from smartify_core.policy.breach._incident import Incident
from smartify_core.policy.breach._notice import Round, RoundState
from smartify_core.policy.breach._vocabulary import DeliveryState, Outcome

from ._case import Case
from ._deadlines import EvidencedDeadline


@frozen(order=False)
class Asked:
    """What evidence is asked for.

    Args:
        incident: The incident.
        tenant: The one tenant whom it is for; ``None`` for the vendor's own.
        now: When it is written.
        by: Who has it written.
    """

    incident: Incident
    tenant: str | None
    now: datetime
    by: str


@define
class Tally:
    """Counts of everything that was written."""

    notices: int = 0
    #: Notices that were queued, and those of them that arrived, and that were acknowledged.
    queued: int = 0
    arrived: int = 0
    acknowledged: int = 0
    #: Customers whom somebody has to call.
    calls: int = 0
    #: Deliveries that wait, and those that failed.
    waiting: int = 0
    failed: int = 0
    first_out: datetime | None = None
    first_arrived: datetime | None = None
    last_arrived: datetime | None = None
    impact: Impact | None = None
    own: TenantImpact | None = None
    #: How many tenants the latest computation lists.
    listed: int = 0
    #: How many it has as not affected, by name.
    unaffected: int = 0
    deadlines: int = 0
    states: Counter[DeadlineState] = field(factory=Counter[DeadlineState])
    unexplained: int = 0
    events: int = 0
    events_of_tenants: int = 0

    @property
    def is_safe(self) -> bool:
        """Whether evidence for one tenant says that nothing led to it, and it was told of nothing."""
        return self.own is not None and self.own.outcome is Outcome.NOT_AFFECTED and not self.queued

    def add_round(self, one: Round) -> None:
        """Count a round."""
        at = one.released_at
        if at is not None and one.state is not RoundState.DISCARDED:
            self.first_out = at if self.first_out is None else min(at, self.first_out)

    def add_case(self, case: Case) -> None:
        """Count a notice and its deliveries."""
        self.notices += 1
        for delivery in case.deliveries:
            self.waiting += delivery.state.is_open
            self.failed += delivery.state is DeliveryState.FAILED
        hearing = case.hearing
        if hearing is None:
            return
        self.queued += 1
        self.acknowledged += hearing.acknowledged_at is not None
        if (at := hearing.delivered_at) is not None:
            self.arrived += 1
            self.first_arrived = at if self.first_arrived is None else min(at, self.first_arrived)
            self.last_arrived = at if self.last_arrived is None else max(at, self.last_arrived)

    def add_deadline(self, one: EvidencedDeadline) -> None:
        """Count a deadline."""
        state = one.deadline.state
        self.deadlines += 1
        self.states[state] += 1
        self.unexplained += state.is_failed and one.reason is None
