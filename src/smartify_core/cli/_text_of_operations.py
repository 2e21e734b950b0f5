"""What people read about held plans, states, history and adoption: values into lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from smartify_core.lifecycle import AdoptionReport, ClockReset, HeldPlan, JournalEntry
from smartify_core.lifecycle.schedule import TenantStatus

from ._documents import Document
from ._documents_of_operations import effects_of
from ._numbers import numbered

_NEVER: Final = "-"
#: How many ids of an adoption are told one by one; `--json` has them all.
_IDS_SHOWN: Final = 20
_HEADINGS: Final = ("tenant", "last run", "verdict", "next due", "overdue", "in step", "set aside", "dead", "held plan")


def of_held_plan(plan: HeldPlan, *, now: datetime, whole: bool = False) -> Iterator[str]:
    """Return the lines of a held plan, with each change when it is shown whole."""
    state = plan.status.value if plan.is_open(now) or plan.decided_at is not None else f"{plan.status.value}, expired"
    effects = ", ".join(f"{effect} {number:,}" for effect, number in effects_of(plan).items())
    when = f"held {_instant(plan.held_at)}, until {_instant(plan.expires_at)}"
    yield f"{plan.tenant}  {plan.hash}  {state}  {when}  {effects}"
    if whole:
        for change in plan.changes:
            key = change.key
            yield f"{key.effect:<11}  {key.account_id}  source id {key.source_id}  {change.reason}  ({change.evidence})"


def of_clock_reset(reset: ClockReset) -> str:
    """Return one line about what lay ahead and was brought back."""
    found = ", ".join(f"{name} {_instant(at)}" for name, at in sorted(reset.found.items()))
    return f"{reset.tenant}: brought back to {_instant(reset.at)} what lay ahead: {found}"


def of_statuses(found: Sequence[TenantStatus], off_boarded: Mapping[str, datetime]) -> Iterator[str]:
    """Return a table of how tenants stand; of those that are off-boarded, since when."""
    rows = [_HEADINGS, *(_row(one, off_boarded.get(one.tenant)) for one in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _row(one: TenantStatus, off_boarded: datetime | None) -> tuple[str, ...]:
    verdict = _NEVER if one.verdict is None else one.verdict.value
    if one.error_code is not None:
        verdict += f" {one.error_code}"
    if one.failures > 1:
        verdict += f" x{one.failures}"
    if one.lease_until is not None:
        verdict += " (running)"
    aside = (
        "0" if one.oldest_quarantined_at is None else f"{one.quarantined:,} since {_instant(one.oldest_quarantined_at)}"
    )
    held = _NEVER if one.held_plan is None else one.held_plan
    if one.held_plan_expires_at is not None:
        held += f" until {_instant(one.held_plan_expires_at)}"
    in_step = "never" if one.not_converged_for is None else f"{duration(one.not_converged_for)} ago"
    if off_boarded is not None:
        in_step = f"off-boarded {off_boarded:%Y-%m-%d}"
    return (
        one.tenant,
        _instant(one.last_run_at),
        verdict,
        _instant(one.next_due),
        duration(one.overdue_by) if one.overdue_by else _NEVER,
        in_step,
        aside,
        _NEVER if one.dead_letters is None else f"{one.dead_letters:,}",
        held,
    )


def of_dead_letter(letter: Document) -> str:
    """Return one line about an event that was given up."""
    attempts = numbered(letter["attempts"], "attempt")
    start = f"{letter['tenant']}  {letter['consumer']}  {letter['event_id']}  {letter['type']}  {letter['account_id']}"
    return f"{start}  {letter['error']}  {attempts}, given up {letter['died_at'][:16]}Z"


def of_entry(entry: JournalEntry) -> str:
    """Return one line about an applied change."""
    fields = f"  {', '.join(entry.fields)}" if entry.fields else ""
    groups = "".join(
        f"  {word} {', '.join(ids)}" for word, ids in (("joined", entry.joined), ("left", entry.left)) if ids
    )
    plan = f"  by plan {entry.plan}" if entry.plan else ""
    return f"{_instant(entry.at)}  {entry.kind.value:<10}  {entry.account_id}{fields}{groups}{plan}  {entry.evidence}"


def of_adoption(report: AdoptionReport, *, plan_only: bool) -> Iterator[str]:
    """Return what became of the host's users."""
    word = "would be linked" if plan_only else "linked"
    yield f"{len(report.linked):,} {word}, {len(report.linked_before):,} were before"
    for what, ids in (
        ("waiting, because their person was held or set aside", report.waiting),
        ("an account is here already, under an id of ours, for the address of", report.provisioned_before),
        ("more than one has a claim to the address of", report.ambiguous),
        ("in no verified domain", report.unverified),
        ("nobody in the directory has the address of", report.unowned),
    ):
        if ids:
            more = f", and {len(ids) - _IDS_SHOWN:,} more" if len(ids) > _IDS_SHOWN else ""
            yield f"{what}: {', '.join(ids[:_IDS_SHOWN])}{more}"


def duration(length: timedelta) -> str:
    """Return a length of time in its two largest units, such as ``3h 12m``."""
    seconds = int(length.total_seconds())
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, seconds = divmod(seconds, size)
        if number or parts:
            parts.append(f"{number}{unit}")
    return " ".join(parts[:2]) or "0s"


def _instant(instant: datetime | None) -> str:
    return _NEVER if instant is None else f"{instant:%Y-%m-%dT%H:%M}Z"
