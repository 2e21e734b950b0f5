from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations, product
from types import MappingProxyType

import pytest
from attrs import evolve
from tests.unit.policy.access.conftest import FACTS, NOW, REQUEST, granted

from smartify_core.policy import (
    RANKS,
    AccessRules,
    Missing,
    Override,
    PersonalField,
    Provision,
    ProvisionEffect,
    Purpose,
    Rulebook,
    Ruling,
    SourceDocument,
    decide,
)

EMAIL = frozenset({PersonalField.EMAIL})
CONFIDENTIAL, PRIVACY = SourceDocument.CONFIDENTIALITY, SourceDocument.PRIVACY
PERMIT, PROHIBIT = ProvisionEffect.PERMIT, ProvisionEffect.PROHIBIT
TURNED = {CONFIDENTIAL: 1, PRIVACY: 2}
LEVEL = {CONFIDENTIAL: 1, PRIVACY: 1}


def ruling(
    *provisions: Provision,
    ranks: dict[SourceDocument, int] | None = None,
    known: Mapping[str, bool | None] = MappingProxyType({}),
) -> Ruling:
    """Return what provisions say of an address, for customer care at Acme."""
    book = Rulebook(provisions, RANKS if ranks is None else ranks)
    return book.rule(Purpose.CUSTOMER_CARE, EMAIL, "acme", known)


@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize(("high", "low"), list(product(ProvisionEffect, ProvisionEffect)))
def test_the_confidentiality_side_prevails(high: ProvisionEffect, low: ProvisionEffect, twice: bool) -> None:
    """For every pair of effects, in both orders and doubled, the confidentiality provision decides; both are named."""
    pair = [Provision("nda", CONFIDENTIAL, high), Provision("priv", PRIVACY, low)]
    for order in permutations(pair * (1 + twice)):
        found = ruling(*order)
        assert found.permitted is (high is PERMIT)
        assert found.decided_by == ("nda",)
        under = {one.under for one in found.overrides}
        assert ("priv" in under) is (high is not low)
        assert ("C9" in under) is (high is PROHIBIT)
        assert {one.over for one in found.overrides} <= {"nda"}


@pytest.mark.parametrize(("high", "low"), list(product(ProvisionEffect, ProvisionEffect)))
def test_turning_the_ranks_turns_the_ruling(high: ProvisionEffect, low: ProvisionEffect) -> None:
    """With the ranks the other way round the privacy side decides: it is the rank that does it, and not luck."""
    found = ruling(Provision("nda", CONFIDENTIAL, high), Provision("priv", PRIVACY, low), ranks=TURNED)
    assert found.permitted is (low is PERMIT)


@pytest.mark.parametrize(("one", "other"), list(product(ProvisionEffect, ProvisionEffect)))
def test_within_a_rank_a_prohibition_wins(one: ProvisionEffect, other: ProvisionEffect) -> None:
    """Of equal rank, whether in one document or by ranks made level, any prohibition denies."""
    expected = PROHIBIT not in {one, other}
    assert ruling(Provision("a", PRIVACY, one), Provision("b", PRIVACY, other)).permitted is expected
    assert ruling(Provision("a", CONFIDENTIAL, one), Provision("b", CONFIDENTIAL, other)).permitted is expected
    assert ruling(Provision("a", CONFIDENTIAL, one), Provision("b", PRIVACY, other), ranks=LEVEL).permitted is expected


def test_an_override_is_told() -> None:
    """A decision says which provision prevailed over which, in its value and in its words, allowed or not."""
    nda, priv = Provision("nda", CONFIDENTIAL, PERMIT), Provision("priv", PRIVACY, PROHIBIT)
    decision = decide(REQUEST, FACTS, NOW, rules=AccessRules(rulebook=Rulebook((nda, priv))))
    assert (decision.allowed, decision.decided_by) == (True, ("nda",))
    assert decision.overrides == (Override("nda", "priv"),)
    assert decision.explanation().endswith("Provision nda prevailed over priv [C17].")
    turned = Rulebook((evolve(nda, effect=PROHIBIT), evolve(priv, effect=PERMIT)))
    decision = decide(REQUEST, FACTS, NOW, rules=AccessRules(rulebook=turned))
    assert (decision.allowed, decision.decided_by) == (False, ("nda",))
    assert decision.overrides == (Override("nda", "C9"), Override("nda", "priv"))


