"""What was said of deadlines: what is on record of it, and what is still to be said. Pure.

Whatever is said is said once. Customers whose times lie within one hour of one another are spoken of together, so that
ten thousand of them make no ten thousand alarms. The earliest of them counts, so that some are warned of up to an hour
early, and none late.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import TypeAlias

from attrs import evolve, field, frozen

from ._clocks import Deadline, DeadlineState
from ._incident import Incident
from ._notice import Hearing, Round, RoundState
from ._vocabulary import Phase


@enum.unique
class AlarmKind(enum.Enum):
    """What is said."""

    #: A deadline comes near.
    NEAR = "near"
    #: A deadline was missed: the customer has not heard, or heard too late.
    MISSED = "missed"
    #: Why a deadline was missed. That is on record, and no alarm.
    EXPLAINED = "explained"
    #: A police hold is over, and notices that were to go out wait for it.
    HOLD_ENDED = "hold-ended"
    #: Nothing reached a customer, so that somebody has to call, and has not yet.
    CALL = "call"


@frozen(order=False)
class Alarm:
    """Something that somebody has to hear, of one customer or of many at once.

    Args:
        incident: The incident.
        kind: What it is.
        at: When it was said.
        phase: Which notice; ``None`` where it is about no single one.
        number: The how-manieth of its phase; of a call, the round.
        due_at: When it is or was due: the earliest of those that are spoken of. Of a hold, when it ended.
        before: How long before that it was to be said; ``None`` for what is no warning.
        citation: Where the time is written.
        held_until: The end of the police hold that moved it.
        tenants: Whom it is about; empty where it is about the incident as a whole.
        count: How many notices it is about.
    """

    incident: str
    kind: AlarmKind
    at: datetime
    phase: Phase | None = None
    number: int = 0
    due_at: datetime | None = None
    before: timedelta | None = None
    citation: str = ""
    held_until: datetime | None = None
    tenants: tuple[str, ...] = field(default=(), repr=False)
    count: int = 0


@frozen(order=False)
class DeadlineRecord:
    """What was said of deadlines, as it is kept: an alarm about at most 200 customers, or why they were missed.

    Args:
        number: Which record of the incident it is, from 1.
        by: Who said it: the id of an employee, or ``watch``.
        said: What.
        reason: Why a deadline was missed, in their words.
    """

    number: int
    by: str
    said: Alarm
    reason: str | None = field(default=None, repr=False)


#: Which deadline of an incident: tenant, phase and number.
_Which: TypeAlias = "tuple[str | None, Phase | None, int]"


class Said:
    """What is on record as having been said of one incident.

    Args:
        records: The records.
    """

    def __init__(self, records: Iterable[DeadlineRecord] = ()) -> None:
        #: How many records there are.
        self.number = 0
        self._missed: set[_Which] = set()
        #: Why, and when that was said, the last last.
        self._reasons: dict[_Which, list[tuple[datetime, str]]] = defaultdict(list)
        self._called: set[_Which] = set()
        self._holds: set[datetime | None] = set()
        #: The shortest warning. A hold moves the deadline, and so it is warned of anew.
        self._near: dict[tuple[_Which, datetime | None], timedelta] = {}
        for record in records:
            self.add(record)

    def add(self, record: DeadlineRecord) -> None:
        """Take one more record into account."""
        self.number = max(self.number, record.number)
        said = record.said
        which = [(tenant, said.phase, said.number) for tenant in said.tenants or (None,)]
        if said.kind is AlarmKind.MISSED:
            self._missed.update(which)
        elif said.kind is AlarmKind.EXPLAINED:
            for one in which:
                self._reasons[one].append((said.at, record.reason or ""))
        elif said.kind is AlarmKind.CALL:
            self._called.update(which)
        elif said.kind is AlarmKind.HOLD_ENDED:
            self._holds.add(said.due_at)
        elif said.before is not None:
            for one in which:
                self._near[one, said.held_until] = min(said.before, self._near.get((one, said.held_until), said.before))

    def is_explained(self, deadline: Deadline) -> bool:
        """Return whether it is on record why a deadline was missed."""
        return self.reason_of(deadline) is not None

    def reason_of(self, deadline: Deadline) -> str | None:
        """Return the latest reason on record why a deadline was missed, in the words of whoever gave it.

        One that was given for all, while nobody knew who is affected, counts for whoever's time was over by then.
        """
        tenant, phase, number = _which(deadline)
        for one in dict.fromkeys((tenant, None)):
            for at, reason in reversed(self._reasons.get((one, phase, number), ())):
                if deadline.due_at < at:
                    return reason
        return None

    def unsaid(self, deadlines: Iterable[Deadline], alarms: Sequence[timedelta], now: datetime) -> Iterator[Alarm]:
        """Yield what is to be said of deadlines now. Of several warnings that are due at once, only the latest.

        Args:
            deadlines: The deadlines of the incident.
            alarms: How long before a deadline it is said that it comes near.
            now: The present instant.
        """
        missed: list[Deadline] = []
        running: list[Deadline] = []
        for one in deadlines:
            if one.state is DeadlineState.RUNNING:
                running.append(one)
            elif one.state.is_failed and _which(one) not in self._missed:
                missed.append(one)
        for group in grouped(missed):
            yield alarm_of(AlarmKind.MISSED, group, now)
        for group in grouped(running):
            due_at = min(one.due_at for one in group)
            passed = [before for before in alarms if due_at - before <= now]
            if passed:
                before = min(passed)
                new = [one for one in group if self._is_news(one, before)]
                if new:
                    yield evolve(alarm_of(AlarmKind.NEAR, new, now), before=before)

    def unsaid_calls(self, hearings: Iterable[Sequence[Hearing]], now: datetime) -> Iterator[Alarm]:
        """Yield what is to be said of customers that somebody has to call; each gives all of its notices."""
        rounds: dict[tuple[int, Phase], list[Hearing]] = defaultdict(list)
        for one in chain.from_iterable(map(open_calls, hearings)):
            if (one.tenant, one.phase, one.round) not in self._called:
                rounds[one.round, one.phase].append(one)
        for (number, phase), some in rounds.items():
            tenants = tuple(one.tenant for one in some)
            yield Alarm(some[0].incident, AlarmKind.CALL, now, phase, number, tenants=tenants, count=len(some))

    def unsaid_hold(
        self, incident: Incident, rounds: Iterable[Round], hearings: Iterable[Hearing], now: datetime
    ) -> Iterator[Alarm]:
        """Yield that a police hold is over, where notices were to go out before it was, and have not arrived."""
        hold = incident.hold
        if hold is None or now < hold.until or hold.until in self._holds:
            return
        released = {
            one.number: one.notices
            for one in rounds
            if one.state is RoundState.RELEASED and one.released_at is not None and one.released_at < hold.until
        }
        waiting = sum(released.values()) + sum(
            one.round not in released and one.queued_at < hold.until and one.is_on_its_way for one in hearings
        )
        if waiting:
            yield Alarm(incident.id, AlarmKind.HOLD_ENDED, now, due_at=hold.until, count=waiting)

    def _is_news(self, deadline: Deadline, before: timedelta) -> bool:
        shortest = self._near.get((_which(deadline), deadline.held_until))
        return shortest is None or before < shortest


def grouped(deadlines: Iterable[Deadline]) -> list[list[Deadline]]:
    """Return deadlines by phase and number, with those together that are due within the same hour, the first first."""
    groups: dict[tuple[datetime, str, int, datetime | None, bool], list[Deadline]] = defaultdict(list)
    for one in deadlines:
        hour = one.due_at.replace(minute=0, second=0, microsecond=0)
        groups[hour, one.phase.value, one.number, one.held_until, one.tenant is None].append(one)
    return [groups[key] for key in sorted(groups, key=lambda key: key[:3])]


def alarm_of(kind: AlarmKind, group: Sequence[Deadline], now: datetime) -> Alarm:
    """Return what is said of deadlines that belong together."""
    first = min(group, key=lambda one: one.due_at)
    return Alarm(
        first.incident,
        kind,
        now,
        first.phase,
        first.number,
        first.due_at,
        citation=first.citation,
        held_until=first.held_until,
        tenants=tuple(one.tenant for one in group if one.tenant is not None),
        count=len(group),
    )


def open_calls(hearings: Sequence[Hearing]) -> list[Hearing]:
    """Return the notices for which somebody has to call one customer, who has said of none since that it was read."""
    read = max((one.round for one in hearings if one.acknowledged_at is not None), default=0)
    return [one for one in hearings if one.call_since is not None and one.round > read]


def _which(deadline: Deadline) -> _Which:
    return deadline.tenant, deadline.phase, deadline.number
