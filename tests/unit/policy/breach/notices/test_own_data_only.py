"""A notice tells a tenant of its own data, and of nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smartify_core.policy.breach import (
    Customer,
    Notice,
    NoticeField,
    Outcome,
    Phase,
    Stated,
    TenantImpact,
)
from smartify_core.policy.breach._notices import _drafting
from smartify_core.policy.breach._notices._content import Addressee, Case, answers_of
from smartify_core.policy.breach._notices._words import Words

from .conftest import ID, STATED, World

#: What is peculiar to a tenant: its number stands in each of its ids, and makes its counts.
TENANTS = tuple(range(1, 7))


def _impact(number: int, outcome: Outcome) -> TenantImpact:
    """Return what may have been done to a tenant, of which every part is its own."""
    return TenantImpact(
        f"tenant-{number}x",
        outcome,
        ("email",),
        subjects=70_000 + number,
        records=80_000 + number,
        vendors=(f"vendor-{number}x", f"other-{number}x"),
        scopes=(0,),
    )


def marks_of(number: int) -> tuple[str, ...]:
    """Return what must not stand in another tenant's notice."""
    return (
        f"tenant-{number}x",
        f"{70_000 + number}",
        f"{80_000 + number}",
        f"Vendor No. {number}x",
        f"vendor-{number}x",
        f"other-{number}x",
    )


def _said(notice: Notice) -> str:
    """Return what a notice says, without ids and digests: among their random digits any number turns up by chance."""
    whole = "\n".join((notice.subject, notice.text.replace("\n  ", " "), notice.html, notice.payload))
    return re.sub("[0-9a-f]{32,}", "", whole)


def leaks(notices: Iterable[Notice]) -> list[tuple[str, str]]:
    """Return which notices hold something that is peculiar to another tenant."""
    return [
        (notice.tenant, mark)
        for notice in notices
        for number in TENANTS
        if notice.tenant != f"tenant-{number}x"
        for mark in marks_of(number)
        if mark in _said(notice)
    ]


def _world(outcomes: Mapping[int, Outcome]) -> World:
    world = World()
    world.names = {f"vendor-{number}x": f"Vendor No. {number}x" for number in TENANTS}
    world.notices.state(ID, STATED, by="e-1")
    world.assess(*(_impact(number, outcome) for number, outcome in outcomes.items()))
    return world


_outcomes = st.dictionaries(st.sampled_from(TENANTS), st.sampled_from(Outcome), min_size=2).filter(
    lambda found: Outcome.AFFECTED in found.values()
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    before=_outcomes,
    after=_outcomes,
    locales=st.lists(st.sampled_from(["en", "de", "fr", "xx"]), min_size=6, max_size=6),
)
def test_no_notice_holds_what_is_another_tenants(
    before: Mapping[int, Outcome], after: Mapping[int, Outcome], locales: list[str]
) -> None:
    """Whoever is affected, corrected or told later: ids, vendors and counts of one tenant are in its notice only."""
    world = _world(before)
    world.register(*(Customer(f"tenant-{one}x", locale=locales[one - 1]) for one in TENANTS))
    world.told(Phase.FIRST)
    first = {one.tenant: one for one in world.notices.notices(ID, 1)}
    told = {f"tenant-{one}x" for one, outcome in before.items() if outcome is not Outcome.NOT_AFFECTED}
    assert set(first) == told
    world.assess(*(_impact(one, outcome) for one, outcome in after.items()))
    world.told(Phase.UPDATE)
    second = {one.tenant: one for one in world.notices.notices(ID, 2)}
    owed = {f"tenant-{one}x" for one, outcome in after.items() if outcome is not Outcome.NOT_AFFECTED}
    assert set(second) == owed | told
    assert {name for name, one in second.items() if one.outcome is Outcome.NOT_AFFECTED} == told - owed
    assert leaks([*first.values(), *second.values()]) == []
    for name, notice in {**first, **{one: second[one] for one in owed}}.items():
        number = int(name.removeprefix("tenant-").removesuffix("x"))
        assert all(mark in notice.text for mark in (f"{70_000 + number}", f"Vendor No. {number}x"))


def test_a_build_that_forgets_whose_data_it_is_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: with the vendors of all tenants in each notice, or with another tenant's counts, the check bites."""
    seen: list[TenantImpact] = []

    def without_filter(case: Case, addressee: Addressee, words: Words) -> Mapping[NoticeField, Stated]:
        seen.append(addressee.impact)
        vendors = tuple(one for impact in seen for one in impact.vendors)
        return answers_of(case, evolve(addressee, impact=evolve(addressee.impact, vendors=vendors)), words)

    def one_late(case: Case, addressee: Addressee, words: Words) -> Mapping[NoticeField, Stated]:
        seen.append(addressee.impact)
        return answers_of(case, evolve(addressee, impact=seen[-2:][0]), words)

    for mutant in (without_filter, one_late):
        seen.clear()
        monkeypatch.setattr(_drafting, "answers_of", mutant)
        world = _world(dict.fromkeys(TENANTS, Outcome.AFFECTED))
        world.told(Phase.FIRST)
        assert leaks(world.notices.notices(ID, 1))
