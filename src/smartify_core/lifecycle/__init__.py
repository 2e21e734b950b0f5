"""Joiner, mover, leaver: look at what a directory calls for (`Plan`), then do exactly that (`Run`)."""

from __future__ import annotations

from ._accounts import Accounts
from ._plan import Change, Counts, Held, Plan, Quarantined, Run, Verdict
from ._reconciler import Reconciler, utc_now
from ._transitions import ChangeKind

__all__ = [
    "Accounts",
    "Change",
    "ChangeKind",
    "Counts",
    "Held",
    "Plan",
    "Quarantined",
    "Reconciler",
    "Run",
    "Verdict",
    "utc_now",
]
