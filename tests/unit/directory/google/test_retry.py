"""Asking again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.directory.google import Limits
from smartify_core.directory.google._retry import Persistence, RetryableError, wait_before
from smartify_core.directory.google._verdict import Kind, Verdict
from smartify_core.errors import SourceMalformed, SourceUnavailable

AGAIN = Verdict(Kind.AGAIN, "HTTP 503 backendError")
GARBLED = Verdict(Kind.GARBLED, "200 with an empty body")


def failing(times: int, verdict: Verdict = AGAIN, after: float | None = None) -> Callable[[], str]:
    """Return an attempt that fails so many times and then says ``done``."""
    left = [times]

    def attempt() -> str:
        if left[0]:
            left[0] -= 1
            raise RetryableError(verdict, after)
        return "done"

    return attempt


def persistence(limits: Limits, waits: list[float], chance: float = 0.0) -> Persistence:
    """Return persistence whose clock moves only by its own waits."""
    return Persistence(limits, waits.append, lambda: chance, lambda: sum(waits))


def test_the_waits_are_googles_schedule() -> None:
    """Five waits of two to the power of n seconds plus up to one second, about 32 in all, and then it is over."""
    waits: list[float] = []
    with pytest.raises(SourceUnavailable, match="asked 6 times"):
        persistence(Limits(), waits, 0.5).run(failing(99), "users.list")
    assert waits == [1.5, 2.5, 4.5, 8.5, 16.5]


def test_success_ends_the_waiting() -> None:
    """The answer of the first attempt that succeeds is the answer."""
    waits: list[float] = []
    assert persistence(Limits(), waits).run(failing(2), "users.list") == "done"
    assert waits == [1.0, 2.0]


def test_retry_after_is_obeyed_up_to_its_cap() -> None:
    """The server's wish lengthens a wait, never shortens it, and cannot park a run for an hour."""
    limits = Limits()
    assert wait_before(1, limits, 0.0, 7.0) == 7.0
    assert wait_before(5, limits, 0.0, 7.0) == 16.0
    assert wait_before(1, limits, 0.0, 3600.0) == 60.0
    assert wait_before(1, limits, 0.0, 0.0) == 1.0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.none() | st.floats(0, 1e9))
def test_no_wait_is_longer_than_its_caps(attempt: int, chance: float, after: float | None) -> None:
    """Whatever the attempt and the server's wish, a wait is bounded and above nothing."""
    limits = Limits()
    assert 1.0 <= wait_before(attempt, limits, chance, after) <= max(limits.backoff_cap + 1, limits.retry_after_cap)


def test_no_attempt_begins_after_the_deadline() -> None:
    """A wait that would end too late is not begun."""
    waits: list[float] = []
    with pytest.raises(SourceUnavailable, match="asked 3 times"):
        persistence(Limits(attempts=99, deadline=5.0), waits).run(failing(99), "users.list")
    assert waits == [1.0, 2.0]


def test_garbage_to_the_end_is_malformed() -> None:
    """The last answer decides what the error is called; garbage is not "unavailable"."""
    with pytest.raises(SourceMalformed) as caught:
        persistence(Limits(attempts=1), []).run(failing(9, GARBLED), "groups.list")
    assert (caught.value.where, caught.value.retryable) == ("groups.list", False)
    assert "asked once" in caught.value.what
