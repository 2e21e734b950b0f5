"""One bad record is set aside with its own retry, and never stops the run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from smartify_core.lifecycle import Verdict
from smartify_core.testing import identity

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def test_bad_record_degrades_the_run_and_nothing_else(world: World) -> None:
    """Everybody else is brought in step; whoever cannot be read keeps what they had, and is remembered."""
    bad, other, *_ = world.staffed(4)
    world.directory.rename(bad, given_name="Unread")
    world.directory.rename(other, given_name="Read")
    world.directory.reject_next(bad)
    run = world.run()
    assert (run.verdict, run.counts.updated, run.counts.quarantined) == (Verdict.DEGRADED, 1, 1)
    assert world.live()[bad.source_id].personal.given_name == bad.given_name
    state = world.state()
    (record,) = state.quarantine
    assert (record.source_id, record.since, record.attempts) == (bad.source_id, world.clock(), 1)
    assert "the email is missing" in record.problem
    assert (state.verdict, state.converged_at) == (Verdict.DEGRADED, world.clock())


def test_newcomer_whose_record_is_bad_is_set_aside(world: World) -> None:
    """Somebody without an account gets none from a record that cannot be used, and one when it can."""
    world.staffed(2)
    bad = identity("bad")
    world.directory.add(bad)
    world.directory.reject_next(bad)
    assert world.run().counts.quarantined == 1
    assert bad.source_id not in world.live()
    assert world.run().counts.provisioned == 1
    assert world.state().quarantine == ()


def test_retries_come_later_and_later(world: World) -> None:
    """Since when stays, attempts grow, and the next try is one hour off, then two, four, and so on up to a day."""
    bad = world.staffed(4)[0]
    began = world.clock()
    waits = []
    world.directory.reject_next(bad, times=8)
    for attempt in range(1, 9):
        world.run()
        (record,) = world.state().quarantine
        assert (record.since, record.attempts) == (began, attempt)
        waits.append((record.retry_at - world.clock()) / timedelta(hours=1))
        world.clock.advance(record.retry_at - world.clock())
    assert waits == [1, 2, 4, 8, 16, 24, 24, 24]


def test_mended_record_leaves_the_quarantine(world: World) -> None:
    """Once a record can be used the quarantine forgets it; a later fault begins anew."""
    bad = world.staffed(4)[0]
    world.directory.reject_next(bad, times=2)
    world.run()
    world.run()
    assert world.run().verdict is Verdict.COMPLETE
    assert world.state().quarantine == ()
    world.directory.reject_next(bad)
    world.run()
    assert world.state().quarantine[0].attempts == 1


def test_each_record_has_its_own_retry(world: World) -> None:
    """A record that fails later does not share the time of one that failed before."""
    one, two, *_ = world.staffed(4)
    world.directory.reject_next(one)
    world.run()
    world.clock.advance(hours=1)
    world.directory.reject_next(one, two)
    world.run()
    assert {record.source_id: record.attempts for record in world.state().quarantine} == {
        one.source_id: 2,
        two.source_id: 1,
    }


@pytest.mark.parametrize("mended", [True, False])
def test_refresh_speaks_of_its_person_only(world: World, *, mended: bool) -> None:
    """A refresh takes the person it could read out of the quarantine, and nobody else; nor one who stays unreadable."""
    one, two, *_ = world.staffed(4)
    world.directory.reject_next(one, two)
    world.run()
    before = world.state()
    if not mended:
        world.directory.reject_next(one)
    world.refresh(one)
    after = world.state()
    kept = {record.source_id for record in after.quarantine}
    assert kept == ({two.source_id} if mended else {one.source_id, two.source_id})
    assert (after.verdict, after.counts, after.last_full_at) == (before.verdict, before.counts, before.last_full_at)


def test_record_that_a_cut_read_did_not_reach_stays_set_aside(world: World) -> None:
    """A read that ends before the bad record does not show that it was mended."""
    bad = world.staffed(4)[-1]
    last = max(world.people, key=lambda person: person.source_id)
    world.directory.reject_next(last)
    world.run()
    world.directory.truncate_next("users", keep=1)
    world.run()
    assert [record.source_id for record in world.state().quarantine] == [last.source_id]
    world.run()
    assert world.state().quarantine == ()
    assert bad.source_id in world.live()


def test_bad_record_does_not_hide_a_departure(world: World) -> None:
    """Whoever is set aside is not counted as missing, and who is missing is still looked into."""
    bad, leaver, *_ = world.staffed(4)
    world.directory.reject_next(bad)
    world.directory.delete(leaver)
    run = world.run()
    assert (run.verdict, run.counts.deleted, run.counts.quarantined) == (Verdict.DEGRADED, 1, 1)
    assert bad.source_id in world.live()


def test_quarantine_names_no_address(world: World) -> None:
    """What the store remembers of a quarantine, and what a run shows, are ids and problems."""
    bad = world.staffed(4)[0]
    world.directory.reject_next(bad)
    run = world.run()
    document = world.storage.document(TENANT, "run", "state")
    assert bad.email.encode() not in document.value
    assert bad.email not in repr(run)
