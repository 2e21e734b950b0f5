"""One read of a fake directory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from smartify_core.directory import (
    Certificate,
    Expansion,
    Findings,
    GroupMembers,
    Listing,
    Presence,
    Reject,
    SnapshotLife,
)
from smartify_core.model import Group, Identity, Membership, ProgressSink, Stage

from ._fake_answers import Answers
from ._fake_faults import Faults
from ._fake_world import Roster, World


class FakeSnapshot(SnapshotLife):
    """One read; see `Snapshot`. It sees the world as it is when reading begins; `confirm` sees it as it is then.

    Its id is ``fake-1`` for a directory's first read, ``fake-2`` for the second, and so on. Its certificate has the
    listings ``users``, ``groups`` and ``members``; rejects are the records that `FakeDirectory.reject_next` spoiled.
    """

    def __init__(
        self, snapshot_id: str, world: World, *, faults: Faults, answers: Answers, progress: ProgressSink | None
    ) -> None:
        super().__init__(snapshot_id, progress)
        self._world = world
        self._faults = faults
        self._answers = answers
        self._expansion: Expansion | None = None
        self._listings: list[Listing] = []
        self._spoiled: list[Reject] = []

    def read(self) -> Iterator[Identity]:
        """Yield everybody in ascending order of id."""
        self._faults.fail("read")
        people = sorted((person.seen() for person in self._world.living.values()), key=_source_id)
        listings, expansion = self._read_groups()
        listings.insert(0, _listing("users", len(people), self._faults.cuts))
        listed = [person for person in people if person.source_id not in self._faults.missed]
        for number, person in enumerate(itertools.islice(listed, listings[0].records), 1):
            if person.source_id in self._faults.rejected:
                problem = self._faults.rejected[person.source_id]
                self._spoiled.append(Reject(person.source_id, problem, f"record {number}"))
            else:
                yield evolve(person, memberships=expansion.memberships_of(person.source_id))
            self.report(Stage.USERS_READ, number, None)
            self._faults.fail("read", after=number)
        self._faults.fail("read", after=None)
        self.report(Stage.USERS_READ, len(listed), len(listed))
        self._expansion = expansion
        self._listings = listings

    def found(self) -> Findings:
        """Return what was seen of each listing, and let happen what was to happen after them."""
        for action in self._faults.afterwards:
            action()
        return Findings(Certificate(tuple(self._listings)), tuple(self._spoiled))

    def _read_groups(self) -> tuple[list[Listing], Expansion]:
        """Return what was seen of groups and members, and what follows from it."""
        world, cuts = self._world, self._faults.cuts
        groups = _listing("groups", len(world.groups), cuts)
        seen: dict[str, Group] = dict(itertools.islice(sorted(world.groups.items()), groups.records))
        sizes = {group_id: _size(world.rosters[group_id]) for group_id in seen}
        members = _listing("members", sum(sizes.values()), cuts)
        self.report(Stage.GROUPS_READ, len(seen), len(seen))
        if groups.complete and members.complete:
            return [groups, members], world.expansion()
        left = members.records

        def listed(group_id: str, roster: Roster) -> GroupMembers:
            nonlocal left
            allowed, left = left, max(0, left - sizes[group_id])
            people = list(itertools.islice(roster.people, allowed))
            below = list(itertools.islice(roster.groups, allowed - len(people)))
            return GroupMembers(people, below, roster.everyone and allowed > len(people) + len(below))

        return [groups, members], world.expand(seen, listed)

    def answer(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Say of each id what the directory knows now."""
        self._faults.fail("confirm")
        memberships_of = _no_memberships if self._expansion is None else self._expansion.memberships_of
        return self._answers.to(source_ids, memberships_of)


def _listing(name: str, there: int, cuts: Mapping[str, int | None]) -> Listing:
    """Return how much of a listing was seen. One that was to be cut is never complete, however short it is."""
    if name not in cuts:
        return Listing(name, 1, there)
    keep = cuts[name]
    seen = there // 2 if keep is None else min(keep, there)
    return Listing(name, 1, seen, f"cut after {seen} records, before its end")


def _size(roster: Roster) -> int:
    return len(roster.people) + len(roster.groups) + roster.everyone


def _no_memberships(_: str) -> tuple[Membership, ...]:
    return ()


def _source_id(person: Identity) -> str:
    return person.source_id
