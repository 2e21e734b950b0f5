"""What a vendor promises us in turn, and the proof that it did. Pure values."""

from __future__ import annotations

import enum
import re
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from smartify_core.errors import VendorInvalid

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@enum.unique
class Commitment(enum.Enum):
    """One promise that a vendor has to give, because we gave it to our customers (clause C11). The value names it."""

    EMPLOYEES_ONLY = "employees-only"
    NEED_TO_KNOW = "need-to-know"
    CONFIDENTIALITY = "confidentiality"
    PURPOSES_ONLY = "purposes-only"
    NEVER_SOLD = "never-sold"
    NO_ADVERTISING = "no-advertising"
    PROTECTION = "protection"

    @property
    def sentence(self) -> str:
        """The sentence of the clause that the promise mirrors, such as ``C13``."""
        return _MIRRORED[self.value][0]

    @property
    def promise(self) -> str:
        """The promise in words, for a checklist."""
        return _MIRRORED[self.value][1]

    @classmethod
    def of(cls, name: str, *, where: str) -> Commitment:
        """Return the commitment of this name.

        Raises:
            VendorInvalid: There is no such commitment.
        """
        try:
            return cls(name)
        except ValueError:
            raise VendorInvalid(
                "there is no such commitment", where=where, cure=f"Name one of: {', '.join(_MIRRORED)}."
            ) from None


_MIRRORED: Final = {
    "employees-only": ("C13", "Only its own employees see names and addresses."),
    "need-to-know": ("C13", "Of these, only those who need to know in order to do the work."),
    "confidentiality": ("C14", "They are bound by confidentiality."),
    "purposes-only": ("C8", "It uses the data for the agreed purposes and for no other."),
    "never-sold": ("C15", "It sells neither the data nor what it learns from it."),
    "no-advertising": ("C16", "It does not share the data for advertising the products of others."),
    "protection": ("C10", "It protects the data against unauthorised access, alteration, disclosure and destruction."),
}


def in_utc(instant: object, where: str) -> datetime:
    """Return ``instant`` in UTC; `VendorInvalid` where it is no instant at all."""
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise VendorInvalid("an instant is no time with a time zone", where=where, cure="Give an aware datetime.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise VendorInvalid("a time lies outside the years 1 to 9999 in UTC", where=where, cure="Correct it.") from None


def _utc(instant: datetime) -> datetime:
    return in_utc(instant, "undertaking")


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


@frozen(order=False)
class Undertaking:
    """A commitment as a vendor gave it: from when until when, and where it is written.

    Args:
        commitment: The promise.
        given_at: Its first instant.
        expires_at: The first instant at which it is no promise any more. A contract without an end has a review.
        evidence: The SHA-256 of the document that says so, in 64 hexadecimal digits (`evidence_of` computes it).
            A promise without evidence may be kept in the register, and counts for nothing.

    Raises:
        VendorInvalid: An instant has no time zone, the promise ends before it begins, or the evidence is no SHA-256.
    """

    commitment: Commitment
    given_at: datetime = field(converter=_utc)
    expires_at: datetime = field(converter=_utc)
    evidence: str | None = None

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.commitment, Commitment):
            raise VendorInvalid("that is no commitment", where="undertaking", cure="Give one of Commitment.")
        if self.expires_at <= self.given_at:
            raise VendorInvalid(
                "an undertaking ends before it begins",
                where=f"undertaking {self.commitment.value}",
                cure="Let expires_at come after given_at.",
            )
        if self.evidence is not None and not _is_digest(self.evidence):
            raise VendorInvalid(
                "evidence is no SHA-256",
                where=f"undertaking {self.commitment.value}",
                cure="Give 64 lower-case hexadecimal digits; evidence_of(file) computes them.",
            )
