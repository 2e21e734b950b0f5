"""The state of one customer's account, and how the server reads it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from attrs import evolve

from smartify_core.errors import UsageError
from smartify_core.model import Clock
from smartify_core.testing.google._addresses import AddressBook
from smartify_core.testing.google._members import Memberships
from smartify_core.testing.google._records import GroupRecord, MemberKind, MemberRecord, UserRecord
from smartify_core.testing.google._timeline import Timeline

#: How long a deleted user can be undeleted and is listed as deleted (Directory API, "Undelete a user account").
UNDELETE_WINDOW = timedelta(days=20)
_NO_TIME = timedelta(0)


def utc_now() -> datetime:
    """Return the present instant by the machine's clock."""
    return datetime.now(UTC)


class World:
    """Everything that is true of one account now, readable from any thread; subclasses add the ways to change it."""

    def __init__(self, *, customer_id: str, domains: Sequence[str], admin_email: str, clock: Clock) -> None:
        self.customer_id = customer_id
        self.domains: tuple[str, ...] = tuple(domains)
        self.admin_email = admin_email
        self.clock = clock
        self.read_lag: timedelta = _NO_TIME
        self.search_lag: timedelta = _NO_TIME
        #: Rises with every change.
        self.version: int = 0
        self._lock = threading.RLock()
        self._made = 0
        self._implicit_admin = True
        self._users: dict[str, UserRecord] = {}
        self._deleted: dict[str, UserRecord] = {}
        self._groups: dict[str, GroupRecord] = {}
        self._members = Memberships()
        self._addresses = AddressBook()
        self._user_history: Timeline[UserRecord] = Timeline()
        self._group_history: Timeline[GroupRecord] = Timeline()
        self._listings: dict[object, tuple[int, Any]] = {}

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the world still for the length of a ``with`` block."""
        with self._lock:
            yield

    def once_per_version(self, name: object, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever `make` returns
        """Return ``make()``, computed once for as long as nothing changes."""
        with self._lock:
            kept = self._listings.get(name)
            if kept is None or kept[0] != self.version:
                kept = (self.version, make())
                self._listings[name] = kept
            return kept[1]

    # --- people -----------------------------------------------------------------------------------------------------

    def users(self, *, search: bool = False) -> list[UserRecord]:
        """Return the people that are not deleted, in no order, as a listing (or a search) sees them now."""
        lag = max(self.read_lag, self.search_lag if search else _NO_TIME)
        with self._lock:
            if not lag:
                return list(self._users.values())
            return [user for user in self._user_history.every(self.clock() - lag) if user.deleted_at is None]

    def deleted_users(self) -> list[UserRecord]:
        """Return the people deleted in the last 20 days, in no order."""
        with self._lock:
            now = self.clock()
            return [user for user in self._deleted.values() if undeletable(user, now)]

    def find_user(self, key: str) -> UserRecord | None:
        """Return the live person with this id, primary address or alias, as a read sees them now."""
        with self._lock:
            user_id = key if key in self._users else self._addresses.owner(key)
            user = self._users.get(user_id) if user_id else None
            if user is None or not self.read_lag:
                return user
            trailing = self._user_history.one(user.id, self.clock() - self.read_lag)
            return None if trailing is None or trailing.deleted_at is not None else trailing

    def user_now(self, user_id: str) -> UserRecord | None:
        """Return the live person with this id, without any lag."""
        return self._users.get(user_id)

    def admin_standing(self, address: str) -> tuple[str | None, bool]:
        """Return who ``address`` acts as, and whether as an administrator.

        Who is a user id, or the address itself for the account's administrator while that is no listed user.
        ``(None, False)`` when nobody active has the address.
        """
        with self._lock:
            if self._implicit_admin and address.lower() == self.admin_email.lower():
                return (self.admin_email, True)
            owner = self._addresses.owner(address)
            user = self._users.get(owner) if owner else None
            if user is None or user.suspended_at is not None or user.archived_at is not None:
                return (None, False)
            return (user.id, user.is_admin)

    def actor_standing(self, actor: str) -> bool | None:
        """Return whether ``actor`` (see :meth:`admin_standing`) is an administrator; ``None`` when no longer active."""
        with self._lock:
            if actor == self.admin_email:
                return True if self._implicit_admin else None
            user = self._users.get(actor)
            if user is None or user.suspended_at is not None or user.archived_at is not None:
                return None
            return user.is_admin

    # --- groups -----------------------------------------------------------------------------------------------------

    def groups(self, *, search: bool = False) -> list[GroupRecord]:
        """Return the groups, in no order, as a listing (or a search) sees them now."""
        lag = max(self.read_lag, self.search_lag if search else _NO_TIME)
        with self._lock:
            return list(self._group_history.every(self.clock() - lag)) if lag else list(self._groups.values())

    def find_group(self, key: str) -> GroupRecord | None:
        """Return the group with this id, address or alias, as a read sees it now."""
        with self._lock:
            group_id = key if key in self._groups else self._addresses.owner(key)
            group = self._groups.get(group_id) if group_id else None
            if group is None or not self.read_lag:
                return group
            return self._group_history.one(group.id, self.clock() - self.read_lag)

    def group_now(self, group_id: str) -> GroupRecord | None:
        """Return the group with this id, without any lag."""
        return self._groups.get(group_id)

    def members_of(self, group_id: str) -> list[MemberRecord]:
        """Return the direct members of a group in the order of their ids; the deleted are not among them."""
        with self._lock:
            return sorted(
                (
                    m
                    for m in self._members.of(group_id).values()
                    if m.kind is not MemberKind.USER or m.id in self._users
                ),
                key=lambda member: member.id,
            )

    def groups_of(self, member_id: str) -> set[str]:
        """Return the ids of the groups that list a person or group directly."""
        with self._lock:
            return self._members.groups_of(member_id)

    def is_foreign(self, key: str) -> bool:
        """Return whether ``key`` is of another account: an outsider, a foreign group, or an address elsewhere."""
        with self._lock:
            _, at, domain = key.rpartition("@")
            if at:
                return domain.lower() not in {each.lower() for each in self.domains}
            outside = (MemberKind.FOREIGN_GROUP, MemberKind.OUTSIDER)
            return any(self._members.of(each)[key].kind in outside for each in self._members.groups_of(key))

    # --- how changes are made ---------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        with self._lock:
            self.version += 1
            yield self.clock()

    def _user(self, user_id: str) -> UserRecord:
        user = self._users.get(user_id)
        if user is None:
            raise UsageError("no live user has this id", where=user_id, cure="Give the id that add_user returned.")
        return user

    def _group(self, group_id: str) -> GroupRecord:
        group = self._groups.get(group_id)
        if group is None:
            raise UsageError("no group has this id", where=group_id, cure="Give the id that add_group returned.")
        return group

    def _put_user(self, user: UserRecord) -> None:
        record = evolve(user, revision=self.version)
        self._users[record.id] = record
        self._user_history.note(record.id, self.clock(), record)

    def _put_group(self, group: GroupRecord) -> None:
        record = evolve(group, revision=self.version)
        self._groups[record.id] = record
        self._group_history.note(record.id, self.clock(), record)

    def _number(self, seed: str) -> int:
        return int.from_bytes(blake2b(f"{self.customer_id}/{seed}".encode(), digest_size=16).digest())

    def _next_number(self) -> int:
        self._made += 1
        return self._number(f"made {self._made}")


def undeletable(user: UserRecord, now: datetime) -> bool:
    """Return whether a deleted user is still within the 20 days."""
    return user.deleted_at is not None and now - user.deleted_at <= UNDELETE_WINDOW
