"""Breaches: from the first signal to the proof that every affected customer has heard.

- `Incident` is a breach or what may be one; `BreachScope` says where it may have reached.
- `Impact` is what it may have done, tenant by tenant, and how that was found.
- `Statement` holds what is known, answer by answer; a `Notice` is what one tenant is told, in rounds.
- `Canaries` plants decoys, whose use opens a suspected incident by itself.
- `export_evidence` writes the proof of all of it, for the vendor or for one tenant; `check_evidence` checks it offline.
- `Customer` says whom a tenant wants to be told, how, and by when; a `Notifier` is a channel that leads there.
"""

from __future__ import annotations

from ._answers import Certainty, NoticeField, Stated, Statement, known, not_applicable, unknown_yet
from ._canaries import Canaries
from ._customer import ClockStart, Contact, Customer, LimitKind, TimeLimit
from ._decoys import Decoy, DecoyKind
from ._evidence import (
    DeadlineStanding,
    EvidencedDeadline,
    EvidenceFinding,
    EvidencePack,
    check_evidence,
    export_evidence,
)
from ._impact import Impact, ImpactDifference, SubjectImpact, TenantImpact
from ._incident import BreachScope, Incident, PoliceHold, TimelineEvent
from ._notice import Attempt, Delivery, Hearing, Notice, Round, RoundState
from ._notifier import Attachment, AttemptVerdict, Notifier, Parcel, Payload, Reply, Sender
from ._rules import BreachRules
from ._vocabulary import DeliveryState, Exposure, IncidentState, Nature, Outcome, Phase, ScopeKind

__all__ = [
    "Attachment",
    "Attempt",
    "AttemptVerdict",
    "BreachRules",
    "BreachScope",
    "Canaries",
    "Certainty",
    "ClockStart",
    "Contact",
    "Customer",
    "DeadlineStanding",
    "Decoy",
    "DecoyKind",
    "Delivery",
    "DeliveryState",
    "EvidenceFinding",
    "EvidencePack",
    "EvidencedDeadline",
    "Exposure",
    "Hearing",
    "Impact",
    "ImpactDifference",
    "Incident",
    "IncidentState",
    "LimitKind",
    "Nature",
    "Notice",
    "NoticeField",
    "Notifier",
    "Outcome",
    "Parcel",
    "Payload",
    "Phase",
    "PoliceHold",
    "Reply",
    "Round",
    "RoundState",
    "ScopeKind",
    "Sender",
    "Stated",
    "Statement",
    "SubjectImpact",
    "TenantImpact",
    "TimeLimit",
    "TimelineEvent",
    "check_evidence",
    "export_evidence",
    "known",
    "not_applicable",
    "unknown_yet",
]
