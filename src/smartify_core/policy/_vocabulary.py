"""What is opened, and what for: closed lists in the terms of the Data Privacy Vocabulary (DPV 2.3). Pure.

A purpose or a field that is not here does not exist, and what does not exist is denied.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from smartify_core.errors import UsageError

_DPV: Final = "https://w3id.org/dpv#"
_PERSONAL_DATA: Final = "https://w3id.org/dpv/pd#"


@enum.unique
class Purpose(enum.Enum):
    """Why somebody opens personal fields. The value is the local name of the term in DPV 2.3."""

    SERVICE_PROVISION = "ServiceProvision"
    #: Billing, with invoices and their records.
    PAYMENT_MANAGEMENT = "PaymentManagement"
    IDENTITY_AUTHENTICATION = "IdentityAuthentication"
    ENFORCE_ACCESS_CONTROL = "EnforceAccessControl"
    IMPROVE_SERVICES = "ImproveExistingProductsAndServices"
    RESEARCH = "ResearchAndDevelopment"
    #: To help with an issue that somebody reported.
    CUSTOMER_CARE = "CommunicationForCustomerCare"
    #: Prohibited, and known only to be named in a denial.
    SELL_DATA = "SellDataToThirdParties"
    #: Prohibited as `SELL_DATA` is.
    SELL_INSIGHTS = "SellInsightsFromData"
    #: Prohibited as `SELL_DATA` is.
    ADVERTISING = "Advertising"

    # Members are compared by identity; an enumeration's own hash is Python, and sets of these are looked into all day.
    if not TYPE_CHECKING:
        __hash__ = object.__hash__

    @property
    def iri(self) -> str:
        """The term's name in the whole world."""
        return _DPV + self.value

    @classmethod
    def of(cls, name: str) -> Purpose:
        """Return the purpose of a DPV local name such as ``ServiceProvision``, or of its IRI.

        Raises:
            UsageError: There is none: neither a narrower nor a wider term stands for one.
        """
        try:
            return cls(name.removeprefix(_DPV))
        except ValueError:
            raise UsageError(
                "there is no such purpose",
                where="purpose",
                cure=f"Name one of: {', '.join(one.value for one in cls if one not in PROHIBITED)}.",
            ) from None


#: The purposes that nobody can be granted, whatever is configured (clause C15 and C16).
PROHIBITED: Final = frozenset({Purpose.SELL_DATA, Purpose.SELL_INSIGHTS, Purpose.ADVERTISING})
#: The purposes for which a pseudonym does unless a grant says otherwise.
PSEUDONYMOUS: Final = frozenset({Purpose.IMPROVE_SERVICES, Purpose.RESEARCH})


@enum.unique
class PersonalField(enum.Enum):
    """What may be opened of a person. The values are the names of the fields."""

    EMAIL = "email"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    GROUPS = "groups"
    #: The record of what was said to a person and what they said, kept to help with an issue.
    COMMUNICATION = "communication"

    if not TYPE_CHECKING:
        __hash__ = object.__hash__

    @property
    def iri(self) -> str:
        """The term of DPV-PD 2.3 that the field falls under."""
        return _PERSONAL_DATA + _TERMS[self.value]

    @classmethod
    def of(cls, name: str) -> PersonalField:
        """Return the field of this name.

        Raises:
            UsageError: There is none.
        """
        try:
            return cls(name)
        except ValueError:
            raise UsageError(
                "there is no such field", where="fields", cure=f"Name one of: {', '.join(one.value for one in cls)}."
            ) from None


_TERMS: Final = {
    "email": "EmailAddressWork",
    "given_name": "Name",
    "family_name": "Name",
    "groups": "GroupMembership",
    "communication": "Communication",
}
#: The fields of an account: what a directory tells of a person.
ACCOUNT_FIELDS: Final = frozenset(PersonalField) - {PersonalField.COMMUNICATION}
