"""The rooms of breaches, put together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Final, TypeVar

from attrs import frozen

from smartify_core.errors import SmartifyError
from smartify_core.policy._gate._gate import Gate
from smartify_core.policy._log import log
from smartify_core.policy.audit import Checkpoints, Trail
from smartify_core.policy.vendors import Vendors
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._canaries import Canaries
from ._customers import Customers
from ._delivery import Courier, CourierRun
from ._dossiers import Dossiers
from ._evidence import EvidencePack, evidenced, export_evidence
from ._impacts import Assessments
from ._incident import Incident
from ._incidents import Incidents
from ._notice import Hearing
from ._notices import Locales, Notices, NoticeTemplate, rehearsal_message
from ._notifier import Notifier
from ._rehearsals import RehearsalReport, Rehearsals
from ._rules import BreachRules
from ._said import Alarm
from ._watch import Watch

_Result = TypeVar("_Result")
#: How often one process looks at most whether exercises are due: a contact that is not there is asked each time.
_REHEARSED_EVERY: Final = timedelta(hours=1)


@frozen(order=False)
class Tended:
    """What one round of looking after breaches came to.

    Args:
        opened: The incidents that decoys opened.
        alarms: What came near or was missed.
        deliveries: What was sent.
        rehearsal: What came of the exercises that were due; ``None`` where they were not looked at.
        trouble: What kept a step from being done, or from being done whole. It is tried again in the next round.
    """

    opened: tuple[Incident, ...]
    alarms: tuple[Alarm, ...]
    deliveries: CourierRun
    rehearsal: RehearsalReport | None = None
    trouble: tuple[Exception, ...] = ()


class Breaches:
    """Everything about breaches over one store. Threads may share it. Making one reads and writes nothing.

    Args:
        storage: The store.
        sealer: What seals and opens.
        trail: The audit trail.
        gate: What lists of individuals are opened through.
        vendors: The register of vendors.
        rules: The host's own times, and who answers.
        notifiers: The channels that notices leave through.
        locales: The languages of notices; those of this library without it.
        templates: Your own texts of notices, one for a language.
        on_alarm: Called with everything that comes near or was missed. It is on record whether or not that succeeds.
        on_call: Called when a customer can be reached by phone only.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        *,
        gate: Gate,
        vendors: Vendors,
        rules: BreachRules | None = None,
        notifiers: Iterable[Notifier] = (),
        locales: Locales | None = None,
        templates: Iterable[NoticeTemplate] = (),
        on_alarm: Callable[[Alarm], None] | None = None,
        on_call: Callable[[Hearing], None] | None = None,
    ) -> None:
        self._storage = storage
        self._sealer = sealer
        self._trail = trail
        self._gate = gate
        self._vendors = vendors
        self._notifiers = tuple(notifiers)
        self._locales = Locales() if locales is None else locales
        self._templates = tuple(templates)
        self._on_alarm = on_alarm
        self._on_call = on_call
        self.rules: BreachRules = BreachRules() if rules is None else rules
        #: When this process looked for exercises that are due, for the last time.
        self._rehearsed_at: datetime | None = None

    @cached_property
    def incidents(self) -> Incidents:
        """The life of incidents, from the first signal to the end."""
        return Incidents(self._storage, self._sealer, self._trail, rules=self.rules)

    @cached_property
    def assessments(self) -> Assessments:
        """Who may be affected, and who is not."""
        return Assessments(self._storage, self._sealer, self._trail, vendors=self._vendors)

    @cached_property
    def notices(self) -> Notices:
        """What is known, and what each customer is told of it."""
        return Notices(
            self._storage,
            self._sealer,
            self._trail,
            rules=self.rules,
            gate=self._gate,
            subjects=self.assessments.subjects,
            vendor_names=lambda: {vendor.id: vendor.name for vendor in self._vendors.all()},
            locales=self._locales,
            templates=self._templates,
        )

    @cached_property
    def customers(self) -> Customers:
        """Whom each customer wants to be told."""
        return Customers(self._storage, self._sealer, self._trail, notifiers=self._notifiers)

    @cached_property
    def rehearsals(self) -> Rehearsals:
        """The proof, before anything happens, that every customer can be reached."""
        return Rehearsals(
            self._storage,
            self._sealer,
            self._trail,
            self._notifiers,
            rules=self.rules,
            message=partial(rehearsal_message, locales=self._locales),
        )

    @cached_property
    def canaries(self) -> Canaries:
        """Decoys that nobody has a reason to touch."""
        return Canaries(self._storage, self._sealer, self._trail)

    @cached_property
    def watch(self) -> Watch:
        """What is due when, and alarms before it."""
        return Watch(self._storage, self._sealer, self._trail, rules=self.rules, on_alarm=self._on_alarm)

    @cached_property
    def courier(self) -> Courier:
        """What brings notices to their recipients."""
        return Courier(
            self._storage, self._sealer, self._trail, self._notifiers, rules=self.rules, on_call=self._on_call
        )

    def tend(self) -> Tended:
        """Do what is due now: look at the decoys, send, look at the times, rehearse. To be called every minute or so.

        Each of these is tried, whatever becomes of the others; the first error is raised afterwards.

        Raises:
            AuditUnavailable: Something cannot be recorded, so it was not done.
            StorageError: The store cannot be read or written.
        """
        tended = self._tended(threading.Event())
        if tended.trouble:
            raise tended.trouble[0]
        return tended

    def run(
        self,
        stop: threading.Event,
        *,
        every: timedelta = timedelta(seconds=15),
        on_round: Callable[[Tended], object] | None = None,
    ) -> None:
        """Do what is due again and again until ``stop`` is set. What goes wrong is logged, and tried again.

        Args:
            stop: What ends it. What is being sent is finished and kept.
            every: How long it rests in between.
            on_round: Called with what each round came to. What it raises ends the loop.
        """
        while not stop.is_set():
            tended = self._tended(stop)
            if on_round is not None:
                on_round(tended)
            stop.wait(every.total_seconds())

    def _tended(self, stop: threading.Event) -> Tended:
        """Take every step, and return what they came to with what went wrong."""
        trouble: list[Exception] = []

        def tried(name: str, step: Callable[[], _Result], nothing: _Result) -> _Result:
            try:
                return step()
            except Exception as error:  # noqa: BLE001 - the other steps are due as well; who calls this raises or tells it
                code = error.code if isinstance(error, SmartifyError) else type(error).__name__
                log().error("a step of looking after breaches failed", step=name, code=code)
                trouble.append(error)
                return nothing

        opened: tuple[Incident, ...] = tried("canaries", self.canaries.look, ())
        deliveries = tried("courier", lambda: self.courier.run_once(stop=stop), CourierRun())
        alarms: tuple[Alarm, ...] = tried("watch", self.watch.look, ())
        # Last, as nobody waits for an exercise.
        rehearsal = tried("rehearsals", lambda: self._rehearsed(stop), None)
        return Tended(opened, alarms, deliveries, rehearsal, tuple(trouble))

    def _rehearsed(self, stop: threading.Event) -> RehearsalReport | None:
        """Send the exercises that are due, if it is time to look: in a breach nobody is told that nothing happened."""
        by, now = self.rules.rehearse_by, self._trail.now()
        if by is None or (self._rehearsed_at is not None and now < self._rehearsed_at + _REHEARSED_EVERY):
            return None
        self._rehearsed_at = now
        if any(one.aware_at is not None and not one.state.is_over for one in self.incidents.all()):
            return None
        return self.rehearsals.rehearse(by=by, stop=stop)

    def export(
        self, checkpoints: Checkpoints, incident_id: str, folder: Path, *, by: str, tenant: str | None = None
    ) -> EvidencePack:
        """Write the evidence of an incident into a new folder. See `export_evidence`."""
        dossiers = Dossiers(self._storage, self._sealer, self.rules)
        incident = self.incidents.get(incident_id)
        dossier = dossiers.of(incident)
        found = dossiers.deadlines(dossier, dossiers.customers(), self._trail.now())
        deadlines = evidenced(found, dossier.said)
        return export_evidence(
            *(checkpoints, self._storage, self._sealer, incident_id, folder), by=by, tenant=tenant, deadlines=deadlines
        )
