"""Telling how runs ended, and what a plan says: on stdout, on stderr, and by the exit code."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from smartify_core.lifecycle import Plan, Run

from . import _documents as documents
from . import _exit_codes as exit_codes
from . import _text as text
from ._output import Output


def of_each_run(output: Output, file: Path, runs: Iterable[Run]) -> int:
    """Tell of each run as it ends, print the document of all of them, and return the exit code."""
    ended: list[Run] = []
    for run in runs:
        ended.append(run)
        tell(output, file, run)
    output.document({"runs": [documents.of_run(run) for run in ended]})
    return exit_codes.of_runs(ended)


def tell(output: Output, file: Path, run: Run) -> None:
    """Print the lines of one run for people, and its warnings for everybody."""
    output.line(text.of_run(run))
    if run.error is not None:
        output.note(f"smartify: {run.tenant}: {run.error}")
    for note in text.notes(run.tenant, run.held, run.quarantined, run.problems):
        output.note(note)
    if run.held_plan is not None:
        for note in text.how_to_decide(run.held_plan, file):
            output.note(note)


def of_plan(output: Output, file: Path, planned: Plan, *, saved: Path | None = None) -> int:
    """Print a plan, which may be kept in a file, and return the exit code that it calls for."""
    output.document(documents.of_plan(planned))
    for line in text.of_plan(planned, file, saved=saved):
        output.line(line)
    for note in text.notes(planned.tenant, planned.held, planned.quarantined, planned.problems):
        output.note(note)
    if planned.held_plan is not None:
        for note in text.how_to_decide(planned.held_plan, file, kept=False):
            output.note(note)
    return exit_codes.HELD if planned.held or planned.problems else exit_codes.DONE
