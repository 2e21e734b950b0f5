"""Decisions that are broken on purpose: each fails the check that is named beside it, or the checks prove little."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from attrs import evolve
from tests.properties._policy_cases import EVIDENCE, HOUR, TICK, Case, cases
from tests.properties._policy_checks import (
    Decide,
    equals_the_reference,
    ignores_order_and_duplicates,
    is_true_until_its_end,
    names_the_smallest_change,
    never_allows_for_want_of_a_fact,
    never_permits_what_is_prohibited,
)

from smartify_core.policy import (
    AccessRequest,
    AccessRules,
    Agreement,
    Decision,
    Facts,
    Grant,
    Provision,
    ProvisionEffect,
    Purpose,
    Rulebook,
    SourceDocument,
    Tenancy,
    decide,
)
from smartify_core.policy._access import _deciding, _provisions, _why_not

Check = Callable[[Case, Decide], None]
SEED = 6


def fails(check: Check, broken: Decide) -> bool:
    """Return whether some case shows that a decision is broken."""
    for one in cases(4_000, SEED):
        try:
            check(one, broken)
        except AssertionError:
            return True
    return False


def of_grants(change: Callable[[Grant, AccessRequest], Grant]) -> Decide:
    """Return a decision that sees every grant otherwise than it is."""

    def broken(request: AccessRequest, facts: Facts, now: datetime, *, rules: AccessRules) -> Decision:
        def seen(held: Facts) -> Facts:
            owner = None if held.owner is None else seen(held.owner)
            return evolve(held, grants=tuple(change(one, request) for one in held.grants), owner=owner)

        return decide(request, seen(facts), now, rules=rules)

    return broken


def of_facts(change: Callable[[Facts, AccessRequest, AccessRules], Facts]) -> Decide:
    """Return a decision that sees the facts otherwise than they are."""

    def broken(request: AccessRequest, facts: Facts, now: datetime, *, rules: AccessRules) -> Decision:
        return decide(request, change(facts, request, rules), now, rules=rules)

    return broken


def of_decisions(change: Callable[[Decision], Decision]) -> Decide:
    """Return a decision that is told otherwise than it was made."""
    return lambda *asked, **more: change(decide(*asked, **more))


def bound_anyway(facts: Facts, request: AccessRequest, rules: AccessRules) -> Facts:
    """Drop the conjunct of clause C14."""
    names = [request.employee, "e-9"]
    added = tuple(Agreement("any", name, datetime.min.replace(tzinfo=HOUR_ZONE), None, EVIDENCE) for name in names)
    owner = None if facts.owner is None else evolve(facts.owner, agreements=facts.owner.agreements + added)
    return evolve(facts, agreements=facts.agreements + added, owner=owner)


def unknown_is_no(facts: Facts, request: AccessRequest, rules: AccessRules) -> Facts:
    """Take a condition of which nobody can tell for one that does not hold."""
    names = rules.rulebook.conditions()
    return evolve(facts, conditions={name: facts.conditions.get(name) or False for name in names})


def by_intersection(grant: Grant, request: AccessRequest) -> Grant:
    """Be content when one field of several was granted."""
    asked = {one for one in request.fields if not isinstance(one, str)}
    return evolve(grant, fields=grant.fields | asked) if grant.fields & asked else grant


def first_only(decision: Decision) -> Decision:
    """Stop at the first thing that is missing."""
    return evolve(decision, shortfalls=decision.shortfalls[:1])


def one_too_many(decision: Decision) -> Decision:
    """Ask for an agreement whatever is missing."""
    spare = decide(decision.request, Facts(), decision.at).shortfalls
    more = tuple(one for one in spare if one.missing not in {held.missing for held in decision.shortfalls})
    return decision if decision.allowed else evolve(decision, shortfalls=decision.shortfalls + more)


def until_the_year_9999(decision: Decision) -> Decision:
    """Let a permit last for ever."""
    return evolve(decision, valid_until=decision.valid_until and datetime.max.replace(tzinfo=HOUR_ZONE))


HOUR_ZONE = datetime.fromisoformat("2030-01-01T00:00:00+00:00").tzinfo

MUTANTS: list[tuple[str, Decide, Check]] = [
    ("no agreement needed", of_facts(bound_anyway), equals_the_reference),
    ("expiry ignored", of_grants(lambda one, _: evolve(one, expires_at=one.expires_at + HOUR)), equals_the_reference),
    (
        "expiry late by one",
        of_grants(lambda one, _: evolve(one, expires_at=one.expires_at + TICK)),
        equals_the_reference,
    ),
    (
        "expiry soon by one",
        of_grants(lambda one, _: evolve(one, expires_at=one.expires_at - TICK)),
        equals_the_reference,
    ),
    (
        "begins late by one",
        of_grants(lambda one, _: evolve(one, not_before=one.not_before + TICK)),
        equals_the_reference,
    ),
    (
        "self-approval accepted",
        of_grants(lambda one, _: evolve(one, approved_by=one.approved_by and "e-5")),
        equals_the_reference,
    ),
    ("approval not needed", of_grants(lambda one, _: evolve(one, approved_by="e-5")), equals_the_reference),
    ("revoking ignored", of_grants(lambda one, _: evolve(one, revoked_at=None)), equals_the_reference),
    ("tickets ignored", of_grants(lambda one, _: evolve(one, ticket=None)), never_allows_for_want_of_a_fact),
    ("subjects ignored", of_grants(lambda one, _: evolve(one, subjects=frozenset())), equals_the_reference),
    ("fields by intersection", of_grants(by_intersection), equals_the_reference),
    ("every grant shows names", of_grants(lambda one, _: evolve(one, identified=True)), equals_the_reference),
    (
        "tenancy ignored",
        of_facts(lambda facts, *_: evolve(facts, tenancy=Tenancy.ACTIVE)),
        equals_the_reference,
    ),
    (
        "unknown tenancy is one",
        of_facts(lambda facts, *_: evolve(facts, tenancy=facts.tenancy or Tenancy.ACTIVE)),
        never_allows_for_want_of_a_fact,
    ),
    ("unknown condition lets in", of_facts(unknown_is_no), never_allows_for_want_of_a_fact),
    (
        "first grant only",
        of_facts(lambda facts, *_: evolve(facts, grants=facts.grants[:1])),
        ignores_order_and_duplicates,
    ),
    ("stops at the first", of_decisions(first_only), names_the_smallest_change),
    ("names too much", of_decisions(one_too_many), names_the_smallest_change),
    ("lasts for ever", of_decisions(until_the_year_9999), is_true_until_its_end),
]


@pytest.mark.parametrize(("broken", "check"), [one[1:] for one in MUTANTS], ids=[one[0] for one in MUTANTS])
def test_a_broken_decision_fails_its_check(broken: Decide, check: Check) -> None:
    """The check that is named beside a mutant finds a case that shows what is wrong with it."""
    assert fails(check, broken)


def test_deny_overrides_in_place_of_ranks_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ruling in which any prohibition wins, whatever document it stands in, differs from the reference (C17)."""
    ruling = _provisions._ruling
    monkeypatch.setattr(_provisions, "_ruling", lambda applying: ruling([(1, one) for _, one in applying]))
    assert fails(equals_the_reference, decide)


def test_turned_ranks_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ruling in which the lower rank prevails differs from the reference (C17)."""
    ruling = _provisions._ruling
    monkeypatch.setattr(_provisions, "_ruling", lambda applying: ruling([(-rank, one) for rank, one in applying]))
    assert fails(equals_the_reference, decide)


def test_a_forgotten_prohibition_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the list of prohibited purposes a grant and a provision for selling would let in (C15, C16)."""
    everything = Provision("all", SourceDocument.CONFIDENTIALITY, ProvisionEffect.PERMIT)
    for module in (_deciding, _why_not):
        monkeypatch.setattr(module, "PROHIBITED", frozenset[Purpose]())

    def open_to_all(*asked: Any, rules: AccessRules) -> Decision:
        return decide(*asked, rules=evolve(rules, rulebook=Rulebook((everything,))))

    assert fails(never_permits_what_is_prohibited, open_to_all)
