"""Following customers to where they are: what is on its way to a contact that is another by now goes there instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import evolve, frozen

from smartify_core.errors import WriteConflict
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy.audit import AuditRecord, Trail
from smartify_core.policy.breach._customer import Contact
from smartify_core.policy.breach._incident import Incident
from smartify_core.policy.breach._notice import Delivery, Hearing
from smartify_core.policy.breach._places import of_contact, of_tenant
from smartify_core.policy.breach._vocabulary import DeliveryState

from ._escalating import Change, Escalating
from ._progress import has_heard, is_leased, next_tier, not_needed, queued
from ._shelves import Shelves
from ._tally import Tally

_ATTEMPTS: Final = 100
#: How many notes of changes that nothing follows from are taken off at once.
_TOGETHER: Final = 500


@frozen(eq=False)
class Correcting:
    """Ends what goes to contacts that are not there any more, and queues the latest notice for those that are new.

    Args:
        shelves: Where deliveries are.
        trail: What each step is recorded in.
        escalating: Who is told next where nobody is left.
        worker: Who does it.
        kept: Told of every change that was kept.
    """

    shelves: Shelves
    trail: Trail
    escalating: Escalating
    worker: str
    kept: Callable[[Change], None]

    def changed(self, tally: Tally) -> None:
        """Look at what is on its way to every customer whose contacts were changed since the last look.

        Raises:
            StorageError: The store could not be read or written.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        incidents = [one for _, one, _ in self.shelves.incidents.all() if not one.state.is_over and one.rounds]
        nothing: list[tuple[str, int]] = []
        for tenant, _, version in list(self.shelves.changed.all()):
            keys, may_all_go = self._latest(tenant, incidents)
            self.corrected(keys, tally)
            # What police asked to keep back is looked at again once that is over.
            if may_all_go:
                nothing.append((tenant, version))
        for start in range(0, len(nothing), _TOGETHER):
            self._forget(nothing[start : start + _TOGETHER])

    def corrected(self, keys: Iterable[str], tally: Tally) -> None:
        """Have notices go where their customers are now.

        Args:
            keys: The keys of their hearings.
            tally: What counts.

        Raises:
            StorageError: The store could not be read or written.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        for key in keys:
            for attempt in range(_ATTEMPTS):
                change = self._drafted(key, self.trail.now())
                if not change.records:
                    break
                try:
                    self.trail.append(*change.records, documents=change.documents)
                except WriteConflict:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    continue
                self.kept(change)
                tally.update(change.tally)
                break

    def _latest(self, tenant: str, incidents: Iterable[Incident]) -> tuple[list[str], bool]:
        """Return the keys of the latest hearings of a tenant that may go out, and whether those are all."""
        now, keys, all_of_them = self.trail.now(), list[str](), True
        for incident in incidents:
            for number in range(incident.rounds, 0, -1):
                key = of_tenant(incident.id, number, tenant)
                hearing, _ = self.shelves.hearings.get(key)
                if hearing is None:
                    continue
                if incident.is_held(now):
                    all_of_them = False
                else:
                    keys.append(key)
                break
        return keys, all_of_them

    def _forget(self, changes: Iterable[tuple[str, int]]) -> None:
        """Take notes of changes off that were looked at. One that was made anew meanwhile stays."""
        puts = [self.shelves.changed.remove(tenant, over=version) for tenant, version in changes]
        try:
            self.shelves.storage.record(LEDGER, documents=puts)
        except WriteConflict:
            return  # all of them are looked at once more, which changes nothing

    def _drafted(self, key: str, now: datetime) -> Change:
        change = Change()
        hearing, version = self.shelves.hearings.get(key)
        if hearing is None:
            return change
        customer, usable = self.shelves.ways(hearing.tenant)
        if customer is None and self.shelves.customers.is_broken(hearing.tenant):
            return change
        present = {} if customer is None else {one.id: one for one in customer.contacts}
        open_ = {place: (one, at) for place, one, at in self.shelves.open.beginning_with(f"{key}/")}
        done = {place: one for place, one, _ in self.shelves.done.beginning_with(f"{key}/")}
        still = False
        for place, (one, at) in open_.items():
            if is_leased(one, now) or _goes_to(one, present):
                still = True
            else:
                self._end(change, place, one, at, now)
        if has_heard(hearing) or self.shelves.has_heard_later(hearing):
            return self._whole(change, key, hearing, version)
        told = {
            (one.contact, one.channel, one.address, one.key_id)
            for one in (*done.values(), *(one for one, _ in open_.values() if _goes_to(one, present)))
            if one.state is not DeliveryState.NOT_NEEDED
        }
        new = [one for one in usable if (one.id, *one.way) not in told]
        more: Sequence[Contact] = [one for one in new if one.tier <= hearing.tier]
        if not more and not still:
            more = next_tier(new, hearing.tier)
        if more:
            taken = {*open_, *done}
            for contact in more:
                place = _free(of_contact(hearing.incident, hearing.round, hearing.tenant, contact.id), taken)
                change.documents.append(self.shelves.open.put(place, queued(hearing, contact, now), over=0))
            self._record(change, "notice.redirected", hearing, now, contacts=tuple(one.id for one in more))
            change.tally["redirected"] += 1
            hearing = evolve(hearing, tier=max(hearing.tier, *(one.tier for one in more)), escalated_at=now)
        elif change.records and not still and hearing.call_since is None:
            hearing = self.escalating.next_told(change, hearing, (customer, usable), now)
        return self._whole(change, key, hearing, version)

    def _whole(self, change: Change, key: str, hearing: Hearing, version: int) -> Change:
        """Return a change with its hearing: two couriers that correct one notice meet there."""
        if change.records:
            change.documents.append(self.shelves.hearings.put(key, hearing, over=version))
            change.hearings[key] = (hearing, version + 1)
        return change

    def _end(self, change: Change, place: str, delivery: Delivery, version: int, now: datetime) -> None:
        change.documents += (
            self.shelves.open.remove(place, over=version),
            self.shelves.done.put(place, not_needed(delivery), over=0),
        )
        self._record(change, "notice.not-needed", delivery, now, contact=delivery.contact)
        change.tally["not_needed"] += 1

    def _record(
        self, change: Change, kind: str, about: Hearing | Delivery, now: datetime, **facts: str | tuple[str, ...]
    ) -> None:
        known = {"incident": about.incident, "notice": about.notice, "round": about.round}
        change.records.append(AuditRecord(kind, now, about.tenant, self.worker, (), {**known, **facts}))


def _goes_to(delivery: Delivery, present: Mapping[str, Contact]) -> bool:
    contact = present.get(delivery.contact)
    return contact is not None and contact.way == (delivery.channel, delivery.address, delivery.key_id)


def _free(key: str, taken: Iterable[str]) -> str:
    """Return the key of another delivery to a contact: what went to its earlier address keeps its own, as evidence."""
    return next(one for one in _numbered(key) if one not in taken)


def _numbered(key: str) -> Iterator[str]:
    yield key
    number = 2
    while True:
        yield f"{key}/{number:03}"
        number += 1
