"""How each tenant stands: what its last run did, when the next one is due, what waits for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import frozen

from smartify_core.errors import SmartifyError
from smartify_core.lifecycle._held_plan import HeldPlan
from smartify_core.lifecycle._plan import Verdict
from smartify_core.lifecycle._run_state import RunState, load
from smartify_core.model import Clock, TenantRecord
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_tenant

T = TypeVar("T")


@frozen(order=False)
class TenantStatus:
    """How one tenant stands. Ids, codes, counts and times only."""

    tenant: str
    #: How many live accounts it has.
    accounts: int
    #: When its last run ended, well or not, and how; ``None`` when it never ran.
    last_run_at: datetime | None
    verdict: Verdict | None  # FAILED also when nobody can read how it ended
    #: The code of the error that the last run failed with, or that keeps what is known of it from being read.
    error_code: str | None
    #: How many runs in a row have failed.
    failures: int
    #: When it is due; ``None`` when it is not scheduled.
    next_due: datetime | None
    #: For how long it has been due, and nobody works on it; zero when it is not.
    overdue_by: timedelta
    #: Until when a worker holds its lease; ``None`` when nobody does.
    lease_until: datetime | None
    #: The hash of the plan that waits for a decision, and until when one may be made.
    held_plan: str | None
    held_plan_expires_at: datetime | None
    #: How many records are set aside, and since when the oldest of them is.
    quarantined: int
    oldest_quarantined_at: datetime | None
    #: How many of its events were given up, by all consumers together; ``None`` when nobody was asked.
    dead_letters: int | None
    #: When it was last in step with its directory, but for records that were set aside.
    converged_at: datetime | None
    #: For how long it has not been seen wholly in step, records that were set aside included; ``None`` for never.
    not_converged_for: timedelta | None
    #: When somebody last had its clock reset.
    clock_reset_at: datetime | None = None

    def exceeds(self, limit: timedelta) -> bool:
        """Return whether the tenant has not been in step for longer than ``limit``.

        One that was never in step exceeds every limit once it has run; before that, once it is overdue for as long.
        """
        if self.not_converged_for is not None:
            return self.not_converged_for > limit
        return self.verdict is not None or self.overdue_by > limit


def status(
    storage: Storage,
    clock: Clock,
    *,
    tenants: Iterable[str] | None = None,
    held_plans: Callable[[str], Iterable[HeldPlan]] | None = None,
    dead_letters: Callable[[str], int] | None = None,
) -> Iterator[TenantStatus]:
    """Yield how each tenant of a store stands. Opens no account, and asks no directory.

    A tenant about whom something cannot be read, damaged or written by a newer version, keeps its place, with the
    error's code.

    Args:
        storage: The store.
        clock: The time.
        tenants: Which tenants; all that the store ever heard of when not given, in bytewise order of their names.
        held_plans: What tells the held plans of a tenant, such as `Reconciler.held_plans`; without it nothing is said
            about when they expire. Called for tenants that have one only.
        dead_letters: What counts the events of a tenant that were given up.

    Raises:
        StorageError: The store could not be read.
    """
    records = every_tenant(storage) if tenants is None else map(storage.tenant, tenants)
    for record in records:
        yield _of(record, storage, clock(), held_plans, dead_letters)


def _of(
    record: TenantRecord,
    storage: Storage,
    now: datetime,
    held_plans: Callable[[str], Iterable[HeldPlan]] | None,
    dead_letters: Callable[[str], int] | None,
) -> TenantStatus:
    (state, _), unread = _tried(lambda: load(storage, record.tenant), (RunState(verdict=Verdict.FAILED), 0))
    lease_until = record.expires_at if record.expires_at is not None and record.expires_at > now else None
    overdue = timedelta(0) if record.due_at is None or lease_until is not None else now - record.due_at
    plans: tuple[HeldPlan, ...] = ()
    dead: int | None = None
    unlisted = uncounted = None
    if held_plans is not None and state.held_plan is not None:
        plans, unlisted = _tried(lambda: tuple(held_plans(record.tenant)), plans)
    if dead_letters is not None:
        dead, uncounted = _tried(lambda: dead_letters(record.tenant), dead)
    oldest = min((one.since for one in state.quarantine), default=None)
    in_step_at = min((at for at in (state.converged_at, oldest) if at is not None), default=None)
    return TenantStatus(
        tenant=record.tenant,
        accounts=record.accounts,
        last_run_at=state.last_finished_at,
        verdict=state.verdict,
        error_code=unread or state.error_code or unlisted or uncounted,
        failures=state.failures,
        next_due=record.due_at,
        overdue_by=max(overdue, timedelta(0)),
        lease_until=lease_until,
        held_plan=state.held_plan,
        held_plan_expires_at=next((plan.expires_at for plan in plans if plan.hash == state.held_plan), None),
        quarantined=len(state.quarantine),
        oldest_quarantined_at=oldest,
        dead_letters=dead,
        converged_at=state.converged_at,
        not_converged_for=None if state.converged_at is None or in_step_at is None else now - in_step_at,
        clock_reset_at=state.clock_reset_at,
    )


def _tried(read: Callable[[], T], otherwise: T) -> tuple[T, str | None]:
    """Return what ``read`` returns, or else ``otherwise`` with the code of the error that it raised."""
    try:
        return read(), None
    except Exception as error:  # noqa: BLE001 - one tenant's trouble, of whatever kind, hides no other
        return otherwise, error.code if isinstance(error, SmartifyError) else SmartifyError.code
