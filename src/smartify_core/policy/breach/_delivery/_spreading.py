"""Handing a released round to the channels of its recipients: batch by batch, each in one step with its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from smartify_core.errors import WriteConflict
from smartify_core.model import PutDocument
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach._customer import Contact, Customer
from smartify_core.policy.breach._notice import Hearing, Notice, Round, RoundState
from smartify_core.policy.breach._notifier import Notifier
from smartify_core.policy.breach._places import NOTICE, numbered, of_contact
from smartify_core.policy.breach._rules import BreachRules
from smartify_core.storage.walks import documents_at

from ._claiming import Claimed
from ._codes import key_of_code
from ._progress import NoticePlace, begun, queued, told_next
from ._shelves import Shelves
from ._tally import Tally

#: How many notices one step hands on.
BATCH: Final = 500


@define(eq=False)
class _Step:
    """One step of spreading, before it is kept."""

    records: list[AuditRecord] = field(factory=list[AuditRecord])
    documents: list[PutDocument] = field(factory=list[PutDocument])
    claimed: list[Claimed] = field(factory=list[Claimed])
    hearings: dict[str, Hearing] = field(factory=dict[str, Hearing])


@frozen(eq=False)
class Spreading:
    """Spreads rounds. What it queues it takes in the same step: an attempt is on record before anything leaves.

    Args:
        shelves: Where rounds and notices are.
        trail: What each step is recorded in.
        notifiers: The channels, by name.
        rules: Who calls.
        worker: Who takes.
        lease: For how long.
        spread: Told of the hearings of each step that was kept.
    """

    shelves: Shelves
    trail: Trail
    notifiers: Mapping[str, Notifier]
    rules: BreachRules
    worker: str
    lease: timedelta
    spread: Callable[[Mapping[str, Hearing]], None]

    def batches(self, tally: Tally) -> Iterator[Sequence[Claimed]]:
        """Yield the deliveries of every released round, step by step, each made when it is asked for.

        Raises:
            StorageError: The store could not be read.
            AuditUnavailable: A step could not be recorded, and so was not made.
        """
        released = [
            (key, one.incident) for key, one, _ in self.shelves.rounds.all() if one.state is RoundState.RELEASED
        ]
        for key, incident in released:
            version = -1
            while True:
                now = self.trail.now()
                round_, present = self.shelves.rounds.get(key)
                if round_ is None or round_.state is not RoundState.RELEASED or not self.shelves.may_go(incident, now):
                    break
                step, is_last = self._step(key, round_, present, now)
                if step is None:
                    break
                try:
                    if step.records:
                        self.trail.append(*step.records, documents=step.documents)
                    else:
                        self.shelves.storage.record(LEDGER, documents=step.documents)
                except WriteConflict:
                    if version == present:
                        raise  # nobody else was faster: something is there that cannot be
                    version = present
                    continue
                tally["spread"] += len(step.hearings)
                tally["calls"] += sum(1 for one in step.hearings.values() if one.call_since is not None)
                self.spread(step.hearings)
                if step.claimed:
                    yield step.claimed
                if is_last:
                    break

    def _step(self, key: str, round_: Round, version: int, now: datetime) -> tuple[_Step | None, bool]:
        """Return the next step of a round, and whether it is the last one; no step where nothing can be done."""
        prefix = f"{numbered(round_.incident, round_.number)}/"
        page = self.shelves.page(NOTICE, round_.spread_after or prefix, BATCH)
        ours = [one for one in page if one.key.startswith(prefix)]
        is_last = len(ours) < BATCH
        # Those that could not be opened before come last: nobody holds anybody else up, and nobody is passed over for
        # good in silence. The round is not spread before they are.
        again = round_.passed_over if is_last else ()
        earlier = documents_at(self.shelves.storage, LEDGER, NOTICE, again) if again else {}
        documents = [*ours, *(earlier[one] for one in again if one in earlier)]
        step = _Step()
        notices = [(one.key, notice) for one in documents if (notice := self.shelves.notices.tried(one)) is not None]
        ways = self.shelves.ways_to([notice.tenant for _, notice in notices])
        told: set[str] = set()
        for place, notice in notices:
            if not self.shelves.customers.is_broken(notice.tenant):
                self._notice(step, place, notice, ways.get(notice.tenant, (None, ())), now)
                told.add(place)
        left = tuple(sorted({*round_.passed_over, *(one.key for one in ours)} - told))
        if is_last and not ours and left and left == round_.passed_over:
            return None, True
        after = ours[-1].key if ours else round_.spread_after
        state = RoundState.SPREAD if is_last and not left else RoundState.RELEASED
        kept = evolve(round_, state=state, spread_after=after, passed_over=left)
        step.documents.append(self.shelves.rounds.put(key, kept, over=version))
        if state is RoundState.SPREAD:
            facts = {"incident": round_.incident, "round": round_.number, "notices": round_.notices}
            step.records.append(AuditRecord("notice.spread", now, actor=self.worker, facts=facts))
        return step, is_last

    def _notice(
        self, step: _Step, key: str, notice: Notice, ways: tuple[Customer | None, Sequence[Contact]], now: datetime
    ) -> None:
        customer, usable = ways
        call = (customer.call if customer else None) or self.rules.call
        unheard = Hearing(notice.id, notice.incident, notice.round, notice.tenant, notice.phase, now, tier=0)
        hearing, contacts = told_next(unheard, usable, call, now)
        facts = {"incident": notice.incident, "notice": notice.id, "round": notice.round}
        names = tuple(one.id for one in contacts)
        step.records.append(
            AuditRecord(
                "notice.queued",
                now,
                notice.tenant,
                self.worker,
                (),
                {**facts, "phase": notice.phase.value, "contacts": names, "sha256": notice.sha256},
            )
        )
        if hearing.call_since is not None:
            step.records.append(
                AuditRecord("notice.call", now, notice.tenant, self.worker, (), {**facts, "employee": call})
            )
        step.hearings[key] = hearing
        place = NoticePlace(notice.incident, notice.round, notice.tenant)
        step.documents += (
            self.shelves.hearings.put(key, hearing, over=0),
            self.shelves.codes.put(key_of_code(notice.code), place, over=0),
        )
        for contact in contacts:
            delivery = queued(hearing, contact, now)
            its = of_contact(notice.incident, notice.round, notice.tenant, contact.id)
            if contact.channel in self.notifiers:
                delivery = begun(delivery, self.worker, now, self.lease)
                step.claimed.append(Claimed(its, delivery, 1, notice))
            step.documents.append(self.shelves.open.put(its, delivery, over=0))
