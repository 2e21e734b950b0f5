"""Who looks at the clocks: alarms before notices are due and once they were missed, each on record once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Final

from attrs import evolve

from smartify_core.errors import IncidentInvalid, SmartifyError
from smartify_core.policy._log import log
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Fact, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._clocks import Deadline
from ._customer import Customer
from ._dossiers import Dossiers
from ._incident import checked_text, in_utc, incident_clash
from ._places import DEADLINE, numbered
from ._recorded import Recorded
from ._rules import BreachRules
from ._said import Alarm, AlarmKind, DeadlineRecord, alarm_of, grouped
from ._status import IncidentStatus
from ._status_of import status_of
from ._vocabulary import Phase

#: Who it is that says so.
_WATCH: Final = "watch"
#: The most customers that one record speaks of.
_TOGETHER: Final = 200
_KINDS: Final = {
    AlarmKind.NEAR: "deadline.alarmed",
    AlarmKind.MISSED: "deadline.missed",
    AlarmKind.HOLD_ENDED: "incident.hold-ended",
    AlarmKind.CALL: "notice.call-open",
}


class Watch:
    """The clocks of every incident that is not over.

    Have `look` called every few minutes, by a worker or by several: what is said is said once. It reads all that is on
    record of the notices of each incident that is not over, which takes seconds where they are ten thousand.

    Args:
        storage: Where incidents are.
        sealer: What opens and seals what is kept of them.
        trail: What every alarm is recorded in, in the same step.
        rules: What the host promises.
        on_alarm: Called with every alarm once it is on record. What it raises is logged, and changes nothing.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        *,
        rules: BreachRules,
        on_alarm: Callable[[Alarm], None] | None = None,
    ) -> None:
        self._trail = trail
        self._rules = rules
        self._on_alarm = on_alarm
        self._recorded = Recorded(storage, sealer, trail)
        self._dossiers = Dossiers(storage, sealer, rules)
        self._records = Shelf(storage, sealer, DEADLINE, DeadlineRecord)

    def look(self, now: datetime | None = None) -> tuple[Alarm, ...]:
        """Say what is to be said now and was not yet: of deadlines, of police holds that ended, of calls to be made.

        An incident that cannot be read keeps no other one from being looked at; the first error is raised afterwards.

        Args:
            now: The present instant; that of the trail, where none is given.

        Returns:
            What was said just now. Each is on record.

        Raises:
            IncidentInvalid: ``now`` has no time zone.
            AuditUnavailable: An alarm could not be recorded, and so was not raised. The next look raises it.
            StorageError: The store could not be read.
        """
        at = self._recorded.now() if now is None else in_utc(now, "now")
        running = [one.id for one in self._recorded.all() if not one.state.is_over]
        customers = self._dossiers.customers() if running else {}
        raised: list[Alarm] = []
        trouble: list[SmartifyError] = []
        for incident_id in running:
            try:
                self._look_at(incident_id, customers, at, raised)
            except SmartifyError as error:  # the other incidents have clocks as well; it is raised below
                log().warning("an incident's clocks could not be looked at", incident=incident_id, code=error.code)
                trouble.append(error)
        if trouble:
            raise trouble[0]
        return tuple(raised)

    def explain(self, incident_id: str, *, phase: Phase, by: str, reason: str, tenant: str | None = None) -> int:
        """Put on record why notices of a phase were late, or have not been heard: to every customer, or to one.

        GDPR 33(1) wants the reasons for a delay. One that comes later needs a reason of its own.

        Args:
            incident_id: The incident.
            phase: Which notice.
            by: The id of the employee who says so.
            reason: Why, in their words. They are sealed.
            tenant: Which customer; all of those whose notice was late, where none is given.

        Returns:
            How many deadlines it is about.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: The reason is empty or too long, or the phase is none.
            IncidentClash: The incident is over, or no such deadline was missed.
            UsageError: ``by`` is no id.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text = checked_text(reason, "the reason for a delay")
        if not isinstance(phase, Phase):  # types are no promise at run time
            raise IncidentInvalid("there is no such phase", where="phase", cure="Name first, update or final.")
        incident, _ = self._recorded.get(incident_id)
        if not incident.state.is_over:
            self._look_at(incident_id, self._dossiers.customers(), self._recorded.now(), [])
        return self._explained(incident_id, phase, tenant, by, text)

    def status(self, incident_id: str | None = None) -> tuple[IncidentStatus, ...]:
        """Return how incidents stand: one of them, or all that are on record, in order of id.

        Raises:
            UnknownIncident: There is none under this id.
            StorageError: The store could not be read.
        """
        now = self._recorded.now()
        some = self._recorded.all() if incident_id is None else iter((self._recorded.get(incident_id)[0],))
        customers = self._dossiers.customers()
        found: list[IncidentStatus] = []
        for incident in some:
            dossier = self._dossiers.of(incident)
            deadlines = self._dossiers.deadlines(dossier, customers, now)
            found.append(status_of(dossier, deadlines, self._dossiers.deliveries(incident), now))
        return tuple(found)

    def deadlines(self, incident_id: str) -> Iterator[Deadline]:
        """Yield every deadline of an incident, those that are over included, customer by customer.

        Raises:
            UnknownIncident: There is none under this id.
            StorageError: The store could not be read.
        """
        incident, _ = self._recorded.get(incident_id)
        return self._dossiers.deadlines(self._dossiers.of(incident), self._dossiers.customers(), self._recorded.now())

    def records(self, incident_id: str) -> Iterator[DeadlineRecord]:
        """Yield what was said of an incident's deadlines, and why they were missed, in order.

        Raises:
            UnknownIncident: There is none under this id.
            StorageError: The store could not be read.
        """
        return self._dossiers.records(self._recorded.get(incident_id)[0])

    # --- inside -------------------------------------------------------------------------------------------------------

    def _look_at(self, incident_id: str, customers: Mapping[str, Customer], at: datetime, raised: list[Alarm]) -> None:
        """Say what is to be said of one incident. Whatever came on record is raised, also where the rest could not."""
        kept: list[Alarm] = []
        try:
            self._say(incident_id, customers, at, kept)
        finally:
            for alarm in _together(kept):
                raised.append(alarm)
                self._raise(alarm)

    @begun_anew
    def _say(self, incident_id: str, customers: Mapping[str, Customer], at: datetime, kept: list[Alarm]) -> None:
        incident, _ = self._recorded.get(incident_id)
        if incident.state.is_over:
            return
        dossier = self._dossiers.of(incident)
        said, deadlines = dossier.said, self._dossiers.deadlines(dossier, customers, at)
        alarms = chain(
            said.unsaid(deadlines, self._rules.alarms, at),
            said.unsaid_calls(dossier.hearings.values(), at),
            said.unsaid_hold(incident, dossier.rounds, dossier.each_hearing(), at),
        )
        parts = [part for alarm in alarms for part in _parts(alarm)]
        for number, part in enumerate(parts, start=said.number + 1):
            record = DeadlineRecord(number, _WATCH, part)
            self._trail.append(
                AuditRecord(_KINDS[part.kind], at, None, _WATCH, (), {**_facts(part), "record": number}),
                documents=[self._records.put(numbered(incident_id, number), record, over=0)],
            )
            kept.append(part)

    @begun_anew
    def _explained(self, incident_id: str, phase: Phase, tenant: str | None, by: str, reason: str) -> int:
        incident, version = self._recorded.running(incident_id)
        now, dossier = self._recorded.now(), self._dossiers.of(incident)
        failed = [
            one
            for one in self._dossiers.deadlines(dossier, self._dossiers.customers(), now)
            if one.phase is phase and one.state.is_failed and tenant in {None, one.tenant}
        ]
        if not failed:
            raise incident_clash(incident, "no deadline of this phase was missed", "See: smartify breach status")
        # Where all of them have a reason, the new one is about all of them.
        about = [one for one in failed if not dossier.said.is_explained(one)] or failed
        parts = [part for group in grouped(about) for part in _parts(alarm_of(AlarmKind.EXPLAINED, group, now))]
        documents = [
            self._records.put(numbered(incident_id, number), DeadlineRecord(number, by, part, reason), over=0)
            for number, part in enumerate(parts, start=dossier.said.number + 1)
        ]
        self._recorded.change(
            incident,
            version,
            "deadline.explained",
            by=by,
            at=now,
            text=reason,
            tenant=tenant,
            facts={"phase": phase.value, "count": len(about)},
            documents=documents,
        )
        return len(about)

    def _raise(self, alarm: Alarm) -> None:
        if self._on_alarm is None:
            return
        try:
            self._on_alarm(alarm)
        except Exception as error:  # noqa: BLE001 - it is the host's own code, and the alarm is on record already
            log().warning(
                "the host's own code for alarms failed",
                incident=alarm.incident,
                kind=alarm.kind.value,
                error=type(error).__name__,
            )


def _parts(alarm: Alarm) -> Iterator[Alarm]:
    """Yield an alarm in parts that one record can hold."""
    if not alarm.tenants:
        yield alarm
    for start in range(0, len(alarm.tenants), _TOGETHER):
        some = alarm.tenants[start : start + _TOGETHER]
        yield evolve(alarm, tenants=some, count=len(some))


def _together(parts: list[Alarm]) -> list[Alarm]:
    """Return alarms from their parts."""
    whole: dict[Alarm, list[Alarm]] = {}
    for part in parts:
        whole.setdefault(evolve(part, tenants=(), count=0), []).append(part)
    return [
        evolve(
            alarm,
            tenants=tuple(chain.from_iterable(one.tenants for one in some)),
            count=sum(one.count for one in some),
        )
        for alarm, some in whole.items()
    ]


def _facts(alarm: Alarm) -> Mapping[str, Fact]:
    return {
        "incident": alarm.incident,
        "phase": None if alarm.phase is None else alarm.phase.value,
        "number": alarm.number,
        "due_at": None if alarm.due_at is None else alarm.due_at.isoformat(),
        "before_seconds": None if alarm.before is None else round(alarm.before.total_seconds()),
        "held_until": None if alarm.held_until is None else alarm.held_until.isoformat(),
        "count": alarm.count,
    }
