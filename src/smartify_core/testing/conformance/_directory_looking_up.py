"""Clauses about looking up: single people asked about apart from every listing, by the same clear-yes-or-no rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from attrs import evolve

from smartify_core.directory import Capability, Gone, Presence, Present, Uncertain
from smartify_core.errors import SourceError, UsageError
from smartify_core.model import InactiveReason

from ._directory_reading import cast, crowd, everything_said, found_in, read, require
from ._directory_world import DirectoryWorld

#: Trouble that a look-up may meet.
_TROUBLES = ("silence", "refuse", "garble")


class LookingUpClauses:
    """DS-49 to DS-56."""

    def test_DS49_answers_for_all_and_only(self, world: DirectoryWorld) -> None:
        """Every id looked up is answered, and none else: living, deleted, unknown, or asked twice."""
        require(world, Capability.SINGLE_READ)
        first, second, third = cast(world)
        world.delete(second)
        asked = [third, second, "nobody-has-this-id", second, first]
        answers = world.source.look_up(asked)
        assert set(answers) == set(asked)
        assert all(isinstance(answer, Presence) for answer in answers.values())

    def test_DS50_living_is_present_as_they_are(self, world: DirectoryWorld) -> None:
        """Who lives is present as they are now, with all groups or with none and that said. Needs SINGLE_READ."""
        require(world, Capability.SINGLE_READ)
        first, second, _ = cast(world)
        group = world.add_group(email=f"desk@{world.domain}", name="Desk")
        world.add_member(group, first)
        before = dict(world.source.look_up([first, second]))
        assert _is_as_read(before[first], first, world)
        world.rename_person(first, email=f"quarmby@{world.domain}", family_name="Quarmby")
        world.suspend(second)
        after = dict(world.source.look_up([first, second]))
        assert _is_as_read(after[first], first, world)
        assert _is_as_read(after[second], second, world)
        assert before[first] != after[first]
        assert before[second] != after[second]

    def test_DS51_deleted_is_gone(self, world: DirectoryWorld) -> None:
        """A person deleted lately is gone, with evidence. Needs SINGLE_READ and DELETION_EVIDENCE."""
        require(world, Capability.SINGLE_READ)
        require(world, Capability.DELETION_EVIDENCE)
        first, _, third = cast(world)
        world.delete(first)
        answers = world.source.look_up([third, first])
        answer = answers[first]
        assert isinstance(answer, Gone)
        assert answer.evidence
        assert not isinstance(answers[third], Gone)

    def test_DS52_no_clear_answer_is_uncertain(self, world: DirectoryWorld) -> None:
        """An answer that is neither yes nor no is uncertain, with a reason; other people's answers stay clear."""
        require(world, Capability.SINGLE_READ)
        first, second, third = cast(world)
        world.delete(second)
        world.doubt(first)
        answers = world.source.look_up([first, second, third])
        doubtful = answers[first]
        assert isinstance(doubtful, Uncertain)
        assert doubtful.reason
        assert isinstance(answers[second], Gone)
        assert isinstance(answers[third], Present)

    def test_DS53_silence_is_no_evidence(self, world: DirectoryWorld) -> None:
        """In trouble a source raises an impersonal error of its own kind, or is uncertain; nobody is gone."""
        require(world, Capability.SINGLE_READ)
        ids = cast(world)
        for trouble in _TROUBLES:
            if not world.supports(trouble):
                continue
            getattr(world, trouble)()
            outcome = _attempt(world, ids)
            if isinstance(outcome, Exception):
                shown = outcome.__cause__ or (None if outcome.__suppress_context__ else outcome.__context__)
                assert isinstance(outcome, SourceError), trouble
                assert shown is None or isinstance(shown, SourceError), trouble
                said = list(everything_said(outcome))
            else:
                assert {type(answer) for answer in outcome.values()} <= {Uncertain, Present}, trouble
                said = [repr(answer) for answer in outcome.values()]
            assert found_in(said, world) == [], trouble
            world.heal()
            assert isinstance(world.source.look_up(ids)[ids[0]], Present), trouble

    def test_DS54_is_answered_by_who_declares_it(self, world: DirectoryWorld) -> None:
        """Who declares SINGLE_READ answers nothing for nothing; who does not refuses with a cure, whatever is asked."""
        first, _, _ = cast(world)
        if Capability.SINGLE_READ in world.source.capabilities:
            assert dict(world.source.look_up([])) == {}
            return
        for asked in ([first], []):
            with pytest.raises(UsageError) as refused:
                world.source.look_up(asked)
            assert refused.value.cure

    def test_DS55_leaves_snapshots_alone(self, world: DirectoryWorld) -> None:
        """Somebody can be looked up while a snapshot is open, which goes on and is whole."""
        require(world, Capability.SINGLE_READ)
        ids = crowd(world, 5)
        expected = read(world).people
        with world.source.snapshot() as snapshot:
            people = snapshot.identities()
            begun = next(people)
            assert isinstance(world.source.look_up(ids[:1])[ids[0]], Present)
            assert {person.source_id: person for person in (begun, *people)} == expected
            assert snapshot.certificate.complete
            world.source.look_up(ids[1:2])
            assert ids[0] in snapshot.confirm(ids[:1])

    def test_DS56_nobody_is_inactive_because_deleted(self, world: DirectoryWorld) -> None:
        """No source says that somebody is inactive because deleted: who is deleted is gone, and no identity."""
        first, second, third = cast(world)
        world.suspend(first)
        world.archive(second)
        world.delete(third)
        ids = [first, second, third]
        reading = read(world, asking=ids)
        found = list(reading.listed)
        answers = list(reading.answers.values())
        if Capability.SINGLE_READ in world.source.capabilities:
            answers += world.source.look_up(ids).values()
        found += [answer.identity for answer in answers if isinstance(answer, Present)]
        assert {first, second} <= {person.source_id for person in found}
        assert [person.source_id for person in found if person.inactive_reason is InactiveReason.DELETED] == []


def _attempt(world: DirectoryWorld, source_ids: Sequence[str]) -> Mapping[str, Presence] | Exception:
    """Look people up and return what came out: answers, or the error."""
    try:
        return world.source.look_up(source_ids)
    except Exception as error:  # noqa: BLE001 - the clause looks at whatever comes out
        return error


def _is_as_read(answer: Presence, source_id: str, world: DirectoryWorld) -> bool:
    """Return whether an answer shows a person as a listing shows them now, with all groups or expressly none."""
    person = read(world).people[source_id]
    bare = Present(evolve(person, memberships=()), memberships_read=False)
    return answer in {Present(person), bare}
