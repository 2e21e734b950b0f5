"""What ``--json`` prints about held plans, states, history and adoption. Pure. See ``docs/reference/cli.md``.

Who decided about a plan, and why, stays sealed in the store: free text may name people.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from smartify_core.lifecycle import AdoptionReport, ClockReset, HeldPlan, JournalEntry
from smartify_core.lifecycle.events import DeadLetter
from smartify_core.lifecycle.schedule import TenantStatus

from ._documents import Document, of_run


def of_held_plan(plan: HeldPlan, *, now: datetime, whole: bool = False) -> Document:
    """Return a held plan.

    Args:
        plan: The plan.
        now: The present, to tell whether it has expired.
        whole: Whether with each change.
    """
    document: Document = {
        "tenant": plan.tenant,
        "hash": plan.hash,
        "status": plan.status.value,
        "open": plan.is_open(now),
        "snapshot": plan.snapshot_id,
        "held_at": plan.held_at.isoformat(),
        "expires_at": plan.expires_at.isoformat(),
        "decided_at": _instant(plan.decided_at),
        "effects": effects_of(plan),
    }
    if whole:
        document["changes"] = [
            {
                "effect": change.key.effect,
                "source_id": change.key.source_id,
                "account_id": change.key.account_id,
                "evidence": change.evidence,
                "reason": change.reason,
            }
            for change in plan.changes
        ]
    else:
        document["changes"] = len(plan.changes)
    return document


def effects_of(plan: HeldPlan) -> dict[str, int]:
    """Return how many changes of each kind a held plan has."""
    return dict(sorted(Counter(change.key.effect for change in plan.changes).items()))


def of_status(one: TenantStatus, *, limit: timedelta | None, off_boarded: datetime | None = None) -> Document:
    """Return how a tenant stands; ``exceeded`` is ``null`` when no limit was named, or when it is off-boarded."""
    held = None if one.held_plan is None else {"hash": one.held_plan, "expires_at": _instant(one.held_plan_expires_at)}
    return {
        "tenant": one.tenant,
        "accounts": one.accounts,
        "last_run_at": _instant(one.last_run_at),
        "verdict": None if one.verdict is None else one.verdict.value,
        "error_code": one.error_code,
        "failures": one.failures,
        "next_due": _instant(one.next_due),
        "overdue_seconds": int(one.overdue_by.total_seconds()),
        "lease_until": _instant(one.lease_until),
        "held_plan": held,
        "quarantined": one.quarantined,
        "oldest_quarantined_at": _instant(one.oldest_quarantined_at),
        "dead_letters": one.dead_letters,
        "converged_at": _instant(one.converged_at),
        "not_converged_seconds": None if one.not_converged_for is None else int(one.not_converged_for.total_seconds()),
        "clock_reset_at": _instant(one.clock_reset_at),
        "exceeded": None if limit is None or off_boarded is not None else one.exceeds(limit),
        "off_boarded_at": _instant(off_boarded),
    }


def of_clock_reset(reset: ClockReset) -> Document:
    """Return what lay ahead and was brought back."""
    return {
        "tenant": reset.tenant,
        "at": reset.at.isoformat(),
        "found": {name: at.isoformat() for name, at in sorted(reset.found.items())},
    }


def of_dead_letter(letter: DeadLetter, consumer: str) -> Document:
    """Return an event that was given up: ids, and the class of the error."""
    return {
        "tenant": letter.event.tenant,
        "consumer": consumer,
        "event_id": letter.event.id,
        "type": letter.event.type.value,
        "account_id": letter.event.account_id,
        "error": letter.error,
        "attempts": letter.attempts,
        "died_at": letter.died_at.isoformat(),
    }


def of_entry(entry: JournalEntry) -> Document:
    """Return one applied change."""
    return {
        "at": entry.at.isoformat(),
        "kind": entry.kind.value,
        "source_id": entry.source_id,
        "account_id": entry.account_id,
        "version": entry.version,
        "fields": list(entry.fields),
        "joined": list(entry.joined),
        "left": list(entry.left),
        "inactive_reason": entry.inactive_reason,
        "adopted": entry.adopted,
        "predecessor": entry.predecessor,
        "snapshot": entry.snapshot_id,
        "evidence": entry.evidence,
        "rule": entry.rule,
        "plan": entry.plan,
    }


def of_adoption(report: AdoptionReport, *, plan_only: bool) -> Document:
    """Return what an adoption did, or would do: the host's own ids by what became of them."""
    return {
        "applied": not plan_only,
        "run": of_run(report.run),
        "linked": list(report.linked),
        "waiting": list(report.waiting),
        "ambiguous": list(report.ambiguous),
        "unverified": list(report.unverified),
        "unowned": list(report.unowned),
        "linked_before": list(report.linked_before),
        "provisioned_before": list(report.provisioned_before),
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
