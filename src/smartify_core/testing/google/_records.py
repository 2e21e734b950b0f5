"""What the world of one customer is made of: immutable records, replaced whole at every change."""

from __future__ import annotations

import enum
from datetime import datetime

from attrs import field, frozen


@frozen
class UserRecord:
    """One person of the account, live or deleted."""

    id: str
    email: str = field(repr=False)
    #: ``None`` leaves the part out of the answer, as Google does for some imported people.
    given_name: str | None = field(repr=False)
    family_name: str | None = field(repr=False)
    created_at: datetime
    aliases: tuple[str, ...] = field(default=(), repr=False)
    suspended_at: datetime | None = None
    suspension_reason: str | None = None
    archived_at: datetime | None = None
    deleted_at: datetime | None = None
    last_login_at: datetime | None = None
    is_admin: bool = False
    guest_email: str | None = field(default=None, repr=False)
    #: Rises with every change; the etag is made from it.
    revision: int = 0

    @property
    def sort_key(self) -> tuple[str, str]:
        """Return what the default listing is ordered by: the primary email whatever its case, then the id."""
        return (self.email.lower(), self.id)


@frozen
class GroupRecord:
    """One email group."""

    id: str
    email: str = field(repr=False)
    name: str = field(repr=False)
    created_at: datetime
    aliases: tuple[str, ...] = field(default=(), repr=False)
    revision: int = 0

    @property
    def sort_key(self) -> tuple[str, str]:
        """Return what the default listing is ordered by: the email whatever its case, then the id."""
        return (self.email.lower(), self.id)


@enum.unique
class MemberKind(enum.Enum):
    """Who a member is. On the wire an outsider is a ``USER`` and a foreign group is a ``GROUP``."""

    USER = "user"
    GROUP = "group"
    FOREIGN_GROUP = "foreign group"
    CUSTOMER = "customer"
    OUTSIDER = "outsider"


@enum.unique
class Default(enum.Enum):
    """The one value that means "whatever Google would say"."""

    AS_GOOGLE = "as Google"


AS_GOOGLE = Default.AS_GOOGLE


@frozen
class MemberRecord:
    """One direct member of one group."""

    id: str
    kind: MemberKind
    role: str
    #: The address that the listing shows; ``None`` for the member's own primary one.
    email_shown: str | None = field(default=None, repr=False)
    status: str | Default | None = AS_GOOGLE
    revision: int = 0
