"""The same person as the host holds them, sealed and opened."""

from __future__ import annotations

import enum
from datetime import datetime

from attrs import field, frozen

from ._identity import InactiveReason, Membership


@enum.unique
class AccountState(enum.Enum):
    """Where an account stands in its life. A deleted one is a `Tombstone`."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


@frozen(order=False)
class PersonalFields:
    """The personal fields of one account, opened. Everything that sealing protects, and nothing else."""

    email: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    memberships: tuple[Membership, ...] = field(default=(), repr=False)


@frozen(order=False)
class SealedAccount:
    """An account as storage holds it: a storage backend sees this and never a name or an email.

    ``wrapped_key`` and ``payload`` are opaque bytes. ``version`` counts the writes of this account, from 1. Times are
    aware, UTC.
    """

    tenant: str
    source_id: str
    account_id: str
    #: ``ACTIVE`` or ``INACTIVE``.
    state: AccountState
    inactive_reason: InactiveReason | None
    #: 16 bytes; equal if and only if no field of the account differs.
    fingerprint: bytes = field(repr=False)
    #: 16 bytes: keyed hash of the normalised email.
    email_index: bytes = field(repr=False)
    #: 16 bytes each: keyed hash of each group's normalised email; ascending.
    group_indexes: tuple[bytes, ...] = field(repr=False)
    #: The account's own data key, wrapped by the tenant's key.
    wrapped_key: bytes = field(repr=False)
    #: The personal fields, sealed under the data key.
    payload: bytes = field(repr=False)
    version: int
    created_at: datetime
    updated_at: datetime
    #: The account id of the tombstone that this person's earlier account left, if any.
    predecessor: str | None = None
    #: Whether the host had this person before the first run; then the account id is the host's own.
    adopted: bool = False


@frozen(order=False)
class Tombstone:
    """Proof that an account ended, without personal data. No late write revives it."""

    tenant: str
    source_id: str
    account_id: str
    created_at: datetime
    deleted_at: datetime


@frozen(order=False)
class Account:
    """An account as the host sees it.

    ``personal`` is ``None`` unless the policy gate has opened it. A deleted one has no personal fields.
    """

    tenant: str
    source_id: str
    account_id: str
    state: AccountState
    inactive_reason: InactiveReason | None = None
    personal: PersonalFields | None = None
    predecessor: str | None = None
    adopted: bool = False
