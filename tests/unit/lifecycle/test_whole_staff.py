"""When a directory shows nobody, or nobody who is known: not believed, and still a person may say that it is true."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.errors import StalePlan
from smartify_core.lifecycle import Effect, HeldPlanStatus, Rules, Verdict
from smartify_core.model import AccountState, InactiveReason
from smartify_core.testing import identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.mark.parametrize("size", [1, 12])
def test_whole_staff_replaced_at_once_can_be_approved(world: World, size: int) -> None:
    """A directory of strangers lets nobody in and nobody out, until somebody says that these are the new people."""
    for person in world.staffed(size):
        world.directory.delete(person)
    heirs = [identity(f"heir-{number}") for number in range(size)]
    world.directory.add(*heirs)
    run = world.run()
    assert (run.verdict, run.counts.changes, run.counts.held) == (Verdict.HELD, 0, 2 * size)
    assert {held.effect for held in run.held} == {Effect.DELETE, Effect.CREATE}
    run = world.approve(world.waiting_plan())
    assert (run.verdict, run.counts.deleted, run.counts.provisioned) == (Verdict.COMPLETE, size, size)
    assert set(world.live()) == {heir.source_id for heir in heirs}


@pytest.mark.parametrize("size", [1, 12])
def test_emptied_directory_can_be_approved(world: World, size: int) -> None:
    """Where everybody is gone, and the source says so of each, an approval deletes everybody."""
    for person in world.staffed(size):
        world.directory.delete(person)
    run = world.run()
    assert (run.verdict, run.counts.changes, run.counts.held) == (Verdict.HELD, 0, size)
    run = world.approve(world.waiting_plan())
    assert (run.verdict, run.counts.deleted) == (Verdict.COMPLETE, size)
    assert world.live() == {}


def test_approval_of_an_empty_read_deletes_nobody_who_is_still_there(world: World) -> None:
    """Where the read was empty by mistake, the source knows the people when asked: the approval is refused."""
    people = world.staffed(4)
    world.directory.miss_next(*people, times=2)
    assert world.run().counts.held == 4
    with pytest.raises(StalePlan, match="4 of the plan's 4"):
        world.approve(world.waiting_plan())
    assert world.run().verdict is Verdict.COMPLETE
    assert len(world.live()) == 4


def test_approval_waits_for_the_source_where_it_would_not_say(world: World) -> None:
    """Who is approved for deletion stays while the source is uncertain, and goes once it confirms."""
    people = world.staffed(4)
    for person in people:
        world.directory.delete(person)
    world.run()
    plan = world.waiting_plan()
    world.directory.uncertain_next(people[0])
    run = world.approve(plan)
    assert (run.verdict, run.counts.deleted, run.counts.held) == (Verdict.HELD, 3, 1)
    assert [one.status for one in world.reconciler.held_plans(TENANT)] == [HeldPlanStatus.APPROVED]
    assert world.run().counts.deleted == 1
    assert [one.status for one in world.reconciler.held_plans(TENANT)] == [HeldPlanStatus.APPLIED]


def test_approval_under_an_uncertified_read_removes_nobody(world: World) -> None:
    """Not even an approval lets a read that is not whole remove somebody; the next whole read does."""
    for person in world.staffed(4):
        world.directory.delete(person)
    world.run()
    plan = world.waiting_plan()
    world.directory.truncate_next("groups")
    assert world.approve(plan).counts.deleted == 0
    assert len(world.live()) == 4
    assert world.run().counts.deleted == 4


def test_emptied_directory_can_be_approved_where_accounts_are_retained(world: World) -> None:
    """With a retention an approval starts it for everybody, the suspended too; after it another one ends them."""
    world.obey(Rules(retain_for=timedelta(days=20)))
    people = world.staffed(12)
    world.directory.suspend(people[0])
    world.run()
    for person in people:
        world.directory.delete(person)
    run = world.run()
    assert (run.counts.changes, {held.effect for held in run.held}) == (0, {Effect.DEACTIVATE})
    run = world.approve(world.waiting_plan())
    assert (run.verdict, run.counts.deactivated, run.counts.updated) == (Verdict.COMPLETE, 11, 1)
    for account in world.live().values():
        assert (account.state, account.inactive_reason) == (AccountState.INACTIVE, InactiveReason.DELETED)
    world.clock.advance(days=20)
    assert world.run().counts.held == 12
    assert world.approve(world.waiting_plan()).counts.deleted == 12
