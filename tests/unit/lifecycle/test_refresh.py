"""One person brought in step at sign-in or on a hint, under the guards of a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from attrs import evolve

from smartify_core.directory import Capability, Presence, Present
from smartify_core.errors import LeaseHeld, SourceUnavailable, UnknownTenant, UsageError
from smartify_core.lifecycle import Ceiling, Counts, Guards, Reconciler, Rules, Threshold, Verdict
from smartify_core.model import AccountState
from smartify_core.testing import FakeDirectory, identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


class WithoutGroups(FakeDirectory):
    """A directory that cannot read the groups of one person alone, as Google's."""

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Answer as the directory does, with the groups left out."""
        answers = super().look_up(source_ids)
        return {
            source_id: Present(evolve(answer.identity, memberships=()), memberships_read=False)
            if isinstance(answer, Present)
            else answer
            for source_id, answer in answers.items()
        }


def test_newcomer_is_let_in_at_sign_in(world: World) -> None:
    """Somebody whom no run has seen yet gets an account by being asked for, and the next run finds it in step."""
    world.staffed(3, groups=["eng"])
    new = identity("new", groups=["eng"])
    world.directory.add(new)
    run = world.refresh(new)
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(provisioned=1))
    assert len(world.live()[new.source_id].personal.memberships) == 1
    assert world.run().counts == Counts(unchanged=4)


def test_first_person_of_an_empty_store_is_let_in(world: World) -> None:
    """A refresh may come before the first run, which then lets everybody else in."""
    people = [identity(f"p{number}") for number in range(100)]
    world.directory.add(*people)
    assert world.refresh(people[0]).counts.provisioned == 1
    assert world.run().counts.provisioned == 99


def test_change_and_suspension_arrive_at_once(world: World) -> None:
    """A new name and a lost access are taken over for the one person, and for nobody else."""
    one, two, _ = world.staffed(3)
    world.directory.rename(one, given_name="New")
    world.directory.suspend(one)
    world.directory.suspend(two)
    assert world.refresh(one).counts == Counts(deactivated=1)
    live = world.live()
    assert (live[one.source_id].state, live[two.source_id].state) == (AccountState.INACTIVE, AccountState.ACTIVE)
    assert world.refresh(one).counts == Counts(unchanged=1)


def test_deleted_person_goes_at_once(world: World) -> None:
    """The source's own word that somebody is gone is evidence enough for that person."""
    one, *_ = world.staffed(3)
    world.directory.delete(one)
    assert world.refresh(one).counts == Counts(deleted=1)
    assert world.refresh(one).counts == Counts()


def test_nobodys_id_is_nobody(world: World) -> None:
    """An id that neither side knows changes nothing."""
    world.staffed(3)
    assert world.reconciler.refresh(TENANT, "no-such-id").counts == Counts()


def test_uncertain_answer_changes_nothing(world: World) -> None:
    """When the source would not say, the account stays as it is, and the reason is told."""
    one, *_ = world.staffed(3)
    world.directory.delete(one)
    world.directory.uncertain_next(one)
    run = world.refresh(one)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(held=1))
    assert "would not say" in run.held[0].reason
    assert one.source_id in world.live()


def test_another_persons_answer_changes_nothing(world: World) -> None:
    """A source that answers about somebody else is not believed."""
    one, two, _ = world.staffed(3)

    class Confused(FakeDirectory):
        def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
            return dict.fromkeys(source_ids, Present(two))

    reconciler = Reconciler({TENANT: Confused()}, world.storage, world.sealer, clock=world.clock)
    assert reconciler.refresh(TENANT, one.source_id).counts == Counts(held=1)


def test_groups_that_were_not_read_neither_come_nor_go(world: World) -> None:
    """Where groups are not read with the person, the account keeps exactly those it has, and all else is taken over."""
    one, *_ = world.staffed(3, groups=["eng", "ops"])
    directory = WithoutGroups(*world.directory.truth())
    directory.rename(one, given_name="New")
    directory.add_member(one, directory.add_group("late"))
    reconciler = Reconciler({TENANT: directory}, world.storage, world.sealer, clock=world.clock)
    run = reconciler.refresh(TENANT, one.source_id)
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(updated=1))
    personal = world.live()[one.source_id].personal
    assert personal.given_name == "New"
    assert [membership.group.name for membership in personal.memberships] == [
        membership.group.name for membership in one.memberships
    ]
    assert reconciler.refresh(TENANT, one.source_id).counts == Counts(unchanged=1)
    assert reconciler.run(TENANT).counts == Counts(updated=1, unchanged=2)


