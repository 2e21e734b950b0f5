"""An account whose sealed fields were damaged is mended from the directory, and keeps no run from anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from smartify_core.directory import Presence, Present
from smartify_core.errors import SealBroken, WrongKey
from smartify_core.lifecycle import Ceiling, Counts, Guards, Reconciler, Rules, Threshold, Verdict
from smartify_core.model import AccountState, Batch, Identity, InactiveReason, Put, SealedAccount
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing import FakeDirectory, identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import

NONE_AT_ALL = Threshold(Ceiling(0, 0, 0), Ceiling(0, 0, 0))


def stored(world: World, person: Identity) -> SealedAccount:
    account: SealedAccount = world.storage.load(TENANT, [person.source_id])[person.source_id]
    return account


def damage(world: World, person: Identity, part: str = "payload") -> SealedAccount:
    """Flip the last bit of a part of the person's account, as a disk may, and return what is stored now."""
    account = stored(world, person)
    sealed: bytes = getattr(account, part)
    changes: dict[str, Any] = {part: sealed[:-1] + bytes([sealed[-1] ^ 1])}
    damaged = evolve(account, version=account.version + 1, **changes)
    claim = world.storage.claim(TENANT, now=world.clock(), ttl=timedelta(minutes=1))
    world.storage.commit(claim, Batch((Put(damaged, expected_version=account.version),)))
    world.storage.release(claim)
    return damaged


@pytest.mark.parametrize("part", ["payload", "wrapped_key"])
def test_damaged_account_is_written_anew_and_loses_access(world: World, part: str) -> None:
    """Somebody suspended loses access although their account is damaged, and everybody else is brought in step."""
    one, two, _ = world.staffed(3, groups=["eng"])
    before = damage(world, one, part)
    with pytest.raises(SealBroken):
        world.sealer.open(before)
    world.directory.suspend(one)
    world.directory.rename(two, given_name="New")
    run = world.run()
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(deactivated=1, updated=1, unchanged=1))
    after = stored(world, one)
    assert (after.account_id, after.version, after.created_at) == (
        before.account_id,
        before.version + 1,
        before.created_at,
    )
    person = world.live()[one.source_id]
    assert (person.state, person.personal.email, len(person.personal.memberships)) == (
        AccountState.INACTIVE,
        one.email,
        1,
    )
    assert world.run().counts == Counts(unchanged=3)


def test_mending_is_an_update_that_says_why(world: World) -> None:
    """Whatever could not be seen is named as changed, and an address that the index shows to be the same is not."""
    one, *_ = world.staffed(3, groups=["eng"])
    damage(world, one)
    world.directory.rename(one, given_name="New")
    world.directory.add_member(one, world.directory.add_group("late"))
    (change,) = world.plan().changes
    assert change.rule == "its sealed fields were damaged: written anew from the directory"
    assert change.fields == ("given_name", "family_name", "groups")
    assert len(change.joined) == 1
    assert change.effects == ()
    assert world.run().counts == Counts(updated=1, unchanged=2)
    assert world.live()[one.source_id].personal.given_name == "New"


def test_missing_key_is_no_damage(world: World) -> None:
    """With the wrong keys nothing is written over: the run is an error, and the accounts stay as they are."""
    one, *_ = world.staffed(3)
    before = damage(world, one)
    wrong = Reconciler({TENANT: world.directory}, world.storage, Sealer(MemoryKeyRing()), clock=world.clock)
    with pytest.raises(WrongKey):
        wrong.run(TENANT)
    assert stored(world, one) == before


def test_whoever_is_gone_is_deleted_unopened(world: World) -> None:
    """A deletion needs nothing of what is sealed."""
    one, *_ = world.staffed(3)
    damage(world, one)
    world.directory.delete(one)
    assert world.run().counts == Counts(deleted=1, unchanged=2)


def test_retention_of_a_damaged_account_begins_unopened(world: World) -> None:
    """Access ends at once without the seal being touched; whoever returns is written anew, under the same id."""
    world.obey(Rules(retain_for=timedelta(days=30)))
    one, two, _ = world.staffed(3)
    before = damage(world, one)
    damage(world, two)
    world.directory.delete(one)
    world.directory.delete(two)
    assert world.run().counts == Counts(deactivated=2, unchanged=1)
    after = stored(world, one)
    assert (after.state, after.inactive_reason) == (AccountState.INACTIVE, InactiveReason.DELETED)
    assert (after.payload, after.email_index) == (before.payload, before.email_index)
    world.directory.undelete(one)
    assert world.run().counts == Counts(reactivated=1, unchanged=2)
    assert world.sealer.open(stored(world, one)).email == one.email
    assert stored(world, one).account_id == before.account_id
    world.clock.advance(timedelta(days=31))
    assert world.run().counts == Counts(deleted=1, unchanged=2)


