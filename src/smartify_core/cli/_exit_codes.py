"""Exit codes: a promise to whoever runs the command from a script. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from smartify_core.errors import (
    AccessDenied,
    MissingExtra,
    PlanExpired,
    PlanHeld,
    PlanSettled,
    SmartifyError,
    SnapshotMisused,
    StalePlan,
    UsageError,
)
from smartify_core.lifecycle import Run, Verdict

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
HELD: Final = 3
DENIED: Final = 4
#: What shells report of a process that SIGPIPE (13) ended.
BROKEN_PIPE: Final = 128 + 13


def of_error(error: SmartifyError) -> int:
    """Return the exit code for an error: wrong usage where command line, configuration or set-up must be mended."""
    match error:
        case StalePlan() | PlanExpired() | PlanSettled() | SnapshotMisused():
            return FAILED
        case UsageError() | MissingExtra():
            return WRONG_USAGE
        case PlanHeld():
            return HELD
        case AccessDenied():
            return DENIED
        case _:
            return FAILED


def of_runs(runs: Iterable[Run]) -> int:
    """Return the exit code for several tenants' runs: the first of failed, wrong usage and held that any calls for.

    A degraded run counts as done: its accounts are in step, and what was set aside is reported beside it.
    """
    codes = {_of_run(run) for run in runs}
    return next((code for code in (FAILED, WRONG_USAGE, HELD) if code in codes), DONE)


def _of_run(run: Run) -> int:
    if run.error is not None:
        return of_error(run.error)
    return {Verdict.FAILED: FAILED, Verdict.HELD: HELD}.get(run.verdict, DONE)
