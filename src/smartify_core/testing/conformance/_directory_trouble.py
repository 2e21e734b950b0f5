"""Clauses about completeness and failure: a source that cannot be read never looks like a smaller one."""

from __future__ import annotations

import pytest

from smartify_core.directory import Gone
from smartify_core.errors import SnapshotMisused, SourceError

from ._directory_reading import Reading, attempt, cast, crowd, everything_said, found_in, read
from ._directory_world import DirectoryWorld

#: The hooks after which a source cannot be read at all.
_TROUBLES = ("silence", "refuse", "garble")


class TroubleClauses:
    """DS-23 to DS-31."""

    def test_DS23_good_read_is_complete(self, world: DirectoryWorld) -> None:
        """A read without trouble has a complete certificate whose listings have different names and count everybody."""
        cast(world)
        reading = read(world)
        listings = reading.certificate.listings
        assert reading.certificate.complete
        assert reading.certificate.problems == ()
        assert len({listing.name for listing in listings}) == len(listings)
        assert max(listing.records for listing in listings) >= len(reading.people)

    def test_DS24_cut_people_are_not_complete(self, world: DirectoryWorld) -> None:
        """A listing of people that breaks off raises or is not complete; it is never a smaller complete directory."""
        crowd(world, 11)
        world.cut_people()
        _assert_not_taken_for_whole(attempt(world))

    def test_DS25_cut_groups_are_not_complete(self, world: DirectoryWorld) -> None:
        """A listing of groups or members that breaks off raises or is not complete."""
        people = crowd(world, 11)
        for number in range(5):
            group = world.add_group(email=f"group{number}@{world.domain}", name=f"Group {number}")
            for person in people:
                world.add_member(group, person)
        world.cut_groups()
        _assert_not_taken_for_whole(attempt(world))

    def test_DS26_failure_is_never_emptiness(self, world: DirectoryWorld) -> None:
        """A source that is silent, refuses or answers nonsense raises a `SourceError`; it never ends quietly."""
        cast(world)
        for trouble in _troubles(world):
            getattr(world, trouble)()
            outcome = attempt(world)
            assert not isinstance(outcome, Reading), trouble
            assert isinstance(outcome, SourceError), trouble
            world.heal()

    def test_DS27_failure_has_no_certificate(self, world: DirectoryWorld) -> None:
        """After a failed read there is no certificate, and nobody can be confirmed by it."""
        first, _, _ = cast(world)
        for trouble in _troubles(world):
            getattr(world, trouble)()
            try:
                with world.source.snapshot() as snapshot:
                    with pytest.raises(SourceError):
                        list(snapshot.identities())
                    with pytest.raises(SnapshotMisused):
                        _ = snapshot.certificate
                    with pytest.raises(SnapshotMisused):
                        snapshot.confirm([first])
            except SourceError as error:  # raised by opening: there is no snapshot at all
                assert not isinstance(error, SnapshotMisused)  # noqa: PT017 - the clause is about what comes out
            world.heal()

    def test_DS28_trouble_passes(self, world: DirectoryWorld) -> None:
        """When trouble has passed, the next snapshot of the same source is complete and whole."""
        cast(world)
        before = read(world)
        for trouble in (*_troubles(world), *(each for each in ("cut_people", "cut_groups") if world.supports(each))):
            getattr(world, trouble)()
            attempt(world)
            world.heal()
            after = read(world)
            assert after.people == before.people, trouble
            assert after.certificate.complete, trouble

    def test_DS29_nothing_foreign_leaves(self, world: DirectoryWorld) -> None:
        """No error of another library leaves the source, neither as itself nor shown as the cause of ours."""
        cast(world)
        for trouble in _troubles(world):
            getattr(world, trouble)()
            outcome = attempt(world)
            if isinstance(outcome, Exception):
                shown = outcome.__cause__ or (None if outcome.__suppress_context__ else outcome.__context__)
                assert isinstance(outcome, SourceError), trouble
                assert shown is None or isinstance(shown, SourceError), trouble
            world.heal()

    def test_DS30_trouble_names_nobody(self, world: DirectoryWorld) -> None:
        """Neither an error nor a certificate's problem nor a reject holds a name or an address."""
        first, _, _ = cast(world)
        extra = [each for each in ("cut_people", "cut_groups") if world.supports(each)]
        for trouble in (*_troubles(world), *extra, *(["spoil"] if world.supports("spoil") else [])):
            getattr(world, trouble)(*([first] if trouble == "spoil" else []))
            outcome = attempt(world)
            if isinstance(outcome, Reading):
                said = [*outcome.certificate.problems, repr(outcome.certificate), repr(outcome.rejects)]
            else:
                said = list(everything_said(outcome))
            assert found_in(said, world) == [], trouble
            world.heal()

    def test_DS31_bad_record_is_a_reject(self, world: DirectoryWorld) -> None:
        """A record with an id that cannot be used is a reject with id and place, and neither an identity nor gone."""
        first, second, third = cast(world)
        world.spoil(second)
        reading = read(world, asking=[second])
        assert second not in reading.people
        assert {first, third} <= reading.people.keys()
        (reject,) = reading.rejects
        assert reject.source_id == second
        assert reject.problem
        assert reject.place
        assert reading.certificate.complete
        assert not isinstance(reading.answers[second], Gone)


def _troubles(world: DirectoryWorld) -> list[str]:
    """Return the troubles that this world can make; skips by name where it has none at all."""
    given = [trouble for trouble in _TROUBLES if world.supports(trouble)]
    if not given:
        pytest.skip("none of silence, refuse and garble is supported")
    return given


def _assert_not_taken_for_whole(outcome: Reading | Exception) -> None:
    if isinstance(outcome, Reading):
        assert not outcome.certificate.complete
        assert all(outcome.certificate.problems)
        assert outcome.certificate.problems
    else:
        assert isinstance(outcome, SourceError)
