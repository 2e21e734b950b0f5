"""What a fake directory holds at this moment, and the rules that a real one would enforce."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from attrs import define, evolve, field

from smartify_core.directory import Expansion, GroupMembers, expand
from smartify_core.errors import UsageError
from smartify_core.model import Group, Identity

from ._sample_ids import group_id_of, person_id_of
from ._sample_values import inactive_reason


@define
class Person:
    """One person, living or deleted. ``identity`` carries no memberships: the rosters do."""

    identity: Identity
    suspended: bool = False
    archived: bool = False
    deleted_at: datetime | None = None

    def seen(self) -> Identity:
        """Return the identity with why it is inactive, without memberships."""
        return evolve(self.identity, inactive_reason=inactive_reason(suspended=self.suspended, archived=self.archived))


@define
class Roster:
    """The direct members of one group. Dictionaries stand for ordered sets, so that nothing hangs on hashes."""

    people: dict[str, None] = field(factory=dict)
    groups: dict[str, None] = field(factory=dict)
    everyone: bool = False

    def members(self) -> GroupMembers:
        """Return what the expansion needs."""
        return GroupMembers(self.people, self.groups, self.everyone)


@define
class World:
    """People, the deleted, groups and who is in them. All are found by id, or by the handle that the id is made of."""

    living: dict[str, Person] = field(factory=dict)
    deleted: dict[str, Person] = field(factory=dict)
    groups: dict[str, Group] = field(factory=dict)
    rosters: dict[str, Roster] = field(factory=dict)
    _holders: dict[str, str] = field(factory=dict, repr=False)
    _expansion: Expansion | None = field(default=None, repr=False)

    # --- who is meant ---

    def person(self, of: Identity | str) -> Person:
        """Return the living person who is meant.

        Raises:
            UsageError: Nobody here is, or the person has been deleted.
        """
        person_id = self.person_id(of)
        if person_id not in self.living:
            state = "has been deleted" if person_id in self.deleted else "is not in this directory"
            raise UsageError(f"the person {state}", where=person_id, cure="Use add() or undelete() first.")
        return self.living[person_id]

    def dead(self, of: Identity | str) -> Person:
        """Return the deleted person who is meant.

        Raises:
            UsageError: Nobody deleted is.
        """
        person_id = self.person_id(of)
        if person_id not in self.deleted:
            state = "has not been deleted" if person_id in self.living else "is not on the deleted list"
            raise UsageError(f"the person {state}", where=person_id, cure="Use delete() first.")
        return self.deleted[person_id]

    def person_id(self, of: Identity | str) -> str:
        """Return the id of whoever is meant, known or not: an identity's own, an id, or the id made from a handle."""
        if isinstance(of, Identity):
            return of.source_id
        if of in self.living or of in self.deleted:
            return of
        made = person_id_of(of)
        return made if made in self.living or made in self.deleted else of

    def group(self, of: Group | str) -> Group:
        """Return the group that is meant, as it is now.

        Raises:
            UsageError: No group is.
        """
        group_id = of.id if isinstance(of, Group) else of
        if group_id not in self.groups and isinstance(of, str):
            group_id = group_id_of(of)
        if group_id not in self.groups:
            raise UsageError(
                "the group is not in this directory",
                where=of.id if isinstance(of, Group) else of,
                cure="Use add_group() first; name a group by its value, its id, or the handle given to group().",
            )
        return self.groups[group_id]

    # --- changes that touch several of the tables ---

    def take_address(self, email: str, holder: str) -> None:
        """Give an address to a person or group.

        Raises:
            UsageError: Somebody else has it, in whatever case.
        """
        other = self._holders.setdefault(email.casefold(), holder)
        if other != holder:
            raise UsageError(
                "the address is taken",
                where=f"held by {other}, wanted for {holder}",
                cure="Rename or delete the holder first, or use swap_emails().",
            )

    def free_address(self, email: str) -> None:
        """Let an address be given to somebody else."""
        del self._holders[email.casefold()]

    def readdress(self, holder: str, old: str, new: str) -> None:
        """Exchange a holder's address. Raises as `take_address`, and then nothing has changed."""
        if old.casefold() != new.casefold():
            self.take_address(new, holder)
            self.free_address(old)

    def changed(self) -> None:
        """Forget what was worked out about memberships."""
        self._expansion = None

    # --- what can be read ---

    def expansion(self) -> Expansion:
        """Return who is in which group now. What is returned does not change when the world does."""
        if self._expansion is None:
            self._expansion = self.expand(self.groups, lambda _, roster: roster.members())
        return self._expansion

    def expand(self, groups: Mapping[str, Group], listed: Callable[[str, Roster], GroupMembers]) -> Expansion:
        """Return the expansion of some groups, with what is listed for each."""
        return expand(groups, {group_id: listed(group_id, self.rosters[group_id]) for group_id in groups})

    def current(self, person: Person) -> Identity:
        """Return a person as a read would see them now."""
        memberships = self.expansion().memberships_of(person.identity.source_id)
        return evolve(person.seen(), memberships=memberships)
