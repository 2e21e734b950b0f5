"""Rules that contradict themselves are refused where they are made, before anything could follow them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import RulesInvalid
from smartify_core.lifecycle import Ceiling, Effect, Guards, Rules, Threshold


@pytest.mark.parametrize(
    "figures",
    [
        {"floor": -1, "share": 0.1, "count": 5},
        {"floor": 0, "share": 0.1, "count": -1},
        {"floor": 0, "share": -0.1, "count": 5},
        {"floor": 0, "share": math.nan, "count": 5},
        {"floor": 0, "share": math.inf, "count": 5},
        {"floor": 6, "share": 0.1, "count": 5},
    ],
)
def test_impossible_ceiling_is_refused(figures: dict[str, Any]) -> None:
    """A negative figure, a share that is no number, and a floor above the count are each refused."""
    with pytest.raises(RulesInvalid, match="SC109"):
        Ceiling(**figures)


@pytest.mark.parametrize("window", [Ceiling(4, 0.2, 50), Ceiling(5, 0.1, 50), Ceiling(5, 0.2, 40)])
def test_window_tighter_than_one_run_is_refused(window: Ceiling) -> None:
    """A window that allows less than one run contradicts it, in whichever figure."""
    with pytest.raises(RulesInvalid, match="contradicts itself"):
        Threshold(Ceiling(5, 0.2, 50), window)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": timedelta(minutes=59)},
        {"window": timedelta(days=91)},
        {"shrinkage": -0.1},
        {"shrinkage": 1.1},
        {"shrinkage": math.nan},
    ],
)
def test_guards_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """A window that is no window and a shrinkage that is no share are refused."""
    with pytest.raises(RulesInvalid):
        Guards(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"retain_for": timedelta(seconds=-1)},
        {"retain_for": timedelta(days=4000)},
        {"held_plan_ttl": timedelta(0)},
        {"held_plan_ttl": timedelta(days=4000)},
        {"protected": {"ada@acme.example"}},
        {"protected": "100000000000000000001"},
        {"protected": {""}},
        {"guards": {"deletions": 3}},
        {"guards": None},
    ],
)
def test_rules_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    """Durations that cannot be meant, an address or nothing for an id, one bare text for many, and no guards at all."""
    with pytest.raises(RulesInvalid):
        Rules(**wrong)


def test_protected_addresses_are_not_quoted() -> None:
    """The error about an address among protected ids does not repeat it."""
    with pytest.raises(RulesInvalid) as caught:
        Rules(protected=["ada@acme.example"])
    assert "ada" not in str(caught.value)


def test_every_guard_is_on_by_default() -> None:
    """By default each kind of effect has a ceiling for a run and one for the window, with floors for small tenants."""
    guards = Rules().guards
    for effect in Effect:
        threshold = guards.threshold_of(effect)
        assert 0 < threshold.run.limit(0) <= threshold.window.limit(0)
        assert threshold.run.limit(1_000_000) < 1_000_000
    assert guards.window == timedelta(days=7)


@given(
    floor=st.integers(0, 50),
    share=st.floats(0, 3, allow_nan=False),
    above=st.integers(0, 1000),
    known=st.integers(0, 100_000),
)
def test_limit_lies_between_floor_and_count(floor: int, share: float, above: int, known: int) -> None:
    """Whatever the size of a tenant, its limit is never below the floor and never above the count."""
    ceiling = Ceiling(floor, share, floor + above)
    assert floor <= ceiling.limit(known) <= floor + above
    assert ceiling.limit(known) <= ceiling.limit(known + 1)
