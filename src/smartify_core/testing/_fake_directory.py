"""A directory in memory, for the tests of whoever uses this library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Self

from attrs import evolve

from smartify_core.directory import Capability, Presence, name_part, no_single_read
from smartify_core.errors import SourceError, UsageError
from smartify_core.model import Clock, Group, Identity, InactiveReason, MembershipPath, ProgressSink

from ._fake_answers import Answers
from ._fake_faults import LISTINGS, Failure, FailureMoment, FailureName, FaultPlan, Faults, ListingName
from ._fake_snapshot import FakeSnapshot
from ._fake_world import Person, Roster, World
from ._sample import Sample, SamplePerson
from ._sample_values import group as group_of

_ALL = frozenset({Capability.IMMUTABLE_IDS, Capability.DELETION_EVIDENCE, Capability.SINGLE_READ})


class FakeDirectory:
    """A `DirectorySource` that a test changes by hand, and that fails on demand.

    Methods name people by `Identity`, by id, or by the handle given to `identity`, and groups likewise::

        ada = identity("ada", groups=["eng"])
        directory = FakeDirectory(ada, identity("grace"))
        directory.suspend(ada)
        directory.add_member("grace", "eng")
        directory.truncate_next()

    The same calls give the same snapshots, down to their ids (``fake-1``, ``fake-2``, …). One thread at a time.

    Args:
        people: Who is there from the start. Groups that list them are made on the way.
        clock: When given, the deleted list forgets people after ``kept_deleted``; without it, never.
        kept_deleted: How long a deleted person stays on the deleted list (Google: 20 days).
        capabilities: What the source declares, and keeps to: without `DELETION_EVIDENCE` it has no deleted list,
            without `SINGLE_READ` it cannot say that somebody is still there.

    Raises:
        UsageError: Two people with the same id or address, or a membership that is not direct.
    """

    def __init__(
        self,
        *people: Identity,
        clock: Clock | None = None,
        kept_deleted: timedelta = timedelta(days=20),
        capabilities: frozenset[Capability] = _ALL,
    ) -> None:
        self._world = World()
        self._plan = FaultPlan()
        self._clock = clock
        self._kept_deleted = kept_deleted
        self._capabilities = frozenset(capabilities)
        self._reads = 0
        self.add(*people)

    @classmethod
    def from_sample(cls, sample: Sample, *, clock: Clock | None = None) -> Self:
        """Return the directory that ``sample`` describes. Its deleted people were deleted just now."""
        directory = cls(clock=clock)
        for person in sample.deleted:
            directory._admit(_identity(person), suspended=person.suspended, archived=person.archived)
            directory.delete(person.source_id)
        for person in sample.people:
            directory._admit(_identity(person), suspended=person.suspended, archived=person.archived)
        for each in sample.groups:
            directory.add_group(Group(each.source_id, each.email, each.name))
            directory._world.rosters[each.source_id] = Roster(
                dict.fromkeys(each.member_ids), dict.fromkeys(each.child_group_ids), each.whole_customer
            )
        return directory

    def __repr__(self) -> str:
        """Return how much is in the directory."""
        people, groups = len(self._world.living), len(self._world.groups)
        return f"<FakeDirectory: {people} people, {groups} groups, read {self._reads} times>"

    # --- what a reader sees -----------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what was declared when the directory was made."""
        return self._capabilities

    @property
    def reads(self) -> int:
        """Return how many snapshots were taken."""
        return self._reads

    def snapshot(self, *, progress: ProgressSink | None = None) -> FakeSnapshot:
        """Begin a read, with the faults that were asked for. See `DirectorySource.snapshot`.

        Raises:
            SourceError: `fail_next` said so.
        """
        self._reads += 1
        faults = self._plan.take()
        faults.fail("open")
        return FakeSnapshot(
            f"fake-{self._reads}", self._world, faults=faults, answers=self._answers(faults), progress=progress
        )

    def look_up(self, source_ids: Sequence[str]) -> Mapping[str, Presence]:
        """Say of each id what the directory knows now, groups included. See `DirectorySource.look_up`.

        It counts as a read where faults are concerned: those of the next read happen to it, as far as they can. An
        error is raised whatever its moment; listings that are cut or miss somebody are no matter here.

        Raises:
            SourceError: `fail_next` said so.
            UsageError: The directory was made without `SINGLE_READ`.
        """
        if Capability.SINGLE_READ not in self._capabilities:
            raise no_single_read("FakeDirectory")
        faults = self._plan.take()
        if faults.failure is not None:
            raise faults.failure.error from None
        for action in faults.afterwards:
            action()
        return self._answers(faults).to(source_ids, self._world.expansion().memberships_of)

    def truth(self) -> list[Identity]:
        """Return everybody who is there now, as a perfect read would show them, in ascending order of id."""
        return [self._world.current(person) for _, person in sorted(self._world.living.items())]

    def current(self, person: Identity | str) -> Identity:
        """Return one person as a perfect read would show them now.

        Raises:
            UsageError: The person is not there.
        """
        return self._world.current(self._world.person(person))

    # --- people -----------------------------------------------------------------------------------------------------

    def add(self, *people: Identity) -> None:
        """Add people, with the groups that list them; a group that is not there yet is made.

        Raises:
            UsageError: An id or address is taken, a membership is not direct, or a group is not as it is here.
        """
        for person in people:
            reason = person.inactive_reason
            self._admit(
                person,
                suspended=reason is InactiveReason.SUSPENDED,
                archived=reason is InactiveReason.ARCHIVED,
            )

    def rename(
        self,
        person: Identity | str,
        *,
        email: str | None = None,
        given_name: str | None = None,
        family_name: str | None = None,
    ) -> None:
        """Change the parts that are given. The old address is free at once (Google keeps it as an alias).

        Raises:
            UsageError: The person is not there, or the address is taken.
        """
        found = self._world.person(person)
        before = found.identity
        if email is not None:
            self._world.readdress(before.source_id, before.email, email)
        found.identity = evolve(
            before,
            email=before.email if email is None else email,
            given_name=before.given_name if given_name is None else name_part(given_name),
            family_name=before.family_name if family_name is None else name_part(family_name),
        )

    def swap_emails(self, one: Identity | str, other: Identity | str) -> None:
        """Exchange the addresses of two people in one step."""
        first, second = self._world.person(one), self._world.person(other)
        emails = first.identity.email, second.identity.email
        for person in (first, second):
            self._world.free_address(person.identity.email)
        for person, email in ((first, emails[1]), (second, emails[0])):
            self._world.take_address(email, person.identity.source_id)
            person.identity = evolve(person.identity, email=email)

    def suspend(self, person: Identity | str) -> None:
        """Make a person inactive. Suspended comes before archived where both hold."""
        self._world.person(person).suspended = True

    def archive(self, person: Identity | str) -> None:
        """Move a person to the archive, which makes them inactive."""
        self._world.person(person).archived = True

    def restore(self, person: Identity | str) -> None:
        """Make a person active again: neither suspended nor archived."""
        found = self._world.person(person)
        found.suspended = found.archived = False

    def delete(self, person: Identity | str) -> None:
        """Delete a person: off the listing, on the deleted list, the address free. Their groups wait for `undelete`."""
        found = self._world.person(person)
        found.deleted_at = self._clock() if self._clock is not None else None
        self._world.free_address(found.identity.email)
        self._world.deleted[found.identity.source_id] = self._world.living.pop(found.identity.source_id)

    def undelete(self, person: Identity | str) -> None:
        """Bring a deleted person back as they were, the groups that still list them included.

        Raises:
            UsageError: The person is not on the deleted list, or somebody else has the address by now.
        """
        found = self._world.dead(person)
        source_id = found.identity.source_id
        if not self._on_deleted_list(source_id):
            raise UsageError(
                "the person has left the deleted list",
                where=source_id,
                cure=f"Undelete within {self._kept_deleted.days} days by the clock that the directory was given.",
            )
        self._world.take_address(found.identity.email, source_id)
        self._world.living[source_id] = self._world.deleted.pop(source_id)

    def forget(self, person: Identity | str) -> None:
        """Let a person vanish without a trace, from the deleted list as well; the id may be added anew."""
        source_id = self._world.person_id(person)
        if source_id in self._world.living:
            self.delete(source_id)
        self._world.dead(source_id)
        del self._world.deleted[source_id]
        for roster in self._world.rosters.values():
            roster.people.pop(source_id, None)
        self._world.changed()

    # --- groups -----------------------------------------------------------------------------------------------------

    def add_group(self, group: Group | str, *members: Identity | str) -> Group:
        """Add a group that lists ``members``, and return it. A string is a handle, as in `group`.

        Raises:
            UsageError: The id or address is taken, or a member is not there.
        """
        made = group if isinstance(group, Group) else group_of(group)
        if made.id in self._world.groups:
            raise UsageError("a group with this id is already there", where=made.id, cure="Use add_member().")
        listed = dict.fromkeys(self._world.person(member).identity.source_id for member in members)
        self._world.take_address(made.email, made.id)
        self._world.groups[made.id] = made
        self._world.rosters[made.id] = Roster(listed)
        self._world.changed()
        return made

    def rename_group(self, group: Group | str, *, email: str | None = None, name: str | None = None) -> Group:
        """Change a group's address or name, and return it as it is now.

        Raises:
            UsageError: The group is not there, or the address is taken.
        """
        before = self._world.group(group)
        after = evolve(
            before, email=before.email if email is None else email, name=before.name if name is None else name
        )
        self._world.readdress(before.id, before.email, after.email)
        self._world.groups[before.id] = after
        self._world.changed()
        return after

    def delete_group(self, group: Group | str) -> None:
        """Delete a group, and its place in the groups that it is nested in. Its people stay."""
        gone = self._world.group(group)
        self._world.free_address(gone.email)
        del self._world.groups[gone.id], self._world.rosters[gone.id]
        for roster in self._world.rosters.values():
            roster.groups.pop(gone.id, None)
        self._world.changed()

    def add_member(self, person: Identity | str, group: Group | str) -> None:
        """Let a group list a person, who may be listed already."""
        source_id = self._world.person(person).identity.source_id
        self._roster(group).people[source_id] = None

    def remove_member(self, person: Identity | str, group: Group | str) -> None:
        """Take a person off a group's own list.

        Raises:
            UsageError: The group does not list the person directly.
        """
        source_id = self._world.person(person).identity.source_id
        roster = self._roster(group)
        if source_id not in roster.people:
            raise UsageError(
                "the group does not list the person",
                where=f"{source_id} in {self._world.group(group).id}",
                cure="A membership through nested groups ends where it begins: use remove_member() or unnest() there.",
            )
        del roster.people[source_id]

    def move(self, person: Identity | str, from_group: Group | str, to_group: Group | str) -> None:
        """Take a person off one group's list and put them on another's."""
        self._world.group(to_group)
        self.remove_member(person, from_group)
        self.add_member(person, to_group)

    def nest(self, group: Group | str, into: Group | str) -> None:
        """Make a group a member of another, so that its people are in both. Cycles are allowed: imports make them."""
        self._roster(into).groups[self._world.group(group).id] = None

    def unnest(self, group: Group | str, out_of: Group | str) -> None:
        """Undo `nest`.

        Raises:
            UsageError: The group is not nested there directly.
        """
        group_id = self._world.group(group).id
        roster = self._roster(out_of)
        if group_id not in roster.groups:
            raise UsageError("the group is not nested there", where=group_id, cure="Name the group that lists it.")
        del roster.groups[group_id]

    def whole_customer(self, group: Group | str, *, everyone: bool = True) -> None:
        """Let a group have everybody as a member, or no longer."""
        self._roster(group).everyone = everyone

    # --- faults -----------------------------------------------------------------------------------------------------

    def truncate_next(self, listing: ListingName = "users", *, keep: int | None = None, times: int = 1) -> None:
        """Cut a listing of the next read short: the rest is not seen, and the certificate says so.

        Args:
            listing: ``users``, ``groups``, or ``members``.
            keep: How many records are seen; half of them by default. Not complete even if that is all there are.
            times: How many reads in a row.
        """
        if listing not in LISTINGS or (keep is not None and keep < 0):
            raise UsageError(
                "no such cut",
                where=f"truncate_next({listing!r}, keep={keep})",
                cure=f"Cut one of: {', '.join(LISTINGS)}.",
            )
        for faults in self._plan.next(times):
            faults.cuts[listing] = keep

    def fail_next(
        self,
        error: SourceError | FailureName = "unavailable",
        *,
        on: FailureMoment = "read",
        after: int = 0,
        times: int = 1,
    ) -> None:
        """Let the next read raise an error.

        Args:
            error: The error, or ``unavailable``, ``rejected`` or ``malformed``.
            on: When: ``open`` (when the snapshot is taken), ``read`` (while people are read), or ``confirm``. A
                `look_up` that comes next fails whatever is said here.
            after: With ``read``, how many people are read before.
            times: How many reads in a row.
        """
        failure = Failure.of(error, on, after)
        for faults in self._plan.next(times):
            faults.failure = failure

    def miss_next(self, *people: Identity | str, times: int = 1) -> None:
        """Let the next read miss people although its certificate is complete.

        Google's does so when somebody is renamed behind the cursor. Asked by id, the directory says they are there.
        """
        missed = {self._world.person(person).identity.source_id for person in people}
        for faults in self._plan.next(times):
            faults.missed |= missed

    def reject_next(self, *people: Identity | str, problem: str = "the email is missing", times: int = 1) -> None:
        """Let the records of people be unusable in the next read."""
        spoiled = {self._world.person(person).identity.source_id: problem for person in people}
        for faults in self._plan.next(times):
            faults.rejected |= spoiled

    def uncertain_next(self, *people: Identity | str, reason: str = "told to be uncertain", times: int = 1) -> None:
        """Let the next read answer neither yes nor no when it is asked about people, who may be gone already."""
        doubtful = {self._world.person_id(person): reason for person in people}
        for faults in self._plan.next(times):
            faults.uncertain |= doubtful

    def after_next_listing(self, action: Callable[[], object]) -> None:
        """Do something once the next read has seen everybody and before anybody is confirmed: the world moves on."""
        for faults in self._plan.next(1):
            faults.afterwards.append(action)

    def recover(self) -> None:
        """Take back every fault that has not happened yet."""
        self._plan.clear()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _admit(self, person: Identity, *, suspended: bool, archived: bool) -> None:
        world, source_id = self._world, person.source_id
        if source_id in world.living or source_id in world.deleted:
            raise UsageError(
                "a person with this id is already there",
                where=source_id,
                cure="Use undelete(), or forget() them first.",
            )
        for membership in person.memberships:
            there = world.groups.get(membership.group.id, membership.group)
            if membership.path is not MembershipPath.DIRECT or there != membership.group:
                raise UsageError(
                    "a person is added with direct memberships of groups as they are",
                    where=f"{source_id} in {membership.group.id}",
                    cure="Use nest() and whole_customer() for other paths, rename_group() for another address or name.",
                )
        for membership in person.memberships:
            if membership.group.id not in world.groups:
                self.add_group(membership.group)
        world.take_address(person.email, source_id)
        for membership in person.memberships:
            world.rosters[membership.group.id].people[source_id] = None
        bare = evolve(
            person,
            given_name=name_part(person.given_name),
            family_name=name_part(person.family_name),
            inactive_reason=None,
            memberships=(),
        )
        world.living[source_id] = Person(bare, suspended, archived)
        world.changed()

    def _roster(self, group: Group | str) -> Roster:
        """Return the list of a group's members, which is about to change."""
        self._world.changed()
        return self._world.rosters[self._world.group(group).id]

    def _answers(self, faults: Faults) -> Answers:
        return Answers(self._world, faults, self._capabilities, self._on_deleted_list)

    def _on_deleted_list(self, source_id: str) -> bool:
        person = self._world.deleted.get(source_id)
        if person is None or self._clock is None or person.deleted_at is None:
            return person is not None
        return self._clock() - person.deleted_at < self._kept_deleted


def _identity(person: SamplePerson) -> Identity:
    return Identity(person.source_id, person.email, person.given_name, person.family_name)
