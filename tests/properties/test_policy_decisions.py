from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties._policy_cases import Case, case, cases
from tests.properties._policy_checks import CHECKS, Decide, answer, codes

from smartify_core.policy import Facts, Missing, decide

drawn_cases = st.composite(lambda draw: case(lambda options: draw(st.sampled_from(options))))()
SEED = 6
each_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@each_check
@settings(max_examples=300)
@given(one=drawn_cases)
def test_laws_hold_of_whatever_is_asked(check: Callable[[Case, Decide], None], one: Case) -> None:
    """Every check holds of whatever case Hypothesis makes up."""
    check(one, decide)


@each_check
def test_laws_hold_of_ten_thousand_cases(check: Callable[[Case, Decide], None]) -> None:
    """Every check holds of ten thousand cases of one seed, the reference model's equality among them."""
    for one in cases(10_000, SEED):
        check(one, decide)


def test_the_cases_reach_everything() -> None:
    """The ten thousand cases have permits, pseudonyms and overrides in plenty, and everything that can be missing."""
    seen: Counter[object] = Counter()
    for one in cases(10_000, SEED):
        decision = answer(one)
        seen.update(codes(decision))
        seen.update(
            {"allowed": decision.allowed, "pseudonyms": decision.pseudonymous, "over": bool(decision.overrides)}
        )
    assert all(seen[missing.value] >= 20 for missing in Missing), seen
    assert min(seen["allowed"] - 2_000, seen["pseudonyms"] - 300, seen["over"] - 100) > 0, seen


@given(one=drawn_cases)
def test_nothing_known_denies(one: Case) -> None:
    """With no fact at all every request is denied, whatever the rules."""
    assert not decide(one.request, Facts(), one.now, rules=one.rules).allowed
