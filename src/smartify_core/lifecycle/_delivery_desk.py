"""One worker's right to deliver one tenant's events to one consumer, and what it keeps of the delivery.

Three documents belong to it: how far the consumer has come (with the time when the right ends), what is parked, and
what was given up. Whoever takes over from a worker that fell silent writes all three, so that each later write of the
silent one is refused. What is added is written before the document that relies on it, so that no crash loses an event:
an event that stands in two places is given up rather than parked, and parked rather than new.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, Self

from attrs import define

from smartify_core.errors import LeaseHeld, LeaseLost, WriteConflict
from smartify_core.model import Clock, Document, PutDocument
from smartify_core.storage import Storage

from ._consumer import ConsumerState, Cursor, Start, load, starting_at, trimmed, write_of
from ._event import Event, events_of
from ._journal import decode
from ._parking import DEAD_KIND, PARKED_KIND, DeadLetter, Parked, Parking, dead_in, dead_to_bytes, parked_in, parked_to_bytes

Part = Literal["place", "parked", "dead"]


@define
class _Kept:
    """A document as it was last read or written."""

    content: bytes
    version: int

    @classmethod
    def of(cls, document: Document | None, *, empty: bytes) -> Self:
        return cls(empty, 0) if document is None else cls(document.value, document.version)


class DeliveryDesk:
    """The right, as long as its writes are accepted. Take it with `take`.

    Attributes:
        cursor: How far the consumer has come.
        parking: What waits for another attempt.
        dead: What was given up, by sequence.
    """

    def __init__(self, storage: Storage, tenant: str, consumer: str, *, clock: Clock, ttl: timedelta) -> None:
        self._storage = storage
        self.tenant = tenant
        self._consumer = consumer
        self._clock = clock
        self._ttl = ttl
        self._leased_until = clock() + ttl
        self._version = 0
        self.lost = False
        self.cursor = Cursor()
        self.parking = Parking()
        self.dead: dict[tuple[int, int], DeadLetter] = {}
        self._parked = _Kept(parked_to_bytes(()), 0)
        self._dead = _Kept(dead_to_bytes(()), 0)

    @classmethod
    def take(
        cls, storage: Storage, tenant: str, consumer: str, *, start: Start, clock: Clock, ttl: timedelta
    ) -> DeliveryDesk:
        """Take the right, unless another worker has it.

        Raises:
            LeaseHeld: Another worker is delivering.
            LeaseLost: The worker before, thought to be silent, wrote something at this very moment.
            StorageError: The store could not be read or written.
        """
        desk = cls(storage, tenant, consumer, clock=clock, ttl=ttl)
        state, desk._version = load(storage, tenant, consumer, "dispatch")
        if state is not None and state.leased_until is not None and state.leased_until > clock():
            raise _held(tenant, consumer)
        # Read before the right is taken: what is read later could be a successor's.
        desk._parked = _Kept.of(storage.document(tenant, PARKED_KIND, consumer), empty=parked_to_bytes(()))
        desk._dead = _Kept.of(storage.document(tenant, DEAD_KIND, consumer), empty=dead_to_bytes(()))
        if state is None:
            desk.cursor = starting_at(storage, tenant, start)
            taken_over = False
        else:
            desk.cursor = state.cursor
            desk.dead = {letter.event.sequence: letter for letter in dead_in(_as_document(DEAD_KIND, desk._dead), tenant)}
            items = parked_in(_as_document(PARKED_KIND, desk._parked), tenant)
            desk.parking = Parking(item for item in items if item.sequence not in desk.dead)
            taken_over = state.leased_until is not None
        try:
            desk._write_place(desk._leased_until)
        except LeaseLost:
            raise _held(tenant, consumer) from None
        if taken_over:
            desk._write_list(DEAD_KIND, desk._dead, dead_to_bytes(desk.dead.values()), anyway=True)
            desk._write_list(PARKED_KIND, desk._parked, parked_to_bytes(desk.parking), anyway=True)
        return desk

    def event_of(self, item: Parked) -> Event:
        """Return a parked event.

        Raises:
            EventsTrimmed: Its entry was trimmed away.
        """
        if item.event is not None:
            return item.event
        position, number = item.sequence
        page = self._storage.entries(self.tenant, after=position - 1, limit=1)
        if not page or page[0].position != position:
            raise trimmed(self.tenant, position)
        return events_of(decode(page[0].content, tenant=self.tenant, position=position), position)[number - 1]

    def keep(self) -> None:
        """Prolong the right, once half of its time is gone, by keeping what was done.

        Raises:
            LeaseLost: Another worker took over.
        """
        if self._leased_until - self._clock() < self._ttl / 2:
            self.save()

    def save(self, *order: Part, release: bool = False) -> None:
        """Keep what was done.

        Args:
            order: In which order the documents are written. What was added goes before the one that relies on it;
                the order for a delivery is the default.
            release: Give the right back.

        Raises:
            LeaseLost: Another worker took over.
            StorageError: The store could not be written.
        """
        for part in order or ("dead", "parked", "place"):
            if part == "dead":
                self._write_list(DEAD_KIND, self._dead, dead_to_bytes(self.dead.values()))
            elif part == "parked":
                self._write_list(PARKED_KIND, self._parked, parked_to_bytes(self.parking))
            else:
                self._write_place(None if release else self._clock() + self._ttl)

    def _write_place(self, leased_until: datetime | None) -> None:
        state = ConsumerState(
            use="dispatch",
            cursor=self.cursor,
            leased_until=leased_until,
            parked=len(self.parking),
            oldest=self.parking.oldest_position(),
            due=self.parking.next_due(self._clock()),
        )
        self._put(write_of(self._consumer, state, over=self._version))
        self._version += 1
        if leased_until is not None:
            self._leased_until = leased_until

    def _write_list(self, kind: str, kept: _Kept, content: bytes, *, anyway: bool = False) -> None:
        if content != kept.content or anyway:
            self._put(PutDocument(kind, self._consumer, content, kept.version))
            kept.content, kept.version = content, kept.version + 1

    def _put(self, write: PutDocument) -> None:
        try:
            self._storage.put_document(self.tenant, write)
        except WriteConflict:
            self.lost = True
            raise LeaseLost(
                "another worker took over the delivery; what was handled since the last acknowledgement comes again",
                where=f"tenant {self.tenant}, consumer {self._consumer}",
                cure="Nothing: the other worker delivers. If it happens often, lengthen the lease.",
            ) from None


def _as_document(kind: str, kept: _Kept) -> Document:
    return Document(kind, "", kept.content, kept.version)


def _held(tenant: str, consumer: str) -> LeaseHeld:
    return LeaseHeld(
        "another worker delivers the tenant's events at the moment",
        where=f"tenant {tenant}, consumer {consumer}",
        cure="Wait until it is done, or until its lease expires.",
    )
