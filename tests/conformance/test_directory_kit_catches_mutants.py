"""The directory kit is itself tested: each source that breaks the contract in one way fails exactly what it breaks."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

import pytest
from attrs import evolve, frozen

from smartify_core.directory import Capability, Certificate, Gone, Listing, Presence, Present, Reject, Uncertain
from smartify_core.errors import SourceError, SourceUnavailable, UsageError
from smartify_core.model import Identity, InactiveReason, Membership, MembershipPath, ProgressSink, Stage
from smartify_core.testing import FakeDirectory
from smartify_core.testing._fake_snapshot import FakeSnapshot
from smartify_core.testing.conformance import DirectoryConformance, DirectoryWorld, FakeDirectoryWorld


class Mutant:
    """A source that passes everything through. The broken ones override one thing each; ``clauses`` says what breaks.

    Attributes:
        memory: What a broken source remembers between its reads.
        outsiders: Addresses of members from outside.
    """

    clauses: ClassVar[str] = ""

    def __init__(self, directory: FakeDirectory) -> None:
        self.directory = directory
        self.memory: dict[Any, Any] = {}
        self.outsiders: list[str] = []

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.directory.capabilities

    def snapshot(self, *, progress: ProgressSink | None = None) -> MutantSnapshot:
        kind: type[MutantSnapshot] = getattr(type(self), "_Snapshot", MutantSnapshot)
        return kind(self.directory.snapshot(progress=progress), self)

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return {each: self.shown(answer) for each, answer in self.directory.look_up(source_ids).items()}

    def shown(self, answer: Presence) -> Presence:
        """Return the answer as the mutant's listing would show the person."""
        if not isinstance(answer, Present):
            return answer
        return evolve(answer, identity=self.seen(answer.identity) or answer.identity)

    # What a mutant may break in its snapshots; each gets the sound part.

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        for person in people:
            seen = self.seen(person)
            if seen is not None:
                yield seen

    def seen(self, person: Identity) -> Identity | None:
        return person

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        return inner.certificate

    def rejected(self, inner: FakeSnapshot) -> tuple[Reject, ...]:
        return inner.rejects

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        return {each: self.shown(answer) for each, answer in inner.inner.confirm(ids).items()}


class MutantSnapshot:
    """Passes everything to a fake's snapshot, by way of the mutant."""

    def __init__(self, inner: FakeSnapshot, mutant: Mutant) -> None:
        self.inner = inner
        self.mutant = mutant
        self.yielded: set[str] = set()

    def __repr__(self) -> str:
        return repr(self.inner)

    @property
    def id(self) -> str:
        return self.inner.id

    @property
    def requests(self) -> int:
        return 0

    def identities(self) -> Iterator[Identity]:
        return self._noting(self.mutant.listed(self.inner.identities()))

    def _noting(self, people: Iterator[Identity]) -> Iterator[Identity]:
        for person in people:
            self.yielded.add(person.source_id)
            yield person

    @property
    def certificate(self) -> Certificate:
        return self.mutant.vouched(self.inner)

    @property
    def rejects(self) -> tuple[Reject, ...]:
        return self.mutant.rejected(self.inner)

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return self.mutant.answered(self, source_ids)

    def close(self) -> None:
        self.inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def regrouped(person: Identity, change: Callable[[Membership], Membership | None]) -> Identity:
    """Return the person with each membership changed or dropped."""
    changed = (change(each) for each in person.memberships)
    return evolve(person, memberships=tuple(each for each in changed if each is not None))


# --- people -----------------------------------------------------------------------------------------------------------


class YieldsTheFirstPersonTwice(Mutant):
    clauses = "01"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        for number, person in enumerate(people):
            yield from (person, person) if number == 0 else (person,)


class ReadsTheFirstPageOnly(Mutant):
    clauses = "01 19 44 48"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        yield from itertools.islice(people, 4)
        list(people)


class LowersEmails(Mutant):
    clauses = "02 48"

    def seen(self, person: Identity) -> Identity:
        return evolve(person, email=person.email.lower())


class CutsLongNames(Mutant):
    clauses = "03"

    def seen(self, person: Identity) -> Identity:
        return evolve(person, given_name=person.given_name[:30], family_name=person.family_name[:30])


class KeepsZeroWidthNames(Mutant):
    clauses = "04"

    def seen(self, person: Identity) -> Identity:
        return evolve(person, given_name=person.given_name or "\u200b", family_name=person.family_name or "\u200b")


