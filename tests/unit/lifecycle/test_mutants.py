"""Engines that are broken in one way each: proof that the scenario that guards a promise fails without it.

A scenario is a function that asserts what has to hold. Each passes as the library is, and fails once the one function
that its mutant replaces is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

import attrs
import pytest

from smartify_core.errors import (
    SmartifyError,
    SourceUnavailable,
    StalePlan,
    StorageUnavailable,
    Tombstoned,
    UnknownPlan,
)
from smartify_core.lifecycle import (
    Ceiling,
    ChangeKind,
    Effect,
    Guards,
    Reconciler,
    Rules,
    Threshold,
    _ending,
    _reconciler,
)
from smartify_core.lifecycle import _commits as commits
from smartify_core.lifecycle import _comparison as comparison
from smartify_core.lifecycle import _guards as guards
from smartify_core.lifecycle import _planner as planner
from smartify_core.lifecycle._addresses import Addresses
from smartify_core.lifecycle._commits import Commits
from smartify_core.lifecycle._decide import holding_back
from smartify_core.lifecycle._held_plans import HeldPlans
from smartify_core.lifecycle._history import History
from smartify_core.lifecycle._run_state import KEY, KIND, RunState
from smartify_core.lifecycle._steps import Steps
from smartify_core.model import Batch, Claim, Put, PutDocument, Receipt, Stage
from smartify_core.storage import deciding
from smartify_core.storage.deciding import TenantState
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import
Scenario = Callable[[World], None]
Break = Callable[[pytest.MonkeyPatch], None]
#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve

MUTANTS: dict[str, tuple[Scenario, Break]] = {}

pytestmark = pytest.mark.parametrize("world", ["memory"], indirect=True)


def caught_by(scenario: Scenario) -> Callable[[Break], Break]:
    """Enter a mutant, under its own name, with the scenario that catches it."""

    def enter(mutant: Break) -> Break:
        MUTANTS[mutant.__name__] = (scenario, mutant)
        return mutant

    return enter


def _up_to(run: int, window: int) -> Threshold:
    return Threshold(Ceiling(run, 0, run), Ceiling(window, 0, window))


_ANY = _up_to(1000, 1000)


def _rules(*, deletions: Threshold = _ANY, renames: Threshold = _ANY, **others: Any) -> Rules:
    return Rules(guards=Guards(timedelta(days=7), deletions, _ANY, _ANY, renames, _ANY, shrinkage=1.0), **others)


def _error_of(work: Callable[[], object]) -> type[Exception] | None:
    try:
        work()
    except SmartifyError as error:
        return type(error)
    return None


def _emails(world: World) -> list[str]:
    return [account.personal.email for account in world.live().values()]


def _die_after_commits(world: World, number: int) -> None:
    """Run until so many commits are made, and have the host die at the next."""

    class DeathError(BaseException):
        pass

    left, commit = number, world.storage.commit

    def deadly(claim: Claim, batch: Batch) -> Receipt:
        nonlocal left
        left -= 1
        if left < 0:
            raise DeathError
        return commit(claim, batch)  # type: ignore[no-any-return]  # the world's storage is Any here

    world.storage.commit = deadly
    with pytest.raises(DeathError):
        world.run()
    world.storage.commit = commit


# --- what a read proves


def an_uncertified_read_removes_nobody(world: World) -> None:
    """A read that was cut short deletes nobody, though the source says of each who is absent that they are gone."""
    world.directory.delete(world.staffed(4)[0])
    world.directory.truncate_next("members")
    world.run()
    assert len(world.live()) == 4


@caught_by(an_uncertified_read_removes_nobody)
def drops_the_certificate_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(comparison, "why_absence_proves_nothing", lambda *_: None)


def an_uncertified_read_takes_no_group(world: World) -> None:
    """Memberships that a read was cut short before are kept."""
    world.staffed(4, groups=["eng"])
    world.directory.truncate_next("members", keep=0)
    world.run()
    assert all(account.personal.memberships for account in world.live().values())


@caught_by(an_uncertified_read_takes_no_group)
def takes_every_listing_of_members_for_whole(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(comparison, "without_losses", lambda person, _: person)


# --- who may write, and how much at once


def a_worker_that_was_overtaken_is_refused(world: World) -> None:
    """Somebody who wakes after another worker took over is told so by the store at the next write."""
    world.directory.add(*(identity(f"new-{number}") for number in range(4)))

    def sleep(stage: Stage, done: int, _total: int | None) -> None:
        if stage is Stage.APPLIED and done == 2:
            world.clock.advance(hours=1)
            world.run()

    (run,) = world.worker(batch_size=2).run_each([TENANT], progress=sleep)
    assert run.error is not None
    assert run.error.code == "SC304"


@caught_by(a_worker_that_was_overtaken_is_refused)
def ignores_the_fence(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TenantState, "require", lambda self, claim: None)


def a_hand_over_happens_whole_or_not_at_all(world: World) -> None:
    """Wherever the host dies, two people who exchange addresses have both exchanged them or neither has."""
    one, other, *_ = world.staffed(4)
    world.directory.swap_emails(one, other)
    for commits_made in range(2):
        _die_after_commits(world, commits_made)
        assert len(set(_emails(world))) == 4
        world.clock.advance(hours=1)


@caught_by(a_hand_over_happens_whole_or_not_at_all)
def commits_half(patch: pytest.MonkeyPatch) -> None:
    whole = Commits._commit

    def halves(self: Commits, writes: Any, entries: Any, documents: Any, state: RunState) -> None:
        half = len(writes) // 2
        if half:
            whole(self, writes[:half], entries[:half], (), state)
        whole(self, writes[half:], entries[half:], documents, state)

    patch.setattr(Commits, "_commit", halves)


def every_change_is_in_the_journal(world: World) -> None:
    """Wherever the host dies, the journal tells of each account the version that it has."""
    world.directory.add(*(identity(f"new-{number}") for number in range(4)))
    for commits_made in range(2):
        _die_after_commits(world, commits_made)
        told = {entry.account_id: entry.version for entry in History(world.storage).of(TENANT)}
        accounts = world.storage.load(TENANT, [head.source_id for head in world.storage.heads(TENANT)]).values()
        assert told == {account.account_id: account.version for account in accounts}
        world.clock.advance(hours=1)


@caught_by(every_change_is_in_the_journal)
def writes_the_journal_afterwards(patch: pytest.MonkeyPatch) -> None:
    whole = Commits._commit

    def apart(self: Commits, writes: Any, entries: Any, documents: Any, state: RunState) -> None:
        whole(self, writes, (), (), state)
        whole(self, (), entries, documents, state)

    patch.setattr(Commits, "_commit", apart)


def a_lost_answer_stops_nobody(world: World) -> None:
    """A commit that happened, but whose answer was lost, is made again under its name and happens once."""
    world.directory.add(identity("new"))
    commit = world.storage.commit
    lost: list[Receipt] = []

    def loses_the_first_answer(claim: Claim, batch: Batch) -> Receipt:
        receipt: Receipt = commit(claim, batch)
        if not lost:
            lost.append(receipt)
            raise StorageUnavailable("the answer was lost", cure="Ask again.")
        return receipt

    world.storage.commit = loses_the_first_answer
    assert _error_of(world.run) is None
    assert world.storage.tenant(TENANT).position == 1


@caught_by(a_lost_answer_stops_nobody)
def does_not_name_its_commits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(commits, "Batch", lambda **parts: Batch(**{**parts, "id": None}))


# --- who has ended


def whoever_returns_after_their_end_gets_a_new_account(world: World) -> None:
    """The new account has another id, and names the tombstone of the former."""
    leaver = world.staffed(4)[0]
    before = world.live()[leaver.source_id]
    world.directory.delete(leaver)
    world.run()
    world.directory.undelete(leaver)
    assert _error_of(world.run) is None
    assert world.live()[leaver.source_id].predecessor == before.account_id
    assert world.live()[leaver.source_id].account_id != before.account_id


@caught_by(whoever_returns_after_their_end_gets_a_new_account)
def forgets_tombstones(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStorage, "tombstones_of", lambda *_: {})


def no_late_write_revives_a_tombstone(world: World) -> None:
    """A write of an account that has ended since is refused, and the account stays ended."""
    leaver = world.staffed(4)[0]
    (account,) = world.storage.load(TENANT, [leaver.source_id]).values()
    world.directory.delete(leaver)
    world.run()
    claim = world.storage.claim(TENANT, now=world.clock(), ttl=timedelta(minutes=1))
    assert _error_of(lambda: world.storage.commit(claim, Batch((Put(account, 0),)))) is Tombstoned
    assert leaver.source_id not in world.live()


@caught_by(no_late_write_revives_a_tombstone)
def lets_the_dead_be_written(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "refuse_tombstoned", lambda *_: None)


def nobody_ends_before_their_time(world: World) -> None:
    """With a retention, whoever is deleted in the directory is kept for all of it."""
    world.obey(_rules(retain_for=timedelta(days=2)))
    leaver = world.staffed(4)[0]
    world.directory.delete(leaver)
    for hours in (0, 1, 46):
        world.clock.advance(hours=hours)
        world.run()
        assert leaver.source_id in world.live()


@caught_by(nobody_ends_before_their_time)
def ignores_the_retention_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(planner, "farewell", lambda *_, **__: ChangeKind.DELETE)


# --- how much a run may do


def a_slow_drip_is_held(world: World) -> None:
    """One deletion a run passes the ceiling of every run, and the third within the window is held."""
    world.obey(_rules(deletions=_up_to(1, 2)))
    for number, person in enumerate(world.staffed(8)[:3]):
        world.directory.delete(person)
        run = world.run()
        world.clock.advance(hours=5)
        assert run.counts.deleted == (number < 2)


@caught_by(a_slow_drip_is_held)
def has_a_threshold_per_run_only(patch: pytest.MonkeyPatch) -> None:
    judge = guards._why_too_many
    patch.setattr(guards, "_why_too_many", lambda *values, known, in_window: judge(*values, known=known, in_window={}))


@caught_by(a_slow_drip_is_held)
def has_a_window_that_forgets(patch: pytest.MonkeyPatch) -> None:
    tallied = RunState.tallied
    patch.setattr(RunState, "tallied", lambda self, *values: tallied(evolve(self, tallies=()), *values))


@caught_by(a_slow_drip_is_held)
def counts_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Steps, "_counted", lambda *_: ((), None))


def an_approved_wave_leaves_the_window_as_it_was(world: World) -> None:
    """After three approved deletions the window still has room for the two that it allows."""
    world.obey(_rules(deletions=_up_to(2, 2)))
    people = world.staffed(12)
    for person in people[:3]:
        world.directory.delete(person)
    world.run()
    assert world.approve(world.waiting_plan()).counts.deleted == 3
    for person in people[3:5]:
        world.directory.delete(person)
    assert world.run().counts.deleted == 2


@caught_by(an_approved_wave_leaves_the_window_as_it_was)
def counts_what_was_approved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Steps, "_counted", lambda _, done: (tuple(Effect(key.effect) for key in done), None))


def whoever_is_refused_an_address_does_not_count_as_renamed(world: World) -> None:
    """A rename that cannot be done, because the address has an owner, takes no room from those that can."""
    world.obey(_rules(deletions=_up_to(0, 0), renames=_up_to(1, 1)))
    owner, wants, other, *_ = world.staffed(5)
    world.directory.delete(owner)  # which is held, so that the address stays theirs
    world.directory.rename(wants, email=owner.email, family_name="Otherwise")
    assert world.run().counts.updated == 1
    world.directory.rename(wants, email=wants.email)
    world.directory.rename(other, email="other-desk@acme.example")
    world.run()
    assert "other-desk@acme.example" in _emails(world)


@caught_by(whoever_is_refused_an_address_does_not_count_as_renamed)
def counts_what_was_not_done(patch: pytest.MonkeyPatch) -> None:
    done = planner._done
    patch.setattr(planner, "_done", lambda called, reasons, refused: done(called, reasons, ()))


def accounts_from_before_are_not_deleted_at_first(world: World) -> None:
    """Over accounts of which no run has shown yet that they belong here, a failed run earns no trust."""
    leaver = world.staffed(6)[0]
    state = world.storage.document(TENANT, KIND, KEY)
    world.storage.record(
        TENANT, documents=[PutDocument(KIND, KEY, None, state.version)]
    )  # as in a store that was copied
    world.directory.fail_next()
    assert _error_of(world.run) is SourceUnavailable
    world.directory.delete(leaver)
    assert world.run().counts.deleted == 0


@caught_by(accounts_from_before_are_not_deleted_at_first)
def trusts_after_a_failed_run(patch: pytest.MonkeyPatch) -> None:
    failure = _ending.failure
    patch.setattr(
        _reconciler, "failure", lambda state, code, *, now: evolve(failure(state, code, now=now), trusted=True)
    )


def protected_accounts_lose_nothing(world: World) -> None:
    """Whatever the directory says of a protected account, nothing is taken from it unasked."""
    person = world.staffed(4, groups=["eng"])[0]
    world.obey(_rules(protected=[person.source_id]))
    before = world.live()[person.source_id]
    world.directory.remove_member(person, "eng")
    world.directory.suspend(person)
    world.run()
    world.directory.delete(person)
    world.run()
    assert world.live().get(person.source_id) == before


@caught_by(protected_accounts_lose_nothing)
def protects_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(guards, "_own_reason", lambda *_, **__: None)


# --- what somebody approves


def _hold_three_deletions(world: World) -> Any:
    world.obey(_rules(deletions=_up_to(2, 2)))
    for person in world.staffed(8)[:3]:
        world.directory.delete(person)
    world.run()
    return world.waiting_plan()


def an_approval_is_for_exactly_what_was_held(world: World) -> None:
    """When one of three held deletions is no longer called for, the approval of all three is refused whole."""
    plan = _hold_three_deletions(world)
    world.directory.undelete(next(iter(plan.keys)).source_id)
    assert _error_of(lambda: world.approve(plan)) is StalePlan
    assert len(world.live()) == 8


@caught_by(an_approval_is_for_exactly_what_was_held)
def does_not_look_again_at_what_is_approved(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(_reconciler, "require_true", lambda *_: None)


def a_hash_is_good_for_its_own_tenant_only(world: World) -> None:
    """The hash of another tenant's held plan is unknown here."""
    plan = _hold_three_deletions(world)
    other = Reconciler({"umbrella": FakeDirectory(identity("a"))}, world.storage, world.sealer, clock=world.clock)
    error = _error_of(lambda: other.approve("umbrella", plan.hash, by="olga", reason="because"))
    assert error is UnknownPlan


