"""One address, one account, whatever the directory does with its addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.lifecycle import Accounts, Ceiling, Counts, Guards, Rules, Threshold, Verdict
from smartify_core.model import AccountState, InactiveReason, Stage
from smartify_core.testing import identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.fixture
def retaining(world: World) -> World:
    """Return a tenant of four whose accounts are kept for 20 days."""
    world.obey(Rules(retain_for=timedelta(days=20)))
    world.staffed(4)
    return world


def _owner(world: World, email: str) -> str | None:
    found = Accounts(world.storage, world.sealer).by_email(TENANT, email)
    return None if found is None else found.source_id


def _index_is_unique(world: World) -> None:
    accounts = world.storage.load(TENANT, list(world.live()))
    indexes = [account.email_index for account in accounts.values()]
    assert len(set(indexes)) == len(indexes)


def test_cycle_of_renames_goes_through_in_one_run(world: World) -> None:
    """Three people who pass their addresses round each have the right one after one run, in one commit."""
    one, two, three, _ = world.staffed(4)
    world.directory.rename(one, email="parked@acme.example")
    world.directory.rename(three, email=one.email)
    world.directory.rename(two, email=three.email)
    world.directory.rename(one, email=two.email)
    revision = world.storage.tenant(TENANT).revision
    assert world.worker(batch_size=1).run(TENANT).counts == Counts(updated=3, unchanged=1)
    assert world.storage.tenant(TENANT).revision == revision + 1
    assert [_owner(world, email) for email in (one.email, two.email, three.email)] == [
        three.source_id,
        one.source_id,
        two.source_id,
    ]


def test_address_of_a_renamed_person_passes_to_a_newcomer(world: World) -> None:
    """The former address of somebody who is still there is a newcomer's in the same run."""
    one = world.staffed(4)[0]
    world.directory.rename(one, email="new-name@acme.example")
    world.directory.add(identity("heir", email=one.email))
    assert world.run().counts == Counts(updated=1, provisioned=1, unchanged=3)
    assert _owner(world, one.email) == identity("heir").source_id
    assert _owner(world, "new-name@acme.example") == one.source_id


def test_address_of_somebody_deleted_now_passes_to_a_newcomer(retaining: World) -> None:
    """Deletion and re-use seen by one run: one commit takes the address from the retained account and gives it on."""
    leaver = retaining.people[0]
    heir = identity("heir", email=leaver.email)
    retaining.directory.delete(leaver)
    retaining.directory.add(heir)
    revision = retaining.storage.tenant(TENANT).revision
    run = retaining.worker(batch_size=1).run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(deactivated=1, provisioned=1, unchanged=3))
    assert retaining.storage.tenant(TENANT).revision == revision + 1
    assert _owner(retaining, leaver.email) == heir.source_id
    _index_is_unique(retaining)


def test_address_of_a_retained_account_passes_to_a_newcomer(retaining: World) -> None:
    """Days after a deletion a newcomer gets the address; the retained account is kept, and not found by it any more."""
    leaver = retaining.people[0]
    heir = identity("heir", email=leaver.email.upper())
    retaining.directory.delete(leaver)
    retaining.run()
    assert _owner(retaining, leaver.email) == leaver.source_id
    retaining.clock.advance(days=5)
    retaining.directory.add(heir)
    revision = retaining.storage.tenant(TENANT).revision
    assert retaining.worker(batch_size=1).run(TENANT).verdict is Verdict.COMPLETE
    assert retaining.storage.tenant(TENANT).revision == revision + 1
    assert _owner(retaining, leaver.email) == heir.source_id
    kept = retaining.live()[leaver.source_id]
    assert (kept.inactive_reason, kept.personal.email) == (InactiveReason.DELETED, leaver.email)
    _index_is_unique(retaining)
    revision = retaining.storage.tenant(TENANT).revision
    assert retaining.run().counts.changes == 0
    assert retaining.storage.tenant(TENANT).revision == revision


def test_refresh_takes_a_retained_address_over_although_its_owner_is_back(retaining: World) -> None:
    """Nobody was asked for the former owner, who stays as they were, without the address; the next run lets them in."""
    leaver, heir = retaining.people[:2]
    retaining.directory.delete(leaver)
    retaining.run()
    retaining.directory.undelete(leaver)
    retaining.directory.swap_emails(leaver, heir)
    assert retaining.refresh(heir).counts == Counts(updated=2)
    assert _owner(retaining, leaver.email) == heir.source_id
    kept = retaining.live()[leaver.source_id]
    assert (kept.inactive_reason, kept.personal.email) == (InactiveReason.DELETED, leaver.email)
    assert retaining.run().counts == Counts(reactivated=1, unchanged=3)
    assert _owner(retaining, heir.email) == leaver.source_id
    _index_is_unique(retaining)


