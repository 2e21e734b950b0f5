"""The shell around the decisions: reads both sides, plans, and acts under lease and fence."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from smartify_core.directory import Capability, DirectorySource
from smartify_core.errors import SmartifyError, StalePlan, StorageError, UnknownTenant, UsageError
from smartify_core.model import Batch, Claim, Clock, ProgressSink, Stage
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._comparison import Comparison, chunks
from ._plan import Counts, Plan, Run, Verdict
from ._planner import Planner

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

#: How long a tenant's lease lasts when its worker falls silent. A working one renews it.
LEASE_TTL: Final = timedelta(minutes=10)
#: How many changes are written together. Small enough to redo, large enough that a commit's cost does not show.
BATCH_SIZE: Final = 500


@cache
def _log() -> BoundLogger:
    """Return the logger: the host's own logging decides what is shown; ids and counts only."""
    import structlog  # noqa: PLC0415 - half of this package's import time, and many a process never logs

    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            logging.getLogger("smartify_core.lifecycle"),
            wrapper_class=structlog.stdlib.BoundLogger,
            processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        ),
    )


def utc_now() -> datetime:
    """Return the present instant by the machine's clock, aware and in UTC."""
    return datetime.now(UTC)


class Reconciler:
    """Brings the accounts of each tenant in step with its directory.

    Args:
        sources: The directory of each tenant, by tenant. Any mapping will do, also one that makes a source when asked
            for it.
        storage: Where the accounts live.
        sealer: What seals their personal fields.
        clock: The time.
        batch_size: How many changes are committed together, 1 or more.
        lease_ttl: How long a tenant stays taken when a worker dies.
    """

    def __init__(
        self,
        sources: Mapping[str, DirectorySource],
        storage: Storage,
        sealer: Sealer,
        *,
        clock: Clock = utc_now,
        batch_size: int = BATCH_SIZE,
        lease_ttl: timedelta = LEASE_TTL,
    ) -> None:
        if not isinstance(sources, Mapping):
            raise UsageError(
                "sources is no mapping from tenant to directory source",
                where="Reconciler",
                cure='Name the tenant of each source: Reconciler({"acme": source}, ...).',
            )
        if batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}", where="Reconciler", cure="Give 1 or more.")
        if lease_ttl <= timedelta(0):
            raise UsageError("lease_ttl is not positive", where="Reconciler", cure="Give a positive timedelta.")
        self._sources = sources
        self._storage = storage
        self._sealer = sealer
        self._clock = clock
        self._batch_size = batch_size
        self._lease_ttl = lease_ttl

    def plan(self, tenant: str, *, progress: ProgressSink | None = None) -> Plan:
        """Read the directory and the store, and return what would be done. Writes nothing and takes no lease.

        Raises:
            UnknownTenant: No directory is configured for ``tenant``.
            SourceError: The directory could not be read. Nothing is concluded from that.
            StorageError: The store could not be read.
            WrongKey: The store was sealed under other keys than these.
        """
        return self._plan(tenant, progress=progress, heartbeat=lambda: None)

    def apply(self, plan: Plan, *, progress: ProgressSink | None = None) -> Run:
        """Do exactly what ``plan`` says, in batches that each happen whole or not at all.

        Raises:
            StalePlan: The store changed since the plan was made; nothing was written.
            LeaseHeld: Another worker is busy with this tenant; nothing was written.
            LeaseLost: Another worker took over; what was committed before stays, and its run goes on from there.
            StorageError: The store could not be written; what was committed before stays.
        """
        started = self._clock()
        with self._lease(plan.tenant) as lease:
            return self._apply(plan, lease, started=started, progress=progress)

    def run(self, tenant: str, *, progress: ProgressSink | None = None) -> Run:
        """Plan and apply in one go, under one lease.

        Raises:
            SmartifyError: As `plan` and `apply` do.
        """
        started = self._clock()
        self._source(tenant)
        with self._lease(tenant) as lease:
            plan = self._plan(tenant, progress=progress, heartbeat=lease.keep)
            return self._apply(plan, lease, started=started, progress=progress)

    def run_each(self, tenants: Iterable[str] | None = None, *, progress: ProgressSink | None = None) -> Iterator[Run]:
        """Run one tenant after the other and yield how each ended; one that fails does not stop the next.

        A failed run carries the error instead of raising it.

        Args:
            tenants: Which tenants; all that have a directory when not given.
            progress: Told how far each run is.
        """
        for tenant in list(self._sources) if tenants is None else tenants:
            started = self._clock()
            try:
                run = self.run(tenant, progress=progress)
            except SmartifyError as error:
                _log().error("run failed", tenant=tenant, code=error.code)
                run = Run(tenant, Verdict.FAILED, Counts(), seconds=self._since(started), error=error)
            yield run

    def _source(self, tenant: str) -> DirectorySource:
        try:
            source = self._sources[tenant]
        except KeyError:
            raise UnknownTenant(
                f"no directory is configured for tenant {tenant!r}", cure="Configure its source, or check the spelling."
            ) from None
        if Capability.IMMUTABLE_IDS not in source.capabilities:
            raise UsageError(
                "the directory source does not promise that an id always means the same person",
                where=f"tenant {tenant}",
                cure="Use a source that declares IMMUTABLE_IDS: accounts are keyed by source id.",
            )
        return source

    def _plan(self, tenant: str, *, progress: ProgressSink | None, heartbeat: Callable[[], None]) -> Plan:
        source = self._source(tenant)
        # Before anything is compared: whatever is committed from here on makes the plan stale.
        revision = self._storage.revision(tenant)
        comparison = Comparison(tenant, self._storage, self._sealer, heartbeat=heartbeat)
        with source.snapshot(progress=progress) as snapshot:
            comparison.read(source, snapshot)
            now = self._clock()
            changes, refused, indivisible = Planner(tenant, self._storage, self._sealer, now=now).changes(comparison)
            return Plan(
                tenant=tenant,
                snapshot_id=snapshot.id,
                planned_at=now,
                revision=revision,
                changes=changes,
                indivisible=indivisible,
                held=tuple(comparison.held),
                quarantined=(*comparison.quarantined, *refused),
                unchanged=comparison.unchanged,
                requests=snapshot.requests,
                problems=comparison.problems,
            )

    def _apply(self, plan: Plan, lease: _Lease, *, started: datetime, progress: ProgressSink | None) -> Run:
        if lease.claim.revision != plan.revision:
            raise StalePlan(
                "the store has changed since the plan was made", where=f"tenant {plan.tenant}", cure="Make a new plan."
            )
        done, total = 0, len(plan.changes)
        handed_over = plan.changes[: plan.indivisible]
        for some in (
            *([handed_over] if handed_over else []),
            *chunks(plan.changes[plan.indivisible :], self._batch_size),
        ):
            lease.keep()
            self._storage.commit(lease.claim, Batch(tuple(change.write for change in some)))
            done += len(some)
            if progress is not None:
                progress(Stage.APPLIED, done, total)
        run = Run(
            tenant=plan.tenant,
            verdict=_verdict(plan),
            counts=plan.counts,
            requests=plan.requests,
            seconds=self._since(started),
            held=plan.held,
            quarantined=plan.quarantined,
            problems=plan.problems,
        )
        _log().info(
            "run finished", tenant=plan.tenant, verdict=run.verdict.value, changes=total, snapshot=plan.snapshot_id
        )
        return run

    @contextmanager
    def _lease(self, tenant: str) -> Iterator[_Lease]:
        claim = self._storage.claim(tenant, now=self._clock(), ttl=self._lease_ttl)
        lease = _Lease(self._storage, claim, self._clock, self._lease_ttl)
        try:
            yield lease
        finally:
            try:
                self._storage.release(lease.claim)
            except StorageError as error:
                # Never in place of what is in flight, or of a run that is done: the lease runs out by itself.
                _log().warning("lease not released", tenant=tenant, code=error.code)

    def _since(self, started: datetime) -> float:
        return (self._clock() - started).total_seconds()


class _Lease:
    """A claim that is renewed once half of its time is gone."""

    def __init__(self, storage: Storage, claim: Claim, clock: Clock, ttl: timedelta) -> None:
        self._storage = storage
        self._clock = clock
        self._ttl = ttl
        self.claim = claim

    def keep(self) -> None:
        now = self._clock()
        if self.claim.expires_at - now < self._ttl / 2:
            self.claim = self._storage.renew(self.claim, now=now, ttl=self._ttl)


def _verdict(plan: Plan) -> Verdict:
    if plan.held or plan.problems:
        return Verdict.HELD
    return Verdict.DEGRADED if plan.quarantined else Verdict.COMPLETE
