"""The room of notices: what is stated, the rounds that are drafted from it, and their release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from attrs import evolve

from smartify_core.errors import (
    IncidentInvalid,
    NoticeHeld,
    NoticeIncomplete,
    StaleDraft,
    UnknownIncident,
)
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._gate._gate import Gate
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import Trail
from smartify_core.policy.breach._answers import Certainty, NoticeField, Stated, Statement
from smartify_core.policy.breach._certificates import check_certificate
from smartify_core.policy.breach._customer import Customer
from smartify_core.policy.breach._dossiers import Dossiers
from smartify_core.policy.breach._impact import Impact, SubjectImpact
from smartify_core.policy.breach._incident import Incident, incident_clash
from smartify_core.policy.breach._notice import Notice, Round, RoundState
from smartify_core.policy.breach._places import CUSTOMER, IMPACT, NOTICE, ROUND, STATEMENT, numbered, of_tenant
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.policy.breach._rules import BreachRules
from smartify_core.policy.breach._vocabulary import Phase
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._annex import Annexes, SubjectsOf
from ._content import Case
from ._drafting import Drafting, Opener, Tally
from ._freshness import Present, why_stale
from ._locales import Locales
from ._templates import NoticeTemplate


def _nobody(*_: object) -> Iterable[SubjectImpact]:
    return ()


class Notices:
    """What customers are told of incidents: stated once, drafted for each tenant, read, and released as it was read.

    Args:
        storage: Where it is.
        sealer: What seals it.
        trail: What every step is recorded in.
        rules: What the host promises.
        gate: What opens lists of people.
        subjects: Tells which accounts of a tenant an incident may concern: incident, tenant, revision. Without it
            lists of people are empty.
        vendor_names: Tells the names of vendors by their ids; ids stand where a name is missing.
        locales: The languages; those of this library without it.
        templates: The host's own texts, one for a language.
    """

    def __init__(
        self,
        storage: Storage,
        sealer: Sealer,
        trail: Trail,
        *,
        rules: BreachRules,
        gate: Gate,
        subjects: SubjectsOf = _nobody,
        vendor_names: Callable[[], Mapping[str, str]] = dict,
        locales: Locales | None = None,
        templates: Iterable[NoticeTemplate] = (),
    ) -> None:
        self._recorded = Recorded(storage, sealer, trail)
        self._dossiers = Dossiers(storage, sealer, rules)
        self._rules = rules
        self._vendor_names = vendor_names
        self._annexes = Annexes(storage, gate, subjects)
        self._drafting = Drafting(
            storage,
            sealer,
            annexes=self._annexes,
            locales=locales or Locales(),
            templates=templates,
        )
        self._statements = Shelf(storage, sealer, STATEMENT, Statement)
        self._impacts = Shelf(storage, sealer, IMPACT, Impact)
        self._rounds = Shelf(storage, sealer, ROUND, Round)
        self._notices = Shelf(storage, sealer, NOTICE, Notice)
        self._customers = Shelf(storage, sealer, CUSTOMER, Customer)

    # --- what is stated -----------------------------------------------------------------------------------------------

    def statement(self, incident_id: str) -> Statement:
        """Return what is stated of an incident; one without answers where nothing is yet.

        Raises:
            UnknownIncident: There is no such incident.
            StorageError: The store could not be read.
        """
        self._recorded.get(incident_id)
        return self._statements.get(incident_id)[0] or Statement()

    @begun_anew
    def state(self, incident_id: str, answers: Mapping[NoticeField, Stated], *, by: str) -> Statement:
        """State something of an incident, to every customer alike, and return all that is stated now.

        What is drafted already is stale from then on. The texts are kept sealed; the trail has the names of fields.

        Args:
            incident_id: The incident.
            answers: What is known now of these things. What is not among them stays as it was.
            by: The id of the employee who states it.

        Raises:
            IncidentInvalid: An answer is none, there is none, or people are named whom only an annex may name.
            UnknownIncident: There is no such incident.
            IncidentClash: The incident is over.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        _check_answers(answers)
        incident, version = self._recorded.running(incident_id)
        held, over = self._statements.get(incident_id)
        statement = (held or Statement()).stating(answers)
        facts = {
            one.name.lower(): tuple(sorted(what.value for what, answer in answers.items() if answer.certainty is one))
            for one in Certainty
        }
        self._recorded.change(
            incident,
            version,
            "notice.stated",
            by=by,
            at=self._recorded.now(),
            facts={**facts, "statement": statement.revision},
            documents=[self._statements.put(incident_id, statement, over=over)],
        )
        return statement

    # --- drafting -----------------------------------------------------------------------------------------------------

    def draft(
        self,
        incident_id: str,
        phase: Phase,
        *,
        by: str,
        tenants: Iterable[str] | None = None,
        corrections: bool = True,
        individuals_by: str | None = None,
        reason: str | None = None,
    ) -> Round:
        """Write a round of notices, one for every tenant that is owed one, and return it. Nothing is sent.

        A draft that was interrupted, or is stale, is simply drafted again. A tenant that an update finds to be
        affected for the first time gets its first notice with it; one that was told and is not affected any more gets
        a correction, which is its final notice.

        Args:
            incident_id: The incident.
            phase: Which notice. The first one comes before an update or the final one. A first one goes to those only
                who have not been told yet.
            by: The id of the employee who drafts it.
            tenants: Only these tenants; ``None`` for all.
            corrections: Whether an update or a final one also tells those who were told before, and are not affected.
            individuals_by: The employee who opens lists of people for customers with a certificate. Where they may
                not, the notice says how the list is had.
            reason: Why, in words, where ``individuals_by`` is given.

        Raises:
            UnknownIncident: There is no such incident.
            IncidentClash: The incident is over, nobody decided yet that it may be a breach, its impact was not
                computed for its present scopes, no first notice went out before, or nobody is owed a notice.
            IncidentInvalid: Lists are to be opened for no reason.
            StaleDraft: Somebody else drafted, or sent, meanwhile. Read that round, or draft again.
            WriteConflict: Somebody else drafts at the same time. Draft again.
            AuditUnavailable: It could not be recorded, and so is no draft.
        """
        check_id("by", by)
        opener = _opener(individuals_by, reason)
        incident, _ = self._recorded.running(incident_id)
        impact = self._assessed(incident)
        rounds = list(self.rounds(incident_id))
        released = _out(rounds)
        if phase is not Phase.FIRST and not released:
            raise incident_clash(incident, "no first notice went out", "Draft and send a first one.")
        statement = self._statements.get(incident_id)[0] or Statement()
        now, heard = self._recorded.now(), self._dossiers.of(incident)
        draft = Round(
            incident_id,
            incident.rounds + 1,
            phase,
            RoundState.DRAFTING,
            statement.revision,
            impact.revision,
            now,
            by,
            released_before=released,
            said=heard.said.number,
        )
        case = Case(
            incident,
            impact.scopes,
            statement,
            self._rules,
            now,
            dict(self._vendor_names()),
            heard,
        )
        addressees = self._drafting.addressees(
            draft,
            released,
            tenants=tenants,
            ciphertext=self._rules.notify_ciphertext_only,
            corrections=corrections,
        )
        whole, version, tally = self._drafting.written(draft, case, addressees, opener)
        if not whole.notices:
            raise incident_clash(incident, "no tenant is owed such a notice", "Look at the impact.")
        return self._kept(whole, version, tally)

    @begun_anew
    def _kept(self, whole: Round, version: int, tally: Tally) -> Round:
        """Put a round on record whose notices are all there, and discard the draft before it."""
        incident, over = self._recorded.running(whole.incident)
        if incident.rounds != whole.number - 1 or _out(self.rounds(incident.id)) != whole.released_before:
            raise StaleDraft(
                "another round was drafted or sent meanwhile",
                where=f"incident {incident.id}, round {whole.number}",
                cure="Read that one, or draft again.",
            )
        before, older = self._rounds.get(numbered(incident.id, incident.rounds))
        documents = [self._rounds.put(numbered(incident.id, whole.number), whole, over=version)]
        if before is not None and before.state is RoundState.DRAFTED:
            discarded = evolve(before, state=RoundState.DISCARDED)
            documents.append(self._rounds.put(numbered(incident.id, before.number), discarded, over=older))
        self._recorded.change(
            evolve(incident, rounds=whole.number),
            over,
            "notice.drafted",
            by=whole.drafted_by,
            at=self._recorded.now(),
            facts={
                "round": whole.number,
                "phase": whole.phase.value,
                "notices": whole.notices,
                "corrections": tally.corrections,
                "annexes": tally.annexes,
                "digest": whole.digest,
                "open": whole.open_fields,
                "statement": whole.statement_revision,
                "impact": whole.impact_revision,
            },
            documents=documents,
        )
        return whole

    # --- reading ------------------------------------------------------------------------------------------------------

    def rounds(self, incident_id: str) -> Iterator[Round]:
        """Yield the rounds of an incident that were drafted whole, in order. Raises `StorageError`."""
        for _, found, _ in self._rounds.beginning_with(f"{incident_id}/"):
            if found.state is not RoundState.DRAFTING:
                yield found

    def notices(self, incident_id: str, number: int) -> Iterator[Notice]:
        """Return the notices of a round, in order of key.

        Raises:
            UnknownIncident: There is no such incident or round.
            StorageError: The store could not be read.
        """
        self._round(incident_id, number)
        found = self._notices.beginning_with(f"{numbered(incident_id, number)}/")
        return (notice for _, notice, _ in found)

    def notice(self, incident_id: str, tenant: str, number: int | None = None) -> Notice:
        """Return the notice to one tenant.

        Args:
            incident_id: The incident.
            tenant: The tenant.
            number: Which round; the latest one that has a notice to it, and was not discarded, where none is given.

        Raises:
            UnknownIncident: There is no such incident or round, or it has no notice to this tenant.
            StorageError: The store could not be read.
        """
        if number is None:
            self._recorded.get(incident_id)
            kept = [one.number for one in self.rounds(incident_id) if one.state is not RoundState.DISCARDED]
        else:
            kept = [self._round(incident_id, number).number]
        for one in reversed(kept):
            found, _ = self._notices.get(of_tenant(incident_id, one, tenant))
            if found is not None:
                return found
        raise UnknownIncident(
            "there is no notice to this tenant",
            where=f"incident {incident_id}, tenant {tenant}",
            cure="Look at the impact: a tenant that is not affected is owed none.",
        )

    def annex(self, incident_id: str, tenant: str, *, by: str, reason: str) -> bytes:
        """Return the people of a tenant whom the incident may concern, by name: CSV in UTF-8, opened through the gate.

        Raises:
            UnknownIncident: There is no such incident.
            IncidentClash: Its impact was not computed, or lists nobody of this tenant.
            AccessDenied: ``by`` may not see them.
            AuditUnavailable: It cannot be recorded now, so nothing opens.
        """
        revision = self._assessed(self._recorded.get(incident_id)[0]).revision
        return self._annexes.opened(incident_id, tenant, revision, by=by, reason=reason)

    def sealed_annex(self, incident_id: str, tenant: str, *, by: str, reason: str) -> str:
        """Return what `annex` does, encrypted under the customer's certificate: CMS EnvelopedData in PEM.

        Raises:
            ContactInvalid: The customer has no certificate, or one that is of no use.
            UnknownIncident, IncidentClash, AccessDenied, AuditUnavailable: As `annex` does.
        """
        revision = self._assessed(self._recorded.get(incident_id)[0]).revision
        customer = self._customers.get(tenant)[0] or Customer(tenant)
        certificate = customer.annex_certificate or ""
        check_certificate(certificate, now=self._recorded.now())
        return self._annexes.sealed(incident_id, tenant, revision, by=by, reason=reason, certificate=certificate)

    # --- releasing ----------------------------------------------------------------------------------------------------

    @begun_anew
    def send(self, incident_id: str, *, by: str, digest: str | None = None) -> Round:
        """Release the latest draft, and return it: from then on it goes out. One step, all of it or nothing.

        What is not known yet never holds up a first notice or an update.

        Args:
            incident_id: The incident.
            by: The id of the employee who releases it.
            digest: The digest of the round as it was read; it is released only if it is this one.

        Raises:
            UnknownIncident: There is no such incident.
            IncidentClash: The incident is over, or nothing is drafted.
            NoticeHeld: Law enforcement asked for silence.
            StaleDraft: Something else was stated, computed or sent since, the scopes changed, a reason for a delay came
                on record, ``digest`` is another one, or what the draft says of times may not be so any more: it is
                older than six hours, or than the earliest time that lay ahead of any of its notices. Draft again.
            NoticeIncomplete: It is a final notice, and something is not known yet.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        incident, version = self._recorded.running(incident_id)
        key = numbered(incident_id, incident.rounds)
        drafted, over = self._rounds.get(key)
        where = f"incident {incident_id}"
        if drafted is None or drafted.state is not RoundState.DRAFTED:
            raise incident_clash(incident, "no notices are drafted", "Draft them first.")
        now = self._recorded.now()
        if incident.hold is not None and incident.is_held(now):
            raise NoticeHeld(
                f"law enforcement asked for silence until {incident.hold.until:%Y-%m-%d %H:%M}Z",
                where=where,
                cure="Wait for that, or lift the hold when they say so.",
            )
        self._require_fresh(incident, drafted, digest, now)
        if drafted.phase is Phase.FINAL and drafted.open_fields:
            raise NoticeIncomplete(
                f"a final notice does not know yet: {', '.join(drafted.open_fields)}",
                where=where,
                cure="State these, as known or as not applicable, and draft again; or send an update.",
            )
        released = evolve(drafted, state=RoundState.RELEASED, released_at=now, released_by=by)
        self._recorded.change(
            incident,
            version,
            "notice.released",
            by=by,
            at=now,
            facts={
                "round": released.number,
                "phase": released.phase.value,
                "notices": released.notices,
                "digest": released.digest,
                "open": released.open_fields,
            },
            documents=[self._rounds.put(key, released, over=over)],
        )
        return released

    # --- inside -------------------------------------------------------------------------------------------------------

    def _require_fresh(self, incident: Incident, drafted: Round, digest: str | None, now: datetime) -> None:
        """Raise `StaleDraft` unless a draft says what would be said now, and is what was read."""
        statement = self._statements.get(incident.id)[0] or Statement()
        impact, _ = self._impacts.get(numbered(incident.id, drafted.impact_revision))
        is_assessed = impact is not None and impact.is_present(incident)
        released, said = _out(self.rounds(incident.id)), self._dossiers.records(incident)
        present = Present(incident, statement.revision, is_assessed, released, said, digest, now)
        if (what := why_stale(drafted, present)) is not None:
            raise StaleDraft(what, where=f"incident {incident.id}, round {drafted.number}", cure="Draft it again.")

    def _assessed(self, incident: Incident) -> Impact:
        """Return the impact of an incident's present scopes."""
        if incident.aware_at is None:
            raise incident_clash(incident, "nobody decided yet that it is, or may be, a breach", "Decide that first.")
        impact, _ = self._impacts.get(numbered(incident.id, incident.impact_revision))
        if impact is None or not impact.is_present(incident):
            raise incident_clash(incident, "the impact of its present scopes was not computed", "Assess it first.")
        return impact

    def _round(self, incident_id: str, number: int) -> Round:
        self._recorded.get(incident_id)
        found, _ = self._rounds.get(numbered(incident_id, number)) if type(number) is int else (None, 0)
        if found is None or found.state is RoundState.DRAFTING:
            raise UnknownIncident(
                "there is no such round of notices", where=f"incident {incident_id}", cure="List its rounds."
            )
        return found


