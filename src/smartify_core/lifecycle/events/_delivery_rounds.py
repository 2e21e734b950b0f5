"""The work of one delivery: rounds of events handed to the host's function, each kept before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from smartify_core.lifecycle._log import log
from smartify_core.model import Clock
from smartify_core.storage import Storage

from ._consumer import steps
from ._delivery import DeliveryReport, DeliveryVerdict, RetryPolicy
from ._delivery_desk import DeliveryDesk
from ._event import Event
from ._parking import DeadLetter, Parked

#: So much of the name of an exception's class is kept.
_LONGEST_NAME: Final = 100


class DeliveryRounds:
    """Delivers what can be delivered, round by round.

    Args:
        desk: The right to do so, and what is kept.
        storage: Where the events are.
        handler: Called with each event.
        consumer: The consumer's name.
        clock: The time.
        retry: When an event is tried again.
        batch: How many events make a round.
        room: How many events may wait, and how many may be given up.
    """

    def __init__(
        self,
        desk: DeliveryDesk,
        storage: Storage,
        handler: Callable[[Event], object],
        *,
        consumer: str,
        clock: Clock,
        retry: RetryPolicy,
        batch: int,
        room: int,
    ) -> None:
        self._desk = desk
        self._storage = storage
        self._handler = handler
        self._consumer = consumer
        self._clock = clock
        self._retry = retry
        self._batch = batch
        self._room = room
        self._delivered = self._failed = self._given_up = 0
        self._not_kept = 0
        self._stopped = False

    def run(self) -> None:
        """Deliver until nothing more can be delivered now."""
        retried = read = True
        while retried or read:
            retried = self._retry_parked()
            read = self._read_on()

    def report(self) -> DeliveryReport:
        """Return what was done."""
        waiting = len(self._desk.parking)
        if self._stopped:
            verdict = DeliveryVerdict.STOPPED
        else:
            verdict = DeliveryVerdict.WAITING if waiting else DeliveryVerdict.CURRENT
        return DeliveryReport(
            tenant=self._desk.tenant,
            verdict=verdict,
            delivered=self._delivered,
            failed=self._failed,
            given_up=self._given_up,
            waiting=waiting,
            dead=len(self._desk.dead),
        )

    def _retry_parked(self) -> bool:
        """Try one round of parked events whose time has come; return whether any was tried."""
        tried = 0
        for due in self._desk.parking.due(self._clock()):
            item = self._passed_by(due)
            while item is not None and tried < self._batch:
                tried += 1
                item = self._try(item)
        self._count(tried)
        return tried > 0

    def _try(self, item: Parked) -> Parked | None:
        """Try the first event of an account, and return the next one that may be tried now."""
        event, parking, attempts = self._desk.event_of(item), self._desk.parking, item.attempts + 1
        error = self._hand_over(event)
        if error is not None and not self._give_up(event, attempts, error):
            retry_at = self._clock() + self._retry.wait(attempts)
            parking.replace(evolve(item, attempts=attempts, retry_at=retry_at, error=error))
            return None
        parking.remove(item)
        return self._passed_by(parking.first_of(item.account_id))

    def _passed_by(self, item: Parked | None) -> Parked | None:
        """Return ``item`` unless a crash left it parked before the consumer's place: then it is passed by first."""
        return item if item is not None and self._desk.cursor.is_beyond(item.sequence) else None

    def _read_on(self) -> bool:
        """Go one round on in the journal; return whether the consumer's place moved."""
        desk, before, dealt_with = self._desk, self._desk.cursor, 0
        self._stopped = False
        for step in steps(self._storage, desk.tenant, desk.cursor, at_once=self._batch):
            event = step.event
            if event is not None and event.sequence not in desk.parking and event.sequence not in desk.dead:
                if len(desk.parking) >= self._room:
                    self._stopped = True
                    break
                self._deal_with(event)
            desk.cursor = step.after
            dealt_with += 1
            if dealt_with >= self._batch:
                break
        self._count(dealt_with)
        return desk.cursor != before

    def _count(self, dealt_with: int) -> None:
        """Keep what was done once it makes a round; what is less is kept when the right is given back."""
        self._not_kept += dealt_with
        if self._not_kept >= self._batch:
            self._desk.save()
            self._not_kept = 0

    def _deal_with(self, event: Event) -> None:
        parking = self._desk.parking
        if parking.blocks(event.account_id):
            parking.add(Parked(event.sequence, event.account_id))
            return
        error = self._hand_over(event)
        if error is not None and not self._give_up(event, 1, error):
            retry_at = self._clock() + self._retry.wait(1)
            parking.add(Parked(event.sequence, event.account_id, 1, retry_at, error))

    def _hand_over(self, event: Event) -> str | None:
        """Call the handler, and return the class of what it raised, if it did."""
        self._desk.keep()
        try:
            self._handler(event)
        except Exception as error:  # noqa: BLE001 -- whatever the host's function raises, other events must go on
            self._failed += 1
            # The text is not kept: it could quote anything.
            name = type(error).__name__[:_LONGEST_NAME]
            log().warning("handler failed", tenant=event.tenant, consumer=self._consumer, event_id=event.id, error=name)
            return name
        self._delivered += 1
        return None

    def _give_up(self, event: Event, attempts: int, error: str) -> bool:
        """Make a dead letter of an event after its last attempt, if there is room; return whether that was done."""
        if attempts < self._retry.attempts or len(self._desk.dead) >= self._room:
            return False
        self._desk.dead.add(DeadLetter(event, attempts, error, self._clock()))
        self._given_up += 1
        log().error("event given up", tenant=event.tenant, consumer=self._consumer, event_id=event.id, error=error)
        return True
