from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.lifecycle.schedule._schedule import (
    BACKOFF_CEILING,
    SOONEST_RETRY,
    backoff,
    due_after_run,
    next_due,
    phase,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
EVERY = timedelta(minutes=15)
NONE = timedelta(0)

tenants = st.text(min_size=1, max_size=12)
periods = st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=40))
instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the strategy wants naive bounds and adds the zone itself
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


def test_places_are_spread_evenly() -> None:
    """Of 6,000 tenants, each of the 15 minutes of a period gets its share."""
    minutes = Counter(phase(f"tenant-{number}", EVERY) // timedelta(minutes=1) for number in range(6000))
    assert set(minutes) == set(range(15))
    assert all(300 < found < 500 for found in minutes.values())


def test_place_is_the_same_in_every_process() -> None:
    """The place is drawn from the name alone, and not from what a process draws at its start."""
    program = (
        "from datetime import timedelta; from smartify_core.lifecycle.schedule._schedule import phase;"
        "print(phase('acme', timedelta(minutes=15)))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {str(phase("acme", EVERY))}


@given(tenant=tenants, every=periods, now=instants, late=periods, share=st.floats(0, 0.9))
def test_due_times_move_on(tenant: str, every: timedelta, now: datetime, late: timedelta, share: float) -> None:
    """The next due time is after the present and after the last one, and less than two periods away."""
    jitter = every * share
    due = next_due(tenant, last_due=None, now=now, every=every, jitter=jitter)
    assert now < due <= now + every + jitter
    again = next_due(tenant, last_due=due, now=due, every=every, jitter=jitter)
    assert due < again <= due + 2 * every
    afterwards = next_due(tenant, last_due=due, now=due + late, every=every, jitter=jitter)
    assert due + late < afterwards <= due + late + every + jitter


@given(tenant=tenants, every=periods, now=instants)
def test_place_is_kept(tenant: str, every: timedelta, now: datetime) -> None:
    """Without jitter all due times of a tenant are whole periods apart, however late a run was."""
    first = next_due(tenant, last_due=None, now=now, every=every, jitter=NONE)
    later = next_due(tenant, last_due=first, now=first + every * 7.5, every=every, jitter=NONE)
    assert (later - first) == 8 * every


def test_clock_that_went_back_gives_no_period_twice() -> None:
    """When the clock stands before the due time of the run that has just ended, the next one is still a later one."""
    first = next_due("acme", last_due=None, now=NOW, every=EVERY, jitter=NONE)
    assert next_due("acme", last_due=first, now=NOW - timedelta(hours=1), every=EVERY, jitter=NONE) == first + EVERY


@given(tenant=tenants, failures=st.integers(1, 10_000), every=periods)
def test_backoff_has_its_bounds(tenant: str, failures: int, every: timedelta) -> None:
    """A tenant that fails is left alone for at least a period, and for at most six hours or a period."""
    assert every <= backoff(tenant, failures, every) <= max(every, BACKOFF_CEILING)


def test_backoff_grows() -> None:
    """Each failure at least keeps the distance, until the ceiling's last quarter is reached."""
    waits = [backoff("acme", failures, EVERY) for failures in range(1, 6)]
    assert waits == sorted(waits)
    assert waits[0] == EVERY
    assert waits[-1] > 10 * EVERY


def test_tenants_that_failed_together_come_back_apart() -> None:
    """A hundred tenants that failed for the third time in the same instant have a hundred due times."""
    assert len({backoff(f"tenant-{number}", 3, EVERY) for number in range(100)}) == 100


@pytest.mark.parametrize(
    ("retry", "failures", "expected"),
    [
        (NOW + timedelta(minutes=5), 0, NOW + timedelta(minutes=5)),
        (NOW + timedelta(seconds=1), 0, NOW + SOONEST_RETRY),
        (NOW + timedelta(days=300), 0, None),
        (NOW - timedelta(minutes=5), 0, None),
        (NOW + timedelta(minutes=5), 1, NOW + timedelta(days=1)),
    ],
)
def test_records_set_aside_may_bring_a_tenant_back(retry: datetime, failures: int, expected: datetime | None) -> None:
    """A record's retry counts when it comes before the period ends; never at once, and not after a failed run."""
    every = timedelta(days=1)
    regular = next_due("acme", last_due=None, now=NOW, every=every, jitter=NONE)
    due = due_after_run("acme", last_due=None, now=NOW, every=every, jitter=NONE, failures=failures, retries=[retry])
    assert due == (expected or regular)
