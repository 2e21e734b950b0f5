"""Checks that any decision has to pass, as functions of one: of ours, and of the broken ones that must fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from attrs import evolve
from tests.properties._policy_cases import TICK, Case
from tests.properties._policy_mending import NO_CURE, mended
from tests.properties._reference_decisions import reference

from smartify_core.policy import PROHIBITED, Decision, Facts, Missing, PersonalField, ProvisionEffect, Rulebook, decide

#: `decide`, or one that is broken on purpose.
Decide = Callable[..., Decision]


def answer(one: Case, decide: Decide = decide) -> Decision:
    """Return what is decided of a case."""
    return decide(one.request, one.facts, one.now, rules=one.rules)


def codes(decision: Decision) -> frozenset[str]:
    """Return the codes of what is missing."""
    return frozenset(one.missing.value for one in decision.shortfalls)


def equals_the_reference(one: Case, decide: Decide = decide) -> None:
    """Check that the answer, what is missing, pseudonymity and end are as the reference model has them."""
    decision = answer(one, decide)
    expected = reference(one.request, one.facts, one.now, one.rules)
    assert expected.agrees(decision.allowed, codes(decision)), (one, decision, expected)
    assert decision.pseudonymous is expected.pseudonymous, (one, decision, expected)
    assert decision.valid_until == expected.until, (one, decision, expected)
    assert decision.allowed is not bool(decision.shortfalls)
    assert decision.allowed is (decision.grant is not None)


def ignores_order_and_duplicates(one: Case, decide: Decide = decide) -> None:
    """Check that turning every list round and doubling what is in it changes nothing at all."""

    def turned(facts: Facts) -> Facts:
        return evolve(
            facts,
            agreements=facts.agreements[::-1] + facts.agreements,
            grants=facts.grants[::-1] + facts.grants,
            owner=None if facts.owner is None else turned(facts.owner),
        )

    book = one.rules.rulebook
    doubled = Rulebook(book.provisions[::-1] + book.provisions, book.ranks)
    other = evolve(one, facts=turned(one.facts), rules=evolve(one.rules, rulebook=doubled))
    assert answer(other, decide) == answer(one, decide), one


def never_allows_for_want_of_a_fact(one: Case, decide: Decide = decide) -> None:
    """Check that a denial stays one whatever fact is taken away, and that a permit without one is the reference's."""
    allowed = answer(one, decide).allowed
    for facts in _poorer(one.facts):
        poorer = evolve(one, facts=facts)
        if answer(poorer, decide).allowed:
            assert allowed, (one, facts)
            assert reference(poorer.request, facts, poorer.now, poorer.rules).allowed, (one, facts)


def names_the_smallest_change(one: Case, decide: Decide = decide) -> None:
    """Check that all cures of a denial together allow, and that none of them can be left out."""
    decision = answer(one, decide)
    known = [field for field in one.request.fields if isinstance(field, PersonalField)]
    effects: dict[str | None, set[ProvisionEffect]] = {}
    for provision in one.rules.rulebook.provisions:
        effects.setdefault(provision.when, set()).add(provision.effect)
    several = any(len(found) > 1 for when, found in effects.items() if when is not None)
    if decision.allowed or NO_CURE & {found.missing for found in decision.shortfalls} or not known or several:
        return
    for left_out in [None, *decision.shortfalls]:
        changed = one
        for shortfall in decision.shortfalls:
            if shortfall is not left_out:
                changed = mended(changed, shortfall)
        again = answer(changed, decide)
        assert again.allowed is (left_out is None), (one, decision, left_out, again)


def is_true_until_its_end(one: Case, decide: Decide = decide) -> None:
    """Check that a permit stays one until a microsecond before its end, and at its end is none, or another one."""
    decision = answer(one, decide)
    if decision.valid_until is None:
        return
    assert one.now < decision.valid_until
    assert answer(evolve(one, now=decision.valid_until - TICK), decide).allowed, (one, decision)
    then = answer(evolve(one, now=decision.valid_until), decide)
    assert not then.allowed or (then.valid_until is not None and then.valid_until > decision.valid_until), (one, then)


def never_permits_what_is_prohibited(one: Case, decide: Decide = decide) -> None:
    """Check that no grant and no provision lets in for a purpose that is prohibited."""
    for purpose in PROHIBITED:
        grants = tuple(evolve(grant, purpose=purpose) for grant in one.facts.grants)
        changed = evolve(one, request=evolve(one.request, purpose=purpose), facts=evolve(one.facts, grants=grants))
        decision = answer(changed, decide)
        assert not decision.allowed, changed
        assert Missing.PURPOSE_PROHIBITED.value in codes(decision)


CHECKS: tuple[Callable[[Case, Decide], None], ...] = (
    equals_the_reference,
    ignores_order_and_duplicates,
    never_allows_for_want_of_a_fact,
    names_the_smallest_change,
    is_true_until_its_end,
    never_permits_what_is_prohibited,
)


def _poorer(facts: Facts) -> Iterator[Facts]:
    yield evolve(facts, employee=None)
    yield evolve(facts, tenancy=None)
    yield evolve(facts, owner=None)
    yield evolve(facts, tickets={})
    for names in (*combinations(facts.conditions, 1), tuple(facts.conditions)):
        yield evolve(facts, conditions={name: held for name, held in facts.conditions.items() if name not in names})
    for number in range(len(facts.agreements)):
        yield evolve(facts, agreements=facts.agreements[:number] + facts.agreements[number + 1 :])
    for number in range(len(facts.grants)):
        yield evolve(facts, grants=facts.grants[:number] + facts.grants[number + 1 :])
    if facts.owner is not None:
        for owner in _poorer(facts.owner):
            yield evolve(facts, owner=owner)
