"""Too much at once, and too much little by little: held whole, while everything else flows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from smartify_core.lifecycle import Ceiling, Effect, Guards, Rules, Threshold, Verdict
from smartify_core.model import AccountState, Identity
from smartify_core.testing import FakeDirectory, identity

World = Any  # the class is in conftest.py, which importlib mode does not let tests import

NARROW = Threshold(Ceiling(3, 0.1, 3), Ceiling(5, 0.2, 5))
GUARDS = Guards(
    deletions=NARROW, deactivations=NARROW, membership_losses=NARROW, renames=NARROW, creations=NARROW, shrinkage=1.0
)


def _delete(directory: FakeDirectory, person: Identity) -> None:
    directory.delete(person)


def _suspend(directory: FakeDirectory, person: Identity) -> None:
    directory.suspend(person)


def _leave(directory: FakeDirectory, person: Identity) -> None:
    directory.remove_member(person, "eng")


def _rename(directory: FakeDirectory, person: Identity) -> None:
    directory.rename(person, email=person.email.replace("staff", "renamed"))


def _join(directory: FakeDirectory, person: Identity) -> None:
    directory.add(identity(f"new-{person.source_id}"))


Do = Callable[[FakeDirectory, Identity], None]
EFFECTS = [
    pytest.param(Effect.DELETE, _delete, id="delete"),
    pytest.param(Effect.DEACTIVATE, _suspend, id="deactivate"),
    pytest.param(Effect.LOSE_GROUPS, _leave, id="lose groups"),
    pytest.param(Effect.RENAME, _rename, id="rename"),
    pytest.param(Effect.CREATE, _join, id="create"),
]


@pytest.fixture
def guarded(world: World) -> World:
    """Return a tenant of 30, each in one group, under narrow guards: three a run, five a week."""
    world.obey(Rules(guards=GUARDS))
    world.staffed(30, groups=["eng"])
    return world


@pytest.mark.parametrize(("effect", "do"), EFFECTS)
def test_exactly_the_limit_flows_and_one_more_holds_all(guarded: World, effect: Effect, do: Do) -> None:
    """As many as the limit go through; with one more the whole kind is held, for nobody knows which one is wrong."""
    for person in guarded.people[:3]:
        do(guarded.directory, person)
    run = guarded.run()
    assert (run.verdict, run.counts.changes) == (Verdict.COMPLETE, 3)
    guarded.clock.advance(days=8)
    for person in guarded.people[3:7]:
        do(guarded.directory, person)
    before = guarded.every()
    run = guarded.run()
    assert (run.verdict, run.counts.changes, run.counts.held) == (Verdict.HELD, 0, 4)
    assert {held.effect for held in run.held} == {effect}
    assert all("one run may do 3" in held.reason for held in run.held)
    assert guarded.every() == before


@pytest.mark.parametrize(("effect", "do"), EFFECTS)
def test_slow_drip_is_held(guarded: World, effect: Effect, do: Do) -> None:
    """One a day passes every ceiling of a run; the sixth within a week is held, and goes once the window has moved."""
    for person in guarded.people[:5]:
        do(guarded.directory, person)
        assert guarded.run().verdict is Verdict.COMPLETE
        guarded.clock.advance(days=1)
    do(guarded.directory, guarded.people[5])
    run = guarded.run()
    assert (run.verdict, run.counts.changes, [held.effect for held in run.held]) == (Verdict.HELD, 0, [effect])
    assert "after 5 within 7 days" in run.held[0].reason
    guarded.clock.advance(days=3)
    run = guarded.run()
    assert (run.verdict, run.counts.changes) == (Verdict.COMPLETE, 1)


@pytest.mark.parametrize(("effect", "do"), EFFECTS)
def test_what_somebody_approved_does_not_count_towards_the_window(guarded: World, effect: Effect, do: Do) -> None:
    """An approved wave leaves the window as it was: the usual few a day still go through afterwards."""
    for person in guarded.people[:4]:
        do(guarded.directory, person)
    guarded.run()
    assert guarded.approve(guarded.waiting_plan()).counts.changes == 4
    assert not guarded.state().in_window(guarded.clock(), timedelta(days=7)).get(effect)
    for person in guarded.people[4:7]:
        do(guarded.directory, person)
    assert guarded.run().verdict is Verdict.COMPLETE


def test_other_kinds_flow_while_one_is_held(guarded: World) -> None:
    """A held wave of deletions stops no newcomer, no suspension, no rename and no name change."""
    people, directory = guarded.people, guarded.directory
    for person in people[:4]:
        directory.delete(person)
    directory.suspend(people[4])
    directory.rename(people[5], email="five@acme.example")
    directory.rename(people[6], given_name="Six")
    directory.remove_member(people[7], "eng")
    directory.add(identity("newcomer"))
    counts = guarded.run().counts
    assert (counts.deleted, counts.held) == (0, 4)
    assert (counts.deactivated, counts.updated, counts.provisioned) == (1, 3, 1)


def test_suspended_person_loses_access_although_their_rename_is_held(guarded: World) -> None:
    """Of one person's changes only what is held waits: the address stays, the access goes."""
    for person in guarded.people[:4]:
        _rename(guarded.directory, person)
    leaver = guarded.people[0]
    guarded.directory.suspend(leaver)
    guarded.directory.rename(leaver, family_name="Otherwise")
    run = guarded.run()
    assert (run.counts.deactivated, run.counts.held) == (1, 4)
    account = guarded.live()[leaver.source_id]
    assert account.state is AccountState.INACTIVE
    assert (account.personal.email, account.personal.family_name) == (leaver.email, "Otherwise")


