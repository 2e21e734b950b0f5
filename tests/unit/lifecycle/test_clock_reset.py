"""What a worker whose clock ran years ahead leaves behind is brought back to the present, and nothing else is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from smartify_core.errors import (
    ClockNotAhead,
    ClockWentBackwards,
    LeaseHeld,
    LeaseLost,
    PlanExpired,
    SealBroken,
    UsageError,
)
from smartify_core.lifecycle import ClockReset, Effect, HeldPlanStatus, QuarantineRecord, RunState, Verdict, _run_state
from smartify_core.lifecycle._clock_reset import brought_back
from smartify_core.lifecycle._lease import CLOCK_TOLERANCE, LEASE_TTL
from smartify_core.lifecycle._run_state import Tally
from smartify_core.lifecycle.schedule import status
from smartify_core.model import Batch, PutDocument
from smartify_core.testing import identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import
AHEAD = timedelta(days=3 * 365)
TICK = timedelta(microseconds=1)
NOW = datetime(2030, 1, 10, 12, 30, tzinfo=UTC)


def reset(world: World, **options: Any) -> ClockReset:
    """Have olga reset the tenant's clock."""
    found = world.reconciler.reset_clock(TENANT, by="olga", reason="host 7 had a dead battery", **options)
    assert isinstance(found, ClockReset)
    return found


def ahead(world: World, act: Callable[[], Any]) -> Any:
    """Do something under a clock that runs years ahead."""
    world.clock.advance(AHEAD)
    try:
        return act()
    finally:
        world.clock.advance(-AHEAD)


def seen(world: World) -> Any:
    """Return all that a reset might write."""
    documents = [list(world.storage.documents(TENANT, kind)) for kind in ("run", "held plan", "clock reset")]
    return world.storage.tenant(TENANT), documents


def remember(world: World, **changes: Any) -> None:
    """Have the store remember something else of the tenant's runs."""
    state, version = _run_state.load(world.storage, TENANT)
    world.storage.record(TENANT, documents=[_run_state.put(evolve(state, **changes), over=version)])


def test_lease_of_a_dead_worker_is_taken_over(world: World) -> None:
    """After the reset the tenant runs; whoever still worked under the old claim can write nothing any more."""
    world.directory.add(identity("ada"))
    old = ahead(world, lambda: world.storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL))
    with pytest.raises(LeaseHeld):
        world.run()
    done = reset(world)
    assert dict(done.found) == {"lease": old.expires_at}
    with pytest.raises(LeaseLost):
        world.storage.commit(old, Batch(entries=(b"late",)))
    with pytest.raises(LeaseLost):
        world.storage.renew(old, now=old.expires_at, ttl=LEASE_TTL)
    record = world.storage.tenant(TENANT)
    assert (record.fence, record.expires_at, record.due_at) == (old.fence + 1, None, None)
    assert world.run().counts.provisioned == 1


def test_run_state_of_a_successful_run_is_brought_back(world: World) -> None:
    """After a run that ended well under a clock years ahead, a reset lets the next one begin."""
    world.staffed(2)
    ahead(world, world.run)
    with pytest.raises(ClockWentBackwards) as caught:
        world.run()
    assert "reset the clock" in (caught.value.cure or "")
    assert set(reset(world).found) == {"last_started_at", "last_finished_at", "last_full_at", "converged_at"}
    state, now = world.state(), world.clock()
    assert {state.last_started_at, state.last_finished_at, state.last_full_at, state.converged_at} == {now}
    assert (state.trusted, state.runs, state.verdict) == (True, 2, Verdict.COMPLETE)
    assert world.run().verdict is Verdict.COMPLETE


def test_nothing_is_done_twice(world: World) -> None:
    """A second reset finds nothing ahead, and writes nothing."""
    world.staffed(2)
    ahead(world, world.run)
    reset(world)
    before = seen(world)
    with pytest.raises(ClockNotAhead, match="SC115"):
        reset(world)
    assert seen(world) == before


def test_tenant_never_heard_of_stays_so(world: World) -> None:
    """Where nothing is on record, nothing lies ahead, and nothing comes into being."""
    with pytest.raises(ClockNotAhead):
        reset(world)
    assert list(world.storage.tenants()) == []


def test_name_and_reason_are_needed(world: World) -> None:
    """Without them, nothing is written."""
    ahead(world, lambda: world.storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL))
    before = seen(world)
    for by, reason in (("", "because"), ("olga", " ")):
        with pytest.raises(UsageError, match="a name and a reason"):
            world.reconciler.reset_clock(TENANT, by=by, reason=reason)
    assert seen(world) == before


