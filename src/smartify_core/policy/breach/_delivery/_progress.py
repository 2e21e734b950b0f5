"""How a delivery goes on, by what came of an attempt. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from attrs import evolve, frozen

from smartify_core.policy.breach._customer import Contact
from smartify_core.policy.breach._notice import Attempt, Delivery, Hearing
from smartify_core.policy.breach._notifier import AttemptVerdict, Reply
from smartify_core.policy.breach._reach import impersonal
from smartify_core.policy.breach._vocabulary import DeliveryState

#: The longest that another side can have us wait: nobody puts a notice off for good.
LONGEST_WAIT: Final = timedelta(days=1)

#: What the trail calls the end of an attempt.
ACCEPTED: Final = "notice.accepted"
FAILED: Final = "notice.failed"
EXHAUSTED: Final = "notice.exhausted"
REFUSED: Final = "notice.refused"
GONE: Final = "notice.gone"


@frozen(order=False)
class NoticePlace:
    """Where the hearing is that a notice's code acknowledges.

    Args:
        incident: The incident.
        round: The round.
        tenant: The tenant.
    """

    incident: str
    round: int
    tenant: str


def queued(hearing: Hearing, contact: Contact, now: datetime) -> Delivery:
    """Return the delivery of a notice to a contact, due at once."""
    return Delivery(
        notice=hearing.notice,
        incident=hearing.incident,
        round=hearing.round,
        tenant=hearing.tenant,
        contact=contact.id,
        channel=contact.channel,
        address=contact.address,
        tier=contact.tier,
        state=DeliveryState.PLANNED,
        queued_at=now,
        next_at=now,
        key_id=contact.key_id,
    )


def is_due(delivery: Delivery, now: datetime) -> bool:
    """Return whether a delivery is to be tried, and nobody tries it."""
    return delivery.next_at is not None and delivery.next_at <= now and not is_leased(delivery, now)


def is_leased(delivery: Delivery, now: datetime) -> bool:
    """Return whether somebody tries a delivery right now: the lease of a worker that died runs out."""
    return delivery.leased_until is not None and now < delivery.leased_until


def begun(delivery: Delivery, worker: str, now: datetime, lease: timedelta) -> Delivery:
    """Return a delivery with an attempt at it on record, of which nobody knows yet what comes."""
    return evolve(
        delivery,
        state=DeliveryState.ONGOING,
        attempts=(*delivery.attempts, Attempt(len(delivery.attempts) + 1, now)),
        worker=worker,
        leased_until=now + lease,
    )


def unbegun(delivery: Delivery) -> Delivery:
    """Return a delivery without the attempt that was on record and never begun. It stays due."""
    attempts = delivery.attempts[:-1]
    state = DeliveryState.ONGOING if attempts else DeliveryState.PLANNED
    return evolve(delivery, state=state, attempts=attempts, worker=None, leased_until=None)


def settled(delivery: Delivery, reply: Reply, waits: Sequence[timedelta], now: datetime) -> tuple[Delivery, str]:
    """Return a delivery after an attempt, and what the trail calls its end.

    Args:
        delivery: The delivery, as `begun`.
        reply: What came of the attempt.
        waits: How long the channel waits after each attempt that failed.
        now: When it ended.
    """
    last = evolve(
        delivery.attempts[-1],
        verdict=reply.verdict.value,
        code=impersonal(reply.code),
        detail=reply.detail,
        reference=reply.reference,
        content_sha256=reply.content_sha256,
    )
    attempts = (*delivery.attempts[:-1], last)
    ended = partial(evolve, delivery, attempts=attempts, worker=None, leased_until=None)
    if reply.verdict is AttemptVerdict.ACCEPTED:
        return ended(next_at=None, state=DeliveryState.COMPLETED), ACCEPTED
    if reply.verdict is not AttemptVerdict.TRY_AGAIN:
        kind = GONE if reply.verdict is AttemptVerdict.GONE else REFUSED
        return ended(next_at=None, state=DeliveryState.FAILED), kind
    # An attempt without a verdict was a worker's end and says nothing of the recipient: it uses up no wait.
    failed = sum(1 for one in attempts if one.verdict is not None)
    if failed > len(waits):
        return ended(next_at=None, state=DeliveryState.FAILED), EXHAUSTED
    wait = waits[failed - 1]
    if reply.retry_after is not None:
        wait = max(wait, min(reply.retry_after, LONGEST_WAIT))
    return ended(next_at=now + wait), FAILED


def not_needed(delivery: Delivery) -> Delivery:
    """Return a delivery that a later notice to the same contact, or a change of the contact, has made superfluous."""
    return evolve(delivery, state=DeliveryState.NOT_NEEDED, worker=None, leased_until=None, next_at=None)


def next_tier(contacts: Sequence[Contact], after: int) -> tuple[Contact, ...]:
    """Return the contacts of the lowest tier above ``after``; none where there is no higher one."""
    above = [one for one in contacts if one.tier > after]
    tier = min((one.tier for one in above), default=0)
    return tuple(one for one in above if one.tier == tier)


def told_next(
    hearing: Hearing, contacts: Sequence[Contact], call: str | None, now: datetime
) -> tuple[Hearing, tuple[Contact, ...]]:
    """Return a hearing after the next ones were told, and who they are; where nobody is left somebody has to call.

    Args:
        hearing: The hearing. Nobody was told of one of tier 0.
        contacts: All that something can be sent to.
        call: Who calls.
        now: When.
    """
    more = next_tier(contacts, hearing.tier)
    if not more:
        return evolve(hearing, call_since=now, call=call), ()
    return evolve(hearing, tier=more[0].tier, escalated_at=now if hearing.tier else None), more


def has_heard(hearing: Hearing) -> bool:
    """Return whether nobody else has to be told: it was delivered, or the customer says that it knows."""
    return hearing.delivered_at is not None or hearing.acknowledged_at is not None


def is_overdue(hearing: Hearing, now: datetime, escalate_after: timedelta) -> bool:
    """Return whether those who were told so far have had their time, and the customer has not heard."""
    since = hearing.escalated_at or hearing.queued_at
    return not has_heard(hearing) and hearing.call_since is None and since + escalate_after <= now