class DropsTheSuspended(Mutant):
    clauses = "05 06 16 34 48 50"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        return (person for person in people if person.inactive_reason is not InactiveReason.SUSPENDED)


class DropsTheArchived(Mutant):
    clauses = "06"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        return (person for person in people if person.inactive_reason is not InactiveReason.ARCHIVED)


class NeverRestores(Mutant):
    clauses = "07 48"

    def seen(self, person: Identity) -> Identity:
        reason = self.memory.setdefault(person.source_id, person.inactive_reason)
        self.memory[person.source_id] = person.inactive_reason or reason
        return evolve(person, inactive_reason=person.inactive_reason or reason)


class YieldsTheDeletedFromItsCache(Mutant):
    clauses = "08 10 11 34 48"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        now = {}
        for person in people:
            now[person.source_id] = person
            yield person
        yield from (person for each, person in self.memory.items() if each not in now)
        self.memory |= now


class ChangesIdsWithTheEmail(Mutant):
    clauses = "09 11 20 48 50"

    def seen(self, person: Identity) -> Identity:
        same = self.memory.setdefault(person.source_id, person.email) == person.email
        return person if same else evolve(person, source_id=f"{person.source_id}-{person.email}")


class ReusesIdsByEmail(Mutant):
    clauses = "10 11 20"

    def seen(self, person: Identity) -> Identity:
        return evolve(person, source_id=self.memory.setdefault(person.email, person.source_id))


class KeepsTheFirstEmail(Mutant):
    clauses = "09 11 48"

    def seen(self, person: Identity) -> Identity:
        return evolve(person, email=self.memory.setdefault(person.source_id, person.email))


@frozen(order=False)
class Employee(Identity):
    """A person with a field that nobody may hold."""

    phone: str = "555"


class HoldsMore(Mutant):
    clauses = "12"

    def seen(self, person: Identity) -> Identity:
        names = ("source_id", "email", "given_name", "family_name", "inactive_reason", "memberships")
        return Employee(*(getattr(person, name) for name in names))


# --- groups -----------------------------------------------------------------------------------------------------------


class LowersGroupEmails(Mutant):
    clauses = "13 21"

    def seen(self, person: Identity) -> Identity:
        return regrouped(person, lambda each: evolve(each, group=evolve(each.group, email=each.group.email.lower())))


class KnowsNoNesting(Mutant):
    clauses = "14 15 16 48"

    def seen(self, person: Identity) -> Identity:
        return regrouped(person, lambda each: None if each.path is MembershipPath.NESTED else each)


class FlattensNesting(Mutant):
    clauses = "14 15 16 48"

    def seen(self, person: Identity) -> Identity:
        def flat(each: Membership) -> Membership:
            return Membership(each.group, MembershipPath.DIRECT) if each.path is MembershipPath.NESTED else each

        return regrouped(person, flat)


class LosesItselfInCircles(Mutant):
    clauses = "15"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        rosters = self.directory._world.rosters
        if any(group in rosters[below].groups for group, roster in rosters.items() for below in roster.groups):
            raise RecursionError
        return super().listed(people)


class LeavesTheInactiveOutOfEverybody(Mutant):
    clauses = "16"

    def seen(self, person: Identity) -> Identity:
        everybody = MembershipPath.WHOLE_CUSTOMER
        return person if person.active else regrouped(person, lambda each: None if each.path is everybody else each)


class DoesNotSortGroups(Mutant):
    clauses = "17"

    def seen(self, person: Identity) -> Identity:
        return evolve(person, memberships=person.memberships[::-1])


class RepeatsGroups(Mutant):
    clauses = "13 17 21"

    def seen(self, person: Identity) -> Identity:
        twice = (each for membership in person.memberships for each in (membership, membership))
        return evolve(person, memberships=tuple(twice))


class TakesOutsidersForPeople(Mutant):
    clauses = "18"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        yield from people
        yield from (Identity(email, email, "", "") for email in self.outsiders)


class ReadsTheFirstPageOfMembers(Mutant):
    clauses = "19"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        first: dict[str, set[str]] = {}
        for person in people:
            for each in person.memberships:
                found = first.setdefault(each.group.id, set())
                if len(found) < 5:
                    found.add(person.source_id)
            yield regrouped(person, lambda each: each if person.source_id in first[each.group.id] else None)  # noqa: B023 - called before the loop goes on


class JoinsGroupsByEmail(Mutant):
    clauses = "20 48"

    def seen(self, person: Identity) -> Identity:
        known = self.memory.setdefault(person.source_id, person.email)
        return person if known == person.email else evolve(person, memberships=())


