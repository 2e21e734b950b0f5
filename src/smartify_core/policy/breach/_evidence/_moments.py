"""What happened to one tenant's notices, as entries of a timeline of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from smartify_core.policy.breach._incident import TimelineEvent
from smartify_core.policy.breach._markup import Markup, element
from smartify_core.policy.breach._vocabulary import DeliveryState

from ._case import Case
from ._masking import masked_address
from ._words import kind_of, when


def moment_of(event: TimelineEvent) -> tuple[datetime, Markup]:
    """Return an entry of the timeline for the tenant that it is about: when, and what."""
    return event.at, _item(event.at, kind_of(event.kind), event.kind.partition(".")[0])


def moments_of(case: Case) -> Iterator[tuple[datetime, Markup]]:
    """Yield what became of a notice, each with its instant, in no order.

    Args:
        case: The notice. Nobody is named: addresses are masked.
    """
    hearing = case.hearing
    if hearing is None:
        return
    which = f"{case.notice.phase.value} notice"
    for one in case.deliveries:
        if one.attempts and not one.state.is_open and one.state is not DeliveryState.NOT_NEEDED:
            came = "arrived at" if one.state is DeliveryState.COMPLETED else "did not arrive at"
            last = one.attempts[-1].at
            yield last, _item(last, f"{which} {came} {masked_address(one.address)} by {one.channel}", "notice")
    for at, what in (
        (hearing.queued_at, "went out"),
        (hearing.escalated_at, f"went to contacts of tier {hearing.tier} too"),
        (hearing.call_since, "reached nobody: somebody has to call"),
        (hearing.acknowledged_at, "acknowledged"),
    ):
        if at is not None:
            yield at, _item(at, f"{which} {what}", "notice")


def _item(at: datetime, what: str, kind: str) -> Markup:
    return element("li", element("p", when(at)), element("h3", what), class_=f"of-{kind}")
