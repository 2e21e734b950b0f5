"""Every error that this library raises, in one folder.

The branches say who must act: the caller (`UsageError`), the directory's side (`SourceError`), the storage backend's
side (`StorageError`), a person who reviews a held plan (`PlanHeld`), whoever grants access (`AccessDenied`), or
whoever installs the package (`MissingExtra`).

Rules for every message here:

1. It says what happened, where, and how to mend it. ``code`` has a section in ``docs/reference/errors.md``.
2. It holds no personal data: ids, file names, line numbers, codes and counts only. A foreign exception may quote a
   directory's answer, so a port translates it with ``from None`` and copies only what is known to be impersonal.
"""

from __future__ import annotations

from ._caller import (
    CheckpointForeign,
    ClockNotAhead,
    ClockWentBackwards,
    CommunicationsOff,
    ConfigInvalid,
    CredentialsInvalid,
    EndingsInvalid,
    ExportSpent,
    FileExists,
    GrantInvalid,
    HoldInvalid,
    KeyFileInvalid,
    KeyServiceRejected,
    KeyStillUsed,
    OffBoarded,
    OptedOut,
    PlanExpired,
    PlanForeign,
    PlanSettled,
    RecordClash,
    RecordInvalid,
    RingCannotTell,
    RulesInvalid,
    Shredded,
    SnapshotMisused,
    StalePlan,
    UnderLegalHold,
    UnknownHold,
    UnknownKey,
    UnknownPlan,
    UnknownRecord,
    UnknownTenant,
    UnknownVendor,
    UsageError,
    VendorInvalid,
    WitnessRefused,
    WrongKey,
)
from ._person import AccessDenied, AuditUnavailable, ExportDenied, PermitSpent, PlanHeld
from ._process import MissingExtra, OutputFailed, Stopped
from ._root import SmartifyError
from ._source import IncompleteSnapshot, SourceError, SourceMalformed, SourceRejected, SourceUnavailable
from ._store import (
    EndingsUnavailable,
    EventsTrimmed,
    ForeignStore,
    KeyServiceUnavailable,
    LeaseHeld,
    LeaseLost,
    NewerSchema,
    OlderStore,
    SealBroken,
    StorageBroken,
    StorageBusy,
    StorageError,
    StorageUnavailable,
    StoreDiffers,
    Tombstoned,
    TrailBroken,
    WitnessUnavailable,
    WriteConflict,
)

__all__ = [
    "AccessDenied",
    "AuditUnavailable",
    "CheckpointForeign",
    "ClockNotAhead",
    "ClockWentBackwards",
    "CommunicationsOff",
    "ConfigInvalid",
    "CredentialsInvalid",
    "EndingsInvalid",
    "EndingsUnavailable",
    "EventsTrimmed",
    "ExportDenied",
    "ExportSpent",
    "FileExists",
    "ForeignStore",
    "GrantInvalid",
    "HoldInvalid",
    "IncompleteSnapshot",
    "KeyFileInvalid",
    "KeyServiceRejected",
    "KeyServiceUnavailable",
    "KeyStillUsed",
    "LeaseHeld",
    "LeaseLost",
    "MissingExtra",
    "NewerSchema",
    "OffBoarded",
    "OlderStore",
    "OptedOut",
    "OutputFailed",
    "PermitSpent",
    "PlanExpired",
    "PlanForeign",
    "PlanHeld",
    "PlanSettled",
    "RecordClash",
    "RecordInvalid",
    "RingCannotTell",
    "RulesInvalid",
    "SealBroken",
    "Shredded",
    "SmartifyError",
    "SnapshotMisused",
    "SourceError",
    "SourceMalformed",
    "SourceRejected",
    "SourceUnavailable",
    "StalePlan",
    "Stopped",
    "StorageBroken",
    "StorageBusy",
    "StorageError",
    "StorageUnavailable",
    "StoreDiffers",
    "Tombstoned",
    "TrailBroken",
    "UnderLegalHold",
    "UnknownHold",
    "UnknownKey",
    "UnknownPlan",
    "UnknownRecord",
    "UnknownTenant",
    "UnknownVendor",
    "UsageError",
    "VendorInvalid",
    "WitnessRefused",
    "WitnessUnavailable",
    "WriteConflict",
    "WrongKey",
]

# They are known by the name by which they are imported: in tracebacks, in pickles, and in what hosts catch.
for _name in __all__:
    globals()[_name].__module__ = __name__
