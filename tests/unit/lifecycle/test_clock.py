"""A clock that goes backwards would put times on record in the wrong order, so nothing is written under it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.errors import ClockWentBackwards
from smartify_core.lifecycle import Verdict
from smartify_core.model import Stage
from smartify_core.testing import identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def _seen(world: World) -> Any:
    record = world.storage.tenant(TENANT)
    return record.revision, record.position, world.every(), world.state(), world.reconciler.held_plans(TENANT)


def test_clock_that_went_backwards_is_refused_everywhere(world: World) -> None:
    """Planning, applying, running, refreshing, approving and rejecting are refused with nothing written."""
    people = world.staffed(30)
    for person in people[:10]:
        world.directory.delete(person)
    world.run()
    held = world.waiting_plan()
    plan = world.plan()
    world.directory.suspend(people[20])
    before = _seen(world)
    world.clock.advance(minutes=-6)
    for attempt in (
        world.plan,
        world.run,
        lambda: world.reconciler.apply(plan),
        lambda: world.refresh(people[20]),
        lambda: world.approve(held),
        lambda: world.reconciler.reject(TENANT, held.hash, by="olga", reason="because"),
    ):
        with pytest.raises(ClockWentBackwards, match="SC110"):
            attempt()
        assert _seen(world) == before
    world.clock.advance(minutes=6)
    assert world.run().counts.deactivated == 1


def test_small_skew_is_tolerated(world: World) -> None:
    """Hosts whose clocks differ by minutes may take turns."""
    people = world.staffed(2)
    world.directory.suspend(people[0])
    world.clock.advance(minutes=-5)
    assert world.run().counts.deactivated == 1


def test_skews_do_not_add_up(world: World) -> None:
    """Each run may be a little behind the latest instant on record, and never behind it by more than once that much."""
    world.staffed(2)
    started = world.state().last_started_at
    world.clock.advance(minutes=-4)
    world.run()
    world.directory.fail_next("unavailable")
    (failed,) = world.reconciler.run_each()
    assert failed.verdict is Verdict.FAILED
    assert world.state().last_started_at == started
    world.clock.advance(minutes=-4)
    with pytest.raises(ClockWentBackwards):
        world.run()


def test_clock_that_jumps_back_during_a_run_ends_it(world: World) -> None:
    """What was committed before the jump stays whole, and nothing is written after it."""
    world.directory.add(*(identity(f"p{number}") for number in range(4)))

    def jump(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED and done == 2:
            world.clock.advance(hours=-1)

    with pytest.raises(ClockWentBackwards):
        world.worker(batch_size=1).run(TENANT, progress=jump)
    assert len(world.live()) == 2
    world.clock.advance(hours=1, minutes=1)
    assert world.run().counts.provisioned == 2


def test_clock_that_jumped_ahead_is_named(world: World) -> None:
    """After a run under a clock a year ahead, the error tells by how much, and the way out is to correct the clock."""
    world.staffed(2)
    world.clock.advance(timedelta(days=365))
    world.run()
    world.clock.advance(timedelta(days=-365))
    with pytest.raises(ClockWentBackwards, match="365 days") as caught:
        world.run()
    assert "clock" in (caught.value.cure or "")