class KeepsGroupsAsFirstSeen(Mutant):
    clauses = "21"

    def seen(self, person: Identity) -> Identity:
        return regrouped(person, lambda each: evolve(each, group=self.memory.setdefault(each.group.id, each.group)))


class KeepsFormerGroups(Mutant):
    clauses = "21 22 48"

    def seen(self, person: Identity) -> Identity:
        former: dict[str, Membership] = self.memory.setdefault(person.source_id, {})
        former |= {each.group.id: each for each in person.memberships}
        return evolve(person, memberships=tuple(former[each] for each in sorted(former)))


# --- completeness and failure -----------------------------------------------------------------------------------------


class NeverVouches(Mutant):
    clauses = "18 22 23 28 31 34 40 43 55"

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        listings = inner.certificate.listings
        return Certificate(tuple(evolve(each, problem="cannot be sure") for each in listings))


class VouchesForCutPeople(Mutant):
    clauses = "24"

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        users, *others = inner.certificate.listings
        return Certificate((evolve(users, problem=None), *others))


class VouchesForCutGroups(Mutant):
    clauses = "25"

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        users, *others = inner.certificate.listings
        return Certificate((users, *(evolve(each, problem=None) for each in others)))


class IsEmptyOnFailure(Mutant):
    clauses = "26 27"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        try:
            yield from people
        except SourceError:
            self.memory["failed"] = True

    def rejected(self, inner: FakeSnapshot) -> tuple[Reject, ...]:
        return () if "failed" in self.memory else inner.rejects

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        failed = "failed" in self.memory and inner._findings is None
        return Certificate((Listing("users", 1, 0),)) if failed else inner.certificate


class VouchesAfterFailure(Mutant):
    clauses = "27"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        try:
            yield from people
        except SourceError:
            self.memory["failed"] = True
            raise

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        return Certificate((Listing("users", 1, 0),)) if self.memory.pop("failed", False) else inner.certificate


class StaysBroken(Mutant):
    clauses = "28"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        if "failed" in self.memory:
            raise SourceUnavailable("still broken")
        try:
            yield from people
        except SourceError as error:
            self.memory["failed"] = error
            raise


class LeaksForeignErrors(Mutant):
    clauses = "26 27 29"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        try:
            yield from people
        except SourceError:
            raise ConnectionResetError from None


class ShowsForeignErrors(Mutant):
    clauses = "29"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        try:
            yield from people
        except SourceError as error:
            raise error from ConnectionResetError("reset by peer")


class NamesPeopleInErrors(Mutant):
    clauses = "30"

    def listed(self, people: Iterator[Identity]) -> Iterator[Identity]:
        try:
            yield from people
        except SourceError:
            names = [person.given_name for person in self.directory.truth()]
            raise SourceUnavailable(f"failed after reading {names}") from None


class NamesPeopleInProblems(Mutant):
    clauses = "30"

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        last = [person.email for person in self.directory.truth()]
        listings = inner.certificate.listings
        return Certificate(tuple(evolve(each, problem=each.problem and f"cut before {last}") for each in listings))


class ForgetsRejects(Mutant):
    clauses = "31"

    def rejected(self, inner: FakeSnapshot) -> tuple[Reject, ...]:
        return inner.rejects[:0]


# --- confirming -------------------------------------------------------------------------------------------------------


class AnswersFewer(Mutant):
    clauses = "32"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        return {each: answer for each, answer in super().answered(inner, ids).items() if each.isdecimal()}


class AnswersMore(Mutant):
    clauses = "32"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        return {**super().answered(inner, ids), "0": Uncertain("nobody asked")}


class HasNoEvidence(Mutant):
    clauses = "33"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().answered(inner, ids).items()
        return {each: Gone("") if isinstance(answer, Gone) else answer for each, answer in answers}


class DoubtsDeletions(Mutant):
    clauses = "33 37"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().answered(inner, ids).items()
        return {each: Uncertain("maybe") if isinstance(answer, Gone) else answer for each, answer in answers}


class TakesAbsenceForEvidence(Mutant):
    clauses = "31 34 36 37"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().answered(inner, ids)
        return {each: answers[each] if each in inner.yielded else Gone("not listed") for each in ids}


class AnswersWithoutGroups(Mutant):
    clauses = "34"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        return {
            each: Present(evolve(answer.identity, memberships=())) if isinstance(answer, Present) else answer
            for each, answer in super().answered(inner, ids).items()
        }