@pytest.mark.parametrize("beyond", [timedelta(0), TICK])
def test_lease_lies_ahead_beyond_its_length_and_the_tolerance(world: World, beyond: timedelta) -> None:
    """The longest lease that an honest worker may have is not taken; one a microsecond longer is."""
    ttl = LEASE_TTL + CLOCK_TOLERANCE + beyond
    claim = world.storage.claim(TENANT, now=world.clock(), ttl=ttl)
    if beyond:
        assert dict(reset(world).found) == {"lease": claim.expires_at}
        return
    before = seen(world)
    with pytest.raises(ClockNotAhead):
        reset(world)
    assert seen(world) == before
    world.storage.commit(claim, Batch())


def test_lease_of_an_honest_worker_is_not_taken_for_what_else_lies_ahead(world: World) -> None:
    """While somebody works under a lease of the usual length, a reset waits, and writes nothing."""
    world.staffed(2)
    ahead(world, world.run)
    claim = world.storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL)
    before = seen(world)
    with pytest.raises(LeaseHeld, match="no longer than leases are"):
        reset(world)
    assert seen(world) == before
    world.storage.commit(claim, Batch())
    world.clock.advance(LEASE_TTL)
    assert "last_started_at" in reset(world).found


def test_longer_lease_of_a_reconciler_is_its_measure(world: World) -> None:
    """Where leases are configured to last for hours, one of that length does not lie ahead."""
    world.storage.claim(TENANT, now=world.clock(), ttl=timedelta(hours=5))
    patient = type(world.reconciler)(
        {TENANT: world.directory}, world.storage, world.sealer, clock=world.clock, lease_ttl=timedelta(hours=5)
    )
    with pytest.raises(ClockNotAhead):
        patient.reset_clock(TENANT, by="olga", reason="because")
    assert "lease" in reset(world).found


