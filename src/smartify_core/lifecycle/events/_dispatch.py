"""Events by being called: each one is handed to a function of the host's, again if it fails, in order per account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from smartify_core.errors import LeaseHeld, LeaseLost, SmartifyError, UsageError, WriteConflict
from smartify_core.lifecycle._log import log
from smartify_core.lifecycle._time import utc_now
from smartify_core.model import Clock, TenantRecord
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage.walks import every_tenant

from ._consumer import ConsumerState, Start, check_consumer, load, starting_at, write_of
from ._delivery import DeliveryReport, DeliveryVerdict, RetryPolicy
from ._delivery_desk import DeliveryDesk, at_desk
from ._delivery_rounds import DeliveryRounds
from ._event import Event
from ._parking import DEAD_KIND, DeadLetter, Parked, dead_in

#: How many events of one tenant may wait, and how many may be given up, before new ones are left in the journal.
ROOM: Final = 10_000


class Dispatcher:
    """Hands every event of every tenant to one function, at least once.

    The events of an account come in order. One whose handler raises is tried again later, and the later events of the
    same account wait behind it while all others flow; after the last attempt it becomes a dead letter and the account
    goes on. Several processes may run a dispatcher for the same consumer: a lease in the store lets one of them
    deliver a tenant's events at a time.

    Args:
        storage: Where the events are.
        consumer: The consumer's name, such as ``"mailer"``. Each name has a place of its own with each tenant.
        handler: Called with each event. It must not mind being called twice with the same event id: a process that
            dies between the handler and the next acknowledgement repeats at most ``batch`` events.
        clock: The time.
        retry: When an event is tried again whose handler raised.
        start: Where the consumer begins with a tenant that it has not looked at yet: ``"begin"``, with the first
            event that there still is, or ``"now"``, with what happens after that first look.
        batch: How many events are handled between two acknowledgements.
        lease_ttl: How long a tenant stays with a worker that falls silent. Longer than any one call of the handler.
        room: How many events of a tenant may wait, and how many may be given up, before new ones are left alone.

    Raises:
        UsageError: An argument is out of range.
    """

    def __init__(
        self,
        storage: Storage,
        consumer: str,
        handler: Callable[[Event], object],
        *,
        clock: Clock = utc_now,
        retry: RetryPolicy | None = None,
        start: Start = "begin",
        batch: int = 100,
        lease_ttl: timedelta = timedelta(minutes=5),
        room: int = ROOM,
    ) -> None:
        check_consumer(consumer, start)
        if not 1 <= batch <= KEYS_AT_ONCE or room < 1 or lease_ttl <= timedelta(0):
            raise UsageError(
                f"a dispatcher handles 1 to {KEYS_AT_ONCE} events at a time, has room for 1 or more, and a lease",
                cure="Correct batch, room or lease_ttl.",
            )
        self._storage = storage
        self._consumer = consumer
        self._handler = handler
        self._clock = clock
        self._retry = retry or RetryPolicy()
        self._start: Start = start
        self._batch = batch
        self._lease_ttl = lease_ttl
        self._room = room
        #: Tenants of which nothing new is to be expected: up to which position, and until when.
        self._settled: dict[str, tuple[int, datetime]] = {}

    def deliver(self, tenant: str) -> DeliveryReport:
        """Hand over everything that can be delivered to the consumer now.

        Raises:
            LeaseHeld: Another worker is delivering the tenant's events.
            LeaseLost: Another worker took over.
            EventsTrimmed: Events that the consumer has not had were trimmed away; see `start_over`.
            StorageError: The store could not be read or written.
        """
        if (nothing := self._nothing_to_do(tenant)) is not None:
            return nothing
        with at_desk(self._desk(tenant), self._start) as desk:
            rounds = DeliveryRounds(
                desk,
                self._storage,
                self._handler,
                clock=self._clock,
                retry=self._retry,
                batch=self._batch,
                room=self._room,
                consumer=self._consumer,
            )
            rounds.run()
        return rounds.report()

    def deliver_all(self) -> Iterator[DeliveryReport]:
        """Deliver to every tenant in turn, and yield a report for each that was looked into; none stops the next.

        A tenant without anything new costs no read of its own, and has no report unless it has dead letters. One that
        could not be delivered has a report with the error instead of raising it.

        Raises:
            StorageError: The tenants could not be read.
        """
        for record in every_tenant(self._storage):
            if self._is_settled(record):
                continue
            self._settled.pop(record.tenant, None)
            try:
                report = self.deliver(record.tenant)
                self._remember(record)
            except (LeaseHeld, LeaseLost) as error:
                report = DeliveryReport(record.tenant, DeliveryVerdict.BUSY, error=error)
            except SmartifyError as error:
                log().error("delivery failed", tenant=record.tenant, consumer=self._consumer, code=error.code)
                report = DeliveryReport(record.tenant, DeliveryVerdict.FAILED, error=error)
            yield report

    def dead_letters(self, tenant: str) -> tuple[DeadLetter, ...]:
        """Return the events that were given up, in the order in which that happened.

        Raises:
            StorageError: The store could not be read.
        """
        state, _ = load(self._storage, tenant, self._consumer, "dispatch")
        if state is None:
            return ()
        return tuple(dead_in(self._storage.document(tenant, DEAD_KIND, self._consumer), tenant))

    def retry_dead(self, tenant: str, event_id: str) -> None:
        """Let a dead letter be delivered again, with all its attempts. It comes late: its account has gone on.

        Raises:
            UsageError: There is no such dead letter.
            LeaseHeld: Another worker is delivering the tenant's events; try again.
            StorageError: The store could not be read or written.
        """
        with at_desk(self._desk(tenant), self._start) as desk:
            letter = self._letter(desk, event_id)
            event = letter.event
            desk.parking.add(Parked(event.sequence, event.account_id, event=event.to_json()))
            # First where it goes, then where it comes from: a crash between the two leaves it dead, and loses nothing.
            desk.save("parked", "dead")
        self._settled.pop(tenant, None)

    def drop_dead(self, tenant: str, event_id: str) -> None:
        """Remove a dead letter for good.

        Raises:
            UsageError: There is no such dead letter.
            LeaseHeld: Another worker is delivering the tenant's events; try again.
            StorageError: The store could not be read or written.
        """
        with at_desk(self._desk(tenant), self._start) as desk:
            self._letter(desk, event_id)

    def start_over(self, tenant: str, at: Start) -> None:
        """Place the consumer anew: before the first event that there still is (``"begin"``), or behind all (``"now"``).

        Events that wait are forgotten (from ``"begin"`` they come again); dead letters stay.

        Raises:
            LeaseHeld: Another worker is delivering the tenant's events; try again.
            StorageError: The store could not be read or written.
        """
        check_consumer(self._consumer, at)
        with at_desk(self._desk(tenant), at) as desk:
            desk.cursor = starting_at(self._storage, tenant, at)
            for item in tuple(desk.parking):
                desk.parking.remove(item)
            # The place first: a crash between the two leaves events waiting, and loses none.
            desk.save("place", "parked")
        self._settled.pop(tenant, None)

    def _desk(self, tenant: str) -> DeliveryDesk:
        return DeliveryDesk(self._storage, tenant, self._consumer, clock=self._clock, ttl=self._lease_ttl)

    def _letter(self, desk: DeliveryDesk, event_id: str) -> DeadLetter:
        letter = desk.dead.take(event_id)
        if letter is None:
            raise UsageError(
                f"no dead letter has the id {event_id!r}",
                where=f"tenant {desk.tenant}, consumer {self._consumer}",
                cure="Take the id of one of `dead_letters`.",
            )
        return letter

    def _nothing_to_do(self, tenant: str) -> DeliveryReport | None:
        """Return the report of a delivery that has nothing to do, without taking any right; else ``None``."""
        state, version = load(self._storage, tenant, self._consumer, "dispatch")
        position = self._storage.tenant(tenant).position
        if state is None:
            if version or (self._start == "begin" and position):
                return None
            state = ConsumerState("dispatch", starting_at(self._storage, tenant, self._start))
            try:
                self._storage.record(tenant, documents=[write_of(self._consumer, state, over=version)])
            except WriteConflict:
                return None
        due = state.due is not None and state.due <= self._clock()
        if state.leased_until is not None or state.cursor.through < position or due:
            return None
        verdict = DeliveryVerdict.WAITING if state.parked else DeliveryVerdict.CURRENT
        return DeliveryReport(tenant, verdict, waiting=state.parked, dead=state.dead)

    def _is_settled(self, record: TenantRecord) -> bool:
        if not record.position and self._start == "begin":
            return True
        position, until = self._settled.get(record.tenant, (-1, None))
        return position == record.position and until is not None and self._clock() < until

    def _remember(self, record: TenantRecord) -> None:
        """Remember until when nothing is to be expected; not for long, as another process may start over.

        A tenant with dead letters is not remembered, so that every walk reports them.
        """
        state, _ = load(self._storage, record.tenant, self._consumer, "dispatch")
        if state is None or state.leased_until is not None or state.dead:
            return
        if state.cursor.through == record.position:
            latest = self._clock() + self._retry.ceiling
            self._settled[record.tenant] = (record.position, min(state.due or latest, latest))