def test_guards_hold_and_the_next_run_keeps_the_plan(world: World) -> None:
    """What a refresh holds is told by it, and waits under a hash after the next whole run."""
    world.obey(Rules(guards=Guards(renames=Threshold(Ceiling(0, 0, 0), Ceiling(0, 0, 0)))))
    one, *_ = world.staffed(3)
    world.directory.rename(one, email="new@acme.example")
    run = world.refresh(one)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(held=1))
    assert world.reconciler.held_plans(TENANT) == ()
    world.run()
    assert world.approve(world.waiting_plan()).counts.updated == 1


def test_protected_person_is_protected_from_a_refresh(world: World) -> None:
    """Break-glass accounts keep their access here as well."""
    one, *_ = world.staffed(3)
    world.obey(Rules(protected=[one.source_id]))
    world.directory.suspend(one)
    assert world.refresh(one).counts == Counts(held=1)


def test_address_that_is_somebody_elses_is_set_aside(world: World) -> None:
    """A refresh sees one side of a hand-over only, so it waits for the whole run instead of sharing an address."""
    one, two, _ = world.staffed(3)
    world.directory.swap_emails(one, two)
    assert world.refresh(one).counts == Counts(quarantined=1)
    assert world.run().counts == Counts(updated=2, unchanged=1)


def test_stranger_from_another_customers_directory_is_not_let_in(world: World) -> None:
    """A directory that knows none of the people known here lets nobody in by refresh, nor anybody go afterwards."""
    people = world.staffed(4)
    strangers = [identity(f"stranger-{number}") for number in range(3)]
    reconciler = Reconciler({TENANT: FakeDirectory(*strangers)}, world.storage, world.sealer, clock=world.clock)
    for stranger in strangers:
        run = reconciler.refresh(TENANT, stranger.source_id)
        assert (run.verdict, run.counts) == (Verdict.HELD, Counts(held=1))
    for person in people:
        run = reconciler.refresh(TENANT, person.source_id)
        assert (run.verdict, run.counts) == (Verdict.HELD, Counts(held=1))
    assert reconciler.run(TENANT).counts.changes == 0
    assert set(world.live()) == {person.source_id for person in people}


def test_last_person_of_a_tenant_is_not_ended_by_a_refresh(world: World) -> None:
    """Where nobody else is known by whom the directory could be recognised, a departure waits for the whole run."""
    (only,) = world.staffed(1)
    world.directory.delete(only)
    assert world.refresh(only).counts == Counts(held=1)
    world.run()
    assert world.approve(world.waiting_plan()).counts.deleted == 1


def test_source_that_cannot_be_asked_is_refused(world: World) -> None:
    """Without single reads there is no refresh, and the error says what to do instead."""
    directory = FakeDirectory(capabilities=frozenset({Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE}))
    reconciler = Reconciler({TENANT: directory}, world.storage, world.sealer, clock=world.clock)
    with pytest.raises(UsageError, match="Run the tenant"):
        reconciler.refresh(TENANT, "1")
    with pytest.raises(UnknownTenant):
        reconciler.refresh("globex", "1")
    assert world.storage.tenants() == []


def test_refresh_takes_turns_with_runs(world: World) -> None:
    """While a run holds the tenant a refresh is told so; an error of the source is raised and gives the lease back."""
    one, *_ = world.staffed(3)
    with pytest.raises(LeaseHeld):
        world.reconciler.run(TENANT, progress=lambda *_: world.refresh(one))
    world.directory.fail_next("unavailable")
    with pytest.raises(SourceUnavailable):
        world.refresh(one)
    assert world.refresh(one).verdict is Verdict.COMPLETE


@pytest.mark.parametrize("source_id", ["", "private.person@acme.example", "half \ud800"])
def test_what_can_be_no_id_is_refused_before_anybody_is_asked(world: World, source_id: str) -> None:
    """An address is not asked for, kept or quoted, and the lease is given back."""
    one, *_ = world.staffed(3)
    world.directory.fail_next("unavailable")  # happens to whoever asks first
    with pytest.raises(UsageError, match="no source id") as refused:
        world.reconciler.refresh(TENANT, source_id)
    assert "private" not in str(refused.value)
    with pytest.raises(SourceUnavailable):
        world.refresh(one)
