"""What an administrator does to people."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from smartify_core.errors import UsageError
from smartify_core.testing.google._records import UserRecord
from smartify_core.testing.google._world import World, undeletable


class People(World):
    """The changes that happen to people. Every method here may be called from any thread."""

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

    def remove_alias(self, id: str, alias: str) -> None:  # noqa: A002
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

    def suspend(self, id: str, reason: str = "ADMIN") -> None:  # noqa: A002
        """Suspend a person, with the reason that the API shows."""
        with self._changing() as now:
            self._put_user(evolve(self._user(id), suspended_at=now, suspension_reason=reason))

    def unsuspend(self, id: str) -> None:  # noqa: A002
        """Let a suspended person back in."""
        with self._changing():
            self._put_user(evolve(self._user(id), suspended_at=None, suspension_reason=None))

    def archive(self, id: str) -> None:  # noqa: A002
        """Archive a person. Archived is a state of its own, beside suspended."""
        with self._changing() as now:
            self._put_user(evolve(self._user(id), archived_at=now))

    def unarchive(self, id: str) -> None:  # noqa: A002
        """Bring a person back from the archive."""
        with self._changing():
            self._put_user(evolve(self._user(id), archived_at=None))

    def set_admin(self, id: str, is_admin: bool) -> None:  # noqa: A002, FBT001 - reads as the field it sets
        """Make a person an administrator, or take that away."""
        with self._changing():
            self._put_user(evolve(self._user(id), is_admin=is_admin))

    def log_in(self, id: str) -> None:  # noqa: A002
        """Record a login: the last login time and the etag change, and nothing that anybody should care about."""
        with self._changing() as now:
            self._put_user(evolve(self._user(id), last_login_at=now))

    def delete_user(self, id: str) -> None:  # noqa: A002
        """Delete a person: off the listing, out of all groups, addresses free, and on the deleted list for 20 days."""
        with self._changing() as now:
            user = self._user(id)
            del self._users[id]
            self._addresses.release((user.email, *user.aliases), id)
            gone = evolve(user, deleted_at=now, revision=self.version)
            self._deleted[id] = gone
            self._user_history.note(id, now, gone)

    def undelete_user(self, id: str) -> None:  # noqa: A002
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
