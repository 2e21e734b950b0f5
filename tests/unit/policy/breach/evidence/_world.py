"""Incidents of every shape, written as documents: much and little, at the beginning and over, and out to do harm."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditRecord, Checkpoints, Trail
from smartify_core.policy.breach import (
    Attempt,
    BindingLimit,
    BreachScope,
    Certainty,
    ClockStart,
    Deadline,
    DeadlineState,
    Delivery,
    DeliveryState,
    EvidencePack,
    Hearing,
    Impact,
    Incident,
    IncidentState,
    LimitKind,
    Notice,
    Outcome,
    Phase,
    PoliceHold,
    Round,
    RoundState,
    ScopeKind,
    Stated,
    Statement,
    TenantImpact,
    known,
    unknown_yet,
)
from smartify_core.policy.breach import _places as places
from smartify_core.policy.breach._digests import notice_digest, round_digest
from smartify_core.policy.breach._evidence import EvidencedDeadline, export_evidence
from smartify_core.policy.breach._impacts._kept_impacts import KeptImpacts
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

ID: Final = "inc-20261128-5f3a9c01"
START: Final = datetime(2026, 11, 28, 9, 12, tzinfo=UTC)
LETTER: Final = """\
Dear customer,

What happened

On 28 November 2026 somebody signed in as one of our support engineers and
opened accounts of people of your organisation.

What information was involved

First names, last names and email addresses of {subjects} people.

What we are doing

We ended the session, replaced the engineer's credentials, and are looking
through everything that was opened.

What you can do

Be careful with mails that pretend to be from us.

For more information

