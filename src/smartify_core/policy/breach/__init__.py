"""Breaches: from the first signal to the proof that every affected customer has heard. `Breaches` puts it together.

Each room, and the values that it takes and gives:

- `Incidents`: the life of an `Incident`, which is a breach or what may be one, and its `BreachScope`.
- `Canaries`: a `Decoy`, whose use opens a suspected incident by itself.
- `Assessments`: the `Impact` of an incident, tenant by tenant, and how that was found.
- `Notices`: a `Statement` holds what is known, answer by answer; a `Notice` is what one tenant is told, in a `Round`.
- `Customers`: a `Customer` says whom a tenant wants to be told, how, and by when.
- `Courier`: a `Notice` becomes a `Delivery` for each `Contact`, through a `Notifier`; a `Hearing` says who has heard.
- `Rehearsals`: the proof, before anything happens, that every contact can be reached.
- `Watch`: every `Deadline`, the `Alarm` before it and after it, and an `IncidentStatus`.
- `check_evidence`: checks offline what `Breaches.export` wrote, the proof of all of it.
"""

from __future__ import annotations

from ._answers import Certainty, NoticeField, Stated, Statement, known, not_applicable, unknown_yet
from ._breaches import Breaches, Tended
from ._canaries import Canaries
from ._clocks import BindingLimit, Deadline, DeadlineState
from ._customer import ClockStart, Contact, Customer, LimitKind, TimeLimit
from ._customers import Customers
from ._customers_file import read_customers
from ._decoys import Decoy, DecoyKind
from ._delivery import Courier, CourierRun
from ._digests import notice_digest, round_digest
from ._evidence import (
    EvidenceFinding,
    EvidencePack,
    check_evidence,
)
from ._impact import Impact, ImpactDifference, SubjectImpact, TenantImpact
from ._impacts import Assessments
from ._incident import BreachScope, Incident, PoliceHold, TimelineEvent
from ._incidents import Incidents
from ._notice import Attempt, Delivery, Hearing, Notice, Round, RoundState
from ._notices import Locales, Notices, NoticeTemplate
from ._notifier import Attachment, AttemptVerdict, Notifier, Parcel, Payload, Reply, Sender
from ._reach import ContactReach, Reach, ReachConcern, ReachFinding
from ._rehearsals import RehearsalReport, Rehearsals
from ._rules import BreachRules
from ._said import Alarm, AlarmKind, DeadlineRecord
from ._status import DueNotices, IncidentStatus, RoundStatus
from ._vocabulary import DeliveryState, Exposure, IncidentState, Nature, Outcome, Phase, ScopeKind
from ._watch import Watch

__all__ = [
    "Alarm",
    "AlarmKind",
    "Assessments",
    "Attachment",
    "Attempt",
    "AttemptVerdict",
    "BindingLimit",
    "BreachRules",
    "BreachScope",
    "Breaches",
    "Canaries",
    "Certainty",
    "ClockStart",
    "Contact",
    "ContactReach",
    "Courier",
    "CourierRun",
    "Customer",
    "Customers",
    "Deadline",
    "DeadlineRecord",
    "DeadlineState",
    "Decoy",
    "DecoyKind",
    "Delivery",
    "DeliveryState",
    "DueNotices",
    "EvidenceFinding",
    "EvidencePack",
    "Exposure",
    "Hearing",
    "Impact",
    "ImpactDifference",
    "Incident",
    "IncidentState",
    "IncidentStatus",
    "Incidents",
    "LimitKind",
    "Locales",
    "Nature",
    "Notice",
    "NoticeField",
    "NoticeTemplate",
    "Notices",
    "Notifier",
    "Outcome",
    "Parcel",
    "Payload",
    "Phase",
    "PoliceHold",
    "Reach",
    "ReachConcern",
    "ReachFinding",
    "RehearsalReport",
    "Rehearsals",
    "Reply",
    "Round",
    "RoundState",
    "RoundStatus",
    "ScopeKind",
    "Sender",
    "Stated",
    "Statement",
    "SubjectImpact",
    "TenantImpact",
    "Tended",
    "TimeLimit",
    "TimelineEvent",
    "Watch",
    "check_evidence",
    "known",
    "not_applicable",
    "notice_digest",
    "read_customers",
    "round_digest",
    "unknown_yet",
]
