"""Breaches: from the first signal to the proof that every affected customer has heard.

- `Incident` is a breach or what may be one; `BreachScope` says where it may have reached.
- `Impact` is what it may have done, tenant by tenant, and how that was found.
- `Statement` holds what is known, answer by answer; a `Notice` is what one tenant is told, in rounds.
- `Customer` says whom a tenant wants to be told, how, and by when; a `Notifier` is a channel that leads there.
- `Canaries` plants decoys, whose use opens a suspected incident by itself.
- `Breaches.export` writes the proof of all of it, for the vendor or for one tenant; `check_evidence` checks it offline.
- `Impact` is what it may have done, tenant by tenant, and how that was found; `Assessments` works it out.
"""

from __future__ import annotations

from ._answers import Certainty, NoticeField, Stated, Statement, known, not_applicable, unknown_yet
from ._breaches import Breaches, Tended
from ._canaries import Canaries
from ._certificates import check_certificate
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
from ._notices._locales import Locales
from ._notices._notices import Notices
from ._notices._rehearsing import RehearsalMessage, rehearsal_message
from ._notices._templates import NoticeTemplate
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
    "RehearsalMessage",
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
    "check_certificate",
    "check_evidence",
    "known",
    "not_applicable",
    "notice_digest",
    "read_customers",
    "rehearsal_message",
    "round_digest",
    "unknown_yet",
]
