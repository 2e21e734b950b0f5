"""One worker's right to deliver one tenant's events to one consumer, and what it keeps of the delivery.

Three documents belong to it: the consumer's place (with the time when the right ends), what is parked, and what was
given up. Whoever takes over from a worker that fell silent writes all three, so that each later write of the silent
one is refused. What is added is written before the document that relies on it, so that no crash loses an event: one
that stands in two places is given up rather than parked, and parked rather than new.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Literal

from smartify_core.errors import LeaseHeld, LeaseLost, SealBroken, StorageError, UsageError, WriteConflict
from smartify_core.lifecycle._journal import decode
from smartify_core.lifecycle._log import log
from smartify_core.model import Clock, PutDocument
from smartify_core.storage import Storage

from ._consumer import ConsumerState, Cursor, Start, load, starting_at, trimmed, write_of
from ._event import Event, events_of
from ._parking import (
    DEAD_KIND,
    PARKED_KIND,
    DeadLetters,
    Parked,
    Parking,
    dead_in,
    dead_to_bytes,
    parked_in,
    parked_to_bytes,
)

Part = Literal["dead", "parked", "place"]
#: The order for a delivery: who dies is removed from the parked, and whoever is parked is passed by the cursor.
_DELIVERING: Final[tuple[Part, ...]] = ("dead", "parked", "place")


class DeliveryDesk:
    """The right, as long as its writes are accepted. Take it with `at_desk`.

    Attributes:
        cursor: How far the consumer has come.
        parking: What waits for another attempt.
        dead: What was given up.
    """

    def __init__(self, storage: Storage, tenant: str, consumer: str, *, clock: Clock, ttl: timedelta) -> None:
        self._storage = storage
        self._consumer = consumer
        self._clock = clock
        self._ttl = ttl
        self._leased_until = clock() + ttl
        #: Of the three documents, as they were last read or written.
        self._versions: dict[Part, int] = {}
        #: Whether a write failed: then nothing is certain any more, and nothing further is written.
        self._failed = False
        self.tenant = tenant
        self.cursor = Cursor()
        self.parking = Parking()
        self.dead = DeadLetters()

    def take(self, start: Start) -> None:
        """Take the right, unless another worker has it.

        Raises:
            LeaseHeld: Another worker is delivering.
            LeaseLost: The worker before, thought to be silent, wrote something at this very moment.
            StorageError: The store could not be read or written.
        """
        state, self._versions["place"] = load(self._storage, self.tenant, self._consumer, "dispatch")
        if state is not None and state.leased_until is not None and state.leased_until > self._clock():
            raise self._held()
        # Read before the right is taken: what is read later could be a successor's.
        parked = self._storage.document(self.tenant, PARKED_KIND, self._consumer)
        dead = self._storage.document(self.tenant, DEAD_KIND, self._consumer)
        self._versions["parked"] = 0 if parked is None else parked.version
        self._versions["dead"] = 0 if dead is None else dead.version
        if state is None:
            self.cursor = starting_at(self._storage, self.tenant, start)
        else:
            self.cursor = state.cursor
            self.dead = dead_in(dead, self.tenant)
            self.parking = Parking(item for item in parked_in(parked, self.tenant) if item.sequence not in self.dead)
        try:
            self.save("place")
        except LeaseLost:
            raise self._held() from None
        if (state is None and self._versions["place"] > 1) or (state is not None and state.leased_until is not None):
            self.dead.changed = self.parking.changed = True
            self.save("dead", "parked")

    def event_of(self, item: Parked) -> Event:
        """Return a parked event.

        Raises:
            EventsTrimmed: Its entry was trimmed away.
            SealBroken: What is remembered of it is damaged.
        """
        try:
            return self._read(item.sequence) if item.event is None else Event.from_json(item.event)
        except (UsageError, IndexError):
            raise SealBroken(
                "what is remembered of a parked event is damaged",
                where=f"tenant {self.tenant}, consumer {self._consumer}, position {item.sequence[0]}",
                cure="Restore the store from a backup, or let the consumer start over.",
            ) from None

    def _read(self, sequence: tuple[int, int]) -> Event:
        position, number = sequence
        page = self._storage.entries(self.tenant, after=position - 1, limit=1)
        if not page or page[0].position != position:
            raise trimmed(self.tenant, position)
        return events_of(decode(page[0].content, tenant=self.tenant, position=position), position)[number - 1]

    def keep(self) -> None:
        """Prolong the right once half of its time is gone, by keeping what was done.

        Raises:
            LeaseLost: Another worker took over.
        """
        if self._leased_until - self._clock() < self._ttl / 2:
            self.save()

    def save(self, *order: Part) -> None:
        """Keep what was done, and prolong the right.

        Args:
            order: In which order the documents are written; that of a delivery when not given.

        Raises:
            LeaseLost: Another worker took over.
            StorageError: The store could not be written.
        """
        for part in order or _DELIVERING:
            if part == "place":
                self._put_place(self._clock() + self._ttl)
            elif part == "dead" and self.dead.changed:
                self._put(part, PutDocument(DEAD_KIND, self._consumer, dead_to_bytes(self.dead), self._versions[part]))
                self.dead.changed = False
            elif part == "parked" and self.parking.changed:
                content = parked_to_bytes(self.parking)
                self._put(part, PutDocument(PARKED_KIND, self._consumer, content, self._versions[part]))
                self.parking.changed = False

    def release(self) -> None:
        """Keep what was done, and give the right back.

        Raises:
            LeaseLost: Another worker took over.
            StorageError: The store could not be written.
        """
        self.save("dead", "parked")
        self._put_place(None)

    def give_up(self) -> None:
        """Give the right back in spite of an error that is in flight, which matters more than what happens here."""
        if not self._failed:
            try:
                self.release()
            except StorageError as error:
                log().warning("delivery not released", tenant=self.tenant, consumer=self._consumer, code=error.code)

    def _put_place(self, leased_until: datetime | None) -> None:
        state = ConsumerState(
            use="dispatch",
            cursor=self.cursor,
            leased_until=leased_until,
            parked=len(self.parking),
            oldest=self.parking.oldest_position(),
            due=self.parking.next_due(self._clock()),
            dead=len(self.dead),
        )
        self._put("place", write_of(self._consumer, state, over=self._versions["place"]))
        if leased_until is not None:
            self._leased_until = leased_until

    def _put(self, part: Part, write: PutDocument) -> None:
        try:
            self._storage.record(self.tenant, documents=[write])
        except WriteConflict:
            self._failed = True
            raise LeaseLost(
                "another worker took over the delivery; what was handled since the last acknowledgement comes again",
                where=f"tenant {self.tenant}, consumer {self._consumer}",
                cure="Nothing: the other worker delivers. If it happens often, lengthen the lease.",
            ) from None
        except BaseException:
            self._failed = True
            raise
        self._versions[part] += 1

    def _held(self) -> LeaseHeld:
        return LeaseHeld(
            "another worker delivers the tenant's events at the moment",
            where=f"tenant {self.tenant}, consumer {self._consumer}",
            cure="Wait until it is done, or until its lease expires.",
        )


@contextmanager
def at_desk(desk: DeliveryDesk, start: Start) -> Iterator[DeliveryDesk]:
    """Take the right, and give it back at the end.

    Raises:
        LeaseHeld: Another worker is delivering.
        LeaseLost: Another worker took over.
        StorageError: The store could not be read or written.
    """
    desk.take(start)
    try:
        yield desk
    except BaseException:
        desk.give_up()
        raise
    desk.release()
