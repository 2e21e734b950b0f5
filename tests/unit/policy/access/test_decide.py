from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.access.conftest import (
    AGREEMENT,
    DAY,
    EMPLOYEE,
    FACTS,
    GRANT,
    HOUR,
    NOW,
    OWNER,
    REQUEST,
    RULES,
    SERVICE,
    TICK,
    bound,
    employed,
    granted,
    owned,
)

from smartify_core.errors import UsageError
from smartify_core.policy import (
    LONGEST_REASON,
    AccessRequest,
    AccessRules,
    Facts,
    Missing,
    PersonalField,
    PrincipalKind,
    Provision,
    ProvisionEffect,
    Purpose,
    Rulebook,
    SourceDocument,
    Tenancy,
    decide,
)

PROHIBITION = Provision("nda.4", SourceDocument.CONFIDENTIALITY, ProvisionEffect.PROHIBIT)
STRICT = AccessRules(rulebook=Rulebook((PROHIBITION,)))
DEPENDING = AccessRules(rulebook=Rulebook((evolve(PROHIBITION, when="under-audit"),)))
#: Code, sentence of the clause, the end of the cure, what it is about, the request, the facts, the rules.
ROWS: list[tuple[Missing, str, str, str, AccessRequest, Facts, AccessRules]] = [
    (Missing.EMPLOYEE_UNKNOWN, "C13", "smartify employee add.", "e-1", REQUEST, evolve(FACTS, employee=None), RULES),
    (Missing.KIND_NOT_EMPLOYED, "C13", "Have an employee do it.", "e-1", REQUEST,
     employed(kind=PrincipalKind.CONTRACTOR), RULES),
    (Missing.NOT_EMPLOYED_YET, "C13", "Wait until then.", "e-1", REQUEST, employed(since=NOW + TICK), RULES),
    (Missing.NOT_EMPLOYED_ANY_MORE, "C13", "somebody do it who is employed.", "e-1", REQUEST,
     employed(until=NOW), RULES),
    (Missing.NO_OWNER, "C13", "--kind service --owner E.", "e-1", REQUEST, owned(None), RULES),
    (Missing.NO_AGREEMENT, "C14", "smartify employee bind.", "e-1", REQUEST, evolve(FACTS, agreements=()), RULES),
    (Missing.AGREEMENT_NOT_YET, "C14", "Wait until then.", "nda-1", REQUEST, bound(since=NOW + TICK), RULES),
    (Missing.AGREEMENT_ENDED, "C14", "smartify employee bind.", "nda-1", REQUEST, bound(until=NOW), RULES),
    (Missing.TENANT_UNKNOWN, "C13", "Check its name, or sync it first.", "", REQUEST,
     evolve(FACTS, tenancy=None), RULES),
    (Missing.TENANT_OFF_BOARDED, "C13", "No change allows it.", "acme", REQUEST,
     evolve(FACTS, tenancy=Tenancy.OFF_BOARDED), RULES),
    (Missing.PURPOSE_UNKNOWN, "C8", "CommunicationForCustomerCare.", "", evolve(REQUEST, purpose="Marketing"),
     FACTS, RULES),
    (Missing.PURPOSE_PROHIBITED, "C15", "No change allows it.", "SellDataToThirdParties",
     evolve(REQUEST, purpose=Purpose.SELL_DATA), granted(purpose=Purpose.SELL_DATA), RULES),
    (Missing.FIELD_UNKNOWN, "C13", "groups, communication.", "", evolve(REQUEST, fields=["email", "shoe_size"]),
     FACTS, RULES),
    (Missing.NO_FIELD, "C13", "Name the fields that are needed.", "", evolve(REQUEST, fields=[]), FACTS, RULES),
    (Missing.NO_REASON, "C13", "what it is needed for.", "", evolve(REQUEST, reason=" \t"), FACTS, RULES),
    (Missing.NO_GRANT, "C13", "email with: smartify grant request.", "acme", REQUEST, evolve(FACTS, grants=()), RULES),
    (Missing.GRANT_NOT_APPROVED, "C13", "Have somebody else approve it.", "g-1", REQUEST,
     granted(approved_by=None), RULES),
    (Missing.GRANT_SELF_APPROVED, "C13", "Have somebody else approve one.", "g-1", REQUEST,
     granted(approved_by="e-1"), RULES),
    (Missing.GRANT_NOT_YET, "C13", "Wait until then.", "g-1", REQUEST, granted(not_before=NOW + TICK), RULES),
    (Missing.GRANT_EXPIRED, "C13", "Ask for a new one.", "g-1", REQUEST, granted(expires_at=NOW), RULES),
    (Missing.GRANT_REVOKED, "C13", "Ask for a new one.", "g-1", REQUEST, granted(revoked_at=NOW), RULES),
    (Missing.GRANT_TOO_LONG, "C13", "Ask for a shorter one.", "g-1", REQUEST,
     granted(not_before=NOW - 30 * DAY), RULES),
    (Missing.GRANT_OTHER_FIELDS, "C13", "or for a new one.", "g-1", REQUEST,
     granted(fields=frozenset({PersonalField.GROUPS})), RULES),
    (Missing.GRANT_OTHER_SUBJECTS, "C13", "Name the accounts that it is for.", "g-1", REQUEST,
     granted(subjects=frozenset({"s-2"})), RULES),
    (Missing.TICKET_CLOSED, "C13", "or ask for a new one.", "g-1", REQUEST,
     evolve(granted(ticket="T-1"), tickets={"T-1": False}), RULES),
    (Missing.TICKET_UNKNOWN, "C13", "for another issue.", "g-1", REQUEST, granted(ticket="T-1"), RULES),
    (Missing.NOT_PERMITTED, "C17", "of a higher rank can permit it.", "nda.4", REQUEST, FACTS, STRICT),
    (Missing.CONDITION_UNKNOWN, "C17", "Record whether it does.", "under-audit", REQUEST, FACTS, DEPENDING),
]  # fmt: skip


