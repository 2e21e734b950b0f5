"""What guards hold waits under a hash: exactly that is approved, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from smartify_core.errors import (
    PlanExpired,
    PlanSettled,
    SealBroken,
    StalePlan,
    UnknownPlan,
    UsageError,
    WrongKey,
)
from smartify_core.lifecycle import Effect, EffectKey, HeldPlan, HeldPlanStatus, Reconciler, Verdict
from smartify_core.lifecycle._held_plan import hash_of
from smartify_core.model import PutDocument
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing import FakeDirectory

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.fixture
def holding(world: World) -> World:
    """Return a tenant of 30 of whom ten were deleted: too many, so that a plan is held."""
    for person in world.staffed(30)[:10]:
        world.directory.delete(person)
    assert world.run().verdict is Verdict.HELD
    return world


def _statuses(world: World) -> dict[str, HeldPlanStatus]:
    return {plan.hash: plan.status for plan in world.reconciler.held_plans(TENANT)}


def _refused(world: World, error: type[Exception], plan_hash: str, **say: str) -> None:
    """Approve and reject, both of which must be refused with nothing written but the lease."""
    said = {"by": "olga", "reason": "because", **say}
    for decide in (world.reconciler.approve, world.reconciler.reject):
        before = (world.storage.tenant(TENANT).revision, world.every(), _statuses(world), world.state())
        with pytest.raises(error):
            decide(TENANT, plan_hash, **said)
        assert (world.storage.tenant(TENANT).revision, world.every(), _statuses(world), world.state()) == before


def test_approved_plan_is_applied_exactly(holding: World) -> None:
    """Approval deletes those who were held and nobody else, and the journal says by which plan."""
    plan: HeldPlan = holding.waiting_plan()
    assert {key.source_id for key in plan.keys} == {person.source_id for person in holding.people[:10]}
    run = holding.approve(plan)
    assert (run.verdict, run.counts.deleted, run.counts.held) == (Verdict.COMPLETE, 10, 0)
    assert set(holding.live()) == {person.source_id for person in holding.people[10:]}
    (settled,) = holding.reconciler.held_plans(TENANT)
    assert (settled.status, settled.decided_by, settled.decided_at) == (
        HeldPlanStatus.APPLIED,
        "olga",
        holding.clock(),
    )
    assert settled.decision_reason == "confirmed with the customer"
    assert holding.state().held_plan is None


def test_held_plan_is_kept_sealed(holding: World) -> None:
    """No id of a person, no reason and no decider can be read in the document that keeps a held plan."""
    holding.approve(holding.waiting_plan())
    (document,) = holding.storage.documents(TENANT, "held plan")
    for secret in (*(person.source_id for person in holding.people), "olga", "customer", "deletions"):
        assert secret.encode() not in document.value
    assert holding.people[0].source_id not in repr(holding.reconciler.held_plans(TENANT))


def test_same_plan_keeps_its_hash_and_expiry(holding: World) -> None:
    """Run after run the same held changes are the same plan, which expires when it was said to."""
    plan = holding.waiting_plan()
    for _ in range(3):
        holding.clock.advance(days=1)
        assert holding.run().held_plan == plan
    assert holding.reconciler.held_plans(TENANT) == (plan,)


def test_hash_does_not_depend_on_order(world: World) -> None:
    """A directory that lists the same people in another order leads to the same hash."""

    class Backwards(FakeDirectory):
        def snapshot(self, **options: Any) -> Any:
            snapshot = super().snapshot(**options)
            forwards = snapshot.identities
            snapshot.identities = lambda: reversed(list(forwards()))  # type: ignore[method-assign]  # a test's doing
            return snapshot

    people = world.staffed(30)
    hashes = set()
    for kind in (FakeDirectory, Backwards):
        directory = kind(*people)
        for person in people[:10]:
            directory.suspend(person)
        plan = Reconciler({TENANT: directory}, world.storage, world.sealer, clock=world.clock).plan(TENANT)
        hashes.add(plan.held_plan and plan.held_plan.hash)
    assert len(hashes) == 1


def test_other_changes_supersede_a_plan(holding: World) -> None:
    """Once more is held, the former plan can no longer be approved; the new one can."""
    former = holding.waiting_plan()
    holding.directory.delete(holding.people[10])
    holding.run()
    assert _statuses(holding)[former.hash] is HeldPlanStatus.SUPERSEDED
    _refused(holding, PlanSettled, former.hash)
    assert holding.approve(holding.waiting_plan()).counts.deleted == 11


def test_plan_that_is_no_longer_called_for_is_superseded(holding: World) -> None:
    """When the people are back, nothing is left to approve."""
    former = holding.waiting_plan()
    for person in holding.people[:10]:
        holding.directory.undelete(person)
    assert holding.run().verdict is Verdict.COMPLETE
    assert holding.state().held_plan is None
    _refused(holding, PlanSettled, former.hash)


def test_expired_plan_is_refused_and_held_anew(holding: World) -> None:
    """After its time a plan cannot be approved; the next run holds the same changes for as long again."""
    plan = holding.waiting_plan()
    holding.clock.advance(plan.expires_at - holding.clock())
    _refused(holding, PlanExpired, plan.hash)
    holding.run()
    again = holding.waiting_plan()
    assert (again.hash, again.status) == (plan.hash, HeldPlanStatus.WAITING)
    assert again.expires_at > holding.clock()
    assert holding.approve(again).counts.deleted == 10


def test_rejected_plan_is_held_anew(holding: World) -> None:
    """Who rejects a plan keeps everybody; what the directory still calls for waits again after the next run."""
    plan = holding.waiting_plan()
    rejected = holding.reconciler.reject(TENANT, plan.hash, by="olga", reason="not yet")
    assert (rejected.status, rejected.decided_by) == (HeldPlanStatus.REJECTED, "olga")
    assert holding.state().held_plan is None
    _refused(holding, PlanSettled, plan.hash)
    assert holding.run().counts.held == 10
    assert holding.waiting_plan().status is HeldPlanStatus.WAITING


def test_plan_is_approved_once(holding: World) -> None:
    """A second approval finds the plan applied."""
    plan = holding.waiting_plan()
    holding.approve(plan)
    _refused(holding, PlanSettled, plan.hash)


@pytest.mark.parametrize("wrong", ["", "0" * 32, "../run", "ZZ"])
def test_unknown_hash_is_refused(holding: World, wrong: str) -> None:
    """A hash that names no held plan is an error, and nothing is written."""
    _refused(holding, UnknownPlan, wrong)


@pytest.mark.parametrize("say", [{"by": ""}, {"by": "  "}, {"reason": ""}, {"reason": "\n"}])
def test_decision_needs_a_name_and_a_reason(holding: World, say: dict[str, str]) -> None:
    """Nobody decides anonymously or without a reason."""
    _refused(holding, UsageError, holding.waiting_plan().hash, **say)


def test_another_tenants_plan_is_unknown(holding: World) -> None:
    """A hash means nothing in another tenant, even one with the very same people."""
    directory = FakeDirectory(*holding.people)
    both = Reconciler(
        {TENANT: holding.directory, "globex": directory}, holding.storage, holding.sealer, clock=holding.clock
    )
    both.run("globex")
    for person in holding.people[:10]:
        directory.delete(person)
    other = both.run("globex").held_plan
    assert other is not None
    assert other.hash != holding.waiting_plan().hash
    _refused(holding, UnknownPlan, other.hash)
    with pytest.raises(UnknownPlan):
        both.approve("globex", holding.waiting_plan().hash, by="olga", reason="wrong tenant")


def test_hash_covers_the_tenant_and_every_part_of_every_effect() -> None:
    """The same effects of another tenant, and effects that differ in any part, have another hash."""
    key = EffectKey("create", "1", "", "")
    others = [
        EffectKey("delete", "1", "", ""),
        EffectKey("create", "2", "", ""),
        EffectKey("create", "", "1", ""),
        EffectKey("create", "1", "", "x"),
    ]
    hashes = [hash_of(TENANT, [key]), hash_of("globex", [key]), *(hash_of(TENANT, [one]) for one in others)]
    hashes.append(hash_of(TENANT, [key, others[0]]))
    assert len(set(hashes)) == len(hashes)


def test_other_keys_open_no_plan(holding: World) -> None:
    """Under other keys a held plan is neither shown nor approved."""
    plan = holding.waiting_plan()
    stranger = Reconciler({TENANT: holding.directory}, holding.storage, Sealer(MemoryKeyRing()), clock=holding.clock)
    with pytest.raises(WrongKey):
        stranger.held_plans(TENANT)
    with pytest.raises(WrongKey):
        stranger.approve(TENANT, plan.hash, by="olga", reason="because")
    assert len(holding.live()) == 30


def test_approval_of_a_directory_that_changed_is_refused(holding: World) -> None:
    """When one of those held is back, the whole plan is refused and nothing is written; the next run holds the rest."""
    plan = holding.waiting_plan()
    holding.directory.undelete(holding.people[0])
    before = (holding.storage.tenant(TENANT).revision, holding.state(), _statuses(holding))
    with pytest.raises(StalePlan, match="1 of the plan's 10"):
        holding.approve(plan)
    assert (holding.storage.tenant(TENANT).revision, holding.state(), _statuses(holding)) == before
    holding.run()
    assert holding.approve(holding.waiting_plan()).counts.deleted == 9


def test_changes_beyond_the_plan_remain_held(holding: World) -> None:
    """Approval lets through what was looked at; another wave that came since is held under its own hash."""
    plan = holding.waiting_plan()
    for person in holding.people[10:21]:
        holding.directory.suspend(person)
    run = holding.approve(plan)
    assert (run.counts.deleted, run.counts.deactivated, run.counts.held) == (10, 0, 11)
    assert {key.effect for key in holding.waiting_plan().keys} == {Effect.DEACTIVATE.value}
    assert _statuses(holding)[plan.hash] is HeldPlanStatus.APPLIED


def test_approved_rename_to_another_address_is_another_plan(world: World) -> None:
    """What is approved is a change to one address; a further rename is held anew."""
    people = world.staffed(180)
    for person in people[:55]:
        world.directory.rename(person, email=f"first-{person.email}")
    world.run()
    plan = world.waiting_plan()
    world.directory.rename(people[0], email="second@acme.example")
    with pytest.raises(StalePlan):
        world.approve(plan)


def _die_before_writing(world: World, monkeypatch: pytest.MonkeyPatch, plan: HeldPlan) -> None:
    """Approve, and die when the approval is written and the first account is not."""
    commit = type(world.storage).commit

    def die(storage: Any, claim: Any, batch: Any) -> Any:
        if batch.writes:
            raise KeyboardInterrupt
        return commit(storage, claim, batch)

    with monkeypatch.context() as patched:
        patched.setattr(type(world.storage), "commit", die)
        with pytest.raises(KeyboardInterrupt):
            world.approve(plan)
    assert len(world.live()) == len(world.people)


def test_approval_cut_short_is_finished_by_the_next_run(holding: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between approval and application loses nothing: the approval stands, and the next run acts on it."""
    plan = holding.waiting_plan()
    _die_before_writing(holding, monkeypatch, plan)
    assert _statuses(holding)[plan.hash] is HeldPlanStatus.APPROVED
    run = holding.run()
    assert (run.verdict, run.counts.deleted) == (Verdict.COMPLETE, 10)
    assert _statuses(holding)[plan.hash] is HeldPlanStatus.APPLIED


