"""One worker at a time: who comes second is told so, and who was overtaken is refused in the next write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from smartify_core.errors import LeaseHeld, LeaseLost, SourceUnavailable, UnknownTenant, UsageError
from smartify_core.lifecycle import Counts, Reconciler, Run, Verdict
from smartify_core.model import Stage
from smartify_core.testing import identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import
TEN_MINUTES = timedelta(minutes=10)


def test_two_workers_take_turns(world: World) -> None:
    """While one works, every way to write is refused to another one, which is told that the tenant is taken."""
    people = world.staffed(4)
    plan = world.plan()
    refused: list[Callable[[], object]] = []

    def meanwhile(stage: Stage, _done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED:
            other = world.worker()
            attempts: tuple[Callable[[], object], ...] = (
                lambda: other.run(TENANT),
                lambda: other.apply(plan),
                lambda: other.refresh(TENANT, people[0].source_id),
                lambda: other.approve(TENANT, "0" * 32, by="olga", reason="why not"),
                lambda: other.reject(TENANT, "0" * 32, by="olga", reason="why not"),
            )
            for attempt in attempts:
                with pytest.raises(LeaseHeld, match="SC303"):
                    attempt()
                refused.append(attempt)

    world.directory.suspend(people[0])
    assert world.reconciler.run(TENANT, progress=meanwhile).counts == Counts(deactivated=1, unchanged=3)
    assert len(refused) == 5
    assert world.run().counts == Counts(unchanged=4)


def test_dead_workers_tenant_is_taken_over_when_the_lease_ends(world: World) -> None:
    """A worker that died holds the tenant until its lease runs out, by the injected clock, and no longer."""
    world.staffed(2)
    world.storage.claim(TENANT, now=world.clock(), ttl=TEN_MINUTES)
    world.clock.advance(TEN_MINUTES - timedelta(seconds=1))
    with pytest.raises(LeaseHeld):
        world.run()
    world.clock.advance(seconds=1)
    assert world.run().verdict is Verdict.COMPLETE


@pytest.mark.parametrize("last", [False, True])
def test_paused_worker_is_refused_at_its_next_write(world: World, *, last: bool) -> None:
    """A worker that wakes after another one took over writes nothing more, not even how its run ended."""
    world.directory.add(*(identity(f"p{number}") for number in range(4)))
    after: list[Any] = []

    def overtake(stage: Stage, done: int, total: int | None) -> None:
        if stage is Stage.APPLIED and done == (total if last else 1):
            world.clock.advance(hours=1)
            world.worker().run(TENANT)
            after.extend((world.storage.tenant(TENANT), world.every(), world.state()))

    with pytest.raises(LeaseLost):
        world.worker(batch_size=1).run(TENANT, progress=overtake)
    assert [world.storage.tenant(TENANT), world.every(), world.state()] == after
    assert world.state().verdict is Verdict.COMPLETE


def test_slow_reader_keeps_the_tenant(world: World) -> None:
    """A read that takes longer than a lease renews it page by page."""
    people = [identity(f"p{number}") for number in range(2500)]
    world.directory.add(*people)
    refused = []

    def slowly(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.USERS_READ and done % 500 == 0:
            world.clock.advance(minutes=2)
            with pytest.raises(LeaseHeld):
                world.worker().run(TENANT)
            refused.append(done)

    assert world.reconciler.run(TENANT, progress=slowly).counts.provisioned == 2500
    assert len(refused) >= 5


def test_paused_reader_that_nobody_overtook_goes_on(world: World) -> None:
    """An expired lease that nobody wanted is good for the next write."""
    world.staffed(2)
    world.directory.add(identity("new"))

    def pause(stage: Stage, _done: int, _total: int | None) -> None:
        if stage is Stage.GROUPS_READ:
            world.clock.advance(hours=1)

    assert world.reconciler.run(TENANT, progress=pause).counts.provisioned == 1


def _claimed(world: World) -> Any:
    world.storage.schedule({TENANT: world.clock()})
    (claim,) = world.storage.claim_due(now=world.clock(), ttl=TEN_MINUTES, limit=10)
    return claim


def test_run_works_under_the_claim_it_is_given(world: World) -> None:
    """A claim that a scheduler made is used as it is, and given back with the next due time."""
    world.directory.add(identity("ada"))
    claim = _claimed(world)
    next_due: datetime = world.clock() + timedelta(hours=1)
    told: list[Run] = []

    def due_at(run: Run) -> datetime:
        told.append(run)
        return next_due

    run = world.reconciler.run(TENANT, claim=claim, due_at=due_at)
    assert told == [run]
    record = world.storage.tenant(TENANT)
    assert (record.fence, record.expires_at, record.due_at) == (claim.fence, None, next_due)


def test_failed_run_says_when_the_tenant_is_due(world: World) -> None:
    """A run that fails is told to whoever sets the due time, and gives the tenant back with it."""
    world.directory.fail_next("unavailable")
    claim = _claimed(world)
    next_due: datetime = world.clock() + timedelta(hours=6)
    told: list[Run] = []

    def due_at(run: Run) -> datetime:
        told.append(run)
        return next_due

    with pytest.raises(SourceUnavailable):
        world.reconciler.run(TENANT, claim=claim, due_at=due_at)
    assert [(run.verdict, run.error and run.error.code) for run in told] == [(Verdict.FAILED, "SC201")]
    record = world.storage.tenant(TENANT)
    assert (record.expires_at, record.due_at) == (None, next_due)


def test_without_a_due_time_the_schedule_stays(world: World) -> None:
    """Whoever runs a tenant by hand does not change when it is due."""
    due = world.clock() + timedelta(minutes=3)
    world.storage.schedule({TENANT: due})
    world.directory.add(identity("ada"))
    world.run()
    assert world.storage.tenant(TENANT).due_at == due


def test_claim_of_another_tenant_is_refused(world: World) -> None:
    """A claim is good for its own tenant only; nothing is written, and it stays with its owner."""
    claim = world.storage.claim("globex", now=world.clock(), ttl=TEN_MINUTES)
    with pytest.raises(UsageError, match="another tenant"):
        world.reconciler.run(TENANT, claim=claim)
    assert world.storage.tenant("globex").expires_at is not None
    assert world.storage.tenant(TENANT).fence == 0


def test_claim_that_was_overtaken_writes_nothing(world: World) -> None:
    """A claim that waited too long in a queue is refused by the store before the first account."""
    world.directory.add(identity("ada"))
    claim = _claimed(world)
    world.clock.advance(hours=1)
    world.storage.claim(TENANT, now=world.clock(), ttl=TEN_MINUTES)
    with pytest.raises(LeaseLost):
        world.reconciler.run(TENANT, claim=claim)
    assert world.every() == []


def test_claim_of_a_tenant_that_is_not_configured_here_is_given_back(world: World) -> None:
    """A scheduled tenant whose directory this process does not know fails by itself, and is due later."""
    claim = _claimed(world)
    reconciler = Reconciler({}, world.storage, world.sealer, clock=world.clock)
    with pytest.raises(UnknownTenant):
        reconciler.run(TENANT, claim=claim, due_at=lambda _: world.clock() + timedelta(days=1))
    record = world.storage.tenant(TENANT)
    assert (record.expires_at, record.due_at) == (None, world.clock() + timedelta(days=1))
    assert world.state().error_code == "SC102"


def test_a_held_lease_says_until_when(world: Any) -> None:
    """Whoever finds a tenant taken is told when the lease runs out unless it is renewed."""
    claim = world.storage.claim(TENANT, now=world.clock(), ttl=timedelta(minutes=10))
    with pytest.raises(LeaseHeld, match=f"{claim.expires_at:%Y-%m-%dT%H:%M:%SZ}"):
        world.run()
