"""The life of incidents: from the first signal to the close, every step with who decided it and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from attrs import evolve

from smartify_core.errors import IncidentInvalid
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy.audit import Fact, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._closing import require_closable
from ._dossiers import Dossiers
from ._gone_on import has_gone_on
from ._incident import (
    MOST_SCOPES,
    BreachScope,
    Incident,
    PoliceHold,
    TimelineEvent,
    checked_text,
    in_utc,
    incident_clash,
)
from ._recorded import Recorded, scope_facts
from ._rules import BreachRules
from ._tenants_named import is_known_tenant
from ._vocabulary import IncidentState, Nature, ScopeKind

#: The longest that law enforcement can have asked for at once; longer ones are asked for anew.
_LONGEST_HOLD: Final = timedelta(days=180)


class Incidents:
    """The incidents of a host. Every change is in the incident's timeline and in the audit trail, in one step.

    Args:
        storage: Where they are.
        sealer: What seals them.
        trail: What every change is recorded in, in the same step.
        rules: What the host promises.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail, *, rules: BreachRules) -> None:
        self._storage = storage
        self._trail = trail
        self._recorded = Recorded(storage, sealer, trail)
        self._dossiers = Dossiers(storage, sealer, rules)

    # --- reading ------------------------------------------------------------------------------------------------------

    def get(self, incident_id: str) -> Incident:
        """Return an incident.

        Raises:
            UnknownIncident: There is none under this id.
            StorageError: The store could not be read.
        """
        return self._recorded.get(incident_id)[0]

    def all(self) -> Iterator[Incident]:
        """Yield every incident, those that are over included, in order of id. Raises `StorageError`."""
        return self._recorded.all()

    def timeline(self, incident_id: str) -> Iterator[TimelineEvent]:
        """Yield what happened to an incident, in order.

        Raises:
            UnknownIncident: There is none under this id.
            StorageError: The store could not be read.
        """
        self._recorded.get(incident_id)
        return self._recorded.timeline(incident_id)

    # --- what it is ---------------------------------------------------------------------------------------------------

    def open(
        self,
        *,
        by: str,
        signal: str,
        first_signal_at: datetime | None = None,
        natures: Iterable[Nature] = (Nature.CONFIDENTIALITY,),
        scopes: Iterable[BreachScope] = (),
    ) -> Incident:
        """Put on record that something was noticed which may be a breach. No clock but that of diligence runs yet.

        Args:
            by: The id of the employee who does it, or ``canary``.
            signal: What was noticed, in words. They are sealed.
            first_signal_at: When; now, where nothing is said.
            natures: What was, or may have been, violated.
            scopes: Where it reached, as far as is known.

        Raises:
            IncidentInvalid: A value is misshapen, the signal lies ahead, or a scope names an unknown tenant.
            UsageError: ``by`` is no id.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text, kept, reached = checked_text(signal, "the signal"), _natures(natures), self._scopes(scopes)

        @begun_anew
        def opened() -> Incident:
            now = self._recorded.now()
            at = now if first_signal_at is None else _not_ahead(first_signal_at, "the first signal", now)
            return self._recorded.opened(by=by, at=now, signal=text, first_signal_at=at, natures=kept, scopes=reached)

        return opened()

    @begun_anew
    def become_aware(self, incident_id: str, *, by: str, reason: str, at: datetime | None = None) -> Incident:
        """Put on record that somebody with the authority decided that it is, or may be, a breach: the clocks run.

        Args:
            incident_id: The incident.
            by: Who decided it.
            reason: Why, in their words. They are sealed.
            at: When they did; now, where nothing is said.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: It lies ahead or before the first signal, or the reason is empty or too long.
            IncidentClash: It was decided already, or the incident is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text = checked_text(reason, "the reason")
        incident, version = self._recorded.running(incident_id)
        if incident.state is not IncidentState.SUSPECTED:
            raise incident_clash(incident, "it was decided already that it is a breach", "Assess its impact next.")
        now = self._recorded.now()
        aware_at = now if at is None else _not_ahead(at, "the decision", now)
        if aware_at < incident.first_signal_at:
            raise IncidentInvalid(
                "it was decided before the first signal", where="at", cure="Give an instant after the first signal."
            )
        after = evolve(incident, state=IncidentState.AWARE, aware_at=aware_at, aware_by=by)
        facts: dict[str, Fact] = {"aware_at": aware_at.isoformat()}
        return self._recorded.change(after, version, "incident.aware", by=by, at=now, text=text, facts=facts)

    def rescope(self, incident_id: str, scopes: Iterable[BreachScope], *, by: str, reason: str) -> Incident:
        """Replace where an incident reached. Its impact has to be assessed anew.

        Args:
            incident_id: The incident.
            scopes: Where it reached, all of it.
            by: The id of the employee who says so.
            reason: Why, in their words. They are sealed.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: A scope is none, none is given, they are too many, or one names an unknown tenant.
            IncidentClash: It is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        return self._rescoped(incident_id, "incident.rescoped", tuple(scopes), by, reason, extends=False)

    def extend(self, incident_id: str, *scopes: BreachScope, by: str, reason: str) -> Incident:
        """Add to where an incident reached. Its impact has to be assessed anew. As `rescope` in all else."""
        return self._rescoped(incident_id, "incident.extended", scopes, by, reason, extends=True)

    @begun_anew
    def confirm(self, incident_id: str, *, by: str, reason: str, at: datetime | None = None) -> Incident:
        """Put on record that somebody confirmed the impact.

        Args:
            incident_id: The incident.
            by: Who confirmed it.
            reason: What they found, in their words. They are sealed.
            at: When; now, where nothing is said.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: It lies ahead or before awareness, or the reason is empty or too long.
            IncidentClash: Nobody has decided that it is a breach, its impact was not assessed since its scopes changed,
                it is confirmed already, or over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text = checked_text(reason, "the reason")
        incident, version = self._recorded.running(incident_id)
        if incident.aware_at is None:
            raise incident_clash(
                incident, "nobody has decided that it is a breach", "Record who did: smartify breach aware"
            )
        if incident.state is IncidentState.CONFIRMED:
            raise incident_clash(incident, "its impact is confirmed already", "Nothing is to be done.")
        impact = self._dossiers.impact(incident)
        if impact is None or not impact.is_present(incident):
            raise incident_clash(
                incident, "its impact was not assessed since its scopes changed", "Assess it: smartify breach assess"
            )
        now = self._recorded.now()
        confirmed_at = now if at is None else _not_ahead(at, "the confirmation", now)
        if confirmed_at < incident.aware_at:
            raise IncidentInvalid(
                "it was confirmed before anybody was aware of it", where="at", cure="Give a later instant."
            )
        after = evolve(incident, state=IncidentState.CONFIRMED, confirmed_at=confirmed_at, confirmed_by=by)
        facts: dict[str, Fact] = {"confirmed_at": confirmed_at.isoformat(), "impact": impact.revision}
        return self._recorded.change(after, version, "incident.confirmed", by=by, at=now, text=text, facts=facts)

    # --- silence ------------------------------------------------------------------------------------------------------

    @begun_anew
    def hold(self, incident_id: str, *, until: datetime, ordered_by: str, by: str, reason: str) -> Incident:
        """Put on record that law enforcement asked for silence. Notices wait, and deadlines move to its end.

        A hold that stands is replaced.

        Args:
            incident_id: The incident.
            until: The first instant at which notices may go out again: within 180 days.
            ordered_by: Which authority, and under what reference. It is sealed.
            by: The id of the employee who puts it on record.
            reason: Why, in their words. They are sealed.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: ``until`` does not lie ahead, or too far; a text is empty or too long.
            IncidentClash: It is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text, authority = checked_text(reason, "the reason"), checked_text(ordered_by, "the authority")
        end = in_utc(until, "the end of the hold")
        incident, version = self._recorded.running(incident_id)
        now = self._recorded.now()
        if not now < end <= now + _LONGEST_HOLD:
            raise IncidentInvalid(
                f"a police hold ends within {_LONGEST_HOLD.days} days from now", where="until", cure="Correct it."
            )
        before = incident.hold
        past = incident.past_holds if before is None else (*incident.past_holds, _ended(before, now))
        after = evolve(incident, hold=PoliceHold(end, authority, by, text, now), past_holds=past)
        facts: dict[str, Fact] = {"until": end.isoformat()}
        return self._recorded.change(after, version, "incident.held", by=by, at=now, text=text, facts=facts)

    @begun_anew
    def lift_hold(self, incident_id: str, *, by: str, reason: str) -> Incident:
        """Put on record that a police hold ends now. What was sent meanwhile goes out.

        Args:
            incident_id: The incident.
            by: The id of the employee who puts it on record.
            reason: Why, in their words. They are sealed.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: The reason is empty or too long.
            IncidentClash: No hold stands, or the incident is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text = checked_text(reason, "the reason")
        incident, version = self._recorded.running(incident_id)
        now = self._recorded.now()
        if incident.hold is None or not incident.is_held(now):
            raise incident_clash(incident, "no police hold stands", "Nothing is to be done.")
        after = evolve(incident, hold=_ended(incident.hold, now))
        facts: dict[str, Fact] = {"was_until": incident.hold.until.isoformat()}
        return self._recorded.change(after, version, "incident.hold-lifted", by=by, at=now, text=text, facts=facts)

    # --- words and ends -----------------------------------------------------------------------------------------------

    @begun_anew
    def note(self, incident_id: str, *, by: str, text: str, tenant: str | None = None) -> Incident:
        """Put a note into the timeline, of an incident that is over too.

        Args:
            incident_id: The incident.
            by: The id of the employee whose note it is.
            text: The note. It is sealed.
            tenant: Which customer it is about, if it is about one.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: The text is empty or too long, or the tenant unknown.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        kept = checked_text(text, "the note")
        incident, version = self._recorded.get(incident_id)
        if tenant is not None and not is_known_tenant(self._storage, self._trail, tenant):
            raise IncidentInvalid("nothing knows this tenant", where="note, tenant", cure="Give its id as on record.")
        return self._recorded.change(
            incident, version, "incident.noted", by=by, at=self._recorded.now(), text=kept, tenant=tenant
        )

    @begun_anew
    def dismiss(self, incident_id: str, *, by: str, reason: str) -> Incident:
        """Decide that it was no breach. It stays on record as a near miss, with the decision (GDPR 33(5)).

        Args:
            incident_id: The incident.
            by: Who decided it.
            reason: Why, in their words. They are sealed.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: The reason is empty or too long.
            IncidentClash: Notices of it were sent, or it is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text = checked_text(reason, "the reason")
        incident, version = self._recorded.running(incident_id)
        if any(one.state.is_out for one in self._dossiers.rounds(incident)):
            raise incident_clash(incident, "notices of it were sent", "Send a final notice that says so, and close it.")
        return self._over(incident, version, IncidentState.NEAR_MISS, "incident.dismissed", by=by, text=text)

    @begun_anew
    def close(self, incident_id: str, *, by: str, reason: str, despite: str | None = None) -> Incident:
        """Close an incident: everybody who was to hear has heard, and every delay has its reason.

        Args:
            incident_id: The incident.
            by: Who decided it.
            reason: What came of it, in their words. They are sealed.
            despite: Why it is closed though customers that nothing reached were not called yet.

        Raises:
            UnknownIncident: There is none under this id.
            IncidentInvalid: A text is empty or too long.
            IncidentClash: Something comes first; the message names it. Or it is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        text = checked_text(reason, "the reason")
        if despite is not None and (calls_text := checked_text(despite, "despite")) != text:
            text = f"{text}\n\nOpen calls: {calls_text}"
        incident, version = self._recorded.running(incident_id)
        now, dossier = self._recorded.now(), self._dossiers.of(incident)
        deadlines = self._dossiers.deadlines(dossier, self._dossiers.customers(), now)
        calls = require_closable(
            dossier,
            deadlines,
            gone_on=lambda impact: has_gone_on(self._trail, impact),
            despite_calls=despite is not None,
        )
        return self._over(
            incident, version, IncidentState.CLOSED, "incident.closed", by=by, text=text, facts={"open_calls": calls}
        )

    # --- inside -------------------------------------------------------------------------------------------------------

    def _over(
        self,
        incident: Incident,
        version: int,
        state: IncidentState,
        kind: str,
        *,
        by: str,
        text: str,
        facts: dict[str, Fact] | None = None,
    ) -> Incident:
        now = self._recorded.now()
        after = evolve(incident, state=state, closed_at=now, closed_by=by)
        return self._recorded.change(after, version, kind, by=by, at=now, text=text, facts=facts)

    def _rescoped(
        self, incident_id: str, kind: str, scopes: tuple[BreachScope, ...], by: str, reason: str, *, extends: bool
    ) -> Incident:
        text, given = checked_text(reason, "the reason"), self._scopes(scopes)
        if not given:
            raise IncidentInvalid("no scope is given", where="scopes", cure="Name at least one.")

        @begun_anew
        def rescoped() -> Incident:
            incident, version = self._recorded.running(incident_id)
            every = _distinct((*incident.scopes, *given)) if extends else given
            after = evolve(incident, scopes=every, scope_revision=incident.scope_revision + 1)
            return self._recorded.change(
                after, version, kind, by=by, at=self._recorded.now(), text=text, facts=scope_facts(after)
            )

        return rescoped()

    def _scopes(self, scopes: Iterable[BreachScope]) -> tuple[BreachScope, ...]:
        """Return scopes without repeats.

        Raises:
            IncidentInvalid: One is none, they are too many, one names a tenant that nothing knows, or begins ahead of
                now, so that nothing at all would be in it.
        """
        found, now = _distinct(scopes), self._recorded.now()
        for one in found:
            if one.since is not None:
                _not_ahead(one.since, "the window of a scope", now)
        named = {
            tenant for one in found for tenant in (*one.tenants, *(one.names if one.kind is ScopeKind.TENANT else ()))
        }
        for tenant in sorted(named):
            if not is_known_tenant(self._storage, self._trail, tenant):
                raise IncidentInvalid(
                    "a scope names a tenant that nothing knows", where="scope, tenant", cure="Give ids as on record."
                )
        return found


def _distinct(scopes: Iterable[BreachScope]) -> tuple[BreachScope, ...]:
    found = tuple(dict.fromkeys(scopes))
    if not all(isinstance(one, BreachScope) for one in found):  # types are no promise at run time
        raise IncidentInvalid("a scope is none", where="scopes", cure="Give scopes, each with its kind and names.")
    if len(found) > MOST_SCOPES:
        raise IncidentInvalid(f"there are more than {MOST_SCOPES} scopes", where="scopes", cure="Join some of them.")
    return found


def _natures(natures: Iterable[Nature]) -> tuple[Nature, ...]:
    found = tuple(dict.fromkeys(natures))
    if not found or not all(isinstance(one, Nature) for one in found):  # types are no promise at run time
        raise IncidentInvalid(
            "what was violated is not said", where="natures", cure="Name confidentiality, integrity or availability."
        )
    return found


def _not_ahead(instant: datetime, what: str, now: datetime) -> datetime:
    at = in_utc(instant, what)
    if at > now:
        raise IncidentInvalid(f"{what} lies ahead", where=what, cure="Give an instant that is past.")
    return at


def _ended(hold: PoliceHold, now: datetime) -> PoliceHold:
    return evolve(hold, until=min(hold.until, now))