def test_handing_an_address_over_does_not_prolong_the_retention(retaining: World) -> None:
    """The retention ends when it would have ended, also when the address went to somebody else on the way."""
    leaver = retaining.people[0]
    retaining.directory.delete(leaver)
    retaining.run()
    retaining.clock.advance(days=15)
    retaining.directory.add(identity("heir", email=leaver.email))
    retaining.run()
    retaining.clock.advance(days=5)
    assert retaining.run().counts.deleted == 1
    assert leaver.source_id not in retaining.live()


def test_address_passes_on_in_the_run_that_ends_the_retention(retaining: World) -> None:
    """An account whose time is over leaves its address to a newcomer of the same run."""
    leaver = retaining.people[0]
    retaining.directory.delete(leaver)
    retaining.run()
    retaining.clock.advance(days=20)
    heir = identity("heir", email=leaver.email)
    retaining.directory.add(heir)
    assert retaining.run().counts == Counts(deleted=1, provisioned=1, unchanged=3)
    assert _owner(retaining, leaver.email) == heir.source_id


def test_undeleted_person_has_their_address_back_once_the_newcomer_left(retaining: World) -> None:
    """There and back: the heir goes, the former owner is undeleted, and is found by the address again."""
    leaver = retaining.people[0]
    heir = identity("heir", email=leaver.email)
    retaining.directory.delete(leaver)
    retaining.directory.add(heir)
    retaining.run()
    retaining.directory.delete(heir)
    retaining.directory.undelete(leaver)
    run = retaining.run()
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(deactivated=1, reactivated=1, unchanged=3))
    assert _owner(retaining, leaver.email) == leaver.source_id
    assert retaining.live()[heir.source_id].state is AccountState.INACTIVE
    _index_is_unique(retaining)


def test_undeleted_person_waits_while_the_address_is_somebody_elses(retaining: World) -> None:
    """Where the heir's departure is not believed yet, the former owner is set aside, and let in when it is."""
    leaver = retaining.people[0]
    heir = identity("heir", email=leaver.email)
    retaining.directory.delete(leaver)
    retaining.directory.add(heir)
    retaining.run()
    retaining.directory.rename(heir, email="moved@acme.example")
    retaining.directory.reject_next(heir)
    retaining.directory.undelete(leaver)
    run = retaining.run()
    assert (run.verdict, run.counts.quarantined, run.counts.reactivated) == (Verdict.DEGRADED, 2, 0)
    assert _owner(retaining, leaver.email) == heir.source_id
    _index_is_unique(retaining)
    assert retaining.run().counts == Counts(updated=1, reactivated=1, unchanged=3)
    assert _owner(retaining, leaver.email) == leaver.source_id
    _index_is_unique(retaining)


def test_rename_that_is_held_gives_nothing_away(world: World) -> None:
    """Where a wave of renames is held, those who want the addresses are set aside, and nobody shares one."""
    few = Threshold(Ceiling(1, 0, 1), Ceiling(1, 0, 1))
    world.obey(Rules(guards=Guards(renames=few)))
    one, two, *_ = world.staffed(4)
    world.directory.rename(one, email="one@acme.example")
    world.directory.rename(two, email="two@acme.example")
    world.directory.add(identity("heir", email=one.email))
    run = world.run()
    assert (run.counts.held, run.counts.quarantined, run.counts.provisioned) == (2, 1, 0)
    assert _owner(world, one.email) == one.source_id
    run = world.approve(world.waiting_plan())
    assert run.counts == Counts(updated=2, provisioned=1, unchanged=2)
    assert _owner(world, one.email) == identity("heir").source_id


def test_stopped_at_any_moment_no_address_stands_at_two_accounts(retaining: World) -> None:
    """After each commit of a run full of hand-overs, every address has one account at most."""
    one, two, three, four = retaining.people
    retaining.directory.swap_emails(one, two)
    retaining.directory.delete(three)
    retaining.directory.add(identity("heir", email=three.email))
    retaining.directory.rename(four, email="four@acme.example")
    retaining.directory.add(identity("other", email=four.email))
    looked: list[int] = []

    def look(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED:
            _index_is_unique(retaining)
            looked.append(done)

    assert retaining.worker(batch_size=1).run(TENANT, progress=look).verdict is Verdict.COMPLETE
    assert looked


def test_newcomer_has_a_retained_address_although_the_read_is_not_certified(retaining: World) -> None:
    """An account known to be deleted gives way to whoever the directory shows under its address, also by refresh."""
    leaver, heir = retaining.people[0], identity("heir", email=retaining.people[0].email)
    retaining.directory.delete(leaver)
    retaining.run()
    retaining.directory.add(heir)
    assert retaining.refresh(heir).counts.provisioned == 1
    assert _owner(retaining, leaver.email) == heir.source_id
    second = identity("second", email=retaining.people[1].email)
    retaining.directory.delete(retaining.people[1])
    retaining.run()
    retaining.directory.add(second)
    retaining.directory.truncate_next("members")
    assert retaining.run().counts.provisioned == 1
    assert _owner(retaining, second.email) == second.source_id
    _index_is_unique(retaining)
