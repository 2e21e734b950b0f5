"""What ``--json`` prints, as plain values. Pure. The shapes are promised in ``docs/reference/cli.md``."""

from __future__ import annotations

from typing import Any

from attrs import asdict

from smartify_core.errors import AccessDenied, SmartifyError
from smartify_core.lifecycle import Change, HeldPlan, Plan, Run
from smartify_core.model import AccountState, Tombstone
from smartify_core.policy import Disclosed

Document = dict[str, Any]


def of_error(error: SmartifyError) -> Document:
    """Return an error: its code, what happened, where, the cure, and all of it as one message.

    A denial has a key more, ``missing``: the codes of what was missing for a yes.
    """
    document: Document = {"code": error.code, "what": error.what, "where": error.where, "cure": error.cure}
    document["message"] = str(error)
    if isinstance(error, AccessDenied):
        document["missing"] = list(error.missing)
    return document


def of_run(run: Run) -> Document:
    """Return how one tenant's run ended; ``error`` is there exactly when it failed."""
    document: Document = {
        "tenant": run.tenant,
        "verdict": run.verdict.value,
        **asdict(run.counts),
        "requests": run.requests,
        "seconds": round(run.seconds, 3),
        "held_plan": of_held_plan_briefly(run.held_plan),
    }
    if run.error is not None:
        document["error"] = of_error(run.error)
    return document


def of_held_plan_briefly(plan: HeldPlan | None) -> Document | None:
    """Return which plan waits for a decision, until when, and how much is in it."""
    if plan is None:
        return None
    return {"hash": plan.hash, "expires_at": plan.expires_at.isoformat(), "changes": len(plan.changes)}


def of_change(change: Change) -> Document:
    """Return one change of a plan: ids, names of fields and reasons, never a value."""
    return {
        "kind": change.kind.value,
        "source_id": change.source_id,
        "account_id": change.account_id,
        "fields": list(change.fields),
        "evidence": change.evidence,
        "rule": change.rule,
    }


def of_plan(plan: Plan) -> Document:
    """Return a whole plan."""
    return {
        "tenant": plan.tenant,
        "hash": plan.hash,
        "snapshot": plan.snapshot_id,
        "planned_at": plan.planned_at.isoformat(),
        "summary": plan.summary(),
        **asdict(plan.counts),
        "requests": plan.requests,
        "changes": [of_change(change) for change in plan.changes],
        "held_back": [{"source_id": one.source_id, "reason": one.reason} for one in plan.held],
        "set_aside": [{"source_id": one.source_id, "reason": one.reason} for one in plan.quarantined],
        "problems": list(plan.problems),
        "held_plan": of_held_plan_briefly(plan.held_plan),
    }


def of_disclosed(one: Disclosed | Tombstone) -> Document:
    """Return one account as it was disclosed. A field that was not asked for is absent; a deleted one has none."""
    document: Document = {"source_id": one.source_id, "account_id": one.account_id}
    if isinstance(one, Tombstone):
        return document | {"state": AccountState.DELETED.value}
    named = {"email": one.email, "given_name": one.given_name, "family_name": one.family_name}
    document |= {name: value for name, value in named.items() if value is not None}
    document["state"] = one.state.value
    if one.groups is not None:
        document["groups"] = list(one.groups)
    if one.pseudonymous:
        document["pseudonymous"] = True
    return document