class TakesTheListedForGone(Mutant):
    clauses = "35 36"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().answered(inner, ids)
        return {each: Gone("asked, so it must be gone") if each in inner.yielded else answers[each] for each in ids}


class TakesDoubtForGone(Mutant):
    clauses = "31 37"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().answered(inner, ids).items()
        return {each: Gone("no answer") if isinstance(answer, Uncertain) else answer for each, answer in answers}


class TakesSilenceForGone(Mutant):
    clauses = "38"

    def answered(self, inner: MutantSnapshot, ids: Sequence[str]) -> Mapping[str, Presence]:
        try:
            return super().answered(inner, ids)
        except SourceError:
            return dict.fromkeys(ids, Gone("no answer"))


# --- the life of a snapshot -------------------------------------------------------------------------------------------


class ReadsAgain(Mutant):
    clauses = "39"

    class _Snapshot(MutantSnapshot):
        def identities(self) -> Iterator[Identity]:
            self.inner._begun = False
            return super().identities()


class VouchesEarly(Mutant):
    clauses = "27 40"

    def vouched(self, inner: FakeSnapshot) -> Certificate:
        return inner.certificate if inner._findings else Certificate((Listing("users", 1, 3),))


class ReadsAfterClose(Mutant):
    clauses = "41"

    class _Snapshot(MutantSnapshot):
        def identities(self) -> Iterator[Identity]:
            self.inner._closed = False
            return super().identities()


class ClosesOnce(Mutant):
    clauses = "41 43"

    class _Snapshot(MutantSnapshot):
        def close(self) -> None:
            if self.id in self.mutant.memory:
                raise UsageError("closed already")
            self.mutant.memory[self.id] = "closed"
            super().close()


class HasOneId(Mutant):
    clauses = "42"

    class _Snapshot(MutantSnapshot):
        @property
        def id(self) -> str:
            return "snapshot"


class ReadsOneAtATime(Mutant):
    clauses = "43"

    def snapshot(self, *, progress: ProgressSink | None = None) -> MutantSnapshot:
        if "last" in self.memory:
            self.memory["last"].close()
        self.memory["last"] = super().snapshot(progress=progress)
        return self.memory["last"]  # type: ignore[no-any-return]  # the memory holds whatever a mutant remembers


class CountsBackwards(Mutant):
    clauses = "44"

    def snapshot(self, *, progress: ProgressSink | None = None) -> MutantSnapshot:
        def falling(stage: Stage, done: int, total: int | None) -> None:
            if progress is not None:
                progress(stage, 99 - done, total)

        return super().snapshot(progress=falling)


class ForgetsRequests(Mutant):
    clauses = "45"

    class _Snapshot(MutantSnapshot):
        @property
        def requests(self) -> int:
            return 3 - len(self.yielded)


class LearnsCapabilities(Mutant):
    clauses = "46"

    @property
    def capabilities(self) -> frozenset[Capability]:
        return super().capabilities | ({Capability.PUSH} if self.directory.reads else set())


class NamesPeopleInItsRepr(Mutant):
    clauses = "47"

    def __repr__(self) -> str:
        return f"<source of {[person.email for person in self.directory.truth()]}>"


class NamesPeopleInSnapshotIds(Mutant):
    clauses = "47"

    class _Snapshot(MutantSnapshot):
        @property
        def id(self) -> str:
            return f"{self.inner.id}-{max((each.family_name for each in self.mutant.directory.truth()), default='')}"


# --- looking up -------------------------------------------------------------------------------------------------------


class LooksUpFewer(Mutant):
    clauses = "49"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return super().look_up([each for each in source_ids if each.isdecimal()])


class LooksUpMore(Mutant):
    clauses = "49"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return super().look_up([*source_ids, "0"] if source_ids else [])


class LooksUpWithoutGroups(Mutant):
    clauses = "50"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return {
            each: Present(evolve(answer.identity, memberships=())) if isinstance(answer, Present) else answer
            for each, answer in super().look_up(source_ids).items()
        }


class LooksUpInItsMemory(Mutant):
    clauses = "50"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        return {each: self.memory.setdefault(each, answer) for each, answer in super().look_up(source_ids).items()}


class LooksUpWithoutEvidence(Mutant):
    clauses = "51"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().look_up(source_ids).items()
        return {each: Gone("") if isinstance(answer, Gone) else answer for each, answer in answers}


class TakesDoubtForGoneWhenLookingUp(Mutant):
    clauses = "52"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        answers = super().look_up(source_ids).items()
        return {each: Gone("no answer") if isinstance(answer, Uncertain) else answer for each, answer in answers}


