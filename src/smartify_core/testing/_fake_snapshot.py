"""One read of a fake directory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from attrs import evolve

from smartify_core.directory import Capability, Certificate, Gone, Listing, Presence, Present, Reject, Uncertain
from smartify_core.directory._expansion import Expansion, GroupMembers
from smartify_core.errors import SnapshotMisused
from smartify_core.model import Group, Identity, ProgressSink, Stage

from ._fake_faults import Faults
from ._fake_world import Roster, World


class FakeSnapshot:
    """One read; see `Snapshot`. It sees the world as it is when reading begins; `confirm` sees it as it is then."""

    def __init__(
        self,
        snapshot_id: str,
        world: World,
        *,
        faults: Faults,
        capabilities: frozenset[Capability],
        on_deleted_list: Callable[[str], bool],
        progress: ProgressSink | None,
    ) -> None:
        self._id = snapshot_id
        self._world = world
        self._faults = faults
        self._capabilities = capabilities
        self._on_deleted_list = on_deleted_list
        self._progress = progress
        self._begun = False
        self._closed = False
        self._expansion: Expansion | None = None
        self._certificate: Certificate | None = None
        self._rejects: tuple[Reject, ...] = ()

    def __repr__(self) -> str:
        """Return the snapshot's id."""
        return f"<FakeSnapshot {self._id}>"

    @property
    def id(self) -> str:
        """Return ``fake-1`` for a directory's first read, ``fake-2`` for the second, and so on."""
        return self._id

    @property
    def requests(self) -> int:
        """Return 0: nothing is sent."""
        return 0

    def identities(self) -> Iterator[Identity]:
        """Yield everybody in ascending order of id. See `Snapshot.identities`."""
        self._refuse_closed()
        if self._begun:
            raise SnapshotMisused("a snapshot is read only once", where=self._id, cure="Take another snapshot.")
        self._begun = True
        return self._read()

    def _read(self) -> Iterator[Identity]:
        self._refuse_closed()
        self._faults.fail("read")
        people = sorted((person.seen() for person in self._world.living.values()), key=_source_id)
        listings, expansion = self._read_groups()
        listings.insert(0, _listing("users", len(people), self._faults.cuts))
        rejects = []
        listed = [person for person in people if person.source_id not in self._faults.missed]
        for number, person in enumerate(itertools.islice(listed, listings[0].records), 1):
            if person.source_id in self._faults.rejected:
                problem = self._faults.rejected[person.source_id]
                rejects.append(Reject(person.source_id, problem, f"record {number}"))
            else:
                yield evolve(person, memberships=expansion.memberships_of(person.source_id))
                self._refuse_closed()
            self._report(Stage.USERS_READ, number, None)
            self._faults.fail("read", after=number)
        self._faults.fail("read", after=None)
        self._report(Stage.USERS_READ, len(listed), len(listed))
        self._rejects = tuple(rejects)
        self._expansion = expansion
        self._certificate = Certificate(tuple(listings))
        for action in self._faults.afterwards:
            action()

    def _read_groups(self) -> tuple[list[Listing], Expansion]:
        """Return what was seen of groups and members, and what follows from it."""
        world, cuts = self._world, self._faults.cuts
        groups = _listing("groups", len(world.groups), cuts)
        seen: dict[str, Group] = dict(itertools.islice(sorted(world.groups.items()), groups.records))
        sizes = {group_id: _size(world.rosters[group_id]) for group_id in seen}
        members = _listing("members", sum(sizes.values()), cuts)
        self._report(Stage.GROUPS_READ, len(seen), len(seen))
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

    @property
    def certificate(self) -> Certificate:
        """Return what this read vouches for: the listings ``users``, ``groups`` and ``members``."""
        if self._certificate is None:
            raise SnapshotMisused(
                "the snapshot has not been read to its end", where=self._id, cure="Read identities() to the end first."
            )
        return self._certificate

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """Return the records that `FakeDirectory.reject_next` spoiled."""
        _ = self.certificate
        return self._rejects

    def confirm(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Say of each id what the directory knows now. See `Snapshot.confirm`."""
        _ = self.certificate
        self._refuse_closed()
        self._faults.fail("confirm")
        return {source_id: self._presence(source_id) for source_id in source_ids}

    def _presence(self, source_id: str) -> Presence:
        """Return what can be said with the capabilities that the directory declares."""
        if source_id in self._faults.uncertain:
            return Uncertain(self._faults.uncertain[source_id])
        if source_id in self._faults.rejected:
            return Uncertain("the record cannot be used")
        if Capability.DELETION_EVIDENCE in self._capabilities and self._on_deleted_list(source_id):
            return Gone("deleted list")
        if Capability.SINGLE_READ not in self._capabilities:
            return Uncertain("this source cannot read one person alone")
        person = self._world.living.get(source_id)
        if person is None:
            return Gone("read by id: nobody has it")
        memberships = self._expansion.memberships_of(source_id) if self._expansion is not None else ()
        return Present(evolve(person.seen(), memberships=memberships))

    def close(self) -> None:
        """End the read."""
        self._closed = True

    def __enter__(self) -> Self:
        """Return the snapshot itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the snapshot."""
        self.close()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise SnapshotMisused(
                "the snapshot is closed", where=self._id, cure="Read it inside its with block, or take another one."
            )

    def _report(self, stage: Stage, done: int, total: int | None) -> None:
        if self._progress is not None:
            self._progress(stage, done, total)


def _listing(name: str, there: int, cuts: Mapping[str, int | None]) -> Listing:
    """Return how much of a listing was seen. One that was to be cut is never complete, however short it is."""
    if name not in cuts:
        return Listing(name, 1, there)
    keep = cuts[name]
    seen = there // 2 if keep is None else min(keep, there)
    return Listing(name, 1, seen, f"cut after {seen} records, before its end")


def _size(roster: Roster) -> int:
    return len(roster.people) + len(roster.groups) + roster.everyone


def _source_id(person: Identity) -> str:
    return person.source_id