def codes(request: AccessRequest, facts: Facts, **more: Any) -> list[Missing]:
    """Return what is missing now."""
    return [one.missing for one in decide(request, facts, more.pop("now", NOW), **more).shortfalls]


def test_whoever_has_all_of_it_is_allowed() -> None:
    """With every fact in place the answer is yes, and says by which grant and provision, and until when."""
    decision = decide(REQUEST, FACTS, NOW)
    assert (decision.allowed, decision.grant, decision.decided_by) == (True, "g-1", ("C9",))
    assert (decision.shortfalls, decision.overrides, decision.pseudonymous) == ((), (), False)
    assert (decision.at, decision.valid_until) == (NOW, NOW + HOUR)
    assert decision.explanation() == "Allowed by grant g-1 and provision C9, until 2030-01-01 13:00:00Z."


def test_every_code_has_its_row() -> None:
    """The table below has one row for each thing that can be missing."""
    assert sorted(row[0].value for row in ROWS) == sorted(one.value for one in Missing)


@pytest.mark.parametrize("row", ROWS, ids=[row[0].value for row in ROWS])
def test_each_missing_fact_denies_alone_and_is_named(row: tuple[Any, ...]) -> None:
    """One fact less denies; it alone is named, with its sentence of the clause, its cure, and what it is about."""
    missing, clause, cure, about, request, facts, rules = row
    decision = decide(request, facts, NOW, rules=rules)
    assert not decision.allowed
    (shortfall,) = decision.shortfalls
    assert (shortfall.missing, shortfall.clause, shortfall.about) == (missing, clause, about)
    assert shortfall.cure.endswith(cure)
    assert decision.explanation().splitlines()[0] == f"{shortfall.what} [{clause}]. {shortfall.cure}"
    assert (decision.grant, decision.valid_until, decision.pseudonymous) == (None, None, False)


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        (granted(expires_at=NOW - TICK), False),
        (granted(expires_at=NOW), False),
        (granted(expires_at=NOW + TICK), True),
        (granted(not_before=NOW - TICK), True),
        (granted(not_before=NOW), True),
        (granted(not_before=NOW + TICK), False),
        (bound(until=NOW - TICK), False),
        (bound(until=NOW), False),
        (bound(until=NOW + TICK), True),
        (bound(since=NOW - TICK), True),
        (bound(since=NOW), True),
        (bound(since=NOW + TICK), False),
        (employed(until=NOW - TICK), False),
        (employed(until=NOW), False),
        (employed(until=NOW + TICK), True),
        (employed(since=NOW - TICK), True),
        (employed(since=NOW), True),
        (employed(since=NOW + TICK), False),
        (granted(not_before=NOW - HOUR, expires_at=NOW - HOUR + timedelta(days=30)), True),
        (granted(not_before=NOW - HOUR, expires_at=NOW - HOUR + timedelta(days=30) + TICK), False),
        (granted(emergency=True, approved_by=None, not_before=NOW, expires_at=NOW + HOUR), True),
        (granted(emergency=True, approved_by=None, not_before=NOW, expires_at=NOW + HOUR + TICK), False),
    ],
)  # fmt: skip
def test_every_boundary_is_exact(facts: Facts, allowed: bool) -> None:
    """What begins counts from its instant on, what ends counts until a microsecond before, of a service's owner too."""
    assert decide(REQUEST, facts, NOW).allowed is allowed
    assert facts.employee is not None
    owner = evolve(
        facts,
        employee=evolve(facts.employee, id="e-9"),
        agreements=tuple(evolve(one, employee="e-9") for one in facts.agreements),
        grants=tuple(evolve(one, employee="e-9") for one in facts.grants),
    )
    assert decide(REQUEST, owned(owner), NOW).allowed is allowed


