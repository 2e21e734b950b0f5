"""The courier: it takes every notice that was released to everybody who is to have it, and says what came of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final

from smartify_core.errors import SmartifyError, UnknownIncident, UsageError
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._log import log
from smartify_core.policy.audit import Trail
from smartify_core.policy.breach._customer import MOST_CONTACTS
from smartify_core.policy.breach._incident import is_incident_id
from smartify_core.policy.breach._notice import Delivery, Hearing, Notice
from smartify_core.policy.breach._notifier import Notifier, Parcel
from smartify_core.policy.breach._rules import BreachRules
from smartify_core.policy.breach._sending import Outbound, Sending, by_channel
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._acknowledging import Acknowledging
from ._claiming import BATCH, Claimed, Claiming
from ._correcting import Correcting
from ._escalating import Change, Escalating
from ._parcels import parcel
from ._settling import Settling
from ._shelves import Shelves
from ._spreading import Spreading
from ._tally import CourierRun, Tally

#: For how many seconds results are waited for that are kept together.
_LINGER: Final = 0.25
#: How many threads a courier has at most.
_MOST_THREADS: Final = 200
#: How many hearings are remembered as they are.
_MOST_KNOWN: Final = 2_000


class Courier:
    """Delivers notices, at least once and always under one id, however often a worker of it dies. Threads may share it.

    Any number of processes may run one each over the same store: what one has taken no other takes before its lease
    has run out. An attempt is on record before anything leaves, and what came of it is kept in the same step as its
    entry in the trail. While police has asked for silence, or once the incident is over, nothing leaves.

    Args:
        storage: Where notices, customers and deliveries are.
        sealer: What seals and opens them.
        trail: What everything is recorded in.
        notifiers: The channels that contacts are reached through.
        rules: How long those of one tier may take, and who calls.
        worker: Who this is, in the trail and in leases; made up where it is not given. No two workers share one.
        threads: How many messages leave at once.
        lease: For how long a delivery is taken. What did not leave by the last quarter of it is given back.
        on_call: Told of every hearing for which somebody of the host's has to call, once that is on record. It is a
            convenience: what is on record counts, and a process may die before it gets to tell.

    Raises:
        UsageError: ``worker`` is no id, two notifiers have one channel, or a number is out of its range.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        notifiers: Mapping[str, Notifier] | Iterable[Notifier],
        *,
        rules: BreachRules,
        worker: str | None = None,
        threads: int = 8,
        lease: timedelta = timedelta(minutes=15),
        on_call: Callable[[Hearing], object] | None = None,
    ) -> None:
        self.worker: str = f"courier-{os.urandom(4).hex()}" if worker is None else worker
        check_id("worker", self.worker)
        if not 1 <= threads <= _MOST_THREADS:
            raise UsageError(f"a courier has 1 to {_MOST_THREADS} threads", where="threads", cure="Give 8 or so.")
        if not timedelta(seconds=1) <= lease <= timedelta(days=1):
            raise UsageError(
                "a lease lasts a second to a day", where="lease", cure="Give timedelta(minutes=15), or so."
            )
        self._trail = trail
        self._notifiers = by_channel(notifiers)
        self._threads = threads
        self._lease = lease
        self._on_call = on_call
        self._rules = rules
        self._shelves = Shelves(storage, sealer)
        self._acknowledging = Acknowledging(self._shelves, trail)

    def run_once(self, *, stop: threading.Event | None = None) -> CourierRun:
        """Spread what was released, deliver what is due, and tell the next ones where nobody has heard.

        Args:
            stop: Once it is set, what is being sent is finished and kept, and nothing more leaves.

        Returns:
            What was done.

        Raises:
            StorageError: The store could not be read or written. What was sent and not kept is sent again, under the
                same id, when its lease has run out.
            AuditUnavailable: The same, of the trail.
            ClockWentBackwards: This host's clock and the trail's time are more than a day apart.
        """
        return _Run(self, threading.Event() if stop is None else stop).made()

    def acknowledge(
        self,
        incident_id: str,
        tenant: str,
        *,
        by: str,
        heard_by: str,
        how: str,
        at: datetime | None = None,
        round: int | None = None,  # noqa: A002 - the word that everybody has for it, and nothing is rounded here
    ) -> Hearing:
        """Keep that a customer says that it has heard. That settles a call, and nobody else of it is told.

        Args:
            incident_id: The incident.
            tenant: The customer's tenant.
            by: Who of the host's says so: the id of an employee.
            heard_by: Who of the customer's has heard, in words. Kept sealed.
            how: How: by phone, in a mail. Kept sealed.
            at: When; now where it is not given.
            round: Of which round's notice; of the latest that the tenant has where it is not given.

        Returns:
            The hearing. Where it was acknowledged before, as it was: the first time counts.

        Raises:
            UnknownIncident: No such notice was handed to its recipients' channels.
            IncidentInvalid: A text is empty or too long, or the time is none or to come.
            UsageError: ``by`` is no id.
            AuditUnavailable: It could not be recorded, and so was not kept.
        """
        return self._acknowledging.by_somebody(
            incident_id, tenant, by=by, heard_by=heard_by, how=how, at=at, round=round
        )

    def acknowledge_by_code(self, code: str, *, how: str = "the notice's page") -> Hearing:
        """Keep that whoever has the code of a notice has read it. Twice is fine, and the first time counts.

        Raises:
            UnknownIncident: No notice has this code.
            IncidentInvalid: ``how`` is empty or too long.
            AuditUnavailable: It could not be recorded, and so was not kept.
        """
        return self._acknowledging.by_code(code, how=how)

    def notice_by_code(self, code: str) -> Notice:
        """Return the notice that has a code, for a page that shows it. Nothing is acknowledged by that.

        Programs that look through mail follow links: acknowledge what somebody did on the page, not that it was asked
        for.

        Raises:
            UnknownIncident: No notice has this code.
            StorageError: The store could not be read.
        """
        return self._acknowledging.notice_of(code)

    def deliveries(self, incident_id: str) -> Iterator[Delivery]:
        """Yield every delivery of an incident: first what is open, then what is done. Raises `StorageError`."""
        if is_incident_id(incident_id):
            for shelf in (self._shelves.open, self._shelves.done):
                for _, delivery, _ in shelf.beginning_with(f"{incident_id}/"):
                    yield delivery

    def hearings(self, incident_id: str) -> Iterator[Hearing]:
        """Yield whether each tenant has heard of each notice of an incident. Raises `StorageError`."""
        if is_incident_id(incident_id):
            for _, hearing, _ in self._shelves.hearings.beginning_with(f"{incident_id}/"):
                yield hearing


