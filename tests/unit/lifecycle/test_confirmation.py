"""Nobody is removed on absence alone: the read must be whole, and the source must say of each that they are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from smartify_core.directory import Capability, Certificate, Findings, Gone, Presence, Present
from smartify_core.errors import SourceError
from smartify_core.lifecycle import Counts, Reconciler, Verdict
from smartify_core.testing import FakeDirectory

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def _reading(world: World, directory: FakeDirectory) -> Reconciler:
    return Reconciler({TENANT: directory}, world.storage, world.sealer, clock=world.clock)


class Altered(FakeDirectory):
    """A directory whose snapshots can be tampered with."""

    def alter(self, snapshot: Any) -> None:
        """Change the snapshot that was just begun."""

    def snapshot(self, **options: Any) -> Any:
        """Begin a read, altered."""
        snapshot = super().snapshot(**options)
        self.alter(snapshot)
        return snapshot


class VouchesForNothing(Altered):
    """A directory that shows everybody and certifies no listing."""

    def alter(self, snapshot: Any) -> None:
        """Have the read vouch for no listing."""
        snapshot.found = lambda: Findings(Certificate(()))


class SaysNothing(Altered):
    """A directory that leaves out of its answers whomever it is asked about."""

    def alter(self, snapshot: Any) -> None:
        """Have the read answer for nobody."""
        snapshot.answer = lambda _: {}


class SaysTooMuch(Altered):
    """A directory that declares everybody gone as soon as it is asked about one."""

    def alter(self, snapshot: Any) -> None:
        """Have the read answer for people who were not asked about."""
        people = [person.source_id for person in self.truth()]

        def answer(source_ids: Sequence[str]) -> Mapping[str, Presence]:
            return {source_id: Gone("said so") for source_id in (*source_ids, *people)}

        snapshot.answer = answer


def test_read_that_vouches_for_nothing_is_never_called_complete(world: World) -> None:
    """Without any listing to stand by, a read removes nobody, and its run is held although nobody was missing."""
    people = world.staffed(3)
    reconciler = _reading(world, VouchesForNothing(*people))
    run = reconciler.run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(unchanged=3))
    assert "vouches for no listing" in run.problems[0]
    run = _reading(world, VouchesForNothing(*people[1:])).run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(unchanged=2, held=1))


def test_unanswered_question_is_no_deletion(world: World) -> None:
    """Somebody about whom the source keeps silent is held."""
    people = world.staffed(3)
    run = _reading(world, SaysNothing(*people[1:])).run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(unchanged=2, held=1))


def test_answer_about_another_person_is_held(world: World) -> None:
    """A source that answers with somebody else confirms nothing about either."""
    people = world.staffed(3)

    class Confuses(Altered):
        def alter(self, snapshot: Any) -> None:
            snapshot.answer = lambda source_ids: dict.fromkeys(source_ids, Present(people[1]))

    run = _reading(world, Confuses(*people[1:])).run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(unchanged=2, held=1))
    assert "another person" in run.held[0].reason


def test_answers_about_people_who_were_not_asked_for_are_ignored(world: World) -> None:
    """Only who was missing can be confirmed as gone."""
    people = world.staffed(3)
    run = _reading(world, SaysTooMuch(*people[1:])).run(TENANT)
    assert run.counts == Counts(deleted=1, unchanged=2)


@pytest.mark.parametrize("listing", ["users", "groups", "members"])
def test_any_listing_cut_short_removes_nobody(world: World, listing: Any) -> None:
    """Whichever listing is not whole, nobody goes and no group is lost; the next whole read does both."""
    one, two, *_ = world.staffed(4, groups=["eng"])
    world.directory.delete(one)
    world.directory.remove_member(two, "eng")
    world.directory.truncate_next(listing)
    run = world.run()
    assert (run.verdict, run.counts.changes) == (Verdict.HELD, 0)
    assert run.problems[0].startswith(listing)
    assert world.run().counts == Counts(deleted=1, updated=1, unchanged=2)


def test_source_that_can_confirm_nothing_removes_nobody(world: World) -> None:
    """Without a deleted list and without single reads absence is held for ever, whoever approves of what."""
    people = world.staffed(3)
    directory = FakeDirectory(*people[1:], capabilities=frozenset({Capability.IMMUTABLE_IDS}))
    run = _reading(world, directory).run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(unchanged=2, held=1))
    assert run.held_plan is None


def test_deleted_list_alone_is_evidence(world: World) -> None:
    """A source that cannot be asked for one person may still prove a deletion; who merely vanished is held."""
    one, two, three = world.staffed(3)
    able = frozenset({Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE})
    directory = FakeDirectory(one, two, three, capabilities=able)
    directory.delete(one)
    directory.forget(two)
    run = _reading(world, directory).run(TENANT)
    assert (run.verdict, run.counts) == (Verdict.HELD, Counts(deleted=1, held=1, unchanged=1))
    assert two.source_id in world.live()


@pytest.mark.parametrize("moment", ["open", "read", "confirm"])
def test_error_at_any_moment_changes_nothing(world: World, moment: Any) -> None:
    """A source that fails while it is opened, read or asked leaves the accounts as they were."""
    one, two, *_ = world.staffed(4)
    world.directory.delete(one)
    world.directory.suspend(two)
    before = world.every()
    world.directory.fail_next("rejected", on=moment)
    with pytest.raises(SourceError):
        world.run()
    assert world.every() == before
    assert world.run().counts == Counts(deleted=1, deactivated=1, unchanged=2)


def test_world_that_moves_between_listing_and_confirmation(world: World) -> None:
    """Somebody deleted after the listing is seen by the next run; somebody undeleted after it is not deleted."""
    one, two, *_ = world.staffed(4)
    world.directory.after_next_listing(lambda: world.directory.delete(one))
    assert world.run().counts == Counts(unchanged=4)
    world.directory.delete(two)
    world.directory.after_next_listing(lambda: world.directory.undelete(two))
    assert world.run().counts == Counts(deleted=1, unchanged=3)
    assert two.source_id in world.live()


def test_uncertain_people_are_held_with_the_reason(world: World) -> None:
    """Each uncertain absence names the person's id and why; certain ones beside it go ahead."""
    one, two, *_ = world.staffed(4)
    world.directory.delete(one)
    world.directory.delete(two)
    world.directory.uncertain_next(one, reason="HTTP 503")
    run = world.run()
    assert (run.verdict, run.counts.deleted) == (Verdict.HELD, 1)
    (held,) = run.held
    assert (held.source_id, held.effect) == (one.source_id, None)
    assert "HTTP 503" in held.reason
