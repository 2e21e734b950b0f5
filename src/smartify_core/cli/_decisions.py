"""Held plans: looking at them, approving, rejecting."""

from __future__ import annotations

from pathlib import Path

from smartify_core.errors import UnknownPlan
from smartify_core.lifecycle import HeldPlan, Reconciler, utc_now

from . import _documents_of_operations as documents
from . import _exit_codes as exit_codes
from . import _text_of_operations as text
from ._build import Sources, chosen, reconciler_of, sealer_of, store_of
from ._config import load
from ._output import Output
from ._progress import progress_of
from ._reports import of_each_run
from ._signals import stoppable_storage


def approve(output: Output, file: Path, tenant: str | None, *, plan_hash: str, by: str, reason: str) -> int:
    """Do what a held plan says, and tell how that ended."""
    config = load(file)
    tenants = chosen(config, tenant)
    sealer = sealer_of(config)
    with store_of(config, create=False) as storage:
        owner = _owner(reconciler_of(config, {}, storage, sealer), tenants, plan_hash)
        stoppable = stoppable_storage(storage)
        reconciler = reconciler_of(config, {owner: Sources(config, [owner])[owner]}, stoppable, sealer)
        with progress_of(owner) as progress:
            run = reconciler.approve(owner, plan_hash, by=by, reason=reason, progress=progress)
    return of_each_run(output, file, [run])


def reject(output: Output, file: Path, tenant: str | None, *, plan_hash: str, by: str, reason: str) -> int:
    """Drop a held plan."""
    config = load(file)
    tenants = chosen(config, tenant)
    with store_of(config, create=False) as storage:
        reconciler = reconciler_of(config, {}, stoppable_storage(storage), sealer_of(config))
        owner = _owner(reconciler, tenants, plan_hash)
        plan = reconciler.reject(owner, plan_hash, by=by, reason=reason)
    output.document({"held_plan": documents.of_held_plan(plan, now=utc_now())})
    output.line(f"{plan.tenant}: plan {plan.hash} is rejected; nothing of it was done")
    return exit_codes.DONE


def held(output: Output, file: Path, tenant: str | None, *, plan_hash: str | None) -> int:
    """List the held plans, or show one of them, change by change."""
    config = load(file)
    tenants = chosen(config, tenant)
    now = utc_now()
    with store_of(config, create=False, guarded=False) as storage:
        reconciler = reconciler_of(config, {}, storage, sealer_of(config))
        if plan_hash is not None:
            plan = _named(reconciler, tenants, plan_hash)
            output.document({"held_plan": documents.of_held_plan(plan, now=now, whole=True)})
            for line in text.of_held_plan(plan, now=now, whole=True):
                output.line(line)
            return exit_codes.DONE
        plans = [plan for name in tenants for plan in reconciler.held_plans(name)]
    output.document({"held_plans": [documents.of_held_plan(plan, now=now) for plan in plans]})
    for plan in plans:
        for line in text.of_held_plan(plan, now=now):
            output.line(line)
    if not plans:
        output.note("There are no held plans.")
    return exit_codes.DONE


def _owner(reconciler: Reconciler, tenants: tuple[str, ...], plan_hash: str) -> str:
    """Return whose plan it is. Of one tenant it is asked no further: the decision itself says what is wrong with it."""
    return tenants[0] if len(tenants) == 1 else _named(reconciler, tenants, plan_hash).tenant


def _named(reconciler: Reconciler, tenants: tuple[str, ...], plan_hash: str) -> HeldPlan:
    for tenant in tenants:
        for plan in reconciler.held_plans(tenant):
            if plan.hash == plan_hash:
                return plan
    raise UnknownPlan(
        "no held plan has this hash",
        where=f"tenant {tenants[0]}" if len(tenants) == 1 else "all tenants",
        cure="List the held plans with `smartify held`, and copy the hash from there.",
    )