def test_waiting_damaged_account_gives_its_address_to_a_newcomer(world: World) -> None:
    """It is no longer found by the address, keeps its sealed bytes, and nobody's run fails."""
    world.obey(Rules(retain_for=timedelta(days=30)))
    one, *_ = world.staffed(3)
    world.directory.delete(one)
    world.run()
    before = damage(world, one)
    heir = identity("heir", email=one.email)
    world.directory.add(heir)
    run = world.run()
    assert (run.verdict, run.counts) == (Verdict.COMPLETE, Counts(provisioned=1, updated=1, unchanged=3))
    found = world.storage.find_by_email(TENANT, [before.email_index])
    assert [account.source_id for account in found] == [heir.source_id]
    after = stored(world, one)
    assert (after.payload, after.updated_at) == (before.payload, before.updated_at)


def test_uncertified_read_takes_over_the_state_alone(world: World) -> None:
    """Where groups may be missing from the read nothing is written anew; a suspension still counts at once."""
    one, two, *_ = world.staffed(4, groups=["eng"])
    before = damage(world, one)
    damage(world, two)
    world.directory.suspend(one)
    world.directory.rename(two, given_name="New")
    world.directory.truncate_next("members")
    run = world.run()
    assert run.counts.deactivated == 1
    assert {aside.reason for aside in run.quarantined} == {"the account's sealed fields cannot be opened (SC309)"}
    after = stored(world, one)
    assert (after.state, after.payload) == (AccountState.INACTIVE, before.payload)
    run = world.run()
    assert (run.verdict, run.counts.updated, run.quarantined) == (Verdict.COMPLETE, 2, ())
    assert world.live()[two.source_id].personal.given_name == "New"


def test_refresh_without_groups_takes_over_the_state_alone(world: World) -> None:
    """At sign-in, a source that does not read groups ends the access, and the next whole run mends the account."""

    class WithoutGroups(FakeDirectory):
        def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
            return {
                one: Present(evolve(answer.identity, memberships=()), memberships_read=False)
                if isinstance(answer, Present)
                else answer
                for one, answer in super().look_up(source_ids).items()
            }

    one, *_ = world.staffed(3, groups=["eng"])
    damage(world, one)
    world.directory = WithoutGroups(*world.directory.truth())
    world.obey(Rules())
    world.directory.suspend(one)
    run = world.refresh(one)
    assert (run.verdict, run.counts) == (Verdict.DEGRADED, Counts(deactivated=1, quarantined=1))
    assert stored(world, one).state is AccountState.INACTIVE
    assert world.run().counts == Counts(updated=1, unchanged=2)
    assert len(world.live()[one.source_id].personal.memberships) == 1


@pytest.mark.parametrize("kind", ["membership_losses", "renames"])
def test_guards_hold_what_mending_would_take_away(world: World, kind: str) -> None:
    """Lost groups and a new address count although the account cannot be opened; held, the seal stays, access ends."""
    thresholds: dict[str, Any] = {kind: NONE_AT_ALL}
    world.obey(Rules(guards=Guards(**thresholds)))
    one, *_ = world.staffed(3, groups=["eng"])
    before = damage(world, one)
    if kind == "renames":
        world.directory.rename(one, email="new@acme.example")
    else:
        world.directory.remove_member(one, "eng")
    assert world.run().counts == Counts(held=1, unchanged=2)
    world.directory.suspend(one)
    assert world.run().counts == Counts(deactivated=1, held=1, unchanged=2)
    assert stored(world, one).payload == before.payload
    assert world.approve(world.waiting_plan()).counts.updated == 1
    assert world.sealer.open(stored(world, one)).email == world.directory.current(one).email


def test_protected_damaged_account_keeps_its_access(world: World) -> None:
    """A suspension that is held leaves the state as it was, and the account is mended all the same."""
    one, *_ = world.staffed(3)
    world.obey(Rules(protected=[one.source_id]))
    damage(world, one)
    world.directory.suspend(one)
    assert world.run().counts == Counts(updated=1, held=1, unchanged=2)
    assert world.live()[one.source_id].state is AccountState.ACTIVE


def test_damaged_account_that_is_refused_an_address_keeps_its_seal(world: World) -> None:
    """Where two people have one address the damaged account takes over the state alone, and is mended later."""

    class Contradicting(FakeDirectory):
        contradicts = True

        def snapshot(self, *, progress: Any = None) -> Any:
            snapshot: Any = super().snapshot(progress=progress)
            read = snapshot.read
            if self.contradicts:
                snapshot.read = lambda: (evolve(person, email="one@acme.example") for person in read())
            return snapshot

    one, *_ = world.staffed(2)
    before = damage(world, one)
    world.directory = Contradicting(*world.directory.truth())
    world.obey(Rules())
    world.directory.suspend(one)
    assert world.run().counts == Counts(deactivated=1, quarantined=2)
    after = stored(world, one)
    assert (after.payload, after.email_index) == (before.payload, before.email_index)
    world.directory.contradicts = False
    assert world.run().counts == Counts(updated=1, unchanged=1)
    assert world.live()[one.source_id].personal.email == one.email
