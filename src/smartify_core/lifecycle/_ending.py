"""How a run ends: its verdict, what is remembered of it, and what becomes of the tenant's held plans."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from attrs import evolve

from smartify_core.errors import SmartifyError
from smartify_core.model import PutDocument

from ._held_plan import HeldPlan, HeldPlanStatus
from ._held_plans import KIND, HeldPlans
from ._log import log
from ._plan import Counts, Plan, Run, Verdict
from ._run_state import RunState


def verdict_of(plan: Plan) -> Verdict:
    """Return how a run ends that did what ``plan`` says."""
    if plan.held or plan.problems:
        return Verdict.HELD
    return Verdict.DEGRADED if plan.quarantined else Verdict.COMPLETE


def finished(state: RunState, plan: Plan, counts: Counts, now: datetime) -> RunState:
    """Return what is remembered after ``plan`` was applied, which came to ``counts``.

    A run for one person speaks of that person only.
    """
    unseen = bool(plan.problems) or (plan.only is not None and any(one.effect is None for one in plan.held))
    state = state.setting_aside(plan.quarantined, now, only=plan.only, mended=not unseen)
    if plan.only is not None:
        return state
    verdict = verdict_of(plan)
    held = plan.held_plan.hash if plan.held_plan else (state.held_plan if plan.problems else None)
    return evolve(
        state,
        trusted=state.trusted or verdict is not Verdict.HELD or not plan.known,
        runs=state.runs + 1,
        last_finished_at=now,
        last_full_at=now,
        verdict=verdict,
        error_code=None,
        failures=0,
        converged_at=state.converged_at if verdict is Verdict.HELD else now,
        counts=counts,
        held_plan=held,
    )


def held_documents(plan: Plan, held_plans: HeldPlans, now: datetime) -> Iterator[PutDocument]:
    """Yield the writes by which the tenant's held plans follow from ``plan``, which has been applied."""
    present = plan.held_plan
    unclear = {one.source_id for one in plan.held if one.effect is None} | {one.source_id for one in plan.quarantined}
    kept = False
    for held, version in held_plans.of(plan.tenant):
        if present is not None and held.hash == present.hash:
            kept = True
            approved_since = held.status is HeldPlanStatus.APPROVED and held.is_open(now)
            if held != present and not approved_since:  # it was settled or expired, and is held anew
                yield held_plans.put(present, over=version)
            continue
        # A read that is not certified does not see all that is called for, so it supersedes nothing.
        status = held.status if plan.problems else _next_status(held, present, unclear)
        if status is not held.status:
            yield held_plans.put(evolve(held, status=status), over=version)
        elif not held.is_open(now) and now > held.expires_at + (held.expires_at - held.held_at):
            yield PutDocument(KIND, held.hash, None, version)
    damaged = dict(held_plans.damaged(plan.tenant))
    if present is not None and not kept:
        yield held_plans.put(present, over=damaged.pop(present.hash, 0))
    yield from (PutDocument(KIND, key, None, version) for key, version in damaged.items())


def _next_status(held: HeldPlan, present: HeldPlan | None, unclear: set[str]) -> HeldPlanStatus:
    match held.status:
        case HeldPlanStatus.WAITING:
            return HeldPlanStatus.SUPERSEDED
        case HeldPlanStatus.APPROVED if present is not None and not held.keys.isdisjoint(present.keys):
            return HeldPlanStatus.SUPERSEDED
        case HeldPlanStatus.APPROVED if not any(key.source_id in unclear for key in held.keys):
            return HeldPlanStatus.APPLIED
        case status:
            return status


def failure(state: RunState, code: str, *, now: datetime) -> RunState:
    """Return what is remembered after a run failed with this code."""
    return evolve(
        state,
        # When it started is not kept: a clock that ran ahead during a run which failed must not bar later ones.
        last_finished_at=now,
        verdict=Verdict.FAILED,
        error_code=code,
        failures=state.failures + 1,
        counts=Counts(),
    )


def failed(tenant: str, error: Exception, *, seconds: float) -> Run:
    """Return the run that ended with ``error``; one that is none of ours is named by its class only."""
    if not isinstance(error, SmartifyError):
        error = SmartifyError(
            f"an unexpected {type(error).__name__} was raised",
            where=f"tenant {tenant}",
            cure="It came from the directory source or the storage backend; their own logs may say more.",
        )
    log().error("run failed", tenant=tenant, code=error.code)
    return Run(tenant, Verdict.FAILED, Counts(), seconds=seconds, error=error)


def run_of(plan: Plan, counts: Counts, *, seconds: float) -> Run:
    """Return the run that did what ``plan`` says, which came to ``counts``."""
    return Run(
        tenant=plan.tenant,
        verdict=verdict_of(plan),
        counts=counts,
        requests=plan.requests,
        seconds=seconds,
        held=plan.held,
        quarantined=plan.quarantined,
        problems=plan.problems,
        held_plan=plan.held_plan,
    )
