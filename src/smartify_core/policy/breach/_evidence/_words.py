"""How the page says instants, spans, counts and states. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from smartify_core.policy.breach._clocks import DeadlineState
from smartify_core.policy.breach._markup import Markup, element
from smartify_core.policy.breach._vocabulary import DeliveryState, IncidentState, Outcome

from ._case import Case

#: The tones of chips: how much somebody has to look at one.
GOOD: Final = "good"
WARN: Final = "warn"
BAD: Final = "bad"
CALM: Final = "calm"

_STATES: Final = {
    IncidentState.SUSPECTED: WARN,
    IncidentState.AWARE: BAD,
    IncidentState.CONFIRMED: BAD,
    IncidentState.NEAR_MISS: CALM,
    IncidentState.CLOSED: GOOD,
}
_OUTCOMES: Final = {Outcome.AFFECTED: BAD, Outcome.CIPHERTEXT_ONLY: WARN, Outcome.NOT_AFFECTED: GOOD}
_DELIVERIES: Final = {
    DeliveryState.PLANNED: ("waits", CALM),
    DeliveryState.ONGOING: ("is tried again", WARN),
    DeliveryState.COMPLETED: ("arrived", GOOD),
    DeliveryState.FAILED: ("failed", BAD),
    DeliveryState.NOT_NEEDED: ("not needed", CALM),
}
_DEADLINES: Final = {
    DeadlineState.MET: GOOD,
    DeadlineState.LATE: WARN,
    DeadlineState.MISSED: BAD,
    DeadlineState.RUNNING: CALM,
}
_SECOND: Final = timedelta(seconds=1)


def when(at: datetime | None) -> Markup:
    """Return an instant for people, with its exact form for machines."""
    if at is None:
        return element("span", "not yet", class_="quiet")
    at = at.astimezone(UTC)
    return element("time", f"{at.day} {at:%b %Y, %H:%M} UTC", datetime=at.isoformat())


def span(length: timedelta) -> str:
    """Return how long something took, in its two largest units."""
    seconds = max(0, length // _SECOND)
    for name, size, below, unit in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // unit
            return f"{seconds // size} {name} {rest} {below}" if rest else f"{seconds // size} {name}"
    return f"{seconds} s"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun: ``1 notice``, ``10,000 notices``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def chip(text: str, tone: str) -> Markup:
    """Return a state as a small label; its tone is never all that tells it."""
    return element("span", text, class_=f"chip {tone}")


def incident_chip(state: IncidentState) -> Markup:
    """Return where an incident stands."""
    return chip(state.value.replace("-", " "), _STATES[state])


def outcome_chip(outcome: Outcome) -> Markup:
    """Return what may have been done to a tenant's data."""
    return chip(outcome.value.replace("-", " "), _OUTCOMES[outcome])


def delivery_chip(state: DeliveryState) -> Markup:
    """Return how far a delivery came."""
    return chip(*_DELIVERIES[state])


def deadline_chip(state: DeadlineState) -> Markup:
    """Return whether a deadline was kept."""
    return chip(state.value, _DEADLINES[state])


def case_chip(case: Case) -> Markup:
    """Return how far a notice came, in one word: the first of these that is so."""
    hearing = case.hearing
    if hearing is None:
        return chip("not sent", CALM)
    have_failed = bool(case.deliveries) and all(one.state is DeliveryState.FAILED for one in case.deliveries)
    found = (
        (hearing.acknowledged_at is not None, "acknowledged", GOOD),
        (case.to_call, "to be called", BAD),
        (hearing.delivered_at is not None, "arrived", GOOD),
        (hearing.call_since is not None, "has read a later one", CALM),
        (have_failed, "failed", BAD),
        (True, "on its way", WARN),
    )
    return next(chip(text, tone) for is_so, text, tone in found if is_so)


def kind_of(event: str) -> str:
    """Return what happened in words: ``incident aware`` of the kind of an entry."""
    return event.replace(".", " ").replace("-", " ").replace("_", " ")
