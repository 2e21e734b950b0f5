"""Keeping what came of attempts: many of them in one step, with their records and all that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from attrs import define, evolve, field, frozen

from smartify_core.errors import WriteConflict
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach._customer import Contact, Customer
from smartify_core.policy.breach._notice import Delivery, Hearing
from smartify_core.policy.breach._notifier import AttemptVerdict, Notifier, Reply
from smartify_core.policy.breach._places import DELIVERY, of_contact
from smartify_core.policy.breach._reach import Reach
from smartify_core.policy.breach._vocabulary import DeliveryState

from ._claiming import Claimed
from ._escalating import Change, Escalating
from ._progress import ACCEPTED, EXHAUSTED, FAILED, GONE, REFUSED, is_leased, not_needed, settled, unbegun
from ._shelves import BROKEN, Shelves
from ._tally import Tally

#: A delivery that this courier has, and what came of it; ``None`` where it did not leave.
Result: TypeAlias = "tuple[Claimed, Reply | None]"

_ATTEMPTS: Final = 100
_COUNTED: Final = {
    ACCEPTED: "accepted",
    FAILED: "failed",
    EXHAUSTED: "exhausted",
    REFUSED: "refused",
    GONE: "gone",
}


@define(eq=False)
class _Draft(Change):
    """One step of settling, before it is kept."""

    reach: dict[str, tuple[Reach, int]] = field(factory=dict[str, tuple[Reach, int]])
    #: The deliveries that end, by key.
    ended: dict[str, Delivery] = field(factory=dict[str, Delivery])
    #: The hearings that a delivery ended of: two couriers that each end one of the last two meet here.
    touched: dict[str, None] = field(factory=dict[str, None])
    failing: dict[str, None] = field(factory=dict[str, None])


@frozen(eq=False)
class Settling:
    """Settles attempts.

    Args:
        shelves: Where deliveries and hearings are.
        trail: What each step is recorded in.
        notifiers: The channels, by name.
        escalating: Who is told next.
        worker: Who settles.
        known: The hearings that are known as they are, by key, with the versions of their documents.
        kept: Told of every change that was kept.
    """

    shelves: Shelves
    trail: Trail
    notifiers: Mapping[str, Notifier]
    escalating: Escalating
    worker: str
    known: dict[str, tuple[Hearing, int]]
    kept: Callable[[Change], None]

    def settle(self, results: Sequence[Result], tally: Tally) -> None:
        """Keep what came of attempts. A delivery that another courier has by now is left to that one.

        Raises:
            StorageError: The store could not be read or written: the leases run out, and all of it is sent again.
            AuditUnavailable: It could not be recorded, and so was not kept.
        """
        for attempt in range(_ATTEMPTS):
            draft = self._drafted(results, self.trail.now())
            try:
                if draft.records:
                    self.trail.append(*draft.records, documents=draft.documents)
                elif draft.documents:
                    self.shelves.storage.record(LEDGER, documents=draft.documents)
            except WriteConflict:
                if attempt == _ATTEMPTS - 1:
                    raise
                self.known.clear()
                results = [one for one in results if self._is_ours(one[0])]
                continue
            self.kept(draft)
            tally.update(draft.tally)
            return

    def _is_ours(self, claimed: Claimed) -> bool:
        document = self.shelves.storage.document(LEDGER, DELIVERY, claimed.key)
        return document is not None and document.version == claimed.version

    def _drafted(self, results: Sequence[Result], now: datetime) -> _Draft:
        draft, ours = _Draft(), {one.key for one, _ in results}
        for claimed, reply in results:
            if reply is None:
                draft.documents.append(
                    self.shelves.open.put(claimed.key, unbegun(claimed.delivery), over=claimed.version)
                )
                draft.tally["unsent"] += 1
            else:
                self._settled(draft, claimed, reply, ours, now)
        for key in draft.touched:
            hearing, version = self._hearing(draft, key)
            if hearing is None:
                continue
            if key in draft.failing and self.escalating.all_failed(hearing, draft.ended):
                hearing = self.escalating.next_told(draft, hearing, self._ways(draft, hearing.tenant), now)
            draft.documents.append(self.shelves.hearings.put(key, hearing, over=version))
            draft.hearings[key] = (hearing, version + 1)
        draft.documents += [
            self.shelves.reach.put(key, one, over=version) for key, (one, version) in draft.reach.items()
        ]
        return draft

    def _settled(self, draft: _Draft, claimed: Claimed, reply: Reply, ours: set[str], now: datetime) -> None:
        """Add to a step what came of one attempt."""
        before = claimed.delivery
        after, kind = settled(before, reply, self.notifiers[before.channel].waits, now)
        last = after.attempts[-1]
        facts = {"incident": after.incident, "notice": after.notice, "round": after.round, "contact": after.contact}
        draft.records.append(
            AuditRecord(
                kind,
                now,
                after.tenant,
                self.worker,
                (),
                {**facts, "channel": after.channel, "attempt": last.number, "code": last.code},
            )
        )
        draft.tally[_COUNTED[kind]] += 1
        if after.state.is_open:
            if self._was_delivered_later(after):
                self._spare(draft, claimed.key, after, claimed.version, now)
            else:
                draft.documents.append(self.shelves.open.put(claimed.key, after, over=claimed.version))
            return
        self._end(draft, claimed.key, after, claimed.version)
        draft.touched[claimed.hearing] = None
        if kind == ACCEPTED:
            hearing, version = self._hearing(draft, claimed.hearing)
            if hearing is not None and hearing.delivered_at is None:
                # Nobody has to call any more whose notice came through after all.
                heard = evolve(hearing, delivered_at=now, call_since=None, call=None)
                draft.hearings[claimed.hearing] = (heard, version)
            self._spare_earlier(draft, after, ours, now)
        elif after.state is DeliveryState.FAILED:
            draft.failing[claimed.hearing] = None
        if reply.verdict in {AttemptVerdict.REFUSED, AttemptVerdict.GONE}:
            reach, version = draft.reach.get(after.tenant) or self.shelves.reach.get(after.tenant)
            if version != BROKEN:
                known = (reach or Reach(after.tenant)).noting(after.contact, reply, now, exercise=False)
                draft.reach[after.tenant] = (known, version)

    def _end(self, draft: _Draft, key: str, delivery: Delivery, version: int) -> None:
        """Move a delivery to those that are done, in the same step."""
        draft.ended[key] = delivery
        draft.documents += (
            self.shelves.open.remove(key, over=version),
            self.shelves.done.put(key, delivery, over=0),
        )

    def _spare_earlier(self, draft: _Draft, delivered: Delivery, ours: set[str], now: datetime) -> None:
        """End the deliveries of earlier notices to a contact that has a later one; one that is being sent is left."""
        for number in range(1, delivered.round):
            key = of_contact(delivered.incident, number, delivered.tenant, delivered.contact)
            if key in ours or key in draft.ended:
                continue
            earlier, version = self.shelves.open.get(key)
            if earlier is not None and not is_leased(earlier, now):
                self._spare(draft, key, earlier, version, now)

    def _spare(self, draft: _Draft, key: str, delivery: Delivery, version: int, now: datetime) -> None:
        """End a delivery that a later notice has made superfluous."""
        self._end(draft, key, not_needed(delivery), version)
        facts = {"incident": delivery.incident, "notice": delivery.notice, "round": delivery.round}
        draft.records.append(
            AuditRecord(
                "notice.not-needed", now, delivery.tenant, self.worker, (), {**facts, "contact": delivery.contact}
            )
        )
        draft.tally["not_needed"] += 1

    def _was_delivered_later(self, delivery: Delivery) -> bool:
        """Return whether the same contact has a later notice of the same incident."""
        incident, _ = self.shelves.incidents.get(delivery.incident)
        for number in range(delivery.round + 1, 1 + (incident.rounds if incident else 0)):
            later, _ = self.shelves.done.get(of_contact(delivery.incident, number, delivery.tenant, delivery.contact))
            if later is not None and later.state is DeliveryState.COMPLETED:
                return True
        return False

    def _hearing(self, draft: _Draft, key: str) -> tuple[Hearing | None, int]:
        """Return a hearing as the step leaves it so far, and the version that its document has before the step."""
        return draft.hearings.get(key) or self.known.get(key) or self.shelves.hearings.get(key)

    def _ways(self, draft: _Draft, tenant: str) -> tuple[Customer | None, Sequence[Contact]]:
        """Return the ways to a customer, as the step leaves them."""
        if tenant not in draft.reach:
            return self.shelves.ways(tenant)
        customer, _ = self.shelves.customers.get(tenant)
        return customer, () if customer is None else draft.reach[tenant][0].usable(customer)