def test_group_is_joined_although_a_loss_is_held(guarded: World) -> None:
    """A person moved between groups with everybody else is let into the new one, and keeps the old one meanwhile."""
    guarded.directory.add_group("ops")
    for person in guarded.people[:4]:
        guarded.directory.move(person, "eng", "ops")
    run = guarded.run()
    assert (run.counts.updated, run.counts.held) == (4, 4)
    kept = guarded.live()[guarded.people[0].source_id].personal.memberships
    assert {membership.group.name for membership in kept} == {"Eng", "Ops"}
    assert guarded.run().counts.updated == 0
    assert guarded.approve(guarded.waiting_plan()).counts.updated == 4
    kept = guarded.live()[guarded.people[0].source_id].personal.memberships
    assert {membership.group.name for membership in kept} == {"Ops"}


@pytest.mark.parametrize("size", [1, 2, 5])
def test_small_tenant_may_lose_everybody_but_one_at_once(world: World, size: int) -> None:
    """Floors keep a tenant of a few people from being held up by ordinary leavers."""
    people = world.staffed(size + 1)
    for person in people[:size]:
        world.directory.delete(person)
    assert world.run().counts.deleted == size


def test_first_load_is_never_held(world: World) -> None:
    """However many people the first read shows, they are all let in, and none of them counts towards the window."""
    world.obey(Rules(guards=GUARDS))
    people = world.staffed(200)
    assert len(world.live()) == 200
    assert world.state().tallies == ()
    world.directory.delete(people[0])
    world.directory.add(identity("newcomer"))
    assert world.run().verdict is Verdict.COMPLETE


def test_first_load_that_was_cut_short_is_finished_without_anybody(world: World) -> None:
    """A first load that is killed after its first batch is still a first load: the next run lets the others in."""
    world.obey(Rules(guards=GUARDS))
    world.directory.add(*(identity(f"p{number}") for number in range(40)))

    def stop(*_: object) -> None:
        if world.storage.tenant("acme").accounts:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.worker(batch_size=5).run("acme", progress=stop)
    assert len(world.live()) == 5
    run = world.run()
    assert (run.verdict, run.counts.provisioned) == (Verdict.COMPLETE, 35)


def test_first_load_that_was_not_certified_goes_on(world: World) -> None:
    """Whoever a first read did not show, because it was cut short, is let in by the next one, however many they are."""
    world.obey(Rules(guards=GUARDS))
    world.directory.add(*(identity(f"p{number}") for number in range(40)))
    world.directory.truncate_next("users", keep=2)
    assert world.run().verdict is Verdict.HELD
    assert world.run().counts.provisioned == 38
    world.directory.add(*(identity(f"q{number}") for number in range(40)))
    assert world.run().verdict is Verdict.HELD


def test_window_is_measured_by_how_many_there_were_when_it_began(world: World) -> None:
    """Leavers of the window are weighed against the staff before they left, so that a drip does not shrink its base."""
    share = Threshold(Ceiling(0, 0.1, 100), Ceiling(0, 0.2, 100))
    world.obey(Rules(guards=Guards(deletions=share)))
    people = world.staffed(20)
    for person in people[:4]:
        world.directory.delete(person)
        assert world.run().verdict is Verdict.COMPLETE
        world.clock.advance(hours=5)
    world.directory.delete(people[4])
    run = world.run()
    assert run.verdict is Verdict.HELD
    assert "when there were 20 accounts; 4 are allowed" in run.held[0].reason


def test_newcomers_do_not_widen_the_window(world: World) -> None:
    """A wave of newcomers does not make room for a wave of leavers in the same window."""
    share = Threshold(Ceiling(0, 1.0, 100), Ceiling(0, 1.0, 100))
    wide = Threshold(Ceiling(100, 9, 100), Ceiling(100, 9, 100))
    world.obey(Rules(guards=Guards(deletions=share, creations=wide, shrinkage=1.0)))
    people = world.staffed(4)
    world.directory.add(*(identity(f"new-{number}") for number in range(30)))
    world.run()
    for number in range(5):
        world.directory.delete(f"new-{number}")
    run = world.run()
    assert (run.verdict, run.counts.held) == (Verdict.HELD, 5)
    assert "when there were 4 accounts" in run.held[0].reason
    assert len(people) == 4


def test_refreshes_count_towards_the_window(guarded: World) -> None:
    """A drip through single refreshes is the same drip: the sixth is held."""
    for number, person in enumerate(guarded.people[:6]):
        guarded.directory.suspend(person)
        run = guarded.refresh(person)
        assert run.verdict is (Verdict.COMPLETE if number < 5 else Verdict.HELD)
    assert guarded.live()[guarded.people[5].source_id].state is AccountState.ACTIVE


def test_protected_account_loses_nothing_unasked(world: World) -> None:
    """A break-glass account is neither deleted, nor deactivated, nor taken out of a group until somebody approves."""
    people = world.staffed(3, groups=["eng"])
    world.obey(Rules(protected=[person.source_id for person in people]))
    world.directory.delete(people[0])
    world.directory.suspend(people[1])
    world.directory.remove_member(people[2], "eng")
    world.directory.rename(people[2], given_name="Renamed")
    run = world.run()
    assert (run.verdict, run.counts.held, run.counts.updated) == (Verdict.HELD, 3, 1)
    assert {held.reason for held in run.held} == {"the account is protected"}
    assert all(account.state is AccountState.ACTIVE for account in world.live().values())
    counts = world.approve(world.waiting_plan()).counts
    assert (counts.deleted, counts.deactivated, counts.updated) == (1, 1, 1)
