"""Joiner, mover, leaver, and everything that must not be taken for one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.errors import (
    LeaseHeld,
    LeaseLost,
    PlanHeld,
    SourceMalformed,
    SourceRejected,
    SourceUnavailable,
    StalePlan,
    StorageBusy,
    UnknownTenant,
    UsageError,
    WrongKey,
)
from smartify_core.lifecycle import Accounts, ChangeKind, Counts, Reconciler, Verdict
from smartify_core.model import AccountState, MembershipPath, ProgressSink, Stage
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing import FakeDirectory, group, identity

ADA, GRACE, KATHERINE, MARY = (identity(name) for name in ("ada", "grace", "katherine", "mary"))
EVERYONE = (ADA, GRACE, KATHERINE, MARY)
ENG = group("eng")
TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.fixture
def settled(world: World) -> World:
    """Return a tenant of four whose accounts are in step."""
    world.directory.add(*EVERYONE)
    world.run()
    return world


def test_newcomers_are_provisioned(world: World) -> None:
    """Everybody in the directory gets an account with exactly the fields the directory gave."""
    world.directory.add(ADA, GRACE)
    run = world.run()

    assert run.verdict is Verdict.COMPLETE
    assert run.counts == Counts(provisioned=2)
    personal = world.live()[ADA.source_id].personal
    assert (personal.email, personal.given_name, personal.family_name) == (ADA.email, ADA.given_name, ADA.family_name)


def test_second_run_is_a_no_op(settled: World) -> None:
    """A run over a directory in which nothing changed writes nothing."""
    revision = settled.storage.tenant(TENANT).revision
    run = settled.run()
    assert run.counts == Counts(unchanged=4)
    assert settled.storage.tenant(TENANT).revision == revision


def test_planning_writes_nothing(world: World) -> None:
    """A plan leaves the store as it was, and takes no lease."""
    world.directory.add(ADA)
    world.plan()
    assert world.every() == []
    assert world.storage.claim(TENANT, now=world.clock(), ttl=timedelta(minutes=1)).fence == 1


def test_suspended_and_archived_people_are_deactivated(settled: World) -> None:
    """Suspended and archived are both inactive here, in the same run that sees it."""
    settled.directory.suspend(ADA)
    settled.directory.archive(GRACE)
    run = settled.run()
    assert run.counts == Counts(deactivated=2, unchanged=2)
    assert [settled.live()[one.source_id].state for one in (ADA, GRACE)] == [AccountState.INACTIVE] * 2


def test_returning_person_gets_the_same_account(settled: World) -> None:
    """Somebody who is active again keeps the account id they had."""
    before = settled.live()[ADA.source_id].account_id
    settled.directory.suspend(ADA)
    settled.run()
    settled.directory.restore(ADA)
    run = settled.run()
    assert run.counts == Counts(reactivated=1, unchanged=3)
    after = settled.live()[ADA.source_id]
    assert (after.account_id, after.state) == (before, AccountState.ACTIVE)


def test_suspended_newcomer_is_provisioned_inactive(world: World) -> None:
    """Somebody who is suspended when first seen gets an account that is inactive from the start."""
    world.directory.add(ADA)
    world.directory.suspend(ADA)
    world.run()
    assert world.live()[ADA.source_id].state is AccountState.INACTIVE


def test_rename_keeps_the_account(settled: World) -> None:
    """A new address or name is an update of the same account, and the plan names the fields."""
    before = settled.live()[ADA.source_id].account_id
    settled.directory.rename(ADA, email="countess@acme.example", family_name="King")
    (change,) = settled.plan().changes
    assert (change.kind, change.fields) == (ChangeKind.UPDATE, ("email", "family_name"))
    settled.run()
    after = settled.live()[ADA.source_id]
    assert after.account_id == before
    assert after.personal.email == "countess@acme.example"


def test_case_of_an_address_is_kept_and_does_not_matter_for_sign_in(world: World) -> None:
    """Addresses keep their case and are found whatever the case; sign-in opens no sealed field."""
    world.directory.add(identity("ada", email="Ada.Lovelace@Acme.Example"))
    world.run()
    accounts = Accounts(world.storage, world.sealer)
    found = accounts.by_email(TENANT, "ada.LOVELACE@acme.example")
    assert found is not None
    assert found.personal is None
    assert accounts.by_email(TENANT, "nobody@acme.example") is None
    (account,) = world.every()
    assert account.personal.email == "Ada.Lovelace@Acme.Example"


def test_groups_follow_the_directory(settled: World) -> None:
    """Joining, leaving and renaming a group each show as a change of groups only."""
    settled.directory.add_group(ENG)
    settled.directory.add_member(ADA, ENG)
    (change,) = settled.plan().changes
    assert change.fields == ("groups",)
    settled.run()
    (membership,) = settled.live()[ADA.source_id].personal.memberships
    assert (membership.group.email, membership.path) == (ENG.email, MembershipPath.DIRECT)

    settled.directory.remove_member(ADA, ENG)
    settled.run()
    assert settled.live()[ADA.source_id].personal.memberships == ()


def test_deleted_person_leaves_a_tombstone_and_nothing_personal(settled: World) -> None:
    """Somebody whom the directory itself says is deleted is deleted here, and only ids remain."""
    settled.directory.delete(ADA)
    run = settled.run()
    assert run.counts == Counts(deleted=1, unchanged=3)
    (stone,) = [account for account in settled.every() if account.state is AccountState.DELETED]
    assert (stone.source_id, stone.personal) == (ADA.source_id, None)
    assert Accounts(settled.storage, settled.sealer).by_email(TENANT, ADA.email) is None


def test_person_who_is_back_after_deletion_gets_a_new_account(settled: World) -> None:
    """An undeleted person gets a new account that points to the tombstone; the old one stays ended."""
    before = settled.live()[ADA.source_id].account_id
    settled.directory.delete(ADA)
    settled.run()
    settled.directory.undelete(ADA)
    settled.run()
    after = settled.live()[ADA.source_id]
    assert after.account_id != before
    assert after.predecessor == before
    assert before in {account.account_id for account in settled.every() if account.state is AccountState.DELETED}


def test_link_to_the_tombstone_survives_later_changes(settled: World) -> None:
    """An account that replaced an ended one still points to the tombstone after it was updated."""
    before = settled.live()[ADA.source_id].account_id
    settled.directory.delete(ADA)
    settled.run()
    settled.directory.undelete(ADA)
    settled.run()
    settled.directory.rename(ADA, given_name="Augusta")
    settled.run()
    assert settled.live()[ADA.source_id].predecessor == before


def test_source_that_yields_somebody_twice_is_refused(settled: World) -> None:
    """A source that breaks its contract is an error that names the id, and nothing is written."""

    class Stutters(FakeDirectory):
        def snapshot(self, *, progress: ProgressSink | None = None) -> Any:
            snapshot = super().snapshot(progress=progress)
            once = snapshot.identities
            snapshot.identities = lambda: (twice for one in once() for twice in (one, one))  # type: ignore[method-assign]  # the source is broken on purpose
            return snapshot

    source = Stutters(*settled.directory.truth())
    with pytest.raises(SourceMalformed, match=r"source id [0-9]{21}"):
        Reconciler({TENANT: source}, settled.storage, settled.sealer, clock=settled.clock).run(TENANT)
    assert settled.run().counts == Counts(unchanged=4)


def test_working_run_keeps_its_lease(world: World) -> None:
    """A run that takes longer than the lease renews it on the way, so that nobody takes over."""
    world.directory.add(*EVERYONE)
    refused = []

    def try_to_take_over(stage: Stage, _done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED:
            world.clock.advance(minutes=6)
            with pytest.raises(LeaseHeld) as raised:
                world.worker().run(TENANT)
            refused.append(raised.value.code)

    assert world.worker(batch_size=1).run(TENANT, progress=try_to_take_over).verdict is Verdict.COMPLETE
    assert refused == ["SC303"] * 4


def test_person_missed_by_the_listing_is_kept(settled: World) -> None:
    """A certified listing that slipped past somebody removes nobody: asked by id, the source still knows them."""
    settled.directory.miss_next(ADA)
    run = settled.run()
    assert run.counts == Counts(unchanged=4)


def test_change_of_a_missed_person_is_still_seen(settled: World) -> None:
    """What the read by id answers is used: a rename that hides somebody from the listing still arrives."""
    settled.directory.rename(ADA, email="aa@acme.example")
    settled.directory.miss_next(ADA)
    assert settled.run().counts == Counts(updated=1, unchanged=3)


def test_duplicate_address_is_quarantined_and_access_is_still_lost(settled: World) -> None:
    """Where a torn read gives one address to two people, nobody takes it over, and a suspension goes ahead."""
    revision = settled.storage.tenant(TENANT).revision
    # Her record cannot be used, so as far as this run knows GRACE still has the address.
    settled.directory.rename(GRACE, email="grace.new@acme.example")
    settled.directory.rename(ADA, email=GRACE.email)
    settled.directory.suspend(ADA)
    settled.directory.reject_next(GRACE)
    run = settled.run()
    assert run.counts == Counts(deactivated=1, unchanged=2, quarantined=2)
    ada = settled.live()[ADA.source_id]
    assert (ada.state, ada.personal.email) == (AccountState.INACTIVE, ADA.email)
    assert settled.storage.tenant(TENANT).revision == revision + 1
    assert settled.run().counts == Counts(updated=2, unchanged=2)


def test_uncertain_absence_is_held(settled: World) -> None:
    """When the source will not say whether somebody is gone, the account stays and the run says so."""
    settled.directory.delete(ADA)
    settled.directory.uncertain_next(ADA)
    run = settled.run()
    assert run.verdict is Verdict.HELD
    assert run.counts == Counts(unchanged=3, held=1)
    assert len(settled.live()) == 4
    with pytest.raises(PlanHeld, match="SC400"):
        run.require_complete()


def test_uncertified_read_removes_nobody_and_still_lets_people_in(settled: World) -> None:
    """A listing that was cut short holds whoever it does not show; newcomers and suspensions go ahead."""
    newcomer = identity("zz-new")
    settled.directory.delete(MARY)
    settled.directory.add(newcomer)
    settled.directory.suspend(ADA)
    settled.directory.truncate_next("members")
    run = settled.run()
    assert run.verdict is Verdict.HELD
    assert run.counts == Counts(provisioned=1, deactivated=1, unchanged=2, held=1)
    assert MARY.source_id in settled.live()


def test_uncertified_read_takes_no_group_away(settled: World) -> None:
    """A membership that an uncertified read does not show is kept, and held; once the read is whole again it goes."""
    settled.directory.add_group(ENG)
    settled.directory.add_member(ADA, ENG)
    settled.run()
    settled.directory.remove_member(ADA, ENG)
    settled.directory.truncate_next("members")
    run = settled.run()
    assert (run.verdict, run.counts.updated, run.counts.held) == (Verdict.HELD, 0, 1)
    assert len(settled.live()[ADA.source_id].personal.memberships) == 1
    assert settled.run().counts == Counts(updated=1, unchanged=3)


def test_empty_directory_is_held(settled: World) -> None:
    """A directory that suddenly shows nobody deletes nobody, though it says that each of them is deleted."""
    for person in EVERYONE:
        settled.directory.delete(person)
    run = settled.run()
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(held=4))
    assert len(settled.live()) == 4


@pytest.mark.parametrize("staff", [EVERYONE, EVERYONE[:1]], ids=["a customer of four", "a customer of one"])
def test_another_customers_directory_is_held_run_after_run(world: World, staff: tuple[Any, ...]) -> None:
    """With the wrong directory nobody is removed and no stranger let in, today or at any later run."""
    world.directory.add(*staff)
    world.run()
    wrong = FakeDirectory(identity("stranger-1"), identity("stranger-2"))
    reconciler = Reconciler({TENANT: wrong}, world.storage, world.sealer, clock=world.clock)
    for _ in range(3):
        run = reconciler.run(TENANT)
        assert (run.verdict, run.counts) == (Verdict.HELD, Counts(held=len(staff) + 2))
    assert world.live().keys() == {person.source_id for person in staff}


def test_uncertified_read_is_never_called_complete(world: World) -> None:
    """A first read that was cut short says that it was held, although there was nobody to hold."""
    world.directory.add(*EVERYONE)
    world.directory.truncate_next("users", keep=0)
    run = world.run()
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts())
    with pytest.raises(PlanHeld, match="users"):
        run.require_complete()


def test_inactive_people_may_not_sign_in(settled: World) -> None:
    """The account of somebody who is suspended is found by its address, and is nobody's to sign in to."""
    settled.directory.suspend(ADA)
    settled.run()
    accounts = Accounts(settled.storage, settled.sealer)
    assert accounts.by_email(TENANT, ADA.email) is not None
    assert accounts.for_sign_in(TENANT, ADA.email) is None
    assert accounts.for_sign_in(TENANT, GRACE.email) is not None