@pytest.mark.parametrize("source", list(SourceDocument))
@pytest.mark.parametrize("prevailing", [(), (Provision("nda", CONFIDENTIAL, PERMIT),)])
def test_a_prohibition_of_which_nobody_knows_denies(source: SourceDocument, prevailing: tuple[Provision, ...]) -> None:
    """Where nobody can tell whether a prohibition applies it denies, whatever prevails over it, and is named."""
    maybe = Provision("maybe", source, PROHIBIT, when="under-audit")
    states: list[dict[str, bool | None]] = [{}, {"under-audit": None}]
    for state in states:
        found = ruling(maybe, *prevailing, known=state)
        assert (found.permitted, found.unknown, found.decided_by) == (False, ("under-audit",), ("maybe",))
    assert ruling(maybe, *prevailing, known={"under-audit": False}).permitted
    assert ruling(maybe, *prevailing, known={"under-audit": True}).permitted is (bool(prevailing) and source is PRIVACY)


def test_a_permission_of_which_nobody_knows_does_not_apply() -> None:
    """Where nobody can tell whether a permission applies it is none; its condition is named only if it would help."""
    maybe = Provision("maybe", CONFIDENTIAL, PERMIT, when="signed")
    no = Provision("no", PRIVACY, PROHIBIT)
    found = ruling(maybe, no)
    assert (found.permitted, found.unknown, found.decided_by) == (False, ("signed",), ("no",))
    assert ruling(maybe, no, known={"signed": True}).permitted
    assert ruling(maybe).permitted
    helpless = ruling(evolve(maybe, source=PRIVACY), no)
    assert (helpless.permitted, helpless.unknown, helpless.decided_by) == (False, (), ("no",))
    one_is_enough = ruling(maybe, evolve(maybe, id="other", when="checked"), no)
    assert one_is_enough.unknown == ("signed",)


def test_what_is_sure_and_what_is_not_are_named_apart() -> None:
    """A prohibition that is sure and one that may apply both stand in the way, each with its own cure."""
    sure, maybe = Provision("sure", CONFIDENTIAL, PROHIBIT), Provision("maybe", PRIVACY, PROHIBIT, when="under-audit")
    decision = decide(REQUEST, FACTS, NOW, rules=AccessRules(rulebook=Rulebook((sure, maybe))))
    assert [(one.missing, one.about) for one in decision.shortfalls] == [
        (Missing.CONDITION_UNKNOWN, "under-audit"),
        (Missing.NOT_PERMITTED, "sure"),
    ]


def test_a_permission_covers_every_field_and_a_prohibition_any() -> None:
    """A permission for a part of the fields does not help; a prohibition of a part of them is enough."""
    both = frozenset({PersonalField.EMAIL, PersonalField.GROUPS})
    barred = Provision("barred", PRIVACY, PROHIBIT, fields=EMAIL)
    some = Provision("some", CONFIDENTIAL, PERMIT, fields=EMAIL)
    for fields, permitted in ((EMAIL, True), (both, False), (both - EMAIL, True)):
        assert Rulebook((barred, some)).rule(Purpose.CUSTOMER_CARE, fields, "acme", {}).permitted is permitted


def test_a_provision_speaks_of_its_tenants_and_purposes() -> None:
    """What stands in the contract with one customer holds for that one only, and for the purposes that it names."""
    theirs = Provision("contract", CONFIDENTIAL, PROHIBIT, tenants=frozenset({"acme"}))
    book = Rulebook((theirs,))
    assert not book.rule(Purpose.CUSTOMER_CARE, EMAIL, "acme", {}).permitted
    assert book.rule(Purpose.CUSTOMER_CARE, EMAIL, "globex", {}).permitted
    other = Rulebook((evolve(theirs, purposes=frozenset({Purpose.RESEARCH})),))
    assert other.rule(Purpose.CUSTOMER_CARE, EMAIL, "acme", {}).permitted
    assert not other.rule(Purpose.RESEARCH, EMAIL, "acme", {}).permitted


def test_the_clause_alone() -> None:
    """By the clause, communication opens for customer care only, the other fields for every purpose of the list."""
    said = frozenset({PersonalField.COMMUNICATION})
    for purpose in Purpose:
        prohibited = purpose in {Purpose.SELL_DATA, Purpose.SELL_INSIGHTS, Purpose.ADVERTISING}
        assert Rulebook().rule(purpose, EMAIL, "acme", {}).permitted is not prohibited
        assert Rulebook().rule(purpose, said, "acme", {}).permitted is (purpose is Purpose.CUSTOMER_CARE)
    facts = granted(purpose=Purpose.RESEARCH, fields=said)
    decision = decide(evolve(REQUEST, purpose=Purpose.RESEARCH, fields=said), facts, NOW)
    assert [(one.missing, one.clause, one.about) for one in decision.shortfalls] == [(Missing.NOT_PERMITTED, "C8", "")]


def test_a_rulebook_knows_its_conditions() -> None:
    """What has to be known before its rulings is told by a rulebook itself."""
    book = Rulebook((Provision("a", PRIVACY, PERMIT, when="x"), Provision("b", PRIVACY, PERMIT)))
    assert book.conditions() == {"x"}
    assert hash(book) == hash(Rulebook(book.provisions))
