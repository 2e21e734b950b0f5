"""What is asked, and the answer with its reasons. Pure."""

from __future__ import annotations

import enum
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from attrs import field, frozen

from smartify_core.errors import UsageError
from smartify_core.policy._vocabulary import PersonalField, Purpose

from ._facts import is_id
from ._provisions import Override, Rulebook


def _purpose(given: Purpose | str) -> Purpose | str:
    if isinstance(given, Purpose):
        return given
    return _PURPOSES.get(given, given)


def _fields(given: Collection[PersonalField | str]) -> frozenset[PersonalField | str]:
    return frozenset([_FIELDS.get(one, one) if isinstance(one, str) else one for one in given])


def says_something(reason: str) -> bool:
    """Return whether a reason has a character that can be seen."""
    return any(one.isprintable() and not one.isspace() for one in reason)


def is_reason(text: object) -> bool:
    """Return whether something may be kept as a reason: a text that says something, and is not very long."""
    return isinstance(text, str) and len(text) <= LONGEST_REASON and says_something(text)


def _shown(given: Purpose | PersonalField | str) -> str:
    # What does not exist may be anything, a name too.
    return "<unknown>" if isinstance(given, str) else given.value


def _all_shown(given: Collection[PersonalField | str]) -> str:
    return ", ".join(sorted(map(_shown, given)))


def _subjects(given: Collection[str]) -> frozenset[str]:
    return frozenset(given)


#: The most characters that a reason has.
LONGEST_REASON: Final = 2_000
_PURPOSES: Final = {name: one for one in Purpose for name in (one.value, one.iri)}
_FIELDS: Final = {one.value: one for one in PersonalField}


@frozen(order=False)
class AccessRequest:
    """What somebody asks to see, and why. A purpose or field that does not exist is kept as it was given, and denied.

    Args:
        employee: Who asks.
        tenant: Whose people.
        purpose: What for: a `Purpose`, its DPV local name, or its IRI.
        fields: Which fields: `PersonalField` values or their names.
        reason: Why, in words. It is kept sealed, and never shown in a message.
        subjects: The account ids of those who are asked about; empty for everybody of the tenant.

    Raises:
        UsageError: The reason is no text, or a long one.
    """

    employee: str = field(repr=lambda who: repr(who) if is_id(who) else "<no id>")
    tenant: str
    purpose: Purpose | str = field(converter=_purpose, repr=_shown)
    fields: frozenset[PersonalField | str] = field(converter=_fields, repr=_all_shown)
    reason: str = field(repr=False)
    subjects: frozenset[str] = field(default=frozenset(), converter=_subjects)

    def __attrs_post_init__(self) -> None:
        reason: object = self.reason  # types are no promise at run time
        if not isinstance(reason, str) or len(reason) > LONGEST_REASON:
            raise UsageError(
                f"a reason is a text of at most {LONGEST_REASON:,} characters", where="reason", cure="Say it shortly."
            )


@enum.unique
class Missing(enum.StrEnum):
    """What was missing for a permit, or stood in its way. The value is its code in JSON and in the audit trail."""

    EMPLOYEE_UNKNOWN = "employee-unknown"
    KIND_NOT_EMPLOYED = "kind-not-employed"
    NOT_EMPLOYED_YET = "not-employed-yet"
    NOT_EMPLOYED_ANY_MORE = "not-employed-any-more"
    NO_OWNER = "no-owner"
    NO_AGREEMENT = "no-agreement"
    AGREEMENT_NOT_YET = "agreement-not-yet"
    AGREEMENT_ENDED = "agreement-ended"
    TENANT_UNKNOWN = "tenant-unknown"
    TENANT_OFF_BOARDED = "tenant-off-boarded"
    PURPOSE_UNKNOWN = "purpose-unknown"
    PURPOSE_PROHIBITED = "purpose-prohibited"
    FIELD_UNKNOWN = "field-unknown"
    NO_FIELD = "no-field"
    NO_REASON = "no-reason"
    NO_GRANT = "no-grant"
    GRANT_NOT_APPROVED = "grant-not-approved"
    GRANT_SELF_APPROVED = "grant-self-approved"
    GRANT_NOT_YET = "grant-not-yet"
    GRANT_EXPIRED = "grant-expired"
    GRANT_REVOKED = "grant-revoked"
    GRANT_TOO_LONG = "grant-too-long"
    GRANT_OTHER_FIELDS = "grant-other-fields"
    GRANT_OTHER_SUBJECTS = "grant-other-subjects"
    TICKET_CLOSED = "ticket-closed"
    TICKET_UNKNOWN = "ticket-unknown"
    NOT_PERMITTED = "not-permitted"
    CONDITION_UNKNOWN = "condition-unknown"


@frozen(order=False)
class Shortfall:
    """One thing that is missing, and the smallest change that would bring it.

    Args:
        missing: What it is.
        clause: The sentence of the clause that asks for it.
        what: It in words, with ids only.
        cure: What to do.
        about: The id of whatever it is about: an employee, an agreement, a grant, an issue, a provision.
    """

    missing: Missing
    clause: str
    what: str
    cure: str
    about: str = ""


@frozen(order=False)
class Decision:
    """The answer, and all of its reasons.

    Args:
        request: What was asked.
        at: The instant for which the answer is true.
        allowed: Whether it is yes.
        grant: The id of the grant that allows it.
        decided_by: The ids of the provisions that permit it, or prohibit it.
        overrides: Which provision prevailed over which.
        shortfalls: What was missing: empty if and only if it is allowed.
        pseudonymous: Whether pseudonyms are to be shown in place of the fields.
        valid_until: From when on it is not true any more, whatever else happens.
        ticket: The issue that the grant is for.
    """

    request: AccessRequest
    at: datetime
    allowed: bool
    grant: str | None = None
    decided_by: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()
    pseudonymous: bool = False
    valid_until: datetime | None = None
    ticket: str | None = None

    def explanation(self) -> str:
        """Return the reasons in words, a line each, without personal data."""
        if self.allowed:
            by = ", ".join(self.decided_by)
            lines = [f"Allowed by grant {self.grant} and provision {by}, until {self.valid_until:%Y-%m-%d %H:%M:%SZ}."]
        else:
            lines = [f"{one.what} [{one.clause}]. {one.cure}" for one in self.shortfalls]
        lines += [f"Provision {one.over} prevailed over {one.under} [C17]." for one in self.overrides]
        return "\n".join(lines)


@frozen(order=False)
class AccessRules:
    """How strict the host is.

    Args:
        longest_grant: The longest time that a grant may last.
        longest_emergency: The longest time that a grant without approval may last.
        rulebook: The provisions.
    """

    longest_grant: timedelta = timedelta(days=30)
    longest_emergency: timedelta = timedelta(hours=1)
    rulebook: Rulebook = field(factory=Rulebook)