def test_approval_cut_short_may_be_repeated(holding: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever saw the crash may approve again, and the first decision stays on record."""
    plan = holding.waiting_plan()
    _die_before_writing(holding, monkeypatch, plan)
    assert holding.approve(plan).counts.deleted == 10


def test_approval_cut_short_holds_only_until_it_expires(holding: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An approval that nobody acted on in time is worth nothing: approving again is refused, a run holds anew."""
    plan = holding.waiting_plan()
    _die_before_writing(holding, monkeypatch, plan)
    holding.clock.advance(days=7)
    with pytest.raises(PlanExpired):
        holding.approve(plan)
    run = holding.run()
    assert (run.verdict, run.counts.deleted, run.counts.held) == (Verdict.HELD, 0, 10)
    assert holding.approve(holding.waiting_plan()).counts.deleted == 10


@pytest.mark.parametrize("damage", [b"", b"\x01garbage", None], ids=["emptied", "overwritten", "another plan's"])
def test_damaged_plan_stops_no_run_and_is_held_anew(holding: World, damage: bytes | None) -> None:
    """A held plan that cannot be read is nobody's permission: runs go on, and what is called for is held again."""
    plan: HeldPlan = holding.waiting_plan()
    kept = holding.storage.document(TENANT, "held plan", plan.hash)
    value = kept.value[:-1] + bytes([kept.value[-1] ^ 1]) if damage is None else damage
    holding.storage.record(TENANT, documents=[PutDocument("held plan", plan.hash, value, kept.version)])
    holding.storage.record(TENANT, documents=[PutDocument("held plan", "0" * 32, kept.value, 0)])
    with pytest.raises(SealBroken):
        holding.approve(plan)
    assert holding.run().verdict is Verdict.HELD
    (again,) = holding.reconciler.held_plans(TENANT)
    assert (again.hash, again.status) == (plan.hash, HeldPlanStatus.WAITING)
    assert holding.approve(again).counts.deleted == 10
