"""What a decision is made from: people, their agreements and grants, and how the tenant stands. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.policy._vocabulary import PersonalField, Purpose

_id_like = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}", re.ASCII).fullmatch
_digest_like = re.compile(r"[0-9a-f]{64}", re.ASCII).fullmatch


@enum.unique
class PrincipalKind(enum.Enum):
    """What somebody is who asks. Only the first two can ever be let in (clause C13 speaks of employees)."""

    EMPLOYEE = "employee"
    #: A program. It needs an employee who answers for it, and who may do themselves what it does.
    SERVICE = "service"
    #: Somebody else's employee. Known, so that a denial can say why.
    CONTRACTOR = "contractor"


@frozen(order=False)
class Employee:
    """Somebody who may be let in, by an id that is no name and no address.

    Args:
        id: Who it is.
        kind: What they are.
        since: From when on they are employed, or the service runs.
        until: When that ends or ended; ``None`` while no end is known.
        owner: The employee who answers for a service.
        may_approve: Whether they may approve the grants of others.
        returned_at: When they came back, if they had left before: what was granted until then is gone.
    """

    id: str
    kind: PrincipalKind
    since: datetime
    until: datetime | None = None
    owner: str | None = None
    may_approve: bool = False
    returned_at: datetime | None = None

    def is_employed(self, now: datetime) -> bool:
        """Return whether they are there at ``now``."""
        return self.since <= now and (self.until is None or now < self.until)


@frozen(order=False)
class Agreement:
    """A confidentiality agreement that binds somebody (DPV: ``ConfidentialityAgreement``).

    Args:
        id: Which one.
        employee: Whom it binds.
        since: From when on.
        until: When it ends or ended; ``None`` while no end is known.
        evidence: The SHA-256 of the paper that was signed, 64 hexadecimal digits.
    """

    id: str
    employee: str
    since: datetime
    until: datetime | None
    evidence: str

    def binds(self, now: datetime) -> bool:
        """Return whether it binds at ``now``."""
        return self.since <= now and (self.until is None or now < self.until)


@frozen(order=False)
class Grant:
    """A permission to open fields of one tenant's people, for one purpose and a while.

    Args:
        id: Which one.
        employee: Who may.
        tenant: Whose people.
        purpose: What for.
        fields: Which fields.
        requested_by: Who asked.
        requested_at: When.
        not_before: From when on it may be used.
        expires_at: From when on it may not be used any more.
        subjects: The account ids that it is confined to; empty for everybody of the tenant.
        identified: Whether it shows names where the purpose would do with pseudonyms.
        ticket: The issue that it is for; closing that one ends it.
        emergency: Whether it was taken without approval. It is short then, and somebody has to look at it afterwards.
        approved_by: Who approved it; ``None`` while nobody has.
        approved_at: When.
        revoked_at: When it was taken back.
        revoked_by: Who took it back.
        reviewed_by: Who looked at an emergency afterwards.
        sealed_reason: Why, in words of whoever asked, as ciphertext: `Grants.reason` opens it. No decision needs it.
        reason_about: The account id of the one person under whose key the reason is sealed; ``None`` where it is
            sealed under the tenant's.
    """

    id: str
    employee: str
    tenant: str
    purpose: Purpose
    fields: frozenset[PersonalField]
    requested_by: str
    requested_at: datetime
    not_before: datetime
    expires_at: datetime
    subjects: frozenset[str] = frozenset()
    identified: bool = False
    ticket: str | None = None
    emergency: bool = False
    approved_by: str | None = None
    approved_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    reviewed_by: str | None = None
    sealed_reason: str = field(default="", repr=False)
    reason_about: str | None = field(default=None, repr=False)


@enum.unique
class Tenancy(enum.Enum):
    """How a tenant stands."""

    ACTIVE = "active"
    OFF_BOARDED = "off-boarded"


@frozen(order=False)
class Facts:
    """What is known of whoever asks. What is not known is ``None`` or absent, and denies.

    Args:
        employee: Their record.
        agreements: The confidentiality agreements that they signed.
        grants: What they were granted for the tenant.
        tenancy: How the tenant stands.
        tickets: Whether each issue that a grant names is open; ``None`` where nobody can tell.
        conditions: Whether the conditions hold that provisions name; ``None`` where nobody can tell.
        owner: What is known of the employee who answers for a service.
    """

    employee: Employee | None = None
    agreements: tuple[Agreement, ...] = ()
    grants: tuple[Grant, ...] = ()
    tenancy: Tenancy | None = None
    tickets: Mapping[str, bool | None] = field(factory=dict[str, "bool | None"])
    conditions: Mapping[str, bool | None] = field(factory=dict[str, "bool | None"])
    owner: Facts | None = None


def is_id(text: object) -> bool:
    """Return whether something may be an id of policy: no address and no spaces."""
    return isinstance(text, str) and _id_like(text) is not None


def check_id(what: str, text: object) -> None:
    """Raise `UsageError` unless something `is_id`."""
    if not is_id(text):
        raise UsageError(
            f"{what} is no id",
            where=what,
            cure="Use letters, digits and . _ : - only, at most 128, and never a name or an address.",
        )


def check_evidence(text: object) -> None:
    """Raise `UsageError` unless something is the SHA-256 of a paper, in lower-case hexadecimal digits."""
    if not isinstance(text, str) or _digest_like(text) is None:
        raise UsageError(
            "the evidence is no SHA-256",
            where="evidence",
            cure="Give the 64 hexadecimal digits that `sha256sum` prints of the signed paper.",
        )


def in_utc(what: str, instant: object) -> datetime:
    """Return an instant in UTC; raise `UsageError` for what is none, or has no time zone."""
    try:
        if isinstance(instant, datetime) and instant.utcoffset() is not None:
            return instant.astimezone(UTC)
    except OverflowError:
        pass  # outside the years 1 to 9999 in UTC
    raise UsageError(f"{what} is no instant with a time zone", where=what, cure="Pass an aware time in UTC.")
