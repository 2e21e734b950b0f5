"""How incidents stand: what is due, what arrived, and who still has to hear. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from ._customer import LimitKind
from ._notice import RoundState
from ._vocabulary import IncidentState, Phase


@frozen(order=False)
class DueNotices:
    """Notices that are or were due together: of one phase and number, and within the same hour.

    Args:
        phase: Which notice.
        number: The how-manieth of its phase.
        due_at: When the earliest of them is due.
        kind: What sets that.
        citation: Where that is written.
        count: How many they are.
        tenants: To whom; empty while nobody has assessed who is affected.
        held_until: The end of the police hold that moved them.
    """

    phase: Phase
    number: int
    due_at: datetime
    kind: LimitKind
    citation: str
    count: int
    tenants: tuple[str, ...] = field(default=(), repr=False)
    held_until: datetime | None = None


@frozen(order=False)
class RoundStatus:
    """How far one round of notices has come.

    Args:
        number: Which round.
        phase: Which notice.
        state: How far it has come.
        notices: How many notices it has.
        queued: How many of them are on their way, or were.
        delivered: How many a recipient's server took.
        acknowledged: How many customers said that they have read theirs.
        failed: How many reached nobody, with nothing left to be tried.
        to_call: For how many of them somebody has to call, and has not yet.
        deliveries: How many deliveries are in each state, by the value of `DeliveryState`: one recipient that refused
            is seen here, beside another one that took the notice.
    """

    number: int
    phase: Phase
    state: RoundState
    notices: int
    queued: int = 0
    delivered: int = 0
    acknowledged: int = 0
    failed: int = 0
    to_call: int = 0
    deliveries: Mapping[str, int] = field(factory=dict[str, int], hash=False)


@frozen(order=False)
class IncidentStatus:
    """How one incident stands.

    Args:
        id: Its id.
        state: Where it stands.
        first_signal_at: When something was noticed first.
        aware_at: When somebody decided that it is, or may be, a breach.
        confirmed_at: When its impact was confirmed.
        closed_at: When it was closed or dismissed.
        held_until: Until when a police hold forbids notices; ``None`` where none stands.
        is_assessed: Whether its impact was computed for the scopes that it has now.
        impact_revision: The latest impact; 0 for none.
        outcomes: How many tenants have each value of `Outcome` in it.
        owed: How many tenants are owed notices; ``None`` while nobody knows.
        queued: How many of them have a notice that is on its way, or was.
        delivered: How many a notice reached.
        acknowledged: How many said that they have read one.
        failed: How many no notice has reached, with nothing left to be tried.
        to_call: How many somebody has to call, and has not yet.
        rounds: The rounds of notices, the first first.
        due: What is due next, the most pressing first.
        unexplained: What was missed, or late, for no reason that is on record.
    """

    id: str
    state: IncidentState
    first_signal_at: datetime
    aware_at: datetime | None
    confirmed_at: datetime | None
    closed_at: datetime | None
    held_until: datetime | None
    is_assessed: bool
    impact_revision: int
    outcomes: Mapping[str, int] = field(hash=False)
    owed: int | None
    queued: int = 0
    delivered: int = 0
    acknowledged: int = 0
    failed: int = 0
    to_call: int = 0
    rounds: tuple[RoundStatus, ...] = ()
    due: tuple[DueNotices, ...] = ()
    unexplained: tuple[DueNotices, ...] = ()