def test_source_without_its_tenant_is_refused(world: World) -> None:
    """A bare source is refused: the tenant of each source is named once, where it is configured."""
    with pytest.raises(UsageError, match="mapping"):
        Reconciler(world.directory, world.storage, world.sealer)


@pytest.mark.parametrize("error", [SourceUnavailable("no answer"), SourceRejected("no scope")])
def test_unreadable_source_raises_and_concludes_nothing(settled: World, error: Exception) -> None:
    """A source that cannot be read is an error, never an empty directory; the lease is given back."""
    settled.directory.fail_next(error)
    with pytest.raises(type(error)):
        settled.run()
    assert len(settled.live()) == 4
    assert settled.run().verdict is Verdict.COMPLETE


def test_unusable_record_is_quarantined(settled: World) -> None:
    """One record that cannot be used degrades the run; its account stays as it was."""
    settled.directory.reject_next(ADA)
    run = settled.run()
    assert (run.verdict, run.counts) == (Verdict.DEGRADED, Counts(unchanged=3, quarantined=1))
    assert ADA.source_id in settled.live()


def test_swap_of_addresses_goes_through_in_one_run(settled: World) -> None:
    """Two people who exchange addresses both have them after one run, in their own accounts."""
    settled.directory.swap_emails(ADA, GRACE)
    assert settled.run().counts == Counts(updated=2, unchanged=2)
    accounts = Accounts(settled.storage, settled.sealer)
    owners = [accounts.by_email(TENANT, person.email) for person in (ADA, GRACE)]
    assert [owner and owner.source_id for owner in owners] == [GRACE.source_id, ADA.source_id]


