"""The decision about exports against a slow and obvious model of it, and laws that no register breaks."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.vendors._making import EVIDENCE, NOTICE, NOW, vendor

from smartify_core.policy import PROHIBITED, PersonalField, Purpose
from smartify_core.policy.vendors import (
    Announcement,
    Barrier,
    Commitment,
    Consideration,
    ExportFacts,
    ExportForm,
    ExportRequest,
    Gap,
    Undertaking,
    Vendor,
    decide_export,
)

NAMES = ("a", "b", "c", "d")
MICROSECOND = timedelta(microseconds=1)
#: Instants that fall on, just before and just after one another.
INSTANTS = [
    NOW + days * timedelta(days=1) + step for days in (-60, -30, 0, 30) for step in (-MICROSECOND, MICROSECOND * 0)
]


def model(request: ExportRequest, facts: ExportFacts, now: datetime) -> bool:
    """Say whether an export is open, the slow way."""
    reached = {request.vendor}
    for _ in NAMES:
        for name in list(reached):
            if name in facts.vendors:
                reached |= set(facts.vendors[name].sub_vendors)
    for name in reached:
        if name not in facts.vendors or name not in facts.announcements:
            return False
        one, told = facts.vendors[name], facts.announcements[name]
        kept = {
            given.commitment
            for given in one.undertakings
            if given.evidence is not None and given.given_at <= now < given.expires_at
        }
        if kept != set(Commitment) or now < one.starts_at or (one.ended_at is not None and now >= one.ended_at):
            return False
        if told.at > now or told.objected_at is not None or not (told.agreed or now - told.at >= facts.notice):
            return False
    receiver = facts.vendors[request.vendor]
    return (
        request.consideration == Consideration.NONE
        and request.form in set(ExportForm)
        and request.purpose in set(receiver.purposes) - PROHIBITED
        and request.fields != frozenset()
        and request.fields <= set(receiver.fields)
    )


def drawn(chance: random.Random) -> tuple[ExportRequest, ExportFacts, datetime]:
    """Return a case: mostly sound, so that a good part of all cases is open, and wrong in any place."""

    def rarely(odd: Any, usual: Any) -> Any:
        return odd if chance.random() < 0.03 else usual

    def one(name: str) -> Vendor:
        given = []
        for commitment in Commitment:
            for _ in range(rarely(0, chance.choice([1, 1, 2]))):
                first, last = sorted(chance.sample(INSTANTS, 2))
                whole = rarely(False, True)
                span = (NOW - 99 * timedelta(days=1), NOW + 99 * timedelta(days=1)) if whole else (first, last)
                given.append(Undertaking(commitment, *span, rarely(None, EVIDENCE)))
        allowed = [purpose for purpose in Purpose if purpose not in PROHIBITED]
        return Vendor(
            id=name,
            name=name,
            affiliated=chance.random() < 0.5,
            purposes=chance.sample(allowed, chance.choice([3, 6, 7])),
            fields=chance.sample(list(PersonalField), chance.choice([3, 4, 5])),
            starts_at=rarely(chance.choice(INSTANTS), NOW - 99 * timedelta(days=1)),
            undertakings=given,
            sub_vendors=[other for other in NAMES if other != name and chance.random() < 0.2],
            ended_at=rarely(chance.choice(INSTANTS), None),
        )

    vendors = {name: one(name) for name in NAMES if rarely(False, True)}
    told = {
        name: Announcement(
            chance.choice(INSTANTS) if chance.random() < 0.1 else NOW - 61 * timedelta(days=1),
            agreed=chance.random() < 0.3,
            objected_at=rarely(NOW, None),
        )
        for name in NAMES
        if rarely(False, True)
    }
    request = ExportRequest(
        chance.choice(NAMES),
        "acme",
        rarely(chance.choice([*PROHIBITED, "Service"]), chance.choice(list(Purpose)[:7])),
        chance.sample(list(PersonalField), rarely(0, chance.choice([1, 1, 2]))),
        rarely(chance.choice([*Consideration, "gold"]), Consideration.NONE),
        rarely("smelted", chance.choice(list(ExportForm))),
    )
    return request, ExportFacts(vendors, told, NOTICE), chance.choice(INSTANTS)


def test_ten_thousand_random_cases_are_decided_as_the_model_does() -> None:
    """The decision and the slow model agree on 10,000 cases, of which many are open and many are closed."""
    chance = random.Random(20300101)
    opened = 0
    for number in range(10_000):
        case = drawn(chance)
        decision = decide_export(*case)
        assert decision.allowed is model(*case), (number, decision.explanation())
        opened += decision.allowed
    assert 1_000 < opened < 9_000


def test_a_decision_holds_until_it_says() -> None:
    """An open export is open until the last microsecond of ``until`` and closed at it, with nothing else changed."""
    chance = random.Random(20300102)
    checked = 0
    for _ in range(3_000):
        request, facts, now = drawn(chance)
        decision = decide_export(request, facts, now)
        if decision.allowed and decision.until is not None:
            checked += 1
            assert decide_export(request, facts, decision.until - MICROSECOND).allowed
            assert not decide_export(request, facts, decision.until).allowed
    assert checked > 300


def mended(request: ExportRequest, facts: ExportFacts, gap: Gap) -> tuple[ExportRequest, ExportFacts]:
    """Do what one cure says, and nothing else."""
    name = gap.vendor or request.vendor
    known: Any = facts.vendors.get(name)
    vendors, told = dict(facts.vendors), dict(facts.announcements)
    agreed = Announcement(NOW - 99 * timedelta(days=1), agreed=True)
    in_the_request: dict[Barrier, dict[str, Any]] = {
        Barrier.CONSIDERATION: {"consideration": Consideration.NONE},
        Barrier.FORM: {"form": ExportForm.PLAIN},
        Barrier.FIELDS: {"fields": request.fields & set(known.fields) if known is not None else ()},
    }
    if gap.barrier in in_the_request:
        return evolve(request, **in_the_request[gap.barrier]), facts
    if gap.barrier in {Barrier.NOT_ANNOUNCED, Barrier.NOTICE_RUNNING, Barrier.OBJECTED}:
        told[name] = agreed
    elif gap.barrier is Barrier.UNREGISTERED:
        vendors[name] = vendor(name, purposes=list(Purpose)[:7], fields=list(PersonalField))
        told[name] = agreed
    else:
        long_ago, long_hence = NOW - 99 * timedelta(days=1), NOW + 99 * timedelta(days=1)
        more = [Undertaking(gap.commitment, long_ago, long_hence, EVIDENCE)] if gap.commitment else []
        in_the_register: dict[Barrier, dict[str, Any]] = {
            Barrier.PURPOSE: {"purposes": [*known.purposes, request.purpose]},
            Barrier.COMMITMENT: {"undertakings": [*known.undertakings, *more]},
            Barrier.NOT_STARTED: {"starts_at": long_ago},
            Barrier.ENDED: {"ended_at": None},
        }
        vendors[name] = evolve(known, **in_the_register[gap.barrier])
    return request, ExportFacts(vendors, told, facts.notice)


def test_the_cures_are_enough_and_none_is_too_many() -> None:
    """Whoever does what all cures say has an open export; whoever leaves one out has not."""
    chance = random.Random(20300103)
    checked = 0
    for _ in range(3_000):
        request, facts, now = drawn(chance)
        decision = decide_export(request, facts, now)
        known = facts.vendors.get(request.vendor)
        fits = known is not None and request.fields & set(known.fields) and isinstance(request.purpose, Purpose)
        if decision.allowed or not decision.cures or not fits:
            continue
        checked += 1
        for left_out in (None, *decision.missing):
            after = request, facts
            for gap in decision.missing:
                if gap is not left_out:
                    after = mended(*after, gap)
            assert decide_export(*after, now).allowed is (left_out is None)
    assert checked > 300


CASES = st.integers(0, 2**32).map(lambda seed: drawn(random.Random(seed)))


@given(CASES, st.sampled_from([Consideration.MONEY, Consideration.OTHER_VALUE]))
def test_no_register_makes_a_sale_pass(case: tuple[ExportRequest, ExportFacts, datetime], given_for: Any) -> None:
    """Whatever vendors, commitments and announcements there are: what is paid for is denied, and has no cure."""
    request, facts, now = case
    decision = decide_export(evolve(request, consideration=given_for), facts, now)
    assert not decision.allowed
    assert decision.cures == ()


@given(CASES, st.sampled_from(sorted(PROHIBITED, key=lambda one: one.value)), st.sampled_from(list(ExportForm)))
def test_no_register_makes_a_prohibited_purpose_pass(
    case: tuple[ExportRequest, ExportFacts, datetime], purpose: Purpose, form: ExportForm
) -> None:
    """Selling and advertising are denied in every form by every register, even one that lists them as purposes."""
    request, facts, now = case
    for one in facts.vendors.values():
        object.__setattr__(one, "purposes", tuple(Purpose))
    decision = decide_export(evolve(request, purpose=purpose, form=form), facts, now)
    assert not decision.allowed
    assert decision.cures == ()


@given(CASES, st.data())
def test_more_is_never_asked_of_who_gives_more(
    case: tuple[ExportRequest, ExportFacts, datetime], data: st.DataObject
) -> None:
    """Taking an undertaking away opens nothing."""
    request, facts, now = case
    given = [(name, one) for name, held in facts.vendors.items() for one in held.undertakings]
    if not given:
        return
    name, gone = data.draw(st.sampled_from(given))
    held: Any = facts.vendors[name]
    fewer = evolve(held, undertakings=[one for one in held.undertakings if one is not gone])
    less = ExportFacts({**facts.vendors, name: fewer}, facts.announcements, facts.notice)
    assert not decide_export(request, less, now).allowed or decide_export(request, facts, now).allowed
