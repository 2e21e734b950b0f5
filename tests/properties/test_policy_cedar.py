from __future__ import annotations

from collections import Counter
from typing import Any

import cedarpy
import pytest
from attrs import evolve
from hypothesis import given
from tests.properties import _cedar_policy as cedar
from tests.properties._policy_cases import NOW, Case, cases
from tests.properties.test_policy_decisions import drawn_cases

from smartify_core.policy import (
    AccessRequest,
    Agreement,
    Employee,
    Facts,
    Missing,
    PersonalField,
    PrincipalKind,
    Purpose,
    Rulebook,
    Tenancy,
    decide,
)


def by_cedar(one: Case) -> bool:
    """Return what Cedar says: of a service, that it may and that its owner may."""
    who, owner = one.facts.employee, one.facts.owner
    if who is None or who.kind is not PrincipalKind.SERVICE:
        return cedar.allows(one)
    if owner is None or owner.employee is None or owner.employee.id != who.owner:
        return False
    as_owner = evolve(one, request=evolve(one.request, employee=owner.employee.id), facts=owner)
    bound = Agreement("stands-in", who.id, one.now, None, "")
    employed = evolve(one.facts, employee=evolve(who, kind=PrincipalKind.EMPLOYEE), agreements=(bound,))
    return cedar.allows(as_owner) and cedar.allows(evolve(one, facts=employed))


def with_the_clause_alone(one: Case) -> Case:
    """Return a case without provisions of the host: Cedar knows no ranks."""
    return evolve(one, rules=evolve(one.rules, rulebook=Rulebook()))


def test_cedar_agrees_in_five_thousand_cases() -> None:
    """An engine that is not ours lets in and keeps out the same five thousand times, a thousand of them in."""
    seen: Counter[bool] = Counter()
    for drawn in cases(5_000, 11):
        one = with_the_clause_alone(drawn)
        allowed = decide(one.request, one.facts, one.now, rules=one.rules).allowed
        assert by_cedar(one) is allowed, one
        seen[allowed] += 1
    assert min(seen.values()) > 1_000


@given(drawn=drawn_cases)
def test_cedar_agrees_with_whatever_is_asked(drawn: Case) -> None:
    """Hypothesis finds no case in which Cedar and we differ."""
    one = with_the_clause_alone(drawn)
    assert by_cedar(one) is decide(one.request, one.facts, one.now, rules=one.rules).allowed


PERMIT_ALL = "permit(principal, action, resource);"
DENY_UNLESS = PERMIT_ALL + " forbid(principal, action, resource) unless { principal.bound };"
CONJUNCT = "permit(principal, action, resource) when { principal has bound && principal.bound };"
SCHEMA = """
entity Employee { bound?: Bool };
entity Tenant;
action "open" appliesTo { principal: [Employee], resource: [Tenant] };
"""
KNOWN_NOTHING_SAID = [{"uid": {"type": "Employee", "id": "e-1"}, "attrs": {}, "parents": []}]


@pytest.mark.parametrize("known", [KNOWN_NOTHING_SAID, []], ids=["fact absent", "employee absent"])
@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["no schema", "schema"])
def test_a_rule_that_denies_unless_lets_in_when_the_fact_is_absent(known: list[Any], schema: str | None) -> None:
    """Cedar skips a rule that fails, so "deny unless bound" allows where nothing is known; a conjunct denies there.

    This is why no rule of ours has that form.
    """
    request = {"principal": 'Employee::"e-1"', "action": 'Action::"open"', "resource": 'Tenant::"acme"', "context": {}}
    assert cedarpy.is_authorized(request, DENY_UNLESS, known, schema).allowed
    assert not cedarpy.is_authorized(request, CONJUNCT, known, schema).allowed


BOUND = Agreement("nda", "e-1", NOW, None, "")
EMPLOYED = Employee("e-1", PrincipalKind.EMPLOYEE, NOW)


@pytest.mark.parametrize(
    ("employee", "agreements", "missing"),
    [
        (EMPLOYED, (), Missing.NO_AGREEMENT),
        (EMPLOYED, (evolve(BOUND, employee="e-2"),), Missing.NO_AGREEMENT),
        (EMPLOYED, (evolve(BOUND, until=NOW),), Missing.AGREEMENT_ENDED),
        (None, (BOUND,), Missing.EMPLOYEE_UNKNOWN),
        (None, (), Missing.NO_AGREEMENT),
    ],
)
def test_ours_denies_in_each_of_those(
    employee: Employee | None, agreements: tuple[Agreement, ...], missing: Missing
) -> None:
    """Where the fact is absent, another one's, ended, or nobody is on record, ours denies and says which (C14)."""
    request = AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, [PersonalField.EMAIL], "words")
    decision = decide(request, Facts(employee, agreements, (), Tenancy.ACTIVE), NOW)
    assert not decision.allowed
    assert missing in {one.missing for one in decision.shortfalls}