@caught_by(a_hash_is_good_for_its_own_tenant_only)
def takes_another_tenants_hash(patch: pytest.MonkeyPatch) -> None:
    named = HeldPlans.named
    patch.setattr(HeldPlans, "named", lambda self, _, plan_hash: named(self, TENANT, plan_hash))


# --- whose address it is


def a_held_rename_keeps_the_address_from_others(world: World) -> None:
    """While somebody may not leave their address, nobody else gets it, and no address has two owners."""
    world.obey(_rules(renames=_up_to(0, 0)))
    stays = world.staffed(4)[0]
    world.directory.rename(stays, email="elsewhere@acme.example")
    world.directory.add(identity("newcomer", email=stays.email))
    world.run()
    assert len(set(_emails(world))) == len(_emails(world))
    assert world.live()[stays.source_id].personal.email == stays.email


@caught_by(a_held_rename_keeps_the_address_from_others)
def asks_the_guards_after_settling_addresses(patch: pytest.MonkeyPatch) -> None:
    allowed, settle = planner.Planner._allowed, Addresses.settle
    late: list[Callable[[], list[Any]]] = []

    def all_of_them(self: planner.Planner, cases: Any, reasons: Any) -> list[Any]:
        cases = list(cases)
        late.append(lambda: allowed(self, cases, reasons))
        return [case.intent for case in cases]

    def settled_first(self: Addresses, *values: Any) -> Any:
        found = settle(self, *values)
        return evolve(found, intents=late.pop()())

    patch.setattr(planner.Planner, "_allowed", all_of_them)
    patch.setattr(Addresses, "settle", settled_first)


@caught_by(a_held_rename_keeps_the_address_from_others)
def takes_the_address_although_it_is_held(patch: pytest.MonkeyPatch) -> None:
    def all_but_renames(intent: Any, effects: Collection[Effect], **index: Any) -> Any:
        return holding_back(intent, set(effects) - {Effect.RENAME}, **index)

    patch.setattr(planner, "holding_back", all_but_renames)


@pytest.mark.parametrize("name", MUTANTS)
def test_scenario_holds(world: World, name: str) -> None:
    """The library as it is keeps every promise."""
    MUTANTS[name][0](world)


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that breaks one promise fails the scenario of that promise."""
    scenario, mutant = MUTANTS[name]
    mutant(monkeypatch)
    with pytest.raises(AssertionError):
        scenario(world)