class TakesSilenceForGoneWhenLookingUp(Mutant):
    clauses = "53"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        try:
            return super().look_up(source_ids)
        except SourceError:
            return dict.fromkeys(source_ids, Gone("no answer"))


class LeaksForeignErrorsWhenLookingUp(Mutant):
    clauses = "53"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        try:
            return super().look_up(source_ids)
        except SourceError:
            raise ConnectionResetError from None


class NamesPeopleWhenLookingUp(Mutant):
    clauses = "53"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        try:
            return super().look_up(source_ids)
        except SourceError:
            names = [person.given_name for person in self.directory.truth()]
            raise SourceUnavailable(f"failed while looking for one of {names}") from None


class RefusesEmptyQuestions(Mutant):
    clauses = "54"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        if not source_ids:
            raise UsageError("nobody to look up", cure="Name somebody.")
        return super().look_up(source_ids)


class ClosesSnapshotsWhenLookingUp(Mutant):
    clauses = "55"

    def snapshot(self, *, progress: ProgressSink | None = None) -> MutantSnapshot:
        self.memory["last"] = super().snapshot(progress=progress)
        return self.memory["last"]  # type: ignore[no-any-return]  # the memory holds whatever a mutant remembers

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        if "last" in self.memory:
            self.memory["last"].close()
        return super().look_up(source_ids)


class ListsTheArchivedAsDeleted(Mutant):
    clauses = "06 56"

    def seen(self, person: Identity) -> Identity:
        archived = person.inactive_reason is InactiveReason.ARCHIVED
        return evolve(person, inactive_reason=InactiveReason.DELETED) if archived else person


class ShowsTheDeletedAsInactive(Mutant):
    clauses = "51 52 56"

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        deleted = self.directory._world.deleted
        return {
            each: Present(evolve(deleted[each].identity, inactive_reason=InactiveReason.DELETED))
            if isinstance(answer, Gone) and answer.evidence == "deleted list"
            else answer
            for each, answer in super().look_up(source_ids).items()
        }


# --- the proof --------------------------------------------------------------------------------------------------------


class WorldWithOutsiders(FakeDirectoryWorld):
    """A fake's world that knows outsiders, whom only a mutant sees."""

    unsupported: ClassVar = {}

    def add_outsider(self, group_id: str, email: str) -> None:
        source = self.source
        if isinstance(source, Mutant):
            source.outsiders.append(email)


CLAUSES: dict[str, Callable[[DirectoryConformance, DirectoryWorld], None]] = {
    match[1]: test
    for name, test in inspect.getmembers(DirectoryConformance, inspect.isfunction)
    if (match := re.match(r"test_DS(\d\d)_", name))
}
MUTANTS = [
    value
    for value in vars().copy().values()
    if isinstance(value, type) and issubclass(value, Mutant) and value is not Mutant
]


def broken_by(kind: type[Mutant]) -> list[str]:
    """Return the clauses that fail for a kind of source. A skip is no failure and no pass: it fails the test."""
    broken = []
    for number, clause in sorted(CLAUSES.items()):
        world = WorldWithOutsiders(around=kind)
        try:
            clause(DirectoryConformance(), world)
        except pytest.skip.Exception as skipped:
            pytest.fail(f"DS-{number} was skipped: {skipped}")
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however a clause fails, it fails
            broken.append(number)
    return broken


def test_sound_source_breaks_nothing() -> None:
    """A source that passes everything through keeps every clause: what a mutant breaks is the mutant's doing."""
    assert len(CLAUSES) == 56
    assert broken_by(Mutant) == []


@pytest.mark.parametrize("kind", MUTANTS, ids=lambda kind: kind.__name__)
def test_mutant_breaks_its_clauses(kind: type[Mutant]) -> None:
    """A broken source fails exactly the clauses that it breaks."""
    assert broken_by(kind) == kind.clauses.split()


def test_every_clause_is_seen_to_fail() -> None:
    """Each clause has a mutant that fails it: no clause is decoration."""
    assert {number for kind in MUTANTS for number in kind.clauses.split()} == set(CLAUSES)


def test_undeclared_look_ups_are_refused() -> None:
    """A source that does not declare single reads and answers look-ups all the same fails the clause."""

    class Undeclared(Mutant):
        @property
        def capabilities(self) -> frozenset[Capability]:
            return super().capabilities - {Capability.SINGLE_READ}

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        CLAUSES["54"](DirectoryConformance(), FakeDirectoryWorld(around=Undeclared))
