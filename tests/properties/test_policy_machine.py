from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, frozen
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.properties._reference_decisions import Answer, reference
from tests.unit.policy.gate.conftest import ADA, BOB, EVIDENCE, Vendor

from smartify_core.errors import AccessDenied, GrantInvalid, RecordClash, UsageError
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy import (
    ACCOUNT_FIELDS,
    AccessRequest,
    AccessRules,
    Agreement,
    Employee,
    Facts,
    Grant,
    PersonalField,
    Policy,
    PrincipalKind,
    Provision,
    ProvisionEffect,
    Purpose,
    Rulebook,
    SourceDocument,
    Tenancy,
)
from smartify_core.policy.audit import Frontier
from smartify_core.storage.memory import MemoryStorage

HOUR = timedelta(hours=1)
STAFF = ["e-1", "e-2", "s-1"]
TENANTS = ["acme", "globex"]
PURPOSES = [Purpose.CUSTOMER_CARE, Purpose.RESEARCH]
TICKETS = ["T-1", "T-2"]
RULES = AccessRules(
    longest_grant=timedelta(days=2),
    rulebook=Rulebook(
        (
            Provision(
                "contract",
                SourceDocument.CONFIDENTIALITY,
                ProvisionEffect.PROHIBIT,
                tenants=frozenset({"acme"}),
                when="audited",
            ),
        )
    ),
)
#: What ends much is done less often than what begins something.
seldom = st.sampled_from([False, False, False, False, True])
some_fields = st.sampled_from([[PersonalField.EMAIL], [PersonalField.EMAIL, PersonalField.GROUPS]])


@frozen(order=False)
class Person:
    """What the model remembers of somebody."""

    employee: Employee
    agreements: tuple[Agreement, ...] = ()


