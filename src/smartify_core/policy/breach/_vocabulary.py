"""The closed lists of incidents and notices, in the terms of DPV 2.3 where it has one. Pure."""

from __future__ import annotations

import enum
from typing import Final

_DPV: Final = "https://w3id.org/dpv#"
_RISK: Final = "https://w3id.org/dpv/risk#"


@enum.unique
class IncidentState(enum.Enum):
    """Where an incident stands. A suspected one is enough for a notice: the clause says *may impact*."""

    SUSPECTED = "suspected"
    #: Somebody decided that it is a breach, or may well be one: the clocks run.
    AWARE = "aware"
    #: Its impact was confirmed.
    CONFIRMED = "confirmed"
    #: It was none, or impacted nobody. It stays on record with the decision (GDPR 33(5)).
    NEAR_MISS = "near-miss"
    CLOSED = "closed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self in {IncidentState.NEAR_MISS, IncidentState.CLOSED}


@enum.unique
class Nature(enum.Enum):
    """What was violated (GDPR 4(12))."""

    CONFIDENTIALITY = "confidentiality"
    INTEGRITY = "integrity"
    AVAILABILITY = "availability"


@enum.unique
class ScopeKind(enum.Enum):
    """Where a breach reached. The names in a scope are of this kind."""

    #: Somebody acted as these employees or services.
    ACTOR = "actor"
    #: These processes' hosts were taken over: the names are those that trails were opened with.
    HOST = "host"
    #: These vendors, or those that they pass data on to.
    VENDOR = "vendor"
    #: These wrapping keys are known to others.
    KEY = "key"
    #: A copy of these stores, such as a backup, is out.
    STORE = "store"
    #: Whatever was opened of these tenants.
    TENANT = "tenant"


@enum.unique
class Exposure(enum.Enum):
    """Whether somebody else has the other half: the keys to a copied store, or what a leaked key opens."""

    #: Nobody can tell, so that it may be: what is not known never makes a customer safe.
    UNKNOWN = "unknown"
    EXPOSED = "exposed"
    SAFE = "safe"


@enum.unique
class Outcome(enum.Enum):
    """What an incident may have done to a tenant's data."""

    #: Somebody may have seen or changed it.
    AFFECTED = "affected"
    #: Only ciphertext is out, and its keys are safe.
    CIPHERTEXT_ONLY = "ciphertext-only"
    #: Nothing in the store or the trail leads from the incident to the tenant.
    NOT_AFFECTED = "not-affected"


@enum.unique
class Phase(enum.Enum):
    """Which notice it is (GDPR 33(4): information may come in phases)."""

    FIRST = "first"
    UPDATE = "update"
    FINAL = "final"

    @property
    def iri(self) -> str:
        """The report of DPV's risk extension that the phase is."""
        return _RISK + _REPORTS[self.value]


_REPORTS: Final = {
    "first": "IncidentPreliminaryReport",
    "update": "IncidentOngoingReport",
    "final": "IncidentConcludingReport",
}


@enum.unique
class DeliveryState(enum.Enum):
    """How far a notice came on its way to one recipient. The value is the local name of the term in DPV 2.3."""

    PLANNED = "NotificationPlanned"
    #: It was tried, and is tried again.
    ONGOING = "NotificationOngoing"
    #: The recipient's server took it. That is not yet somebody who read it.
    COMPLETED = "NotificationCompleted"
    #: Every attempt failed, or the recipient was refused for good.
    FAILED = "NotificationFailed"
    #: Somebody else of the tenant had it first, or it was replaced by a later one.
    NOT_NEEDED = "NotificationNotNeeded"

    @property
    def iri(self) -> str:
        """The term's name in the whole world."""
        return _DPV + self.value

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self in {DeliveryState.PLANNED, DeliveryState.ONGOING}
