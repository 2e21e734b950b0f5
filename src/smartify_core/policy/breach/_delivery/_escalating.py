"""Telling the next ones of a customer, and in the end a person who calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import define, field, frozen

from smartify_core.errors import WriteConflict
from smartify_core.model import Document, PutDocument
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach._customer import Contact, Customer
from smartify_core.policy.breach._notice import Delivery, Hearing
from smartify_core.policy.breach._places import DELIVERY, of_contact, of_tenant
from smartify_core.policy.breach._rules import BreachRules

from ._claiming import BATCH
from ._progress import has_heard, is_overdue, queued, told_next
from ._shelves import Shelves
from ._tally import Tally

_ATTEMPTS: Final = 100


@define(eq=False)
class Change:
    """What is to be kept in one step, and what it comes to."""

    records: list[AuditRecord] = field(factory=list[AuditRecord])
    documents: list[PutDocument] = field(factory=list[PutDocument])
    #: The hearings as they are then, by key, with the versions of their documents.
    hearings: dict[str, tuple[Hearing, int]] = field(factory=dict[str, tuple[Hearing, int]])
    #: Those of them that ask for a call, and did not before.
    calls: list[Hearing] = field(factory=list[Hearing])
    tally: Tally = field(factory=Tally)


@frozen(eq=False)
class Escalating:
    """Decides who is told next, and tells those whose customer has not heard for too long.

    Args:
        shelves: Where hearings and deliveries are.
        trail: What every step is recorded in.
        rules: How long those of one tier may take.
        worker: Who does it.
        kept: Told of every change that was kept.
    """

    shelves: Shelves
    trail: Trail
    rules: BreachRules
    worker: str
    kept: Callable[[Change], None]

    def overdue(self, tally: Tally) -> None:
        """Tell the next ones of every customer that has not heard in time.

        Raises:
            StorageError: The store could not be read.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        after = ""
        while page := self.shelves.page(DELIVERY, after, BATCH):
            after = page[-1].key
            self._escalated(page, tally)
            if len(page) < BATCH:
                return

    def _escalated(self, page: Sequence[Document], tally: Tally) -> None:
        now = self.trail.now()
        keys = self._late(page, now)
        for attempt in range(_ATTEMPTS if keys else 0):
            change = self._drafted(keys, now)
            if not change.records:
                return
            try:
                self.trail.append(*change.records, documents=change.documents)
            except WriteConflict:
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            self.kept(change)
            tally.update(change.tally)
            return

    def _late(self, page: Sequence[Document], now: datetime) -> Sequence[str]:
        """Return the keys of the hearings of what has been open for longer than those of a tier may take."""
        may_go: dict[str, bool] = {}
        keys: dict[str, None] = {}
        for document in page:
            delivery = self.shelves.opened(document)
            if delivery is None or now < delivery.queued_at + self.rules.escalate_after:
                continue
            if delivery.incident not in may_go:
                may_go[delivery.incident] = self.shelves.may_go(delivery.incident, now)
            if may_go[delivery.incident]:
                keys[of_tenant(delivery.incident, delivery.round, delivery.tenant)] = None
        return tuple(keys)

    def _drafted(self, keys: Sequence[str], now: datetime) -> Change:
        change = Change()
        for key in keys:
            hearing, version = self.shelves.hearings.get(key)
            if hearing is None or not is_overdue(hearing, now, self.rules.escalate_after):
                continue
            if not self.shelves.has_heard_later(hearing):
                told = self.next_told(change, hearing, self.shelves.ways(hearing.tenant), now)
                change.documents.append(self.shelves.hearings.put(key, told, over=version))
                change.hearings[key] = (told, version + 1)
        return change

    def all_failed(self, hearing: Hearing, settled: Mapping[str, Delivery]) -> bool:
        """Return whether nobody of those who were told last is still tried, and the customer has not heard.

        Args:
            hearing: The hearing.
            settled: The deliveries that end in the same step, by key.
        """
        if has_heard(hearing) or hearing.call_since is not None:
            return False
        prefix = f"{of_tenant(hearing.incident, hearing.round, hearing.tenant)}/"
        still = (one for key, one, _ in self.shelves.open.beginning_with(prefix) if key not in settled)
        return all(one.tier != hearing.tier for one in still) and not self.shelves.has_heard_later(hearing)

    def next_told(
        self, change: Change, hearing: Hearing, ways: tuple[Customer | None, Sequence[Contact]], now: datetime
    ) -> Hearing:
        """Return a hearing with the next ones told, or with somebody to call; what that takes comes into ``change``.

        Args:
            change: What is to be kept.
            hearing: The hearing.
            ways: The customer, and all of its contacts that something can be sent to.
            now: When.
        """
        customer, contacts = ways
        call = (customer.call if customer else None) or self.rules.call
        told, more = told_next(hearing, contacts, call, now)
        facts = {"incident": hearing.incident, "notice": hearing.notice, "round": hearing.round}
        if not more:
            change.records.append(
                AuditRecord("notice.call", now, hearing.tenant, self.worker, (), {**facts, "employee": call})
            )
            change.calls.append(told)
            change.tally["calls"] += 1
            return told
        names = tuple(one.id for one in more)
        change.records.append(
            AuditRecord(
                "notice.escalated",
                now,
                hearing.tenant,
                self.worker,
                (),
                {**facts, "tier": told.tier, "contacts": names},
            )
        )
        for contact in more:
            key = of_contact(hearing.incident, hearing.round, hearing.tenant, contact.id)
            change.documents.append(self.shelves.open.put(key, queued(hearing, contact, now), over=0))
        change.tally["escalated"] += 1
        return told
