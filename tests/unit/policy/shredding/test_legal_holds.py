"""Legal holds: who is under one loses access and nothing else, until it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from smartify_core.errors import AuditUnavailable, HoldInvalid, OffBoarded, StalePlan, UnderLegalHold, UnknownHold
from smartify_core.lifecycle import ChangeKind, Counts, History, Rules, load_plan, save_plan
from smartify_core.lifecycle import _commits as commits
from smartify_core.lifecycle import _planner as planner
from smartify_core.lifecycle._holds import Holding
from smartify_core.model import (
    LEGAL_HOLD,
    SUBJECT_KEY,
    AccountState,
    Batch,
    Claim,
    InactiveReason,
    PutDocument,
    Receipt,
)
from smartify_core.policy import LONGEST_REASON
from smartify_core.policy._reasons import Reasons
from smartify_core.policy.audit import Trail
from smartify_core.storage.memory import MemoryStorage

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def test_who_is_held_is_deactivated_and_waits(world: World) -> None:
    """Who is held and leaves is inactive as one whose retention runs, and later runs leave them; the plan says why."""
    world.staffed("ada", "bob")
    world.hold("ada")
    world.directory.delete("ada")
    (change,) = world.reconciler().plan(TENANT).changes
    assert (change.kind, change.source_id) == (ChangeKind.DEACTIVATE, "ada")
    assert change.rule.startswith("legal hold")
    assert world.run().counts == Counts(deactivated=1, unchanged=2)
    account = world.account("ada")
    assert (account.state, account.inactive_reason) == (AccountState.INACTIVE, InactiveReason.DELETED)
    world.clock.advance(days=400)
    assert world.run().counts == Counts(unchanged=3)
    assert world.account("ada") == account
    assert [entry.rule for entry in History(world.storage).of(TENANT)][-1] == change.rule


def test_the_next_run_after_a_release_deletes(world: World) -> None:
    """Who waited under a hold is deleted by the first run after it was released."""
    world.staffed("ada", "bob")
    world.seal("ada")
    world.hold("ada")
    world.leave("ada")
    world.release("ada")
    assert world.is_here("ada")
    assert world.run().counts == Counts(deleted=1, unchanged=2)
    assert not world.storage.documents(TENANT, SUBJECT_KEY)


@pytest.mark.parametrize(("beyond", "deleted"), [(-1, 0), (0, 1), (1, 1)])
def test_a_hold_ends_by_itself(world: World, beyond: int, deleted: int) -> None:
    """A hold with an end holds until one microsecond before it, and no longer."""
    world.staffed("ada", "bob")
    until = world.clock() + timedelta(days=30)
    world.holds.place(TENANT, "ada", by="counsel", reason="a lawsuit", until=until)
    world.leave("ada")
    world.clock.advance(until + timedelta(microseconds=beyond) - world.clock())
    assert world.run().counts.deleted == deleted


def test_a_hold_on_the_tenant_holds_everybody(world: World) -> None:
    """Under a hold on the whole tenant nobody is deleted, and those who come later are held too."""
    world.staffed("ada", "bob", "carl")
    world.hold()
    world.staffed("dora")
    assert world.leave("ada", "dora").counts == Counts(deactivated=2, unchanged=3)
    world.release()
    assert world.run().counts == Counts(deleted=2, unchanged=3)


def test_a_hold_outlasts_a_retention(world: World) -> None:
    """Who waits for the end of a retention and is held then waits for the end of both."""
    world.rules = Rules(retain_for=timedelta(days=2))
    world.staffed("ada", "bob")
    world.leave("ada")
    world.hold("ada")
    world.clock.advance(days=3)
    assert world.run().counts.deleted == 0
    world.release("ada")
    assert world.run().counts.deleted == 1


def test_who_comes_back_under_a_hold_has_the_same_account(world: World) -> None:
    """Somebody who is held, deleted and undeleted is active again, as the account that they were."""
    world.staffed("ada", "bob")
    before = world.account("ada").account_id
    world.hold("ada")
    world.leave("ada")
    world.directory.undelete("ada")
    assert world.run().counts == Counts(reactivated=1, unchanged=2)
    assert world.account("ada").account_id == before


def test_a_refresh_honours_a_hold(world: World) -> None:
    """One person who is brought in step alone, and is held, is deactivated and not deleted."""
    world.staffed("ada", "bob")
    world.hold("ada")
    world.directory.delete("ada")
    assert world.reconciler().refresh(TENANT, "ada").counts.deactivated == 1
    assert world.is_here("ada")


def test_a_plan_from_before_the_hold_is_refused(world: World) -> None:
    """A plan that would delete somebody is stale once they are held, also where it comes from a file."""
    world.staffed("ada", "bob")
    world.directory.delete("ada")
    plan = world.reconciler().plan(TENANT)
    assert plan.counts.deleted == 1
    world.hold("ada")
    with pytest.raises(StalePlan):
        world.reconciler().apply(plan)
    assert world.is_here("ada")


def test_a_saved_plan_from_before_the_hold_is_refused(world: World, tmp_path: Any) -> None:
    """A plan that was saved and is loaded again does not outlive a hold either."""
    world.staffed("ada", "bob")
    world.directory.delete("ada")
    save_plan(world.reconciler().plan(TENANT), tmp_path / "plan", world.sealer)
    world.hold("ada")
    with pytest.raises(StalePlan):
        world.reconciler().apply(load_plan(tmp_path / "plan", world.sealer, tenant=TENANT))
    assert world.is_here("ada")


# --- while a run is under way -----------------------------------------------------------------------------------------


def _placed_at_the_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Place a hold right before a run, which has looked for one, commits a deletion; nothing may go."""
    world.staffed("ada", "bob", "carl")
    whole, placed = MemoryStorage.commit, list[int]()

    def commit(self: MemoryStorage, claim: Claim, batch: Batch) -> Receipt:
        if batch.writes and not placed:
            placed.append(1)
            world.hold("ada")
        return whole(self, claim, batch)

    monkeypatch.setattr(MemoryStorage, "commit", commit)
    world.directory.delete("ada")
    with pytest.raises(StalePlan, match="legal hold"):
        world.run()
    assert world.is_here("ada")
    assert world.run().counts == Counts(deactivated=1, unchanged=3)