def test_a_service_may_what_its_owner_may() -> None:
    """A service needs no agreement of its own, but its owner's, and a grant of each."""
    assert decide(REQUEST, SERVICE, NOW).allowed
    assert codes(REQUEST, evolve(SERVICE, grants=())) == [Missing.NO_GRANT]
    assert codes(REQUEST, owned(evolve(OWNER, grants=()))) == [Missing.NO_GRANT]
    assert codes(REQUEST, owned(evolve(OWNER, agreements=()))) == [Missing.NO_AGREEMENT]
    assert codes(REQUEST, owned(employed(OWNER, until=NOW))) == [Missing.NOT_EMPLOYED_ANY_MORE]
    assert codes(REQUEST, owned(employed(OWNER, since=NOW + TICK))) == [Missing.NOT_EMPLOYED_YET]
    assert codes(REQUEST, owned(granted(OWNER, revoked_at=NOW))) == [Missing.GRANT_REVOKED]
    for kind in (PrincipalKind.SERVICE, PrincipalKind.CONTRACTOR):
        assert codes(REQUEST, owned(employed(OWNER, kind=kind))) == [Missing.NO_OWNER]
    assert codes(REQUEST, owned(employed(OWNER, id="e-8"))) == [Missing.NO_OWNER]
    assert codes(REQUEST, employed(SERVICE, owner=None)) == [Missing.NO_OWNER]
    assert codes(REQUEST, employed(SERVICE, until=NOW)) == [Missing.NOT_EMPLOYED_ANY_MORE]


def test_a_service_shows_no_more_than_its_owner_would_see() -> None:
    """Where either grant does with pseudonyms, the service gets pseudonyms."""
    request = evolve(REQUEST, purpose=Purpose.RESEARCH)
    for own in (False, True):
        for owners in (False, True):
            owner = granted(OWNER, purpose=Purpose.RESEARCH, identified=owners)
            facts = evolve(granted(SERVICE, purpose=Purpose.RESEARCH, identified=own), owner=owner)
            assert decide(request, facts, NOW).pseudonymous is not (own and owners)


