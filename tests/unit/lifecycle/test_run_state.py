"""What a store remembers of a tenant's runs, and what of it a failed run must not touch."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import NewerSchema, StorageUnavailable
from smartify_core.lifecycle import Counts, Effect, QuarantineRecord, Reconciler, RunState, Verdict, _run_state
from smartify_core.lifecycle._run_state import Tally
from smartify_core.model import PutDocument
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import
NOW = datetime(2030, 1, 10, 12, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


def test_tenant_without_runs_is_remembered_as_nothing(world: World) -> None:
    """Before the first run there is no trust, no verdict and no time."""
    assert _run_state.load(world.storage, TENANT) == (RunState(), 0)


def test_run_is_remembered(world: World) -> None:
    """A run leaves when it began and ended, how, and what it did."""
    world.staffed(3)
    world.clock.advance(hours=1)
    world.run()
    state, now = world.state(), world.clock()
    assert (state.last_started_at, state.last_finished_at, state.last_full_at, state.converged_at) == (now,) * 4
    assert (state.verdict, state.error_code, state.failures, state.trusted) == (Verdict.COMPLETE, None, 0, True)
    assert state.counts == Counts(unchanged=3)


def test_failures_in_a_row_are_counted(world: World) -> None:
    """Each failed run adds one and leaves its error's code; what was true before stays, and success begins anew."""
    world.staffed(3)
    converged = world.state().converged_at
    world.clock.advance(hours=1)
    world.directory.fail_next("rejected", times=3)
    for number in range(1, 4):
        (run,) = world.reconciler.run_each()
        state = world.state()
        assert run.verdict is Verdict.FAILED
        assert (state.verdict, state.error_code, state.failures) == (Verdict.FAILED, "SC202", number)
        assert (state.converged_at, state.last_full_at, state.trusted) == (converged, converged, True)
    world.run()
    assert (world.state().failures, world.state().error_code) == (0, None)


def test_foreign_exception_is_noted_as_a_failure(world: World) -> None:
    """Whatever a source raises, the store says that the run failed, and quotes nothing of it."""

    class Breaks(FakeDirectory):
        def snapshot(self, **_: Any) -> Any:
            raise RuntimeError("ada@acme.example")

    reconciler = Reconciler({TENANT: Breaks()}, world.storage, world.sealer, clock=world.clock)
    (run,) = reconciler.run_each()
    assert run.verdict is Verdict.FAILED
    assert "ada" not in str(run.error)
    assert (world.state().failures, world.state().error_code) == (1, "SC000")
    assert b"ada" not in world.storage.document(TENANT, "run", "state").value


def test_held_run_does_not_count_as_converged(world: World) -> None:
    """While something is held, the time of the last convergence stands still, so that an alarm can be raised by it."""
    one, *_ = world.staffed(3)
    before = world.clock()
    world.directory.delete(one)
    world.directory.uncertain_next(one, times=2)
    for _ in range(2):
        world.clock.advance(hours=5)
        assert world.run().verdict is Verdict.HELD
    assert world.state().converged_at == before
    world.run()
    assert world.state().converged_at == world.clock()


@pytest.fixture
def inherited(world: World) -> World:
    """Return a tenant that has accounts and no memory of runs, as one whose store an older version wrote."""
    world.staffed(4)
    version = _run_state.load(world.storage, TENANT)[1]
    world.storage.record(TENANT, documents=[PutDocument("run", "state", None, version)])
    return world


def test_first_run_over_accounts_that_were_there_deletes_nobody(inherited: World) -> None:
    """Accounts of which no run has shown yet that they belong to this directory are not deleted unasked."""
    inherited.directory.delete(inherited.people[0])
    inherited.directory.suspend(inherited.people[1])
    run = inherited.run()
    assert (run.verdict, run.counts.deleted, run.counts.deactivated) == (Verdict.HELD, 0, 1)
    assert "before" in run.held[0].reason
    assert not inherited.state().trusted
    assert inherited.run().counts.deleted == 0
    assert inherited.approve(inherited.waiting_plan()).counts.deleted == 1
    assert inherited.state().trusted