def test_honest_worker_who_comes_between_is_not_robbed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the old worker ends and another one claims while a reset looks, the reset is refused, not the other one."""
    old = ahead(world, lambda: world.storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL))
    honest: list[Any] = []
    renew = type(world.storage).renew

    def late(storage: Any, claim: Any, **options: Any) -> Any:
        storage.release(old)
        honest.append(storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL))
        return renew(storage, claim, **options)

    monkeypatch.setattr(type(world.storage), "renew", late)
    with pytest.raises(LeaseLost):
        reset(world)
    world.storage.commit(honest[0], Batch())


def test_shorter_lease_of_a_reconciler_is_not_its_measure(world: World) -> None:
    """A scheduler claims for ten minutes whatever its reconciler renews for, so such a lease does not lie ahead."""
    world.storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL)
    hasty = type(world.reconciler)(
        {TENANT: world.directory}, world.storage, world.sealer, clock=world.clock, lease_ttl=timedelta(seconds=1)
    )
    with pytest.raises(ClockNotAhead):
        hasty.reset_clock(TENANT, by="olga", reason="because")


@pytest.mark.parametrize("beyond", [timedelta(0), TICK])
def test_instants_within_the_tolerance_do_not_lie_ahead(world: World, beyond: timedelta) -> None:
    """What two honest clocks may differ by is no reason for a reset."""
    world.staffed(1)
    remember(world, last_started_at=world.clock() + CLOCK_TOLERANCE + beyond)
    if beyond:
        assert list(reset(world).found) == ["last_started_at"]
        return
    with pytest.raises(ClockNotAhead):
        reset(world)


@pytest.mark.parametrize(
    ("every", "due_in"), [(timedelta(minutes=15), timedelta(hours=6)), (timedelta(days=30), timedelta(days=60))]
)
def test_due_time_lies_ahead_beyond_period_and_backoff(world: World, every: timedelta, due_in: timedelta) -> None:
    """A tenant that is due later than its period or its failures explain is due now; the last honest instant stays."""
    due = world.clock() + due_in + CLOCK_TOLERANCE
    world.storage.schedule({TENANT: due})
    with pytest.raises(ClockNotAhead):
        reset(world, every=every)
    assert world.storage.tenant(TENANT).due_at == due
    world.storage.schedule({TENANT: due + TICK})
    assert dict(reset(world, every=every).found) == {"due": due + TICK}
    assert world.storage.tenant(TENANT).due_at == world.clock()


def test_without_a_period_the_longest_one_counts(world: World) -> None:
    """A due time three years ahead is beyond any period; one in a year is not, however absurd `every` is."""
    world.storage.schedule({TENANT: world.clock() + timedelta(days=366)})
    for options in ({}, {"every": timedelta.max}):
        with pytest.raises(ClockNotAhead):
            reset(world, **options)
    world.storage.schedule({TENANT: world.clock() + AHEAD})
    assert list(reset(world).found) == ["due"]


def test_scheduled_tenant_is_due_at_once_whatever_lay_ahead(world: World) -> None:
    """A reset tenant that is scheduled has its next run now; one that was due before keeps its place in the queue."""
    world.staffed(1)
    for due_in, wanted in ((timedelta(minutes=9), timedelta(0)), (timedelta(minutes=-9), timedelta(minutes=-9))):
        ahead(world, world.run)
        world.storage.schedule({TENANT: world.clock() + due_in})
        reset(world)
        assert world.storage.tenant(TENANT).due_at == world.clock() + wanted


def test_effects_of_hours_to_come_count_in_the_present_one() -> None:
    """Whatever is tallied ahead is added to the present hour: to the window it is as much as before, not forever."""
    hour = NOW.replace(minute=0)
    early, week = hour - timedelta(days=2), timedelta(days=7)
    state = RunState(
        tallies=(
            Tally(early, {Effect.DELETE: 1}),
            Tally(hour, {Effect.DELETE: 2}),
            Tally(hour + timedelta(hours=1), {Effect.RENAME: 3}),
            Tally(hour + AHEAD, {Effect.DELETE: 4, Effect.CREATE: 5}),
        )
    )
    back = brought_back(state, NOW)
    assert back.tallies == (
        Tally(early, {Effect.DELETE: 1}),
        Tally(hour, {Effect.DELETE: 6, Effect.RENAME: 3, Effect.CREATE: 5}),
    )
    assert back.in_window(NOW, week) == state.in_window(NOW, week)
    assert brought_back(back, NOW) == back
    assert not back.in_window(NOW + timedelta(days=8), week)


def test_guards_get_no_room_by_a_reset(world: World) -> None:
    """What a run under a wrong clock used up of the window is used up in the present window."""
    people = world.staffed(40)
    for person in people[:8]:
        world.directory.delete(person)
    assert ahead(world, world.run).counts.deleted == 8
    assert "tallies" in reset(world).found
    for person in people[8:16]:
        world.directory.delete(person)
    run = world.run()
    assert (run.verdict, run.counts.deleted) == (Verdict.HELD, 0)


def test_state_that_does_not_lie_ahead_stays_as_it_is() -> None:
    """Instants of the past, and retries that are due by right, are not touched."""
    then = NOW - timedelta(hours=3)
    state = RunState(
        began_at=then,
        last_started_at=then,
        last_finished_at=NOW,
        converged_at=then,
        quarantine=(QuarantineRecord("s1", "no address", then, 2, NOW + timedelta(days=1)),),
        tallies=(Tally(NOW.replace(minute=0), {Effect.CREATE: 1}),),
    )
    assert brought_back(state, NOW) == state


def test_first_load_is_not_under_way_for_years(world: World) -> None:
    """The first change, if it lies ahead, counts as made now: guards that wait for the load to end come on in a day."""
    remember(world, trusted=True, began_at=world.clock() + AHEAD)
    reset(world)
    assert world.state().began_at == world.clock()
    world.clock.advance(days=1)
    assert not world.state().is_loading(world.clock())


def test_records_that_are_set_aside_are_tried_again_now(world: World) -> None:
    """A retry years ahead is due now, and the record counts as set aside since now."""
    now = world.clock()
    fine = QuarantineRecord("s1", "no address", now - timedelta(days=1), 7, now + timedelta(days=1))
    far = QuarantineRecord("s2", "no address", now + AHEAD, 1, now + AHEAD + timedelta(hours=1))
    remember(world, quarantine=(fine, far))
    assert list(reset(world).found) == ["quarantine"]
    assert world.reconciler.quarantined(TENANT) == (fine, evolve(far, since=now, retry_at=now))


def test_retry_within_a_day_does_not_lie_ahead(world: World) -> None:
    """The longest wait of a record that was set aside is no reason for a reset."""
    now = world.clock()
    record = QuarantineRecord("s1", "no address", now, 7, now + timedelta(days=1))
    remember(world, quarantine=(record,))
    with pytest.raises(ClockNotAhead):
        reset(world)
    assert world.reconciler.quarantined(TENANT) == (record,)


def held_ahead(world: World) -> Any:
    """Have a run under a wrong clock hold a plan, and return it."""
    people = world.staffed(30)
    for person in people[:10]:
        world.directory.delete(person)
    ahead(world, world.run)
    return world.waiting_plan()


def test_plan_held_ahead_is_held_now(world: World) -> None:
    """It may be approved for as long as any other plan from now on, and not for years."""
    plan = held_ahead(world)
    assert "held_plans" in reset(world).found
    back = world.waiting_plan()
    assert (back.hash, back.status, back.changes) == (plan.hash, HeldPlanStatus.WAITING, plan.changes)
    assert (back.held_at, back.expires_at) == (world.clock(), world.clock() + timedelta(days=7))
    world.clock.advance(days=7)
    with pytest.raises(PlanExpired):
        world.approve(back)


def test_plan_held_ahead_can_be_approved_after_a_reset(world: World) -> None:
    """Its hash stays, so the person who decides can go on, and the same changes are done."""
    plan = held_ahead(world)
    reset(world)
    assert world.approve(plan).counts.deleted == 10


def test_rejection_made_ahead_still_holds(world: World) -> None:
    """What somebody rejected under the wrong clock is not done by the next run, and the rejection is of today."""
    plan = held_ahead(world)
    ahead(world, lambda: world.reconciler.reject(TENANT, plan.hash, by="olga", reason="no"))
    reset(world)
    (back,) = world.reconciler.held_plans(TENANT)
    assert (back.status, back.decided_at, back.decided_by) == (HeldPlanStatus.REJECTED, world.clock(), "olga")
    assert world.run().counts.deleted == 0


def test_reset_is_kept_sealed_with_who_and_why(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An auditor gets each reset; store, log and repr tell neither the name nor the reason."""
    world.staffed(1)
    caplog.set_level(logging.WARNING)
    made = []
    for _ in range(2):
        ahead(world, world.run)
        made.append(reset(world))
        world.clock.advance(hours=1)
    kept = world.reconciler.clock_resets(TENANT)
    assert list(kept) == made
    assert [(one.by, one.reason) for one in kept] == [("olga", "host 7 had a dead battery")] * 2
    assert world.state().clock_reset_at == made[1].at
    (row,) = status(world.storage, world.clock)
    assert row.clock_reset_at == made[1].at
    told = [record.__dict__ for record in caplog.records if record.getMessage() == "clock reset"]
    assert [line["found"] for line in told] == [sorted(one.found) for one in made]
    documents = [one.value for one in world.storage.documents(TENANT, "clock reset")]
    assert not any(word in f"{documents}{told}{kept}" for word in ("olga", "battery"))


