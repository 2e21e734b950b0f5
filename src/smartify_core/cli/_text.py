"""What people read: values into lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from smartify_core.lifecycle import Change, Counts, Held, Plan, Quarantined, Run
from smartify_core.model import Account

#: How many reasons are told one by one; `--json` of a plan has them all.
_REASONS_SHOWN: Final = 20


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
    return (
        f"{run.tenant}: {run.verdict.value}: {of_counts(run.counts)} ({run.requests:,} requests, {run.seconds:.1f} s)"
    )


def of_plan(plan: Plan) -> Iterator[str]:
    """Return the lines of a plan: each change with its reason, and how many there are."""
    for change in plan.changes:
        yield of_change(change)
    if plan.changes:
        yield ""
    yield f"{plan.tenant}: {plan.summary()}; {plan.counts.unchanged:,} unchanged ({plan.requests:,} requests)"
    if plan.changes:
        yield f"To do it: smartify sync --tenant {plan.tenant}"


def of_change(change: Change) -> str:
    """Return one line about a change: what, to which account, in which fields, on what evidence."""
    return f"{change.kind.value:<10}  {change.account_id}  {', '.join(change.fields) or '-':<30}  {change.evidence}"


def of_account(account: Account) -> str:
    """Return one line about an account."""
    start = f"{account.state.value:<8}  {account.account_id}"
    if account.personal is None:
        return start
    person = account.personal
    name = " ".join(part for part in (person.given_name, person.family_name) if part)
    groups = ", ".join(sorted(membership.group.email for membership in person.memberships))
    return f"{start}  {person.email}  {name}  [{groups}]"


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