def test_a_hold_that_is_placed_at_the_last_moment_holds(in_memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a run's look for holds and its commit there is no gap: the commit is refused, and the run looks again."""
    _placed_at_the_commit(in_memory, monkeypatch)


def test_a_hold_that_leaves_the_run_state_alone_is_noticed(in_memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the touch of the run's state the same scenario loses the account."""
    whole = MemoryStorage.record

    def record(self: MemoryStorage, tenant: str, *, documents: Any = (), appends: Any = ()) -> None:
        kept = [one for one in documents if one.kind != "run"]
        whole(self, tenant, documents=kept, appends=appends)

    monkeypatch.setattr(MemoryStorage, "record", record)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        _placed_at_the_commit(in_memory, monkeypatch)


def test_a_hold_on_somebody_else_does_not_disturb_a_run(in_memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that meets a hold on somebody who stays goes on and does what it planned."""
    world = in_memory
    world.staffed("ada", "bob", "carl")
    whole, placed = MemoryStorage.commit, list[int]()

    def commit(self: MemoryStorage, claim: Claim, batch: Batch) -> Receipt:
        if batch.writes and not placed:
            placed.append(1)
            world.hold("bob")
        return whole(self, claim, batch)

    monkeypatch.setattr(MemoryStorage, "commit", commit)
    assert world.leave("ada").counts == Counts(deleted=1, unchanged=3)


def _held_at_planning(world: World) -> None:
    world.staffed("ada", "bob")
    world.hold("ada")
    world.directory.delete("ada")
    assert world.reconciler().plan(TENANT).counts.deleted == 0


def _held_at_the_batch(world: World) -> None:
    world.staffed("ada", "bob")
    world.directory.delete("ada")
    plan = world.reconciler().plan(TENANT)
    world.hold("ada")
    with pytest.raises(StalePlan):
        world.reconciler().apply(plan)


@pytest.mark.parametrize(
    ("where", "scenario"), [(planner, _held_at_planning), (commits, _held_at_the_batch)], ids=["planning", "batch"]
)
def test_an_engine_that_does_not_look_for_holds_is_noticed(
    in_memory: World, monkeypatch: pytest.MonkeyPatch, where: Any, scenario: Callable[[World], None]
) -> None:
    """Without one of the two looks the scenario that guards it fails."""
    monkeypatch.setattr(where, "holding", lambda *_: Holding())
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        scenario(in_memory)


# --- placing and releasing --------------------------------------------------------------------------------------------


def test_each_placing_and_release_is_in_the_trail_without_its_reason(world: World) -> None:
    """The trail names the account, who ordered it and until when; the reason is sealed, and opens for a reviewer."""
    world.staffed("ada", "bob")
    world.hold("ada")
    world.hold()
    world.release("ada")
    entries = list(world.trail.entries())
    assert [one.record.kind for one in entries] == ["legal-hold.placed", "legal-hold.placed", "legal-hold.released"]
    account_id = world.account("ada").account_id
    assert [one.record.subjects for one in entries] == [(account_id,), (), (account_id,)]
    assert {one.record.actor for one in entries} == {"counsel"}
    assert not any(b"Zebulon" in one.content for one in entries)
    reason = Reasons(world.storage, world.sealer).opened(
        TENANT, str(entries[0].record.facts["reason"]), subject=account_id
    )
    assert reason == "a lawsuit of Zebulon's"


def test_holds_are_told(world: World) -> None:
    """The holds of a tenant are told with who, why and until when; nothing of it is in their reprs."""
    world.staffed("ada", "bob")
    placed = {world.hold("ada"), world.hold()}
    assert set(world.holds.of(TENANT)) == placed
    assert "Zebulon" not in repr(placed)
    assert world.holds.is_held(TENANT, world.account("bob").account_id)
    world.release()
    assert not world.holds.is_held(TENANT, world.account("bob").account_id)
    assert world.holds.is_held(TENANT, world.account("ada").account_id)
    assert world.holds.is_held(TENANT)
    assert not world.holds.is_held("globex")


def test_a_hold_that_is_placed_again_has_the_new_end(world: World) -> None:
    """Placing a hold again prolongs it, and both times are on record."""
    world.staffed("ada", "bob")
    until = world.clock() + timedelta(days=1)
    world.holds.place(TENANT, "ada", by="counsel", reason="a lawsuit", until=until)
    world.holds.place(TENANT, "ada", by="counsel", reason="an appeal", until=until + timedelta(days=9))
    (hold,) = world.holds.of(TENANT)
    assert (hold.until, hold.reason) == (until + timedelta(days=9), "an appeal")
    assert len(world.told("legal-hold.placed")) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": " "},
        {"by": "Zebulon Counsel"},
        {"by": "counsel@host.example"},
        {"by": None},
        {"reason": ""},
        {"reason": None},
        {"reason": "x" * (LONGEST_REASON + 1)},
        {"until": "2999-01-01"},
        {"until": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))},
        {"until": datetime(2020, 1, 1, tzinfo=UTC)},
        {"until": datetime(2999, 1, 1)},  # noqa: DTZ001 - which is what is wrong with it
        {"source_id": "nobody"},
    ],
)
def test_a_hold_that_would_keep_nobody_is_refused(world: World, wrong: dict[str, Any]) -> None:
    """A hold without a name, a reason, a coming end or a living person is refused, and nothing is written."""
    world.staffed("ada")
    with pytest.raises(HoldInvalid):
        world.holds.place(TENANT, **{"source_id": "ada", "by": "counsel", "reason": "a lawsuit", **wrong})
    assert not world.storage.documents(TENANT, LEGAL_HOLD)
    assert world.trail.size == 0


def test_a_hold_has_the_longest_reason_and_the_latest_end(world: World) -> None:
    """The longest reason, in the longest characters, and the last instant that there is are kept and recorded."""
    world.staffed("ada")
    longest, last = "\U0001f512" * LONGEST_REASON, datetime.max.replace(tzinfo=UTC)
    world.holds.place(TENANT, "ada", by="counsel", reason=longest, until=last)
    assert [(one.reason, one.until) for one in world.holds.of(TENANT)] == [(longest, last)]
    assert len(world.told("legal-hold.placed")) == 1


@pytest.mark.parametrize("wrong", [{"by": "Zebulon Counsel"}, {"by": ""}, {"reason": " "}, {"reason": "x" * 2001}])
def test_a_release_says_who_and_why(world: World, wrong: dict[str, Any]) -> None:
    """What names nobody by an id, or gives no reason, releases nothing, and no word of it is on record."""
    world.staffed("ada")
    world.hold("ada")
    with pytest.raises(HoldInvalid) as refused:
        world.holds.release(TENANT, "ada", **{"by": "counsel", "reason": "settled", **wrong})
    assert "Zebulon" not in str(refused.value)
    assert len(world.holds.of(TENANT)) == 1
    assert not world.told("legal-hold.released")


def test_holds_on_strangers_are_refused(world: World) -> None:
    """A tenant that has nobody cannot be held, and what is not held is not released."""
    with pytest.raises(HoldInvalid):
        world.holds.place("globex", by="counsel", reason="a lawsuit")
    world.staffed("ada")
    with pytest.raises(UnknownHold):
        world.release("ada")
    assert world.trail.size == 0


def test_who_ended_while_the_hold_was_placed_is_not_held(in_memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold that comes a moment too late is refused, and leaves no document behind."""
    world = in_memory
    world.staffed("ada", "bob")
    whole, ended = MemoryStorage.record, list[int]()

    def record(self: MemoryStorage, tenant: str, *, documents: Any = (), appends: Any = ()) -> None:
        if not ended and any(one.kind == LEGAL_HOLD for one in documents):
            ended.append(1)
            world.leave("ada")
        whole(self, tenant, documents=documents, appends=appends)

    monkeypatch.setattr(MemoryStorage, "record", record)
    with pytest.raises(HoldInvalid):
        world.hold("ada")
    assert not world.storage.documents(TENANT, LEGAL_HOLD)


def test_a_hold_that_cannot_be_recorded_holds_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trail takes nothing, placing raises and the hold is there; a release raises, and it still is."""
    world.staffed("ada", "bob")

    def full(*_: object, **__: object) -> None:
        raise AuditUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Trail, "append", full)
        with pytest.raises(AuditUnavailable):
            world.hold("ada")
        with pytest.raises(AuditUnavailable):
            world.release("ada")
    assert world.leave("ada").counts.deactivated == 1
    world.hold("ada")
    assert len(world.told("legal-hold.placed")) == 1


def test_a_damaged_hold_holds(world: World) -> None:
    """A hold whose bytes were altered forbids what it forbade, and can be placed again."""
    world.staffed("ada", "bob")
    hold = world.hold("ada")
    world.storage.record(TENANT, documents=[PutDocument(LEGAL_HOLD, hold.key, b"damaged", 1)])
    assert world.holds.is_held(TENANT, hold.account_id)
    assert world.leave("ada").counts == Counts(deactivated=1, unchanged=2)
    world.hold("ada")
    world.release("ada")
    assert world.run().counts.deleted == 1


def test_a_hold_that_was_moved_to_another_account_is_damaged(world: World) -> None:
    """The bytes of one person's hold do not pass for another's."""
    world.staffed("ada", "bob")
    until = world.clock() + timedelta(days=1)
    world.holds.place(TENANT, "ada", by="counsel", reason="a lawsuit", until=until)
    held = world.hold("bob")
    (short,) = (one for one in world.storage.documents(TENANT, LEGAL_HOLD) if one.key != held.key)
    world.storage.record(TENANT, documents=[PutDocument(LEGAL_HOLD, held.key, short.value, 1)])
    world.clock.advance(days=2)
    assert world.leave("bob").counts.deleted == 0


def test_off_boarding_is_refused_while_a_hold_holds(world: World) -> None:
    """No tenant is off-boarded while anything of it is held, and it is served as before."""
    world.staffed("ada", "bob")
    world.hold("ada")
    with pytest.raises(UnderLegalHold):
        world.shredder.off_board(TENANT, by="olga", reason="the contract ended")
    assert world.is_here("ada")
    assert world.shredder.standing(TENANT) is None
    world.release("ada")
    world.shredder.off_board(TENANT, by="olga", reason="the contract ended")
    assert not world.is_here("ada")


def test_nobody_of_an_off_boarded_tenant_is_provisioned(world: World) -> None:
    """A run, a plan and a refresh of a tenant that is gone are refused, though its directory is still configured."""
    world.staffed("ada")
    world.shredder.off_board(TENANT, by="olga", reason="the contract ended")
    reconciler = world.reconciler()
    assert isinstance(next(reconciler.run_each([TENANT])).error, OffBoarded)
    for call in (reconciler.run, reconciler.plan):
        with pytest.raises(OffBoarded):
            call(TENANT)
    with pytest.raises(OffBoarded):
        reconciler.refresh(TENANT, "ada")
    assert world.storage.tenant(TENANT).accounts == 0


# --- while a tenant is off-boarded ------------------------------------------------------------------------------------


def test_a_hold_that_comes_while_an_off_boarding_begins_stops_it(
    in_memory: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hold that is there once the tenant stands as going stops the off-boarding, which is taken back, on record."""
    world = in_memory
    world.staffed("ada")
    whole = Trail.append

    def append(self: Trail, *records: Any, documents: Any = ()) -> Any:
        if records[0].kind == "tenant.off-boarding":
            world.hold("ada")
        return whole(self, *records, documents=documents)

    monkeypatch.setattr(Trail, "append", append)
    with pytest.raises(UnderLegalHold):
        world.shredder.off_board(TENANT, by="olga", reason="it ended")
    assert world.is_here("ada")
    assert world.shredder.standing(TENANT) is None
    assert len(world.told("tenant.off-boarding-stopped")) == 1


def test_a_hold_on_a_tenant_that_is_going_is_refused(in_memory: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the off-boarding has looked for holds none is placed any more: it would go with the tenant."""
    world = in_memory
    world.staffed("ada")
    whole, refused = MemoryStorage.erase_tenant, list[bool]()

    def erase_tenant(self: MemoryStorage, claim: Claim) -> None:
        for who in ("ada", None):
            with pytest.raises(HoldInvalid):
                world.hold(who)
            refused.append(True)
        whole(self, claim)

    monkeypatch.setattr(MemoryStorage, "erase_tenant", erase_tenant)
    world.shredder.off_board(TENANT, by="olga", reason="it ended")
    assert refused == [True, True]
    assert not world.storage.documents(TENANT)