def test_damaged_reset_hides_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """One that cannot be read is left out, and told to the log."""
    world.staffed(1)
    for _ in range(2):
        ahead(world, world.run)
        reset(world)
    first, second = world.storage.documents(TENANT, "clock reset")
    world.storage.record(TENANT, documents=[PutDocument(first.kind, first.key, second.value, first.version)])
    assert len(world.reconciler.clock_resets(TENANT)) == 1
    assert caplog.records[-1].__dict__["code"] == SealBroken.code


def test_later_runs_keep_when_the_clock_was_reset(world: World) -> None:
    """A run does not forget the reset, and a state that was written before there were any reads as before."""
    world.staffed(1)
    ahead(world, world.run)
    at = reset(world).at
    world.run()
    assert world.state().clock_reset_at == at
    document = world.storage.document(TENANT, "run", "state")
    older = document.value.replace(f',"reset":"{at.isoformat()}"'.encode(), b"")
    assert older != document.value
    world.storage.record(TENANT, documents=[PutDocument("run", "state", older, document.version)])
    assert world.state().clock_reset_at is None


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["record", "schedule", "renew", "claim", "commit", "release"])
def test_reset_that_is_cut_short_is_mended_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool
) -> None:
    """Killed before or after any write, a reset that is done again mends the rest, and the attempt is on record."""
    held_ahead(world)
    ahead(world, lambda: world.storage.claim(TENANT, now=world.clock(), ttl=LEASE_TTL))
    world.storage.schedule({TENANT: world.clock() + timedelta(days=30)})
    whole = getattr(type(world.storage), step)

    def cut(*given: Any, **named: Any) -> None:
        if after:
            whole(*given, **named)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(type(world.storage), step, cut)
        if step != "release":
            patch.setattr(type(world.storage), "release", lambda *_, **__: None)  # as a dead process does not
        with pytest.raises(Killed):
            reset(world)
    world.clock.advance(LEASE_TTL)
    try:
        reset(world)
    except ClockNotAhead:
        assert step in {"commit", "release"}
    record, now = world.storage.tenant(TENANT), world.clock()
    assert record.due_at is not None
    assert record.due_at <= now
    assert record.expires_at is None or record.expires_at <= now
    assert world.waiting_plan().expires_at <= now + timedelta(days=7)
    assert world.reconciler.clock_resets(TENANT)
    assert world.run().verdict is Verdict.HELD