def test_chain_of_addresses_is_committed_together(world: World) -> None:
    """However small the batches, a crash never leaves one address with two accounts."""
    people = [identity(f"p{number}", email=f"desk-{number}@acme.example") for number in range(6)]
    world.directory.add(*people)
    world.run()
    for number in reversed(range(6)):
        world.directory.rename(people[number], email=f"desk-{number + 1}@acme.example")
    world.directory.add(identity("a-new-one"), identity("b-new-one"))
    dones: list[int] = []

    def look(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED:
            dones.append(done)
            addresses = [account.personal.email for account in world.live().values()]
            assert len(set(addresses)) == len(addresses)

    assert world.worker(batch_size=1).run(TENANT, progress=look).counts.updated == 6
    assert dones == [6, 7, 8]


def test_lease_that_cannot_be_given_back_does_not_hide_what_happened(world: World) -> None:
    """A store that is busy at the very end changes neither the verdict of a run nor the request to stop it."""
    world.directory.add(ADA)

    def busy(_claim: object, **_: object) -> None:
        raise StorageBusy("another process writes")

    world.storage.release = busy
    assert world.run().verdict is Verdict.COMPLETE
    world.clock.advance(hours=1)

    def stop(_stage: Stage, _done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    world.directory.add(GRACE)
    with pytest.raises(KeyboardInterrupt):
        world.reconciler.run(TENANT, progress=stop)


def test_address_of_a_leaver_passes_to_a_newcomer(settled: World) -> None:
    """An address whose owner is deleted can be somebody else's in the same run."""
    settled.directory.delete(ADA)
    settled.directory.add(identity("heir", email=ADA.email.upper()))
    assert settled.run().counts == Counts(provisioned=1, deleted=1, unchanged=3)


def test_plan_from_before_another_run_is_refused(settled: World) -> None:
    """A plan that was made before another run wrote something is refused whole."""
    settled.directory.delete(ADA)
    plan = settled.plan()
    settled.directory.undelete(ADA)
    settled.directory.suspend(GRACE)
    settled.run()
    with pytest.raises(StalePlan):
        settled.reconciler.apply(plan)
    assert ADA.source_id in settled.live()


def test_plan_applied_twice_is_stale(world: World) -> None:
    """A plan is applied once."""
    world.directory.add(ADA)
    plan = world.plan()
    world.reconciler.apply(plan)
    with pytest.raises(StalePlan):
        world.reconciler.apply(plan)
    assert len(world.every()) == 1


def test_apply_then_plan_is_empty(settled: World) -> None:
    """Once a plan is applied there is nothing left to do."""
    settled.directory.delete(ADA)
    settled.directory.rename(GRACE, given_name="Amazing")
    settled.directory.add(identity("new"))
    settled.reconciler.apply(settled.plan())
    assert settled.plan().is_empty


def test_two_plans_of_the_same_world_have_the_same_hash(settled: World) -> None:
    """The hash covers what is decided, not the ids and keys that are drawn at random."""
    settled.directory.add(identity("new"))
    settled.directory.suspend(ADA)
    first, second = settled.plan(), settled.plan()
    assert first.changes != second.changes
    assert first.hash == second.hash
    settled.directory.suspend(GRACE)
    assert settled.plan().hash != first.hash


def test_access_is_lost_before_anything_else_happens(settled: World) -> None:
    """A plan deactivates and deletes before it updates, reactivates and provisions."""
    settled.directory.add(identity("new"))
    settled.directory.rename(ADA, given_name="A")
    settled.directory.delete(GRACE)
    settled.directory.suspend(MARY)
    kinds = [change.kind.value for change in settled.plan().changes]
    assert kinds == ["deactivate", "delete", "update", "provision"]


def test_plan_holds_no_personal_data(settled: World) -> None:
    """Nothing that a plan or a run shows about itself names anybody."""
    settled.directory.add(identity("new", email="secret@acme.example", given_name="Geheim", family_name="Niss"))
    settled.directory.rename(ADA, family_name="Verborgen")
    settled.directory.delete(MARY)
    settled.directory.uncertain_next(MARY)
    plan = settled.plan()
    shown = repr(plan) + repr(plan.changes) + plan.summary() + repr(settled.reconciler.apply(plan))
    for secret in ("secret", "Geheim", "Niss", "Verborgen", ADA.email, ADA.given_name, MARY.email):
        assert secret not in shown


def test_second_worker_is_told_that_the_tenant_is_taken(settled: World) -> None:
    """While one worker holds the lease, another one's run is refused and writes nothing."""
    claim = settled.storage.claim(TENANT, now=settled.clock(), ttl=timedelta(minutes=10))
    with pytest.raises(LeaseHeld):
        settled.run()
    settled.storage.release(claim)
    assert settled.run().verdict is Verdict.COMPLETE


def test_worker_that_was_overtaken_writes_nothing_more(world: World) -> None:
    """A worker that sleeps past its lease is refused by the store once another worker has taken over."""
    world.directory.add(*EVERYONE)

    def overtake(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED and done == 1:
            world.clock.advance(hours=1)
            world.worker().run(TENANT)

    with pytest.raises(LeaseLost):
        world.worker(batch_size=1).run(TENANT, progress=overtake)
    assert len(world.every()) == 4


def test_interrupted_run_is_finished_by_the_next(world: World) -> None:
    """Whoever stops a run between two batches leaves whole batches and a free lease; the next run does the rest."""
    world.directory.add(*EVERYONE)

    def stop(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.worker(batch_size=2).run(TENANT, progress=stop)
    assert len(world.every()) == 2
    assert world.run().counts == Counts(provisioned=2, unchanged=2)


def test_progress_counts_up_to_the_end(world: World) -> None:
    """Progress of the writing rises batch by batch to the number of changes."""
    world.directory.add(*EVERYONE)
    seen: list[tuple[int, int | None]] = []
    world.worker(batch_size=3).run(
        TENANT, progress=lambda stage, done, total: seen.append((done, total)) if stage is Stage.APPLIED else None
    )
    assert seen == [(3, 4), (4, 4)]


def test_store_of_other_keys_is_noticed_before_anything_is_written(settled: World) -> None:
    """With the wrong keys every account would differ; the first that is opened says so and nothing is written."""
    revision = settled.storage.tenant(TENANT).revision
    stranger = Reconciler({TENANT: settled.directory}, settled.storage, Sealer(MemoryKeyRing()), clock=settled.clock)
    with pytest.raises(WrongKey):
        stranger.run(TENANT)
    assert settled.storage.tenant(TENANT).revision == revision


def test_one_tenant_in_trouble_does_not_stop_the_next(world: World) -> None:
    """Runs of several tenants fail one by one, each with its own error."""
    world.directory.add(ADA)
    reconciler = Reconciler({"acme": world.directory, "globex": world.directory}, world.storage, world.sealer)
    world.directory.fail_next(SourceUnavailable("no answer"))
    runs = list(reconciler.run_each())
    assert [(run.tenant, run.verdict) for run in runs] == [("acme", Verdict.FAILED), ("globex", Verdict.COMPLETE)]
    with pytest.raises(SourceUnavailable):
        runs[0].require_complete()


def test_unknown_tenant_is_named(world: World) -> None:
    """A tenant without a source is refused before anything is read or claimed."""
    with pytest.raises(UnknownTenant, match="globex"):
        world.reconciler.run("globex")


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"lease_ttl": timedelta(0)}])
def test_impossible_settings_are_refused(world: World, wrong: dict[str, Any]) -> None:
    """Settings under which no run could work are refused at once."""
    with pytest.raises(UsageError, match="Reconciler"):
        Reconciler({}, world.storage, world.sealer, **wrong)