def test_the_record_of_another_says_nothing() -> None:
    """Records of somebody else in the place of theirs are as good as none, and nothing is asked of their owner."""
    assert codes(REQUEST, employed(id="e-7")) == [Missing.EMPLOYEE_UNKNOWN]
    assert codes(REQUEST, employed(SERVICE, id="e-7")) == [Missing.EMPLOYEE_UNKNOWN, Missing.NO_AGREEMENT]
    assert codes(REQUEST, bound(employee="e-7")) == [Missing.NO_AGREEMENT]
    for change in ({"employee": "e-7"}, {"tenant": "globex"}, {"purpose": Purpose.RESEARCH}):
        assert codes(REQUEST, granted(**change)) == [Missing.NO_GRANT]


def test_a_contractor_is_told_why() -> None:
    """A contractor with an agreement and a grant is denied for being one."""
    decision = decide(REQUEST, employed(kind=PrincipalKind.CONTRACTOR), NOW)
    assert decision.explanation() == "e-1 is no employee but a contractor [C13]. Have an employee do it."


def test_an_agreement_that_never_begins_is_not_waited_for() -> None:
    """One that was taken back before it began is no reason to wait."""
    assert codes(REQUEST, bound(since=NOW + HOUR, until=NOW)) == [Missing.AGREEMENT_ENDED]
    assert codes(REQUEST, bound(since=NOW + DAY, until=NOW + HOUR)) == [Missing.NO_AGREEMENT]


@pytest.mark.parametrize(
    ("facts", "until"),
    [
        (FACTS, NOW + HOUR),
        (bound(until=NOW + 2 * TICK), NOW + 2 * TICK),
        (employed(until=NOW + 3 * TICK), NOW + 3 * TICK),
        (bound(employed(until=NOW + 3 * TICK), until=NOW + 2 * TICK), NOW + 2 * TICK),
        (evolve(FACTS, agreements=(AGREEMENT, evolve(AGREEMENT, until=NOW + TICK))), NOW + HOUR),
        (evolve(FACTS, grants=(GRANT, evolve(GRANT, id="g-2", expires_at=NOW + DAY))), NOW + DAY),
        (SERVICE, NOW + HOUR),
        (owned(granted(OWNER, expires_at=NOW + 4 * TICK)), NOW + 4 * TICK),
        (owned(bound(OWNER, until=NOW + 5 * TICK)), NOW + 5 * TICK),
        (owned(employed(OWNER, until=NOW + 6 * TICK)), NOW + 6 * TICK),
        (employed(SERVICE, until=NOW + 7 * TICK), NOW + 7 * TICK),
    ],
)
def test_a_permit_ends_with_the_first_of_its_facts(facts: Facts, until: Any) -> None:
    """A permit is true until the least of all ends that it stands on, and then it is none."""
    decision = decide(REQUEST, facts, NOW)
    assert decision.valid_until == until
    assert decide(REQUEST, facts, until - TICK).allowed
    assert not decide(REQUEST, facts, until).allowed


def test_the_nearest_grant_is_spoken_of() -> None:
    """Of several grants that do not fit the one is named that takes the least to mend; which is first is no matter."""
    waiting = evolve(GRANT, id="g-wait", approved_by=None)
    revoked = evolve(GRANT, id="g-gone", revoked_at=NOW)
    for grants in ((waiting, revoked), (revoked, waiting)):
        (shortfall,) = decide(REQUEST, evolve(FACTS, grants=grants), NOW).shortfalls
        assert (shortfall.missing, shortfall.about) == (Missing.GRANT_NOT_APPROVED, "g-wait")


