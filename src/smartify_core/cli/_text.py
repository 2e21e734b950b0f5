"""What people read: values into lines. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from smartify_core.lifecycle import Change, ChangeKind, Counts, Held, HeldPlan, Plan, Quarantined, Run
from smartify_core.model import AccountState, Tombstone
from smartify_core.policy import Disclosed

from ._config import DEFAULT_FILE
from ._numbers import numbered

#: How many reasons are told one by one; `--json` of a plan has them all.
_REASONS_SHOWN: Final = 20

#: The changes that concern an account from end to end.
_WHOLE: Final = frozenset({ChangeKind.PROVISION, ChangeKind.DELETE})


def of_counts(counts: Counts) -> str:
    """Return the counts that are not zero, in words."""
    numbers = (
        (counts.provisioned, "provisioned"),
        (counts.updated, "updated"),
        (counts.deactivated, "deactivated"),
        (counts.reactivated, "reactivated"),
        (counts.deleted, "deleted"),
        (counts.unchanged, "unchanged"),
        (counts.quarantined, "set aside"),
        (counts.held, "held"),
    )
    return ", ".join(f"{number:,} {word}" for number, word in numbers if number) or "nobody there, nothing to do"


def of_run(run: Run) -> str:
    """Return one line about a run."""
    if run.error is not None:
        return f"{run.tenant}: failed ({run.error.code})"
    cost = f"{numbered(run.requests, 'request')}, {run.seconds:.1f} s"
    return f"{run.tenant}: {run.verdict.value}: {of_counts(run.counts)} ({cost})"


def of_plan(plan: Plan, file: Path, *, saved: Path | None = None) -> Iterator[str]:
    """Return the lines of a plan: each change with its reason, how many there are, and the command that does it.

    Args:
        plan: The plan.
        file: The configuration file in use.
        saved: Where the plan is kept, if it is.
    """
    if plan.changes:
        yield f"By snapshot {plan.snapshot_id}:"
    for change in plan.changes:
        yield of_change(change, snapshot_id=plan.snapshot_id)
    if plan.changes:
        yield ""
    yield f"{plan.tenant}: {plan.summary()}; {plan.counts.unchanged:,} unchanged ({numbered(plan.requests, 'request')})"
    words = ("sync",) if saved is None else ("apply", str(saved))
    if plan.changes and (saved is not None or not (plan.held or plan.problems)):
        yield f"To do it: {_command(file, *words, '--tenant', plan.tenant)}"


def of_change(change: Change, *, snapshot_id: str) -> str:
    """Return one line about a change: what, to which account, in which fields, on what evidence.

    Args:
        change: The change.
        snapshot_id: The plan's snapshot, which was named already and need not be named in every line.
    """
    fields = "everything" if change.kind in _WHOLE else ", ".join(change.fields)
    evidence = change.evidence.replace(f"snapshot {snapshot_id}", "the snapshot")
    return f"{change.kind.value:<10}  {change.account_id}  {fields:<20}  {evidence}"


def of_disclosed(one: Disclosed | Tombstone) -> str:
    """Return one line about an account as it was disclosed."""
    if isinstance(one, Tombstone):
        return f"{AccountState.DELETED.value:<8}  {one.account_id}"
    name = " ".join(part for part in (one.given_name, one.family_name) if part)
    groups = None if one.groups is None else f"[{', '.join(one.groups)}]"
    shown = [part for part in (one.email, name or None, groups) if part is not None]
    return "  ".join([f"{one.state.value:<8}", one.account_id, *shown])


def notes(
    tenant: str, held: Sequence[Held], quarantined: Sequence[Quarantined], problems: Sequence[str]
) -> Iterator[str]:
    """Return the lines of warning about a run or plan: what was held, what was set aside, and why. Ids only."""
    for problem in problems:
        yield f"smartify: {tenant}: the read was not complete: {problem}"
    for word, entries in (("held", held), ("set aside", quarantined)):
        for entry in entries[:_REASONS_SHOWN]:
            yield f"smartify: {tenant}: {word}: source id {entry.source_id}: {entry.reason}"
        if len(entries) > _REASONS_SHOWN:
            yield f"smartify: {tenant}: {word}: {len(entries) - _REASONS_SHOWN:,} more"


def how_to_decide(plan: HeldPlan, file: Path, *, kept: bool = True) -> Iterator[str]:
    """Return the lines that tell what is held, and the commands with which a person decides about it.

    Args:
        plan: What is held.
        file: The configuration file in use.
        kept: Whether the store has the plan; a plan that was only looked at must be held by a sync first.
    """
    number = numbered(len(plan.changes), "change")
    if kept:
        yield f"smartify: {plan.tenant}: {number} held until {plan.expires_at:%Y-%m-%d %H:%M} UTC as plan {plan.hash}"
    else:
        yield f"smartify: {plan.tenant}: a sync would hold {number} as plan {plan.hash}"
        yield f"  to hold them for a decision: {_command(file, 'sync', '--tenant', plan.tenant)}"
    which = ("--tenant", plan.tenant, "--plan", plan.hash)
    yield f"  to look:    {_command(file, 'held', *which)}"
    yield f"  to approve: {_command(file, 'approve', *which, '--as', 'NAME', '--reason', 'TEXT')}"
    yield f"  to reject:  {_command(file, 'reject', *which, '--as', 'NAME', '--reason', 'TEXT')}"


def _command(file: Path, *words: str) -> str:
    given = [] if file == DEFAULT_FILE else ["--config", str(file)]
    return shlex.join(["smartify", *words, *given])
