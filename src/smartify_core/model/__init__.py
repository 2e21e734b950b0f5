"""Values: frozen, and all that is ever stored or passed between rooms."""

from __future__ import annotations

from ._account import Account, AccountState, PersonalFields, SealedAccount, Tombstone
from ._batch import (
    LEDGER,
    LEGAL_HOLD,
    OUTBOX,
    RUN_STATE,
    SUBJECT_KEY,
    TENANT_STANDING,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Put,
    PutDocument,
    Receipt,
    TenantRecord,
)
from ._head import Head, HeadPage
from ._identity import Group, Identity, InactiveReason, Membership, MembershipPath
from ._legal_hold import LegalHold
from ._time import Clock, ProgressSink, Stage

__all__ = [
    "LEDGER",
    "LEGAL_HOLD",
    "OUTBOX",
    "RUN_STATE",
    "SUBJECT_KEY",
    "TENANT_STANDING",
    "Account",
    "AccountState",
    "Append",
    "Batch",
    "Claim",
    "Clock",
    "Document",
    "Entry",
    "Erase",
    "Group",
    "Head",
    "HeadPage",
    "Identity",
    "InactiveReason",
    "LegalHold",
    "Membership",
    "MembershipPath",
    "PersonalFields",
    "ProgressSink",
    "Put",
    "PutDocument",
    "Receipt",
    "SealedAccount",
    "Stage",
    "TenantRecord",
    "Tombstone",
]
