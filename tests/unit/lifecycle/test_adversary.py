"""Ways around the guards that a hostile reader found, each closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.errors import PlanSettled, RulesInvalid, SourceUnavailable, StalePlan, StorageBusy, UsageError
from smartify_core.lifecycle import HeldPlanStatus, Reconciler, Rules, Verdict
from smartify_core.testing import ManualClock, identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def test_refresh_does_not_carry_out_a_waiting_plan_person_by_person(world: World) -> None:
    """Whoever is named in a plan that waits, or was rejected, is not touched by runs for one person."""
    people = world.staffed(20)
    for person in people[:9]:
        world.directory.delete(person)
    world.run()
    plan = world.waiting_plan()
    for person in people[:9]:
        assert world.refresh(person).counts.held == 1
    assert len(world.live()) == 20
    world.reconciler.reject(TENANT, plan.hash, by="olga", reason="an accident")
    for person in people[:9]:
        assert world.refresh(person).counts.deleted == 0
    assert len(world.live()) == 20


def test_plan_is_stale_once_the_directory_was_read_again(world: World) -> None:
    """A saved plan deletes nobody who has come back, though the store has not changed since it was made."""
    people = world.staffed(20)
    for person in people[:3]:
        world.directory.delete(person)
    plan = world.plan()
    for person in people[:3]:
        world.directory.undelete(person)
    assert world.run().counts.changes == 0
    with pytest.raises(StalePlan):
        world.reconciler.apply(plan)
    assert len(world.live()) == 20


def test_plan_does_not_wait_for_ever(world: World) -> None:
    """A plan that was kept for longer than a held one may wait is stale, even if nothing has happened."""
    world.directory.delete(world.staffed(20)[0])
    plan = world.plan()
    world.clock.advance(days=8)
    with pytest.raises(StalePlan, match="too old"):
        world.reconciler.apply(plan)


def test_plan_that_was_kept_counts_on_the_day_it_is_applied(world: World) -> None:
    """What a kept plan deletes stands in the window of today, so that it cannot slip out of it."""
    people = world.staffed(20)
    for person in people[:5]:
        world.directory.delete(person)
    plan = world.plan()
    world.clock.advance(days=6, hours=23)
    world.reconciler.apply(plan)
    world.clock.advance(hours=2)
    for person in people[5:10]:
        world.directory.delete(person)
    assert world.run().counts.deleted == 5
    for person in people[10:11]:
        world.directory.delete(person)
    assert world.run().counts.held == 1


def test_clock_that_ran_ahead_during_a_failed_run_bars_no_later_one(world: World) -> None:
    """A failure leaves no instant behind that later runs would have to wait for."""
    world.staffed(3)
    ahead = ManualClock("2050-01-01")
    world.directory.fail_next(SourceUnavailable("no answer"))
    worker = Reconciler({TENANT: world.directory}, world.storage, world.sealer, clock=ahead)
    with pytest.raises(SourceUnavailable):
        worker.run(TENANT)
    assert world.run().verdict is Verdict.COMPLETE


def test_failure_at_the_second_commit_is_noted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many batches went through before, the store remembers that the run failed."""
    world.staffed(2)
    commit = type(world.storage).commit
    calls = 0

    def failing(storage: Any, claim: Any, batch: Any) -> Any:
        nonlocal calls
        if batch.writes:
            calls += 1
            if calls > 1:
                raise StorageBusy("another process writes")
        return commit(storage, claim, batch)

    monkeypatch.setattr(type(world.storage), "commit", failing)
    world.reconciler = world.worker(batch_size=1)
    world.directory.suspend(world.people[0])
    world.directory.suspend(world.people[1])
    with pytest.raises(StorageBusy):
        world.run()
    assert (world.state().verdict, world.state().failures) == (Verdict.FAILED, 1)


def test_approval_can_be_taken_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as an approved plan is not done, somebody may still say no to it."""
    people = world.staffed(20)
    for person in people[:9]:
        world.directory.delete(person)
    world.run()
    plan = world.waiting_plan()
    commit = type(world.storage).commit

    def dying(storage: Any, claim: Any, batch: Any) -> Any:
        if batch.writes:
            raise KeyboardInterrupt
        return commit(storage, claim, batch)

    with monkeypatch.context() as patch:
        patch.setattr(type(world.storage), "commit", dying)
        with pytest.raises(KeyboardInterrupt):
            world.approve(plan)
    taken_back = world.reconciler.reject(TENANT, plan.hash, by="olga", reason="it was an accident after all")
    assert taken_back.status is HeldPlanStatus.REJECTED
    assert world.run().counts.deleted == 0
    again = world.waiting_plan()
    world.approve(again)
    with pytest.raises(PlanSettled):
        world.reconciler.reject(TENANT, plan.hash, by="olga", reason="too late")


def test_first_load_does_not_switch_the_guard_off_for_good(world: World) -> None:
    """A tenant whose first read was cut short may go on loading for a day; after that newcomers are counted."""
    world.directory.add(*_people(20))
    world.directory.truncate_next("members")
    assert world.run().verdict is Verdict.HELD
    world.clock.advance(days=30)
    world.directory.add(*_people(300)[20:])
    run = world.run()
    assert (run.counts.provisioned, run.counts.held) == (0, 280)


def test_rules_of_a_tenant_that_does_not_exist_are_a_mistake(world: World) -> None:
    """A misspelt tenant would silently have the default rules, and lose people whom it meant to retain."""
    with pytest.raises(UsageError, match="'Acme'"):
        Reconciler(
            {TENANT: world.directory}, world.storage, world.sealer, rules={"Acme": Rules(retain_for=timedelta(days=20))}
        )


def test_durations_are_timedeltas() -> None:
    """A bare number would be days to one reader and seconds to another."""
    wrong: Any = 20
    with pytest.raises(RulesInvalid):
        Rules(retain_for=wrong)


def _people(number: int) -> list[Any]:
    return [identity(f"person-{one:03}") for one in range(number)]
