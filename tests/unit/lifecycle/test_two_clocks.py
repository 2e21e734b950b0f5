"""Access is lost at once; personal data goes when the rules say. Who returns in between is who they were."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.errors import Tombstoned, WriteConflict
from smartify_core.lifecycle import Counts, Rules, Verdict
from smartify_core.model import AccountState, Batch, InactiveReason, Put

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.fixture
def retaining(world: World) -> World:
    """Return a tenant of four whose accounts are kept for 20 days, and of whom the first has just been deleted."""
    world.obey(Rules(retain_for=timedelta(days=20)))
    world.directory.delete(world.staffed(4)[0])
    return world


def _first(world: World) -> Any:
    return world.live().get(world.people[0].source_id)


def test_by_default_the_deleted_are_deleted_at_once(world: World) -> None:
    """On positive evidence nothing is kept, as the clause promises."""
    world.directory.delete(world.staffed(4)[0])
    assert world.run().counts == Counts(deleted=1, unchanged=3)


def test_deleted_person_loses_access_at_once_and_data_later(retaining: World) -> None:
    """The run that sees the deletion deactivates; the account ends when its time is over, and not a moment before."""
    run = retaining.run()
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(deactivated=1, unchanged=3))
    account = _first(retaining)
    assert (account.state, account.inactive_reason) == (AccountState.INACTIVE, InactiveReason.DELETED)
    assert account.personal.email == retaining.people[0].email
    retaining.clock.advance(timedelta(days=20) - timedelta(seconds=1))
    assert retaining.run().counts == Counts(unchanged=4)
    retaining.clock.advance(seconds=1)
    assert retaining.run().counts == Counts(deleted=1, unchanged=3)
    assert _first(retaining) is None


def test_waiting_account_is_not_written_again(retaining: World) -> None:
    """While an account waits for its end, runs write nothing and hold nothing."""
    retaining.run()
    revision = retaining.storage.tenant(TENANT).revision
    for _ in range(3):
        retaining.clock.advance(days=1)
        assert retaining.run().verdict is Verdict.COMPLETE
    assert retaining.storage.tenant(TENANT).revision == revision


def test_suspended_person_who_is_deleted_begins_the_retention_then(retaining: World) -> None:
    """The time counts from when the deletion was noted, however long somebody was suspended before."""
    second = retaining.people[1]
    retaining.directory.suspend(second)
    retaining.run()
    retaining.clock.advance(days=30)
    retaining.directory.delete(second)
    run = retaining.run()
    assert (run.counts.updated, run.counts.deleted) == (1, 1)
    retaining.clock.advance(days=19)
    assert retaining.run().counts.deleted == 0
    retaining.clock.advance(days=1)
    assert retaining.run().counts.deleted == 1


def test_return_within_the_time_is_the_same_account(retaining: World) -> None:
    """Somebody who is undeleted in time has their account back, active, with the same id."""
    before = _first(retaining).account_id
    retaining.run()
    retaining.clock.advance(days=19)
    retaining.directory.undelete(retaining.people[0])
    assert retaining.run().counts == Counts(reactivated=1, unchanged=3)
    account = _first(retaining)
    assert (account.account_id, account.state, account.predecessor) == (before, AccountState.ACTIVE, None)


def test_return_that_the_listing_missed_is_seen(retaining: World) -> None:
    """Somebody undeleted whom the listing slips past is back as well: they are asked for by id."""
    retaining.run()
    retaining.directory.undelete(retaining.people[0])
    retaining.directory.miss_next(retaining.people[0])
    assert retaining.run().counts == Counts(reactivated=1, unchanged=3)


def test_return_after_the_time_is_a_new_account_that_names_the_tombstone(retaining: World) -> None:
    """After the end the same person gets a new account with another id, linked to the tombstone of the former."""
    before = _first(retaining).account_id
    retaining.run()
    retaining.clock.advance(days=20)
    retaining.run()
    retaining.directory.undelete(retaining.people[0])
    retaining.run()
    account = _first(retaining)
    assert account.account_id != before
    assert account.predecessor == before


def test_second_deletion_starts_the_time_anew(retaining: World) -> None:
    """Who returned and leaves again is kept for the full time once more."""
    retaining.run()
    retaining.clock.advance(days=15)
    retaining.directory.undelete(retaining.people[0])
    retaining.run()
    retaining.directory.delete(retaining.people[0])
    retaining.run()
    retaining.clock.advance(days=19)
    assert retaining.run().counts == Counts(unchanged=4)


def test_waiting_account_stays_while_its_end_cannot_be_confirmed(retaining: World) -> None:
    """When the time is over and the source is uncertain, or the read is not whole, nothing is deleted."""
    first = retaining.people[0]
    retaining.run()
    retaining.clock.advance(days=21)
    retaining.directory.uncertain_next(first)
    run = retaining.run()
    assert (run.verdict, run.counts.deleted, run.counts.held) == (Verdict.HELD, 0, 1)
    retaining.directory.truncate_next("members")
    assert retaining.run().counts.deleted == 0
    assert retaining.run().counts.deleted == 1


def test_shorter_retention_applies_to_those_who_wait(retaining: World) -> None:
    """When the host decides to keep nothing any more, the next run ends those who wait."""
    retaining.run()
    retaining.obey(Rules())
    assert retaining.run().counts == Counts(deleted=1, unchanged=3)


def test_late_write_does_not_revive_a_tombstone(world: World) -> None:
    """A write from before the deletion is refused by the store, as an update and as a new account."""
    leaver = world.staffed(4)[0]
    (account,) = world.storage.load(TENANT, [leaver.source_id]).values()
    world.directory.delete(leaver)
    world.run()
    claim = world.storage.claim(TENANT, now=world.clock(), ttl=timedelta(minutes=1))
    with pytest.raises(Tombstoned):
        world.storage.commit(claim, Batch((Put(account, expected_version=0),)))
    with pytest.raises((Tombstoned, WriteConflict)):
        world.storage.commit(claim, Batch((Put(account, expected_version=account.version - 1),)))
    world.storage.release(claim)
    assert leaver.source_id not in world.live()
    assert world.run().counts == Counts(unchanged=3)
