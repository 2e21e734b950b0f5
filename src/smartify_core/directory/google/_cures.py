"""What each known misconfiguration is, and what mends it, in the words of the Admin console. Pure."""

from __future__ import annotations

from smartify_core.errors import SourceRejected

from ._verdict import Trouble, Verdict
from ._wire import SCOPES

_SCOPE_LINE = ",".join(SCOPES)
_DELEGATION = (
    "In the Admin console open Security > Access and data control > API controls > Domain-wide delegation "
    f"and give the service account's client ID exactly these scopes: {_SCOPE_LINE}"
)

_CURES: dict[Trouble, tuple[str, str]] = {
    Trouble.TOKEN_REFUSED: (
        "Google does not accept the credentials",
        "Check that the key has not been deleted in the Google Cloud console and that its account still exists.",
    ),
    Trouble.NOT_DELEGATED: (
        "the service account may not act for this customer with the two read-only scopes (one alone is refused too)",
        f"{_DELEGATION} (a new grant can take up to 24 hours).",
    ),
    Trouble.SUBJECT_REFUSED: (
        "the delegated subject is refused: it does not exist, is suspended, or is no user of this customer",
        "Name an active administrator of the customer's account as the subject.",
    ),
    Trouble.JWT_REFUSED: (
        "the signed assertion is refused: the key was deleted, or this machine's clock is wrong",
        "Check the machine's clock, and make a new key for the service account if the old one is gone.",
    ),
    Trouble.SCOPE_MISSING: ("the token lacks a scope that is needed", f"{_DELEGATION}."),
    Trouble.NOT_AN_ADMIN: (
        (
            "the delegated subject may not read this directory: it is no administrator, is suspended, or is another "
            "customer's"
        ),
        (
            "The subject must be an active administrator with the privileges Users > Read and Groups > Read. "
            f"Also check the grant. {_DELEGATION}."
        ),
    ),
    Trouble.API_DISABLED: (
        "the Admin SDK API is not enabled in the Google Cloud project of the credentials",
        "Enable it in the Google Cloud console: APIs & Services > Library > Admin SDK API (admin.googleapis.com).",
    ),
    Trouble.NO_SUBJECT: (
        "Google cannot tell which customer 'my_customer' is: most likely the credentials act for nobody",
        (
            "Give the service account a subject (an active administrator of the account), or name the customer "
            "by its id (C...)."
        ),
    ),
    Trouble.CUSTOMER_UNKNOWN: (
        "Google knows no such customer, or the subject belongs to a consumer account",
        "Use customer='my_customer', or the customer id that the Admin console shows under Account > Account settings.",
    ),
    Trouble.OTHER: (
        "Google refused the request",
        "Look the status and reason up in Google's Directory API error codes.",
    ),
}


def rejected(verdict: Verdict, where: str, trouble: Trouble | None = None) -> SourceRejected:
    """Return the error for a refusal.

    Args:
        verdict: What the answer meant; its text (status and reason) goes into the place.
        where: The API method.
        trouble: What is known better than the verdict knows it.
    """
    what, cure = _CURES[trouble or verdict.trouble]
    return SourceRejected(what, where=f"{where}: {verdict.text}", cure=cure)
