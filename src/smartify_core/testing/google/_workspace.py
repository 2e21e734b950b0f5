"""The mutable world of one customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from smartify_core.errors import UsageError
from smartify_core.model import Clock
from smartify_core.testing._sample import Sample
from smartify_core.testing.google._records import AS_GOOGLE, Default, GroupRecord, MemberKind, MemberRecord, UserRecord
from smartify_core.testing.google._truth import truth_of
from smartify_core.testing.google._world import World, undeletable, utc_now


class Workspace(World):
    """One Google Workspace account: people, groups and memberships, changed here and read through the server.

    Every method may be called from any thread, also while a listing is under way; a reader sees each change whole or
    not at all. Ids are made from ``customer_id`` and a counter, so that the same calls give the same ids.

    An address in ``admin_email`` may act as an administrator from the start, before (or without) being a listed user.
    Once a user is added with that address, the user's own state decides: suspend them, and their tokens die.

    Args:
        customer_id: The account's id, as in ``C03az79cb``.
        domains: The account's domains, the primary one first.
        admin_email: The address that service accounts may act for.
        clock: Where creation, suspension and deletion times come from, and the 20 days that a deleted user is kept.

    Attributes:
        read_lag: How far listings and reads by key trail behind changes (nothing by default; Google: seconds to
            minutes).
        search_lag: How far answers to ``query`` trail behind changes (nothing by default; Google: up to 36 hours).
    """

    def __init__(
        self,
        *,
        customer_id: str = "C01abcdef",
        domains: Sequence[str] = ("acme.example",),
        admin_email: str = "admin@acme.example",
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(customer_id=customer_id, domains=domains, admin_email=admin_email, clock=clock)

    @classmethod
    def from_sample(cls, sample: Sample, *, clock: Clock = utc_now) -> Workspace:
        """Return the world that ``sample`` describes. Its deleted people were deleted just now by ``clock``."""
        world = cls(customer_id=sample.customer_id, domains=sample.domains, admin_email=sample.admin_email, clock=clock)
        for dead in (True, False):
            for person in sample.deleted if dead else sample.people:
                world.add_user(
                    email=person.email,
                    given_name=person.given_name,
                    family_name=person.family_name,
                    source_id=person.source_id,
                    suspended=person.suspended,
                    archived=person.archived,
                    aliases=person.aliases,
                )
                if dead:
                    world.delete_user(person.source_id)
        for group in sample.groups:
            world.add_group(email=group.email, name=group.name, source_id=group.source_id)
        for group in sample.groups:
            for user_id in group.member_ids:
                world.add_member(group.source_id, user_id=user_id)
            for child_id in group.child_group_ids:
                world.add_member(group.source_id, group_id_member=child_id, allow_cycle=True)
            for outsider in group.external_emails:
                world.add_member(group.source_id, external_email=outsider)
            if group.whole_customer:
                world.add_member(group.source_id, whole_customer=True)
        return world

    # --- people -----------------------------------------------------------------------------------------------------

    def add_user(
        self,
        *,
        email: str,
        given_name: str | None,
        family_name: str | None,
        source_id: str | None = None,
        suspended: bool = False,
        archived: bool = False,
        aliases: Sequence[str] = (),
        guest_email: str | None = None,
        is_admin: bool = False,
    ) -> str:
        """Create a person and return the id (21 digits unless ``source_id`` says otherwise).

        ``guest_email`` makes a guest of the account; ``is_admin`` (implied for the account's ``admin_email``) lets
        service accounts act for the person. A name part of ``None`` is left out of every answer.

        Raises:
            UsageError: The id is in use, or an address is taken.
        """
        with self._changing() as now:
            user_id = source_id or str(10**20 + self._next_number() % (9 * 10**20))
            if user_id in self._users or user_id in self._deleted:
                raise UsageError("a user with this id is already there", where=user_id, cure="Leave source_id out.")
            self._addresses.take((email, *aliases), user_id)
            implied = email.lower() == self.admin_email.lower()
            self._implicit_admin = self._implicit_admin and not implied
            self._put_user(
                UserRecord(
                    user_id,
                    email,
                    given_name,
                    family_name,
                    created_at=now,
                    aliases=tuple(aliases),
                    suspended_at=now if suspended else None,
                    suspension_reason="ADMIN" if suspended else None,
                    archived_at=now if archived else None,
                    is_admin=is_admin or implied,
                    guest_email=guest_email,
                )
            )
            return user_id

    def rename_user(
        self,
        id: str,  # noqa: A002 - the word the API uses
        *,
        email: str | None = None,
        given_name: str | None = None,
        family_name: str | None = None,
    ) -> None:
        """Change the given parts. The old address stays as an alias until it is removed, as at Google.

        Raises:
            UsageError: Nobody has this id, or the new address is taken.
        """
        with self._changing():
            user = self._user(id)
            aliases = user.aliases
            if email is not None and email.lower() != user.email.lower():
                self._addresses.take((email,), id)
                aliases = (*(each for each in aliases if each.lower() != email.lower()), user.email)
            self._put_user(
                evolve(
                    user,
                    email=user.email if email is None else email,
                    given_name=user.given_name if given_name is None else given_name,
                    family_name=user.family_name if family_name is None else family_name,
                    aliases=aliases,
                )
            )

    def remove_alias(self, id: str, alias: str) -> None:  # noqa: A002 - the wire's own name
        """Take an alias away from a person; the address is free at once.

        Raises:
            UsageError: Nobody has this id, or the address is no alias of theirs.
        """
        with self._changing():
            user = self._user(id)
            kept = tuple(each for each in user.aliases if each.lower() != alias.lower())
            if len(kept) == len(user.aliases):
                raise UsageError(
                    "the address is no alias of this user", where=id, cure="Name one of the user's aliases."
                )
            self._addresses.release((alias,), id)
            self._put_user(evolve(user, aliases=kept))

    def swap_emails(self, id_a: str, id_b: str) -> None:
        """Exchange the primary addresses of two people in one step, leaving no alias behind."""
        with self._changing():
            a, b = self._user(id_a), self._user(id_b)
            self._addresses.release((a.email,), id_a)
            self._addresses.release((b.email,), id_b)
            self._addresses.take((b.email,), id_a)
            self._addresses.take((a.email,), id_b)
            self._put_user(evolve(a, email=b.email))
            self._put_user(evolve(b, email=a.email))

    def suspend(self, id: str, reason: str = "ADMIN") -> None:  # noqa: A002 - the wire's own name
        """Suspend a person, with the reason that the API shows."""
        with self._changing() as now:
            self._put_user(evolve(self._user(id), suspended_at=now, suspension_reason=reason))

    def unsuspend(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Let a suspended person back in."""
        with self._changing():
            self._put_user(evolve(self._user(id), suspended_at=None, suspension_reason=None))

    def archive(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Archive a person. Archived is a state of its own, beside suspended."""
        with self._changing() as now:
            self._put_user(evolve(self._user(id), archived_at=now))

    def unarchive(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Bring a person back from the archive."""
        with self._changing():
            self._put_user(evolve(self._user(id), archived_at=None))

    def set_admin(self, id: str, is_admin: bool) -> None:  # noqa: A002, FBT001 - reads as the field it sets
        """Make a person an administrator, or take that away."""
        with self._changing():
            self._put_user(evolve(self._user(id), is_admin=is_admin))

    def log_in(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Record a login: the last login time and the etag change, and nothing that anybody should care about."""
        with self._changing() as now:
            self._put_user(evolve(self._user(id), last_login_at=now))

    def delete_user(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Delete a person: off the listing, out of all groups, addresses free, and on the deleted list for 20 days."""
        with self._changing() as now:
            user = self._user(id)
            del self._users[id]
            self._addresses.release((user.email, *user.aliases), id)
            gone = evolve(user, deleted_at=now, revision=self.version)
            self._deleted[id] = gone
            self._user_history.note(id, now, gone)

    def undelete_user(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Bring back a person deleted less than 20 days ago, with id, names, state and memberships as they were.

        Raises:
            UsageError: No such deleted user, or somebody else has one of the addresses by now.
        """
        with self._changing() as now:
            gone = self._deleted.get(id)
            if gone is None or not undeletable(gone, now):
                raise UsageError(
                    "no deleted user with this id can be undeleted", where=id, cure="Undelete within 20 days."
                )
            self._addresses.take((gone.email, *gone.aliases), id)
            del self._deleted[id]
            self._put_user(evolve(gone, deleted_at=None))

    # --- groups -----------------------------------------------------------------------------------------------------

    def add_group(self, *, email: str, name: str, source_id: str | None = None, aliases: Sequence[str] = ()) -> str:
        """Create a group and return its id.

        Raises:
            UsageError: The id is in use, or an address is taken.
        """
        with self._changing() as now:
            group_id = source_id or "0" + _letters(self._next_number(), 14)
            if group_id in self._groups:
                raise UsageError("a group with this id is already there", where=group_id, cure="Leave source_id out.")
            self._addresses.take((email, *aliases), group_id)
            self._put_group(GroupRecord(group_id, email, name, created_at=now, aliases=tuple(aliases)))
            return group_id

    def rename_group(self, id: str, *, email: str | None = None, name: str | None = None) -> None:  # noqa: A002 - the wire's own name
        """Change a group's address (the old one stays as an alias) or name."""
        with self._changing():
            group = self._group(id)
            aliases = group.aliases
            if email is not None and email.lower() != group.email.lower():
                self._addresses.take((email,), id)
                aliases = (*(each for each in aliases if each.lower() != email.lower()), group.email)
            self._put_group(evolve(group, email=email or group.email, name=name or group.name, aliases=aliases))

    def delete_group(self, id: str) -> None:  # noqa: A002 - the wire's own name
        """Delete a group and its memberships, in both directions."""
        with self._changing() as now:
            group = self._group(id)
            del self._groups[id]
            self._addresses.release((group.email, *group.aliases), id)
            self._members.drop_group(id)
            self._group_history.note(id, now, None)

    def add_member(
        self,
        group_id: str,
        *,
        user_id: str | None = None,
        group_id_member: str | None = None,
        whole_customer: bool = False,
        external_email: str | None = None,
        role: str = "MEMBER",
        email_shown: str | None = None,
        status: str | Default | None = AS_GOOGLE,
        allow_cycle: bool = False,
    ) -> str:
        """Put one member into a group and return the member's id. Say exactly one of the four kinds.

        Args:
            group_id: The group that gains a member.
            user_id: A person of this account.
            group_id_member: A group. One that this account does not know is a group of another customer, which can be
                seen but not opened.
            whole_customer: Everybody at the account.
            external_email: A person from outside.
            role: ``MEMBER``, ``MANAGER`` or ``OWNER``.
            email_shown: The address that the listing shows, such as an alias, in place of the primary one.
            status: The listing's ``status``; ``None`` leaves it out. By default what Google says: the person's own
                state, ``ACTIVE`` for a group, and nothing for the whole customer and for outsiders.
            allow_cycle: Whether a group may come to contain itself. Google refuses that, yet a client that reads page
                by page can see it.

        Raises:
            UsageError: Not exactly one kind, an unknown group or person, or a group that would come to contain itself.
        """
        kinds = [user_id is not None, group_id_member is not None, whole_customer, external_email is not None]
        if sum(kinds) != 1:
            raise UsageError(
                "a member is of exactly one kind", where=group_id, cure="Give one of the four kinds of member."
            )
        with self._changing():
            self._group(group_id)
            if user_id is not None:
                member_id, kind = self._user(user_id).id, MemberKind.USER
            elif group_id_member is not None:
                known = group_id_member in self._groups
                member_id, kind = group_id_member, MemberKind.GROUP if known else MemberKind.FOREIGN_GROUP
                email_shown = email_shown or (None if known else f"{member_id}@elsewhere.example")
            elif whole_customer:
                member_id, kind = self.customer_id, MemberKind.CUSTOMER
            else:
                email_shown = email_shown or external_email
                member_id, kind = (
                    str(10**20 + self._number(str(external_email).lower()) % (9 * 10**20)),
                    MemberKind.OUTSIDER,
                )
            record = MemberRecord(member_id, kind, role, email_shown, status, revision=self.version)
            self._members.put(group_id, record, allow_cycle=allow_cycle)
            return member_id

    def remove_member(self, group_id: str, member_id: str) -> None:
        """Take a member out of a group.

        Raises:
            UsageError: No such group, or no such direct member.
        """
        with self._changing():
            self._group(group_id)
            self._members.remove(group_id, member_id)

    def truth(self) -> dict[str, Any]:
        """Return who is here, in which state and in which groups, found by searching the graph, not by the API.

        Returns:
            ``{"people": [{"id", "email", "given_name", "family_name", "state", "groups"}], "deleted": [ids]}``.
            ``state`` is ``active`` or ``inactive``; ``groups`` are the addresses of all groups by whatever path,
            sorted; a name part that is missing or prints nothing is the empty string.
        """
        with self._lock:
            return truth_of(self._users.values(), self.deleted_users(), self._groups, self._members.by_group)


def _letters(number: int, length: int) -> str:
    """Write ``number`` with ``length`` digits and small letters, as group ids are."""
    text = ""
    for _ in range(length):
        number, rest = divmod(number, 36)
        text += "0123456789abcdefghijklmnopqrstuvwxyz"[rest]
    return text