privacy@vendor.example, +49 30 1234567. Your code: {code}
"""


def hour(number: float) -> datetime:
    """Return an instant so many hours after the first signal."""
    return START + timedelta(hours=number)


class World:
    """A store with an incident in it.

    Args:
        storage: Where; in memory when not given.
        tenants: The affected tenants.
        text: Put in place of every text that somebody typed.
        held: Whether law enforcement asked for silence.
    """

    def __init__(
        self,
        *,
        storage: Storage | None = None,
        tenants: Sequence[str] = ("acme", "globex", "initech", "umbrella"),
        text: str | None = None,
        held: bool = False,
    ) -> None:
        self.storage = MemoryStorage() if storage is None else storage
        self.sealer = Sealer(MemoryKeyRing())
        self.clock = ManualClock(START.isoformat())
        self.trail = Trail(self.storage, clock=self.clock)
        self.checkpoints = Checkpoints(self.trail, self.sealer, origin="vendor.example/audit", clock=self.clock)
        self.recorded = Recorded(self.storage, self.sealer, self.trail)
        self.tenants = tuple(tenants)
        self._numbers = {tenant: number for number, tenant in enumerate(tenants)}
        self._text = text
        self._open(held)

    # --- the life of the incident -------------------------------------------------------------------------------------

    def say(self, text: str) -> str:
        """Return a text, or what stands in its place."""
        return self._text or text

    def put(self, kind: str, key: str, value: Any) -> PutDocument:
        """Return the write of a value."""
        return Shelf(self.storage, self.sealer, kind, type(value)).put(key, value, over=0)

    def write(self, *documents: PutDocument) -> None:
        """Keep documents."""
        self.storage.record(LEDGER, documents=documents)

    def change(self, kind: str, at: float, *, by: str = "e-2", text: str | None = None, **fields: Any) -> None:
        """Change the incident at an hour."""
        self.clock.advance(max(timedelta(0), hour(at) - self.clock()))
        incident, version = self.recorded.get(ID)
        tenant = fields.pop("tenant", None)
        words = None if text is None else self.say(text)
        self.recorded.change(evolve(incident, **fields), version, kind, by=by, at=hour(at), text=words, tenant=tenant)

    def _open(self, held: bool) -> None:
        scope = BreachScope(ScopeKind.ACTOR, ("e-17",), since=hour(-26), until=hour(3))
        signal = self.say("An engineer's session was used from a country where nobody of ours is.")
        incident = Incident(ID, IncidentState.SUSPECTED, hour(0.4), "e-9", signal, hour(0), scopes=(scope,))
        self.clock.advance(timedelta(minutes=24))
        self.recorded.change(incident, 0, "incident.opened", by="e-9", at=hour(0.4), text=signal)
        if held:
            hold = PoliceHold(
                hour(240), self.say("Police of Berlin, 4711"), "e-2", self.say("They ask for it."), hour(2)
            )
            self.change("incident.held", 2, text="Law enforcement asked for silence.", hold=hold)

    def decide(self) -> None:
        """Let somebody decide that it is, or may be, a breach."""
        self.change(
            "incident.aware",
            3.2,
            text="The session opened accounts that no issue leads to.",
            state=IncidentState.AWARE,
            aware_at=hour(3.2),
            aware_by="e-2",
        )

    def assess(self, revision: int = 1, *, also: Sequence[str] = ("hooli", "vandelay")) -> None:
        """Compute what may have been done: ``also`` are the tenants to which nothing leads."""
        frontier = self.trail.head().frontier
        counts = {"affected": len(self.tenants), "ciphertext-only": 0, "not-affected": len(also)}
        impact = Impact(
            *(ID, revision, hour(4), "e-2", (), 1, frontier.size, frontier.root.hex(), 1),
            *(len(self.tenants) + len(also), counts),
            subjects=12 * len(self.tenants),
            digest=sha256(b"impact").hexdigest(),
            limits=(self.say("What was read past the gate by whoever had the machine is not known to the trail."),),
        )
        for some in _batches(self.tenants):
            self.write(
                *(self.put(places.TENANT_IMPACT, places.of_tenant(ID, revision, one), self._of(one)) for one in some)
            )
        kept = KeptImpacts(self.storage, self.sealer)
        self.write(*(kept.unaffected_write(impact, *one) for one in enumerate(_batches(sorted(also)))))
        self.write(self.put(places.IMPACT, places.numbered(ID, revision), impact))
        self.change("incident.assessed", 4, impact_revision=revision)

    def _of(self, tenant: str) -> TenantImpact:
        fields = ("email", "family_name", "given_name")
        subjects = 7 + self._numbers[tenant]
        return TenantImpact(tenant, Outcome.AFFECTED, fields, subjects, 31, hour(-25), hour(2), (), (0,), 1)

    def state(self) -> None:
        """Say what is known."""
        answers: dict[str, Stated] = {
            "what_happened": known(self.say("Somebody signed in as one of our support engineers.")),
            "measures_taken": known(self.say("The session was ended, and the credentials replaced.")),
            "consequences": unknown_yet(),
            "vendor": Stated(Certainty.NOT_APPLICABLE, self.say("No vendor was involved.")),
        }
        self.write(self.put(places.STATEMENT, ID, Statement(answers, 1)))
        self.change("notice.stated", 4.5)

    def notice(self, tenant: str, number: int = 1, phase: Phase = Phase.FIRST) -> Notice:
        """Return the notice to a tenant."""
        letter = self.say(LETTER.format(subjects=7 + self._numbers[tenant], code=f"code-of-{tenant}"))
        html = f"<!DOCTYPE html><html lang='en'><body><h2>What happened</h2><p>{letter}</p></body></html>"
        payload = json.dumps({"type": f"breach.notice.{phase.value}", "data": {"tenant": tenant}})
        subject = self.say("Notice of a security incident")
        digest = notice_digest(subject, letter, html, payload)
        annex = f"-----BEGIN CMS-----\n{sha256(tenant.encode()).hexdigest()}\n-----END CMS-----\n"
        id_ = "ntc-" + sha256(f"{ID}/{number}/{tenant}".encode()).hexdigest()[:32]
        return Notice(
            *(id_, ID, number, phase, tenant, Outcome.AFFECTED, "en", subject, letter, html, payload),
            *(f"code-of-{tenant}", ("consequences",), annex, digest, hour(5)),
        )

    def draft(self, number: int = 1, phase: Phase = Phase.FIRST, state: RoundState = RoundState.DRAFTED) -> None:
        """Draft a round."""
        sent = state in {RoundState.RELEASED, RoundState.SPREAD}
        in_order = sorted(self.tenants, key=places.tenant_part)
        digest = round_digest(self.notice(tenant, number, phase).sha256 for tenant in in_order)
        one = Round(
            *(ID, number, phase, state, 1, 1, hour(5), "e-2", len(self.tenants), digest),
            open_fields=("consequences",),
            released_at=hour(5.5) if sent else None,
            released_by="e-2" if sent else None,
        )
        for some in _batches(self.tenants):
            keys = ((places.of_tenant(ID, number, tenant), tenant) for tenant in some)
            self.write(*(self.put(places.NOTICE, key, self.notice(tenant, number, phase)) for key, tenant in keys))
        self.write(self.put(places.ROUND, places.numbered(ID, number), one))
        self.change("notice.drafted", 5, rounds=number)
        if sent:
            self.change("notice.released", 5.5, text="Read by two of us.")

    def deliver(self, number: int = 1, phase: Phase = Phase.FIRST) -> None:
        """Let notices go: of each four tenants one acknowledges, one has it, one waits, and one has to be called."""
        for some in _batches(self.tenants):
            records, documents = list[AuditRecord](), list[PutDocument]()
            for tenant in some:
                made = self._delivered(tenant, number, phase, self._numbers[tenant] % 4)
                notice = self.notice(tenant, number, phase)
                facts: dict[str, Any] = {"incident": ID, "notice": notice.id, "sha256": notice.sha256, "round": number}
                records.append(AuditRecord("notice.queued", hour(5.6), tenant, "courier", (), facts))
                documents += made
            self.trail.append(*records, documents=documents)

    def acknowledge(self, tenant: str) -> None:
        """Put on record that a tenant has read its notice."""
        facts: dict[str, Any] = {"incident": ID, "notice": self.notice(tenant).id, "round": 1}
        self.trail.append(AuditRecord("notice.acknowledged", hour(9), tenant, "e-2", (), facts))

    def explain(self, tenant: str) -> None:
        """Say why a tenant heard late."""
        self.change("deadline.explained", 9.5, text=f"Their server at {tenant} was away.", tenant=tenant)

    def _delivered(self, tenant: str, number: int, phase: Phase, how: int) -> list[PutDocument]:
        notice, key = self.notice(tenant, number, phase), places.of_tenant(ID, number, tenant)
        hearing = Hearing(notice.id, ID, number, tenant, phase, hour(5.6))
        ok = Attempt(
            1, hour(5.7), "accepted", "250", f"queued for dana.reyes@{tenant}.example", "<1@vendor.example>", "ab" * 32
        )
        no = Attempt(1, hour(5.7), "try-again", "451", f"<dana.reyes@{tenant}.example>: try later", None, "cd" * 32)
        gone = Attempt(2, hour(6.7), "refused", "550", f"no such user dana.reyes@{tenant}.example", None, "cd" * 32)
        mail = ("privacy-mail", "mail", f"dana.reyes@{tenant}.example", 1)
        hook = ("hook", "webhook", f"https://hooks.{tenant}.example/v1/secret-{tenant}?k=1", 1)
        base = (notice.id, ID, number, tenant)
        done = [Delivery(*base, *mail, DeliveryState.COMPLETED, hour(5.6), None, (ok,))]
        waiting: list[Delivery] = []
        if how == 0:
            hearing = evolve(
                hearing,
                delivered_at=hour(5.7),
                acknowledged_at=hour(9),
                acknowledged_by="code",
                heard_by=f"Dana Reyes of {tenant}",
                how="the notice's page",
            )
            done.append(Delivery(*base, *hook, DeliveryState.NOT_NEEDED, hour(5.6), None))
        elif how == 1:
            hearing = evolve(hearing, delivered_at=hour(5.7))
        elif how == 2:
            done, waiting = [], [Delivery(*base, *mail, DeliveryState.ONGOING, hour(5.6), hour(7), (no,))]
        else:
            hearing = evolve(hearing, tier=2, escalated_at=hour(6.6), call_since=hour(6.7), call="e-4")
            done = [Delivery(*base, *mail, DeliveryState.FAILED, hour(5.6), None, (no, gone))]
        documents = [self.put(places.HEARING, key, hearing)]
        documents += [self.put(places.DELIVERY_DONE, f"{key}/{one.contact}", one) for one in done]
        documents += [self.put(places.DELIVERY, f"{key}/{one.contact}", one) for one in waiting]
        return documents

    # --- the evidence -------------------------------------------------------------------------------------------------

    def deadlines(self) -> list[EvidencedDeadline]:
        """Return the deadlines of the first notices, as they stand."""
        return [EvidencedDeadline(self._deadline(number, tenant)) for number, tenant in enumerate(self.tenants)]

    def _deadline(self, number: int, tenant: str) -> Deadline:
        due_at, kind, citation = hour(27.2), LimitKind.TARGET, "our own promise"
        if number == 0:
            due_at, kind, citation = hour(8), LimitKind.CONTRACT, "DPA of 2026-01-15, section 7.2"
        binding = BindingLimit(due_at, kind, citation, ClockStart.AWARENESS)
        late = DeadlineState.MISSED if self.clock() > due_at else DeadlineState.RUNNING
        heard_at, state = (hour(5.7), DeadlineState.MET) if number % 4 < 2 else (None, late)
        return Deadline(ID, tenant, Phase.FIRST, 1, due_at, (binding,), state, heard_at)

    def export(self, folder: Path, *, tenant: str | None = None, **options: Any) -> EvidencePack:
        """Write the evidence."""
        options.setdefault("deadlines", self.deadlines())
        return export_evidence(
            *(self.checkpoints, self.storage, self.sealer, ID, folder), by="e-2", tenant=tenant, **options
        )

    @property
    def vkey(self) -> str:
        """The public key of the trail."""
        return self.checkpoints.signing_verifier().vkey


def whole(**options: Any) -> World:
    """Return a world in which notices are out and not everybody has heard."""
    world = World(**options)
    world.decide()
    world.assess()
    world.state()
    world.draft(state=RoundState.SPREAD)
    world.deliver()
    world.acknowledge(world.tenants[0])
    world.explain(world.tenants[0])
    world.clock.advance(hour(10) - world.clock())
    return world


def _batches(names: Sequence[str]) -> list[list[str]]:
    return [[*names[start : start + 200]] for start in range(0, len(names), 200)]
