"""A person as the directory source knows them."""

from __future__ import annotations

import enum

from attrs import field, frozen


@enum.unique
class MembershipPath(enum.Enum):
    """How a person comes to be in a group. Where several ways lead there, the first of this order is kept."""

    #: The group lists the person.
    DIRECT = "direct"
    #: The group lists a group that, at whatever depth, lists the person.
    NESTED = "nested"
    #: The group, or a group nested in it, has everybody at the customer as a member.
    WHOLE_CUSTOMER = "whole_customer"


@enum.unique
class InactiveReason(enum.Enum):
    """Why a person may not work now although the directory still knows them."""

    SUSPENDED = "suspended"
    ARCHIVED = "archived"
    #: The directory knows them no more, and the account waits for its retention to end. No source says this.
    DELETED = "deleted"


@frozen(order=False)
class Group:
    """An email group. ``id`` is the source's immutable id; ``email`` keeps the case that the source gave it."""

    id: str
    email: str = field(repr=False)
    name: str = field(repr=False)


@frozen(order=False)
class Membership:
    """One group that a person belongs to, and by which path. Sources share one value among all its members."""

    group: Group
    path: MembershipPath


@frozen(order=False)
class Identity:
    """A person as the source knows them: first name, last name, email, email groups, and nothing else about them.

    A name part that is missing, or holds only white space and zero-width characters, is the empty string.
    ``memberships`` holds *all* groups (direct, nested, whole customer), one entry a group, in ascending order of
    group id.
    """

    source_id: str
    email: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    #: ``None`` for a person who is active.
    inactive_reason: InactiveReason | None = None
    memberships: tuple[Membership, ...] = field(default=(), repr=False)

    @property
    def active(self) -> bool:
        """Return whether the person may work now."""
        return self.inactive_reason is None