class _Run:
    """One run of a courier."""

    def __init__(self, courier: Courier, stop: threading.Event) -> None:
        # It is part of the courier, in a class of its own so that threads can share that one.
        shelves, trail = courier._shelves.patient(), courier._trail  # noqa: SLF001 - a run is the courier's own inside
        notifiers, rules = courier._notifiers, courier._rules  # noqa: SLF001 - a run is the courier's own inside
        self._on_call = courier._on_call  # noqa: SLF001 - a run is the courier's own inside
        self._threads = courier._threads  # noqa: SLF001 - a run is the courier's own inside
        self._lease = courier._lease  # noqa: SLF001 - a run is the courier's own inside
        self._stop = stop
        self._tally = Tally()
        self._now = trail.now
        self._known: dict[str, tuple[Hearing, int]] = {}
        worker, lease = courier.worker, self._lease
        self._notifiers = notifiers
        self._spreading = Spreading(shelves, trail, notifiers, rules, worker, lease, self._spread)
        self._elsewhere: dict[str, None] = {}
        self._claiming = Claiming(shelves, trail.now, notifiers, worker, lease, self._elsewhere)
        self._escalating = Escalating(shelves, trail, rules, worker, self._kept)
        self._correcting = Correcting(shelves, trail, self._escalating, worker, self._kept)
        self._shelves = shelves
        self._settling = Settling(shelves, trail, notifiers, self._escalating, worker, self._known, self._kept)

    def made(self) -> CourierRun:
        """Run, and return what was done."""
        out: Outbound[Claimed]
        with Outbound(self._notifiers, self._now, threads=self._threads, stop=self._stop) as out:
            self._send(out, self._spreading.batches(self._tally))
            if not self._stop.is_set():
                self._correcting.changed(self._tally)
            # Each time the next ones of somebody may be told, and there are no more tiers than contacts.
            for _ in range(MOST_CONTACTS + 1):
                before = self._queued
                self._send(out, self._claiming.batches(self._tally))
                if not self._stop.is_set():
                    self._correcting.corrected(tuple(self._elsewhere), self._tally)
                    self._elsewhere.clear()
                    self._escalating.overdue(self._tally)
                if self._queued == before or self._stop.is_set():
                    break
        self._tally["stuck"] = len(self._shelves.broken or ())
        return CourierRun.of(self._tally)

    @property
    def _queued(self) -> int:
        """How many notices were handed to further contacts."""
        return self._tally["escalated"] + self._tally["redirected"]

    def _send(self, out: Outbound[Claimed], batches: Iterator[Sequence[Claimed]]) -> None:
        while not self._stop.is_set() and (batch := next(batches, None)) is not None:
            for claimed in batch:
                until = (claimed.delivery.leased_until or claimed.delivery.queued_at) - self._lease / 4
                out.submit(Sending(claimed, claimed.delivery.channel, partial(self._parcel, claimed), until))
            # What is taken next waits in the threads' line while this batch is under way.
            while out.outstanding > BATCH:
                self._settle(out)
        while out.outstanding:
            self._settle(out)

    def _parcel(self, claimed: Claimed, at: datetime) -> Parcel | None:
        """Return what leaves; ``None`` where it may not any more: police asked for silence, or the incident is over.

        That is asked right before each message, so that nothing leaves once it is on record.

        Raises:
            UnknownIncident: The notice cannot be opened: that is tried again.
        """
        try:
            if not self._shelves.may_go(claimed.delivery.incident, at):
                return None
        except SmartifyError as error:
            log().warning("it cannot be told whether a notice may leave, so it does not", code=error.code)
            return None
        if claimed.notice is None:
            raise UnknownIncident("a notice cannot be opened", where=f"notice {claimed.delivery.notice}")
        return parcel(claimed.delivery, claimed.notice, at)

    def _settle(self, out: Outbound[Claimed]) -> None:
        self._settling.settle(out.results(most=BATCH, linger=_LINGER), self._tally)

    def _spread(self, hearings: Mapping[str, Hearing]) -> None:
        self._remember({key: (hearing, 1) for key, hearing in hearings.items()})
        self._tell([hearing for hearing in hearings.values() if hearing.call_since is not None])

    def _kept(self, change: Change) -> None:
        self._remember(change.hearings)
        self._tell(change.calls)

    def _remember(self, hearings: Mapping[str, tuple[Hearing, int]]) -> None:
        self._known.update(hearings)
        # The ones that were met first go first: they are settled already.
        for key in list(islice(self._known, max(0, len(self._known) - _MOST_KNOWN))):
            del self._known[key]

    def _tell(self, calls: Sequence[Hearing]) -> None:
        if self._on_call is None:
            return
        for hearing in calls:
            try:
                self._on_call(hearing)
            except Exception as error:  # noqa: BLE001 - a host's function may raise anything, and the call is on record
                log().error("a host's on_call raised", notice=hearing.notice, error=type(error).__name__)
