"""The mutable world of one customer."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from smartify_core.errors import UsageError
from smartify_core.model import Clock
from smartify_core.testing._sample import Sample
from smartify_core.testing.google._people import People
from smartify_core.testing.google._records import AS_GOOGLE, Default, GroupRecord, MemberKind, MemberRecord
from smartify_core.testing.google._world import utc_now


class Workspace(People):
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

    def rename_group(self, id: str, *, email: str | None = None, name: str | None = None) -> None:  # noqa: A002
        """Change a group's address (the old one stays as an alias) or name."""
        with self._changing():
            group = self._group(id)
            aliases = group.aliases
            if email is not None and email.lower() != group.email.lower():
                self._addresses.take((email,), id)
                aliases = (*(each for each in aliases if each.lower() != email.lower()), group.email)
            self._put_group(evolve(group, email=email or group.email, name=name or group.name, aliases=aliases))

    def delete_group(self, id: str) -> None:  # noqa: A002
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


def _letters(number: int, length: int) -> str:
    """Write ``number`` with ``length`` digits and small letters, as group ids are."""
    text = ""
    for _ in range(length):
        number, rest = divmod(number, 36)
        text += "0123456789abcdefghijklmnopqrstuvwxyz"[rest]
    return text