def test_run_with_nothing_held_gives_trust(inherited: World) -> None:
    """Once a run ended with nothing held, deletions go through as ever."""
    inherited.run()
    inherited.directory.delete(inherited.people[0])
    assert inherited.run().counts.deleted == 1


def test_failed_run_gives_no_trust(inherited: World) -> None:
    """A run that failed, and a refresh, have not shown that the accounts belong to the directory."""
    inherited.directory.fail_next("unavailable")
    list(inherited.reconciler.run_each())
    inherited.refresh(inherited.people[1])
    assert not inherited.state().trusted
    inherited.directory.delete(inherited.people[0])
    assert inherited.refresh(inherited.people[0]).counts.deleted == 0
    assert inherited.run().counts.deleted == 0


def test_newer_memory_is_refused(world: World) -> None:
    """What a newer version wrote is not guessed at, and the tenant is left alone."""
    content = json.dumps({"v": 99}).encode()
    world.storage.record(TENANT, documents=[PutDocument("run", "state", content, 0)])
    with pytest.raises(NewerSchema):
        world.run()
    assert world.storage.document(TENANT, "run", "state").value == content


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"v": 1}', b'{"v": "x"}', b"\xff"])
def test_damaged_memory_is_named(world: World, content: bytes) -> None:
    """Bytes that no version writes are an error of the store, and nothing is written over them."""
    world.storage.record(TENANT, documents=[PutDocument("run", "state", content, 0)])
    with pytest.raises(StorageUnavailable, match="damaged"):
        world.run()
    assert world.storage.document(TENANT, "run", "state").value == content


# --- the window ----------------------------------------------------------------------------------------------------


def test_effect_counts_for_as_long_as_its_hour_touches_the_window() -> None:
    """Nothing is forgotten too early: an hour leaves the window when its last moment does."""
    state = RunState().tallied([Effect.DELETE], NOW, WEEK)
    assert state.in_window(NOW + WEEK, WEEK)[Effect.DELETE] == 1
    assert state.in_window(NOW + WEEK + timedelta(minutes=29), WEEK)[Effect.DELETE] == 1
    assert not state.in_window(NOW + WEEK + timedelta(minutes=30), WEEK)


moments = st.lists(
    st.tuples(st.integers(0, 30 * 24 * 60), st.lists(st.sampled_from(Effect), max_size=4)), max_size=30
).map(lambda history: sorted(history, key=lambda moment: moment[0]))


@given(moments)
def test_tallies_count_everything_in_the_window_and_stay_few(history: list[tuple[int, list[Effect]]]) -> None:
    """Against a full history the window is never short of one effect, over by less than an hour's, and bounded."""
    state, done = RunState(), []
    for minute, effects in history:
        now = NOW + timedelta(minutes=minute)
        state = state.tallied(effects, now, WEEK)
        done += [(now, effect) for effect in effects]
        seen = sum(state.in_window(now, WEEK).values())
        exactly = sum(now - when < WEEK for when, _ in done)
        generously = sum(now - when < WEEK + timedelta(hours=1) for when, _ in done)
        assert exactly <= seen <= generously
        assert len(state.tallies) <= 7 * 24 + 2


@given(
    st.builds(
        RunState,
        trusted=st.booleans(),
        last_started_at=st.none() | st.just(NOW),
        verdict=st.none() | st.sampled_from(Verdict),
        failures=st.integers(0, 9),
        counts=st.builds(Counts, held=st.integers(0, 9)),
        held_plan=st.none() | st.just("0" * 32),
        quarantine=st.lists(
            st.builds(QuarantineRecord, st.text(), st.text(), st.just(NOW), st.just(1), st.just(NOW))
        ).map(tuple),
        tallies=st.lists(
            st.builds(Tally, st.just(NOW), st.dictionaries(st.sampled_from(Effect), st.integers(1, 9)))
        ).map(tuple),
    )
)
def test_memory_comes_back_as_it_was_written(state: RunState) -> None:
    """Writing and loading is the identity."""
    storage = MemoryStorage()
    storage.record(TENANT, documents=[_run_state.put(state, over=0)])
    assert _run_state.load(storage, TENANT) == (state, 1)
