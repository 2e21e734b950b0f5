"""Joiner, mover, leaver: look at what a directory calls for (`Plan`), then do exactly that (`Run`)."""

from __future__ import annotations

from ._accounts import Accounts
from ._adoption import Adoption, AdoptionReport, HostUser
from ._delivery import DeliveryReport, DeliveryVerdict, RetryPolicy
from ._dispatch import Dispatcher
from ._effects import Effect, EffectKey
from ._event import Event, EventType
from ._event_schema import event_schema
from ._held_plan import HeldChange, HeldPlan, HeldPlanStatus
from ._history import History
from ._journal import JournalEntry
from ._parking import DeadLetter
from ._plan import Change, Counts, Held, Plan, Quarantined, Run, Verdict
from ._plan_file import load_plan, save_plan
from ._playing_back import RecordedDirectory
from ._reconciler import Reconciler
from ._recording import SnapshotRecorder
from ._rules import Ceiling, Guards, Rules, Threshold
from ._run_state import QuarantineRecord, RunState
from ._scheduler import Scheduler
from ._sorting_chosen import Memory
from ._status import TenantStatus, status
from ._subscription import Subscription
from ._time import utc_now
from ._transitions import ChangeKind
from ._trimming import forget_consumer, trim_journal

__all__ = [
    "Accounts",
    "Adoption",
    "AdoptionReport",
    "Ceiling",
    "Change",
    "ChangeKind",
    "Counts",
    "DeadLetter",
    "DeliveryReport",
    "DeliveryVerdict",
    "Dispatcher",
    "Effect",
    "EffectKey",
    "Event",
    "EventType",
    "Guards",
    "Held",
    "HeldChange",
    "HeldPlan",
    "HeldPlanStatus",
    "History",
    "HostUser",
    "JournalEntry",
    "Memory",
    "Plan",
    "QuarantineRecord",
    "Quarantined",
    "Reconciler",
    "RecordedDirectory",
    "RetryPolicy",
    "Rules",
    "Run",
    "RunState",
    "Scheduler",
    "SnapshotRecorder",
    "Subscription",
    "TenantStatus",
    "Threshold",
    "Verdict",
    "event_schema",
    "forget_consumer",
    "load_plan",
    "save_plan",
    "status",
    "trim_journal",
    "utc_now",
]
