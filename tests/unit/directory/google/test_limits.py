"""The rate limiter and the figures behind it."""

from __future__ import annotations

import gc
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.directory.google import Limits, RateLimiter, _limits
from smartify_core.directory.google._limits import limiter_of
from smartify_core.errors import UsageError


def test_the_defaults_are_googles_published_limits() -> None:
    """2,400 queries a minute a project, and five waits of 1, 2, 4, 8 and 16 seconds: six attempts."""
    limits = Limits()
    assert (limits.requests_per_minute, limits.attempts, limits.backoff_base) == (2400, 6, 1.0)


@pytest.mark.parametrize(
    "figures",
    [
        {"requests_per_minute": 0},
        {"burst": 0},
        {"concurrency": 0},
        {"concurrency": 2.5},
        {"concurrency": True},
        {"attempts": 0},
        {"deadline": -1.0},
        {"backoff_base": float("nan")},
        {"retry_after_cap": "60"},
    ],
)
def test_figures_that_make_no_sense_are_refused(figures: dict[str, Any]) -> None:
    """A limit is a number that can be kept."""
    with pytest.raises(UsageError, match=next(iter(figures))):
        Limits(**figures)


@given(
    st.integers(1, 40),
    st.integers(1, 60),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=200),
)
def test_no_minute_sees_more_than_the_quota(quota: int, burst: int, gaps: list[float]) -> None:
    """However callers arrive, any 60 seconds hold at most ``requests_per_minute`` of the instants given out."""
    now = 0.0
    limiter = RateLimiter(quota, burst=burst, monotonic=lambda: now)
    instants = []
    for gap in gaps:
        now += gap
        instants.append(now + limiter.reserve())
    assert instants == sorted(instants)
    for index, instant in enumerate(instants[:-quota] if quota < len(instants) else []):
        assert instants[index + quota] - instant > 60


def test_a_burst_goes_at_once_and_then_evenly() -> None:
    """The first ``burst`` requests do not wait; each one after them waits a 60th of the quota longer."""
    limiter = RateLimiter(60, burst=3, monotonic=lambda: 0.0)
    assert [limiter.reserve() for _ in range(6)] == [0.0, 0.0, 0.0, 1.0, 2.0, 3.0]


def test_a_rested_limiter_allows_another_burst() -> None:
    """What was not used in time is there again."""
    now = 0.0
    limiter = RateLimiter(60, burst=3, monotonic=lambda: now)
    for _ in range(3):
        limiter.reserve()
    now = 3.0
    assert [limiter.reserve() for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_acquire_sleeps_what_it_must() -> None:
    """The wait happens in the sleep that was handed in, and not at all when none is due."""
    slept: list[float] = []
    limiter = RateLimiter(60, burst=1, monotonic=lambda: 0.0, sleep=slept.append)
    limiter.acquire()
    limiter.acquire()
    assert slept == [1.0]
    other: list[float] = []
    limiter.acquire(other.append)
    assert (slept, other) == ([1.0], [2.0])


def test_threads_never_share_a_place() -> None:
    """A thousand places taken by eight threads are a thousand different instants."""
    limiter = RateLimiter(60, burst=1, monotonic=lambda: 0.0)
    waits: list[float] = []

    def take() -> None:
        waits.extend(limiter.reserve() for _ in range(5))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [float(second) for second in range(40)]


def test_directories_of_one_project_share_a_limiter() -> None:
    """The quota is a project's: tenants read through one project spend one budget."""
    limits = Limits()
    shared = limiter_of("project-a", limits)
    assert limiter_of("project-a", Limits(concurrency=3)) is shared
    assert limiter_of("project-b", limits) is not shared
    assert limiter_of("project-a", Limits(requests_per_minute=600)) is not shared


def test_a_limiter_that_nobody_uses_is_let_go() -> None:
    """The registry keeps no limiter alive."""
    limits = Limits()
    kept = limiter_of("project-kept", limits)
    limiter_of("project-gone", limits)
    gc.collect()
    projects = {project for project, *_ in _limits._shared}
    assert "project-gone" not in projects
    assert limiter_of("project-kept", limits) is kept


@pytest.mark.parametrize("name", ["requests_per_minute", "burst", "concurrency", "attempts"])
def test_a_figure_beyond_all_sense_is_refused(name: str) -> None:
    """Figures that would overflow the arithmetic of waiting are refused where they are given."""
    with pytest.raises(UsageError, match=name):
        Limits(**{name: 10**24})
