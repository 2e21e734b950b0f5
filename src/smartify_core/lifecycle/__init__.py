"""Joiner, mover, leaver: look at what a directory calls for (`Plan`), then do exactly that (`Run`)."""

from __future__ import annotations

from ._accounts import Accounts
from ._adoption import Adoption, AdoptionReport, HostUser
from ._clock_reset import ClockReset
from ._effects import Effect, EffectKey
from ._held_plan import HeldChange, HeldPlan, HeldPlanStatus
from ._history import History
from ._journal import JournalEntry
from ._plan import Change, Counts, Held, Plan, Quarantined, Run, Verdict
from ._plan_file import load_plan, save_plan
from ._reconciler import Reconciler
from ._rules import Ceiling, Guards, Rules, Threshold
from ._run_state import QuarantineRecord, RunState
from ._sorting import Memory
from ._time import utc_now
from ._transitions import ChangeKind

__all__ = [
    "Accounts",
    "Adoption",
    "AdoptionReport",
    "Ceiling",
    "Change",
    "ChangeKind",
    "ClockReset",
    "Counts",
    "Effect",
    "EffectKey",
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
    "Rules",
    "Run",
    "RunState",
    "Threshold",
    "Verdict",
    "load_plan",
    "save_plan",
    "utc_now",
]
