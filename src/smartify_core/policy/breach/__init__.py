"""Breaches: from the first signal to the proof that every affected customer has heard.

- `Incident` is a breach or what may be one; `BreachScope` says where it may have reached.
- `Impact` is what it may have done, tenant by tenant, and how that was found; `Assessments` works it out.
- `Statement` holds what is known, answer by answer; a `Notice` is what one tenant is told, in rounds.
- `Customer` says whom a tenant wants to be told, how, and by when; a `Notifier` is a channel that leads there.
"""

from __future__ import annotations

from ._answers import Certainty, NoticeField, Stated, Statement, known, not_applicable, unknown_yet
from ._customer import ClockStart, Contact, Customer, LimitKind, TimeLimit
from ._impact import Impact, ImpactDifference, SubjectImpact, TenantImpact
from ._impacts import Assessments
from ._incident import BreachScope, Incident, PoliceHold, TimelineEvent
from ._notice import Attempt, Delivery, Hearing, Notice, Round, RoundState
from ._notifier import Attachment, AttemptVerdict, Notifier, Parcel, Payload, Reply, Sender
from ._rules import BreachRules
from ._vocabulary import DeliveryState, Exposure, IncidentState, Nature, Outcome, Phase, ScopeKind

__all__ = [
    "Assessments",
    "Attachment",
    "Attempt",
    "AttemptVerdict",
    "BreachRules",
    "BreachScope",
    "Certainty",
    "ClockStart",
    "Contact",
    "Customer",
    "Delivery",
    "DeliveryState",
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
    "known",
    "not_applicable",
    "unknown_yet",
]
