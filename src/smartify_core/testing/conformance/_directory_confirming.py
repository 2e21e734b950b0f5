"""Clauses about confirming: only a clear word of the source itself makes somebody gone."""

from __future__ import annotations

from smartify_core.directory import Capability, Gone, Presence, Present, Uncertain
from smartify_core.errors import SourceError

from ._directory_reading import Reading, attempt, cast, crowd, read, require
from ._directory_world import DirectoryWorld


class ConfirmingClauses:
    """DS-32 to DS-38."""

    def test_DS32_answers_for_all_and_only(self, world: DirectoryWorld) -> None:
        """Every id asked is answered, and none else: living, deleted, unknown, or asked twice; nothing for nothing."""
        first, second, third = cast(world)
        world.delete(second)
        asked = [third, second, "nobody-has-this-id", second, first]
        answers = read(world, asking=asked).answers
        assert set(answers) == set(asked)
        assert all(isinstance(answer, Presence) for answer in answers.values())
        assert read(world, asking=[]).answers == {}

    def test_DS33_deleted_is_gone(self, world: DirectoryWorld) -> None:
        """A person deleted lately is gone, with evidence that names how the source said so. Needs DELETION_EVIDENCE."""
        require(world, Capability.DELETION_EVIDENCE)
        first, second, _ = cast(world)
        world.delete(first)
        world.delete(second)
        answers = read(world, asking=[first, second]).answers
        for each in (first, second):
            answer = answers[each]
            assert isinstance(answer, Gone)
            assert answer.evidence

    def test_DS34_missed_is_present(self, world: DirectoryWorld) -> None:
        """Who lives and is missed by a complete listing is present, groups included. Needs SINGLE_READ."""
        require(world, Capability.SINGLE_READ)
        first, second, _ = cast(world)
        group = world.add_group(email=f"desk@{world.domain}", name="Desk")
        world.add_member(group, first)
        world.suspend(first)
        whole = read(world).people
        world.miss(first)
        reading = read(world, asking=[first])
        assert first not in reading.people
        assert second in reading.people
        assert reading.certificate.complete
        assert reading.answers[first] == Present(whole[first])

    def test_DS35_living_is_never_gone(self, world: DirectoryWorld) -> None:
        """Who was yielded just now is not gone: a source that answers says present, with what was yielded."""
        ids = cast(world)
        reading = read(world, asking=ids)
        for each in ids:
            answer = reading.answers[each]
            assert not isinstance(answer, Gone)
            assert isinstance(answer, Uncertain) or answer == Present(reading.people[each])

    def test_DS36_absence_from_a_cut_listing_is_no_evidence(self, world: DirectoryWorld) -> None:
        """Nobody who lives is gone because a listing broke off before them."""
        ids = crowd(world, 11)
        world.cut_people()
        outcome = attempt(world, asking=ids)
        if isinstance(outcome, Reading):
            assert [each for each in ids if isinstance(outcome.answers[each], Gone)] == []
        else:
            assert isinstance(outcome, SourceError)

    def test_DS37_no_clear_answer_is_uncertain(self, world: DirectoryWorld) -> None:
        """An answer that is neither yes nor no is uncertain, with a reason; other people's answers stay clear."""
        first, second, _ = cast(world)
        world.delete(second)
        world.doubt(first)
        answers = read(world, asking=[first, second]).answers
        doubtful = answers[first]
        assert isinstance(doubtful, Uncertain)
        assert doubtful.reason
        assert isinstance(answers[second], Gone)

    def test_DS38_silence_is_no_evidence(self, world: DirectoryWorld) -> None:
        """A source that falls silent before it is asked raises, or is uncertain about everybody; nobody is gone."""
        first, second, third = cast(world)
        world.delete(second)
        world.silence_after_listing()
        outcome = attempt(world, asking=[first, second, third])
        if isinstance(outcome, Reading):
            assert {type(answer) for answer in outcome.answers.values()} <= {Uncertain, Present}
        else:
            assert isinstance(outcome, SourceError)
