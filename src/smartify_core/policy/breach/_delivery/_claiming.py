"""Taking deliveries that are due: the attempt is on record before anything leaves, and no two couriers have one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from smartify_core.errors import WriteConflict
from smartify_core.model import Document, PutDocument
from smartify_core.policy._ledger import LEDGER
from smartify_core.policy.breach._notice import Delivery, Notice
from smartify_core.policy.breach._notifier import Notifier
from smartify_core.policy.breach._places import DELIVERY, of_tenant

from ._progress import begun, is_due
from ._shelves import Shelves
from ._tally import Tally

#: How many documents of deliveries are read, and taken, at once.
BATCH: Final = 500
#: How often a page is read anew while other couriers take from it.
_ATTEMPTS: Final = 100


@frozen(eq=False)
class Claimed:
    """A delivery that this courier has, with an attempt on record.

    Args:
        key: The key of its document.
        delivery: The delivery.
        version: The version of its document: it is ours for as long as that is the present one.
        notice: What is sent; ``None`` where it cannot be opened.
    """

    key: str
    delivery: Delivery
    version: int
    notice: Notice | None

    @property
    def hearing(self) -> str:
        """The key of its notice and its hearing."""
        return of_tenant(self.delivery.incident, self.delivery.round, self.delivery.tenant)


@frozen(eq=False)
class Claiming:
    """Takes what is due.

    Args:
        shelves: Where deliveries are.
        now: What tells the time.
        notifiers: The channels, by name.
        worker: Who takes.
        lease: For how long.
        elsewhere: Takes the keys of the hearings of what is due and may not go where it was to go: its contact is
            another by now.
    """

    shelves: Shelves
    now: Callable[[], datetime]
    notifiers: Mapping[str, Notifier]
    worker: str
    lease: timedelta
    elsewhere: dict[str, None]

    def batches(self, tally: Tally) -> Iterator[Sequence[Claimed]]:
        """Yield what is due, batch by batch in order of key, each taken when it is asked for.

        What others have taken first is theirs. Raises `StorageError`.
        """
        tally["later"] = tally["held"] = tally["stranded"] = 0
        after = ""
        while page := self.shelves.page(DELIVERY, after, BATCH):
            after = page[-1].key
            if claimed := self._claimed(page, tally):
                yield claimed
            if len(page) < BATCH:
                return

    def _claimed(self, page: Sequence[Document], tally: Tally) -> Sequence[Claimed]:
        first, last = page[0].key, page[-1].key
        for _ in range(_ATTEMPTS):
            wanted, puts, waiting = self._wanted(page)
            if wanted:
                try:
                    self.shelves.storage.record(LEDGER, documents=puts)
                except WriteConflict:
                    again = self.shelves.page(DELIVERY, first[:-1], BATCH + 1)
                    page = [one for one in again if first <= one.key <= last]
                    continue
            tally.update(waiting)
            notices = self.shelves.notices_at({_notice_of(one) for _, one, _ in wanted})
            return [Claimed(key, one, version, notices.get(_notice_of(one))) for key, one, version in wanted]
        return ()

    def _wanted(self, page: Sequence[Document]) -> tuple[list[tuple[str, Delivery, int]], list[PutDocument], Tally]:
        """Return what is due of a page, as it is once it is taken, and the writes that take it."""
        now, may_go, waiting = self.now(), dict[str, bool](), Tally()
        wanted: list[tuple[str, Delivery, int]] = []
        puts: list[PutDocument] = []
        opened = [(document, self.shelves.opened(document)) for document in page]
        due = [(document, one) for document, one in opened if one is not None and is_due(one, now)]
        waiting["later"] += len(page) - len(due)
        customers = self.shelves.customers.some({one.tenant for _, one in due})
        for document, delivery in due:
            incident = delivery.incident
            if incident not in may_go:
                may_go[incident] = self.shelves.may_go(incident, now)
            if not may_go[incident]:
                waiting["held"] += 1
            elif not self.shelves.is_right(delivery, customers):
                self.elsewhere[_notice_of(delivery)] = None
            elif delivery.channel not in self.notifiers:
                waiting["stranded"] += 1
            else:
                taken = begun(delivery, self.worker, now, self.lease)
                wanted.append((document.key, taken, document.version + 1))
                puts.append(self.shelves.open.put(document.key, taken, over=document.version))
        return wanted, puts, waiting


def _notice_of(delivery: Delivery) -> str:
    return of_tenant(delivery.incident, delivery.round, delivery.tenant)
