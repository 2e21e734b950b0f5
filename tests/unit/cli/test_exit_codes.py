from __future__ import annotations

import pytest

from smartify_core import errors
from smartify_core.cli._exit_codes import of_error, of_runs
from smartify_core.lifecycle import Counts, Run, Verdict


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigInvalid, 2),
        (errors.UnknownTenant, 2),
        (errors.KeyFileInvalid, 2),
        (errors.CredentialsInvalid, 2),
        (errors.WrongKey, 2),
        (errors.FileExists, 2),
        (errors.MissingExtra, 2),
        (errors.StalePlan, 1),
        (errors.PlanExpired, 1),
        (errors.PlanSettled, 1),
        (errors.UnknownPlan, 2),
        (errors.ClockWentBackwards, 2),
        (errors.Stopped, 1),
        (errors.SnapshotMisused, 1),
        (errors.SourceUnavailable, 1),
        (errors.SourceRejected, 1),
        (errors.StorageBusy, 1),
        (errors.NewerSchema, 1),
        (errors.SmartifyError, 1),
        (errors.PlanHeld, 3),
        (errors.AccessDenied, 4),
    ],
)
def test_errors_have_exit_codes(kind: type[errors.SmartifyError], code: int) -> None:
    """Who must act decides the exit code: 2 for whoever runs the command, 1 for everything that happened to it."""
    assert of_error(kind("x")) == code


def run(verdict: Verdict, error: errors.SmartifyError | None = None) -> Run:
    return Run("t", verdict, Counts(), error=error)


DONE, DEGRADED, HELD = run(Verdict.COMPLETE), run(Verdict.DEGRADED), run(Verdict.HELD)
WRONG = run(Verdict.FAILED, errors.CredentialsInvalid("x"))
FAILED = run(Verdict.FAILED, errors.SourceUnavailable("x"))


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ([], 0),
        ([DONE, DEGRADED], 0),
        ([DONE, HELD], 3),
        ([HELD, WRONG], 2),
        ([WRONG, FAILED, HELD], 1),
        ([DONE, FAILED], 1),
        ([run(Verdict.FAILED)], 1),
    ],
)
def test_several_runs_have_the_first_code_that_any_calls_for(runs: list[Run], code: int) -> None:
    """Over several tenants: failed, else wrong configuration, else held, else done."""
    assert of_runs(runs) == code