class GateMachine(RuleBasedStateMachine):
    """A real store, and beside it what was done, from which the reference model says what has to open."""

    def __init__(self) -> None:
        super().__init__()
        self.vendor = Vendor(Path("nowhere"), storage=MemoryStorage())
        self.policy: Policy = self.vendor.policy_of(self.vendor.storage, rules=RULES)
        self.cyd = self.vendor.storage.heads("globex").source_ids[0]
        self.people: dict[str, Person] = {}
        self.grants: dict[str, Grant] = {}
        self.closed: set[str] = set()
        self.off_boarded: set[str] = set()
        self.conditions: dict[str, bool] = {}
        self.signed = 0
        self.size = 0
        for record in self.policy.staff.all():
            self.people[record.employee.id] = Person(record.employee, record.agreements)
        added = self.policy.staff.add("s-1", by="admin", kind=PrincipalKind.SERVICE, owner="e-1")
        self.people["s-1"] = Person(added)
        self.state(holds=False)
        grant = self.policy.grants.request(
            "e-1",
            tenant="acme",
            purpose=Purpose.CUSTOMER_CARE,
            fields=[PersonalField.EMAIL],
            reason="w",
            lasts=40 * HOUR,
        )
        self.grants[grant.id] = self.policy.grants.approve(grant.id, by="e-2")
        self.size = self.policy.trail.size

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.vendor.clock()

    # --- what people do -----------------------------------------------------------------------------------------------

    @rule(who=st.sampled_from(STAFF), really=seldom)
    def leave(self, who: str, really: bool) -> None:
        """Somebody leaves, now."""
        if not really:
            return
        held = self.people[who]
        try:
            left = self.policy.staff.leave(who, by="admin")
        except RecordClash:
            assert held.employee.until is not None
            assert held.employee.until < self.now
            return
        self.people[who] = evolve(held, employee=left)

    @rule(who=st.sampled_from(STAFF))
    def come_back(self, who: str) -> None:
        """Somebody who has left is employed again."""
        held = self.people[who]
        service = held.employee.kind is PrincipalKind.SERVICE
        try:
            added = self.policy.staff.add(
                who, by="admin", kind=held.employee.kind, owner="e-1" if service else None, may_approve=who == "e-2"
            )
        except RecordClash:
            assert held.employee.until is None
            return
        self.people[who] = evolve(held, employee=added)

    @rule(who=st.sampled_from(STAFF), hours=st.sampled_from([None, 1, 30]))
    def bind(self, who: str, hours: int | None) -> None:
        """Somebody signs an agreement."""
        self.signed += 1
        until = None if hours is None else self.now + hours * HOUR
        name = f"nda-{self.signed}"
        added = self.policy.staff.bind(who, agreement=name, evidence=EVIDENCE, by="admin", until=until)
        held = self.people[who]
        self.people[who] = evolve(held, agreements=(*held.agreements, added))

    @rule(who=st.sampled_from(STAFF), really=seldom, data=st.data())
    def unbind(self, who: str, really: bool, data: Any) -> None:
        """An agreement ends, now."""
        held = self.people[who]
        open_ones = [one for one in held.agreements if one.until is None or one.until >= self.now]
        if open_ones and really:
            chosen = data.draw(st.sampled_from(open_ones))
            ended = self.policy.staff.unbind(who, agreement=chosen.id, by="admin")
            kept = tuple(ended if one is chosen else one for one in held.agreements)
            self.people[who] = evolve(held, agreements=kept)

    @rule(
        who=st.sampled_from(STAFF),
        tenant=st.sampled_from(TENANTS),
        purpose=st.sampled_from(PURPOSES),
        fields=some_fields,
        lasts=st.sampled_from([HOUR, 40 * HOUR]),
        ticket=st.sampled_from([None, None, *TICKETS]),
        confined=st.booleans(),
        identified=st.booleans(),
        approved=st.sampled_from([True, True, False]),
    )
    def grant(self, who: str, tenant: str, ticket: str | None, confined: bool, approved: bool, **wanted: Any) -> None:
        """Somebody asks for a grant, and perhaps somebody else approves it."""
        subjects = [self.account(tenant, ADA.source_id)] if confined and tenant == "acme" else []
        wanted = {"tenant": tenant, "ticket": ticket, "subjects": subjects, "reason": "words", **wanted}
        if tenant in self.off_boarded:
            with pytest.raises(GrantInvalid):
                self.policy.grants.request(who, **wanted)
            return
        grant = self.policy.grants.request(who, **wanted)
        self.grants[grant.id] = grant
        if approved:
            self.approving(grant, "e-2")

    @rule(by=st.sampled_from(["e-1", "e-2", "e-3"]), data=st.data())
    def approve(self, by: str, data: Any) -> None:
        """Somebody approves a grant, whether they may or not."""
        self.approving(data.draw(st.sampled_from(sorted(self.grants.values(), key=lambda one: one.id))), by)

    def approving(self, grant: Grant, by: str) -> None:
        """Approve, and check that who may not is refused."""
        approver = self.people[by]
        involved = {grant.employee, grant.requested_by, self.people[grant.employee].employee.owner}
        may = (
            by not in involved
            and approver.employee.may_approve
            and approver.employee.is_employed(self.now)
            and any(one.binds(self.now) for one in approver.agreements)
        )
        waits = not (grant.approved_by or grant.revoked_at or grant.emergency) and self.now < grant.expires_at
        try:
            self.grants[grant.id] = self.policy.grants.approve(grant.id, by=by)
        except RecordClash:
            assert not waits
        except GrantInvalid:
            assert not may
        else:
            assert may
            assert waits

    @rule(who=st.sampled_from(STAFF), tenant=st.sampled_from(TENANTS))
    def break_glass(self, who: str, tenant: str) -> None:
        """Somebody takes a grant in an emergency."""
        wanted: dict[str, Any] = {"purpose": Purpose.CUSTOMER_CARE, "fields": [PersonalField.EMAIL], "reason": "fire"}
        if tenant in self.off_boarded:
            with pytest.raises(GrantInvalid):
                self.policy.grants.break_glass(who, tenant=tenant, **wanted)
            return
        grant = self.policy.grants.break_glass(who, tenant=tenant, **wanted)
        self.grants[grant.id] = grant

    @rule(really=seldom, data=st.data())
    def revoke(self, really: bool, data: Any) -> None:
        """Somebody takes a grant back."""
        live = sorted((one for one in self.grants.values() if one.revoked_at is None), key=lambda one: one.id)
        if live and really:
            grant = data.draw(st.sampled_from(live))
            self.grants[grant.id] = self.policy.grants.revoke(grant.id, by="e-3")

    @rule(ticket=st.sampled_from(TICKETS))
    def close(self, ticket: str) -> None:
        """An issue is closed."""
        self.policy.circumstances.close(ticket, by="e-3")
        self.closed.add(ticket)

    @rule(ticket=st.sampled_from(TICKETS))
    def reopen(self, ticket: str) -> None:
        """An issue is opened again."""
        self.policy.circumstances.reopen(ticket, by="e-3")
        self.closed.discard(ticket)

    @rule(holds=st.booleans())
    def state(self, holds: bool) -> None:
        """Somebody says whether Acme is being audited."""
        self.policy.circumstances.state("acme", "audited", holds=holds, by="e-3")
        self.conditions["audited"] = holds

    @rule(hours=st.sampled_from([1, 1, 24]))
    def wait(self, hours: int) -> None:
        """Time goes on."""
        self.vendor.clock.advance(hours * HOUR)

    @rule(really=seldom)
    def off_board(self, really: bool) -> None:
        """The second customer goes away."""
        if really and "globex" not in self.off_boarded:
            self.vendor.storage.record(LEDGER, documents=[PutDocument("tenant standing", "globex", b"gone", 0)])
            self.off_boarded.add("globex")

    # --- what has to follow -------------------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from([*STAFF, "e-404"]),
        tenant=st.sampled_from(["acme", "acme", "globex"]),
        purpose=st.sampled_from([*PURPOSES, Purpose.SELL_DATA]),
        fields=some_fields,
        bob=st.booleans(),
    )
    def open(self, who: str, tenant: str, purpose: Purpose, fields: list[PersonalField], bob: bool) -> None:
        """What the model allows opens, what it denies does not, and the trail has one record more that says so."""
        source_id = (BOB if bob else ADA).source_id if tenant == "acme" else self.cyd
        self.opening(AccessRequest(who, tenant, purpose, fields, "words", [self.account(tenant, source_id)]), source_id)

    @rule(data=st.data(), bob=seldom)
    def use(self, data: Any, bob: bool) -> None:
        """Somebody asks for what they were granted at some time."""
        grant = data.draw(st.sampled_from(sorted(self.grants.values(), key=lambda one: one.id)))
        source_id = (BOB if bob else ADA).source_id if grant.tenant == "acme" else self.cyd
        self.opening(self.as_granted(grant, self.account(grant.tenant, source_id)), source_id)

    def opening(self, request: AccessRequest, source_id: str) -> None:
        """Open, and check what came of it against the model and the trail."""
        expected = self.expected(request)
        size = self.policy.trail.size
        missing: tuple[str, ...] = ()
        person = None
        try:
            person = self.policy.gate.open(
                request.employee,
                tenant=request.tenant,
                purpose=request.purpose,
                fields=request.fields,
                reason=request.reason,
                source_id=source_id,
            )
        except AccessDenied as denied:
            missing = denied.missing
        except UsageError:
            # Whoever is named has no pseudonym: nothing opened, and nothing is on record.
            assert (expected.allowed, expected.pseudonymous) == (True, True)
            assert self.policy.trail.size == size
            return
        assert expected.agrees(person is not None, frozenset(missing)), (expected, missing)
        kind = "access.denied"
        if person is not None:
            assert person.pseudonymous is expected.pseudonymous is False
            shown = {one for one in ACCOUNT_FIELDS if getattr(person, one.value) is not None}
            assert shown == request.fields
            kind = "access.granted"
        (entry,) = self.policy.trail.entries(after=size - 1)
        assert (entry.record.kind, frozenset(entry.record.subjects)) == (kind, request.subjects)

    @invariant()
    def what_was_granted_is_decided_as_the_model_says(self) -> None:
        """Of each of the latest grants the gate's own decision is that of the model."""
        for grant in list(self.grants.values())[-4:]:
            source_id = ADA.source_id if grant.tenant == "acme" else self.cyd
            request = self.as_granted(grant, self.account(grant.tenant, source_id))
            decision, expected = self.policy.gate.decide(request), self.expected(request)
            codes = frozenset(one.missing.value for one in decision.shortfalls)
            assert expected.agrees(decision.allowed, codes), (decision, expected)
            assert (decision.valid_until, decision.pseudonymous) == (expected.until, expected.pseudonymous)

    def as_granted(self, grant: Grant, subject: str) -> AccessRequest:
        """Return the request that a grant is for."""
        return AccessRequest(grant.employee, grant.tenant, grant.purpose, grant.fields, "words", [subject])

    def expected(self, request: AccessRequest) -> Answer:
        """Return what the reference model says of all that was done."""
        return reference(request, self.facts(request.employee, request.tenant), self.now, RULES)

    def facts(self, who: str, tenant: str) -> Facts:
        """Return what is known by the model."""
        held = self.people.get(who)
        tenancy = Tenancy.OFF_BOARDED if tenant in self.off_boarded else Tenancy.ACTIVE
        if held is None:
            return Facts(tenancy=tenancy, conditions=self.conditions)
        owner = held.employee.owner
        return Facts(
            held.employee,
            held.agreements,
            tuple(self.grants.values()),
            tenancy,
            {ticket: ticket not in self.closed for ticket in TICKETS},
            self.conditions,
            None if owner is None else self.facts(owner, tenant),
        )

    def account(self, tenant: str, source_id: str) -> str:
        """Return the id of a person's account."""
        return self.vendor.storage.load(tenant, [source_id])[source_id].account_id

    @invariant()
    def the_trail_only_grows_and_is_whole(self) -> None:
        """The head is that of the tree over the entries, and none of them is gone."""
        head = self.policy.trail.head()
        frontier, _ = Frontier().append(*(one.content for one in self.policy.trail.contents()))
        assert frontier == head.frontier
        assert head.frontier.size >= self.size
        self.size = head.frontier.size


def test_the_gate_opens_what_the_model_allows_and_nothing_else() -> None:
    """Whatever is done in whatever order, each opening is one that the reference model allows, and has its record."""
    run_state_machine_as_test(GateMachine, settings=settings(max_examples=150, stateful_step_count=40))


def test_a_gate_that_forgets_the_agreement_is_noticed(monkeypatch: Any) -> None:
    """With agreements for everybody read into the facts, the machine finds an opening that the model denies (C14)."""
    from smartify_core.policy._gate._reading import Reading

    facts = Reading.facts

    def bound(self: Reading, request: AccessRequest, now: Callable[[], datetime]) -> Facts:
        found = facts(self, request, now)
        return evolve(
            found, agreements=(Agreement("any", request.employee, datetime.min.replace(tzinfo=UTC), None, ""),)
        )

    monkeypatch.setattr(Reading, "facts", bound)
    once = settings(max_examples=200, stateful_step_count=40, database=None, derandomize=True, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        run_state_machine_as_test(GateMachine, settings=once)