def test_a_grant_that_shows_names_is_used_where_there_is_one() -> None:
    """For research a grant that shows names comes before one that does not, however long that one lasts."""
    request = evolve(REQUEST, purpose=Purpose.RESEARCH)
    hidden = evolve(GRANT, id="g-1", purpose=Purpose.RESEARCH, expires_at=NOW + DAY)
    shown = evolve(hidden, id="g-2", identified=True, expires_at=NOW + HOUR)
    for grants in ((hidden, shown), (shown, hidden)):
        decision = decide(request, evolve(FACTS, grants=grants), NOW)
        assert (decision.grant, decision.pseudonymous) == ("g-2", False)


def test_of_equal_grants_the_same_one_is_always_named() -> None:
    """Two grants that end together: the one whose id is first, in whatever order they are known."""
    twin = evolve(GRANT, id="g-0")
    for grants in ((GRANT, twin), (twin, GRANT)):
        assert decide(REQUEST, evolve(FACTS, grants=grants), NOW).grant == "g-0"


def test_everything_that_is_missing_is_named_at_once() -> None:
    """A denial does not stop at the first thing, so that nobody has to ask again and again."""
    facts = granted(employed(until=NOW), revoked_at=NOW, expires_at=NOW)
    facts = evolve(facts, agreements=(), tenancy=Tenancy.OFF_BOARDED)
    assert codes(evolve(REQUEST, reason=""), facts, rules=STRICT) == [
        Missing.NO_REASON,
        Missing.TENANT_OFF_BOARDED,
        Missing.NOT_EMPLOYED_ANY_MORE,
        Missing.NO_AGREEMENT,
        Missing.GRANT_REVOKED,
        Missing.GRANT_EXPIRED,
        Missing.NOT_PERMITTED,
    ]


@pytest.mark.parametrize("purpose", [one.value for one in Purpose] + [one.iri for one in Purpose])
def test_a_purpose_goes_by_its_name_and_by_its_iri(purpose: str) -> None:
    """A DPV local name and its IRI are the same purpose, prohibited ones too."""
    assert isinstance(evolve(REQUEST, purpose=purpose).purpose, Purpose)


NAMES: Sequence[str] = ("Ada Lovelace", "ada@acme.example", "shoe size of Ada")


def test_no_explanation_holds_what_somebody_typed() -> None:
    """Neither explanations nor `repr` hold a reason, or what stands in place of an id, a purpose or a field."""
    request = AccessRequest(NAMES[0], "acme", NAMES[1], [NAMES[2]], "Ada Lovelace rang")
    for facts in (FACTS, Facts(), evolve(FACTS, grants=(evolve(GRANT, sealed_reason=NAMES[0]),))):
        for asked in (request, evolve(REQUEST, reason=NAMES[0]), evolve(REQUEST, employee=NAMES[0])):
            decision = decide(asked, facts, NOW)
            texts = [decision.explanation(), repr(asked), repr(facts)]
            texts += [one.what + one.cure for one in decision.shortfalls]
            assert not [name for name in (*NAMES, "Lovelace") for text in texts if name in text]


@pytest.mark.parametrize("reason", [None, 7, b"words", "x" * (LONGEST_REASON + 1)])
def test_a_reason_is_a_text_of_some_length(reason: Any) -> None:
    """What is no text, or a very long one, is refused as the caller's mistake, and not quoted."""
    with pytest.raises(UsageError, match="at most 2,000 characters"):
        evolve(REQUEST, reason=reason)
    assert decide(evolve(REQUEST, reason="x" * LONGEST_REASON), FACTS, NOW).allowed


def test_the_facts_are_whose_they_are() -> None:
    """What is on record of an employee says itself whether it holds at an instant."""
    assert EMPLOYEE.is_employed(NOW)
    assert not evolve(EMPLOYEE, until=NOW).is_employed(NOW)
    assert AGREEMENT.binds(NOW)
    assert not evolve(AGREEMENT, since=NOW + TICK).binds(NOW)