def _out(rounds: Iterable[Round]) -> tuple[int, ...]:
    """Return the numbers of the rounds that somebody released."""
    return tuple(one.number for one in rounds if one.state.is_out)


def _check_answers(answers: Mapping[NoticeField, Stated]) -> None:
    """Raise `IncidentInvalid` unless these can be stated: types are no promise at run time."""
    pairs: Iterable[tuple[object, object]] = answers.items()
    if not answers or not all(isinstance(what, NoticeField) and isinstance(one, Stated) for what, one in pairs):
        raise IncidentInvalid(
            "nothing is stated, or something else than answers to what a notice asks",
            where="statement",
            cure="Give known(text), unknown_yet() or not_applicable(reason) for a field of a notice.",
        )
    individuals = answers.get(NoticeField.INDIVIDUALS)
    if individuals is not None and individuals.certainty is Certainty.KNOWN:
        raise IncidentInvalid(
            "people are named in an annex, never in a text that every customer reads",
            where="statement, individuals",
            cure="Leave it out: each notice says how many, and how the list is had.",
        )


def _opener(employee: str | None, reason: str | None) -> Opener | None:
    if employee is None:
        return None
    check_id("individuals_by", employee)
    if not isinstance(reason, str) or not reason.strip():
        raise IncidentInvalid(
            "lists of people are to be opened for no reason", where="reason", cure="Say why, in a few words."
        )
    return Opener(employee, reason)
