"""The shell around the decisions: reads both sides, plans, and acts under lease and fence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, get_args

from attrs import evolve

from smartify_core.directory import Capability, DirectorySource
from smartify_core.errors import OffBoarded, SmartifyError, StalePlan, StorageError, UnknownTenant, UsageError
from smartify_core.model import LEDGER, TENANT_STANDING, Claim, Clock, ProgressSink, Stage
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from . import _run_state as run_state
from ._adoption import Adoption, AdoptionReport, Matches, report_of
from ._clock_reset import LONGEST_PERIOD, ClockReset, ClockResets
from ._commits import Commits
from ._draft import Draft
from ._ending import failed, failure, finished, held_documents, run_of
from ._held_plan import HeldPlan, HeldPlanStatus, decided, require_in_time, require_true
from ._held_plans import HeldPlans
from ._lease import LEASE_TTL, Lease, check_clock
from ._log import log
from ._making import PlanMaker
from ._plan import Plan, Run
from ._rules import Rules
from ._run_state import QuarantineRecord, RunState
from ._sorting import Memory
from ._time import utc_now

#: How many changes are written together. Small enough to redo, large enough that a commit's cost does not show.
BATCH_SIZE: Final = 2_000
#: The same where memory counts more: some 3 kB a change.
SMALL_BATCH_SIZE: Final = 250


class Reconciler:
    """Brings the accounts of each tenant in step with its directory.

    Args:
        sources: The directory of each tenant, by tenant. Any mapping will do, also one that makes a source when asked
            for it.
        storage: Where the accounts live.
        sealer: What seals their personal fields.
        rules: What the host decides: for every tenant, or by tenant (one that is not named has the default rules).
        clock: The time.
        batch_size: How many changes are committed together, 1 or more; 2,000 when not given, and 250 where memory is
            to stay flat.
        lease_ttl: How long a tenant stays taken when a worker dies.
        memory: How a directory is compared: ``"fast"``, with every account's fingerprint at hand (150 bytes each);
            ``"flat"``, in some ten megabytes however many there are, by way of an encrypted temporary file, and some
            650 bytes for each person who differs; ``"auto"``, fast for a first load and up to 200,000 accounts, where
            few people take a short cut that writes no file either, and flat above.
    """

    def __init__(
        self,
        sources: Mapping[str, DirectorySource],
        storage: Storage,
        sealer: Sealer,
        *,
        rules: Rules | Mapping[str, Rules] | None = None,
        clock: Clock = utc_now,
        batch_size: int | None = None,
        lease_ttl: timedelta = LEASE_TTL,
        memory: Memory = "auto",
    ) -> None:
        if not isinstance(sources, Mapping):
            raise UsageError(
                "sources is no mapping from tenant to directory source",
                where="Reconciler",
                cure='Name the tenant of each source: Reconciler({"acme": source}, ...).',
            )
        if LEDGER in sources:
            raise UsageError("this name is no tenant's", where="Reconciler", cure="Name the tenant otherwise.")
        if batch_size is not None and batch_size < 1:
            raise UsageError(f"batch_size is {batch_size}", where="Reconciler", cure="Give 1 or more.")
        if lease_ttl <= timedelta(0):
            raise UsageError("lease_ttl is not positive", where="Reconciler", cure="Give a positive timedelta.")
        if memory not in get_args(Memory):
            raise UsageError(
                "memory names no way of comparing", where="Reconciler", cure='Give "auto", "fast" or "flat".'
            )
        self._sources = sources
        self._storage = storage
        self._clock = clock
        if isinstance(rules, Mapping) and (strangers := set(rules).difference(sources)):
            raise UsageError(
                f"rules are given for {len(strangers)} tenants that have no directory, such as {min(strangers)!r}",
                where="Reconciler",
                cure="Name the tenants as in sources.",
            )
        self._rules = rules if rules is not None else Rules()
        self._batch_size = batch_size
        self._lease_ttl = lease_ttl
        self._sealer = sealer
        self._held_plans = HeldPlans(storage, sealer)
        self._resets = ClockResets(storage, sealer, self._held_plans, clock=clock, lease_ttl=lease_ttl)
        self._maker = PlanMaker(storage, sealer, self._held_plans, clock=clock, memory=memory)

    @property
    def tenants(self) -> tuple[str, ...]:
        """Return the tenants that have a directory."""
        return tuple(self._sources)

    @property
    def clock(self) -> Clock:
        """Return the clock that its runs go by."""
        return self._clock

    def rules_of(self, tenant: str) -> Rules:
        """Return the rules that hold for ``tenant``."""
        if isinstance(self._rules, Rules):
            return self._rules
        return self._rules.get(tenant) or Rules()

    # --- look, then act ---------------------------------------------------------------------------------------------

    def plan(self, tenant: str, *, progress: ProgressSink | None = None) -> Plan:
        """Read the directory and the store, and return what would be done. Writes nothing and takes no lease.

        Raises:
            UnknownTenant: No directory is configured for ``tenant``.
            SourceError: The directory could not be read. Nothing is concluded from that.
            StorageError: The store could not be read.
            WrongKey: The store was sealed under other keys than these.
            ClockWentBackwards: The clock shows a time before the tenant's last run.
        """
        source = self._source(tenant)
        state, _ = run_state.load(self._storage, tenant)
        check_clock(self._clock(), state.last_started_at, tenant)
        try:
            return self._maker.of_everybody(tenant, source, self.rules_of(tenant), state, progress=progress).sealed()
        finally:
            self._sealer.let_go()

    def apply(self, plan: Plan, *, progress: ProgressSink | None = None) -> Run:
        """Do exactly what ``plan`` says, in batches that each happen whole or not at all.

        Raises:
            StalePlan: The store changed since the plan was made; nothing was written.
            LeaseHeld: Another worker is busy with this tenant; nothing was written.
            LeaseLost: Another worker took over; what was committed before stays, and its run goes on from there.
            StorageError: The store could not be written; what was committed before stays.
            ClockWentBackwards: The clock shows a time before the tenant's last run.
        """
        with self._lease(plan.tenant) as lease:
            commits = self._begin(plan.tenant, lease)
            return self._apply(Draft.of(plan), lease, commits, progress=progress)

    def run(
        self,
        tenant: str,
        *,
        progress: ProgressSink | None = None,
        claim: Claim | None = None,
        due_at: Callable[[Run], datetime | None] | None = None,
    ) -> Run:
        """Plan and apply in one go, under one lease.

        Args:
            tenant: The tenant.
            progress: Told how far the run is.
            claim: A claim of this tenant that the caller has made; it is released at the end as the run's own would be.
            due_at: Says of the run, a failed one too, when the tenant is due next; ``None`` leaves that as it is.

        Raises:
            SmartifyError: As `plan` and `apply` do. That the run failed is noted in the store, if that can be reached.
        """
        if claim is None:
            self._source(tenant)  # a tenant that nobody has configured leaves no trace in the store
        with self._lease(tenant, claim) as lease, self._noting_failure(tenant, lease, due_at):
            source = self._source(tenant)
            commits = self._begin(tenant, lease)
            draft = self._maker.of_everybody(
                tenant, source, self.rules_of(tenant), commits.state, progress=progress, heartbeat=lease.keep
            )
            run = self._apply(draft, lease, commits, progress=progress)
            lease.next_due = None if due_at is None else due_at(run)
            return run

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
            except Exception as error:  # noqa: BLE001 - whatever one tenant's source or backend raises, the next is served
                run = failed(tenant, error, seconds=(self._clock() - started).total_seconds())
            yield run

    def refresh(self, tenant: str, source_id: str) -> Run:
        """Bring one person in step, by asking the directory for them alone: for sign-in time, and for push.

        The guards are those of a whole run, and what is done counts towards their thresholds. What they hold is told,
        and held under a plan by the next whole run.

        Raises:
            UsageError: The source cannot be asked for one person.
            SmartifyError: As `run` does.
        """
        source = self._source(tenant)
        if Capability.SINGLE_READ not in source.capabilities:
            raise UsageError(
                "the directory source cannot be asked for one person", where=f"tenant {tenant}", cure="Run the tenant."
            )
        with self._lease(tenant) as lease:
            commits = self._begin(tenant, lease)
            draft = self._maker.of_one(tenant, source, self.rules_of(tenant), commits.state, source_id)
            return self._apply(draft, lease, commits, progress=None)

    def quarantined(self, tenant: str) -> tuple[QuarantineRecord, ...]:
        """Return the records that are set aside, in order of source id: why, since when, and when they are retried."""
        return run_state.load(self._storage, tenant)[0].quarantine

    # --- what waits for a person --------------------------------------------------------------------------------------

    def held_plans(self, tenant: str) -> tuple[HeldPlan, ...]:
        """Return the tenant's held plans, the latest first, settled ones too for as long as they are kept."""
        return tuple(plan for plan, _ in self._held_plans.of(tenant))

    def approve(
        self, tenant: str, plan_hash: str, *, by: str, reason: str, progress: ProgressSink | None = None
    ) -> Run:
        """Do what a held plan says, provided that the directory still calls for all of it.

        The directory is read again. Whatever else it calls for by now is treated as in any run. The approval is
        written before the first change: an approved plan whose application was cut short is finished by the next run.

        Args:
            tenant: The tenant.
            plan_hash: The hash of the held plan.
            by: Who approves.
            reason: Why.
            progress: Told how far it is.

        Raises:
            UnknownPlan: No held plan of the tenant has this hash.
            PlanExpired: It was held too long ago.
            PlanSettled: It was applied, rejected or superseded already.
            StalePlan: Some of it is no longer called for; nothing was written.
            SmartifyError: As `run` does.
        """
        source = self._source(tenant)
        with self._lease(tenant) as lease:
            commits = self._begin(tenant, lease)
            held, version = self._held_plans.named(tenant, plan_hash)
            now = self._clock()
            if held.status is HeldPlanStatus.APPROVED:  # and its application was cut short
                require_in_time(held, now)
            else:
                held = decided(held, HeldPlanStatus.APPROVED, by=by, reason=reason, now=now)
            draft = self._maker.of_everybody(
                tenant,
                source,
                self.rules_of(tenant),
                commits.state,
                progress=progress,
                heartbeat=lease.keep,
                approving=held,
            )
            plan = draft.plan
            unclear = {one.source_id for one in plan.held if one.effect is None}
            require_true(held, plan.called | {key for key in held.keys if key.source_id in unclear})
            commits.finish(commits.state, [self._held_plans.put(held, over=version)])
            return self._apply(draft, lease, commits, progress=progress)

    def reject(self, tenant: str, plan_hash: str, *, by: str, reason: str) -> HeldPlan:
        """Drop a held plan, or take back its approval as long as not all of it is done.

        What the directory still calls for is held anew by the next run.

        Raises:
            UnknownPlan: No held plan of the tenant has this hash.
            PlanExpired: It was held too long ago.
            PlanSettled: It was applied, rejected or superseded already.
        """
        with self._lease(tenant) as lease:
            commits = self._begin(tenant, lease)
            held, version = self._held_plans.named(tenant, plan_hash)
            held = decided(held, HeldPlanStatus.REJECTED, by=by, reason=reason, now=self._clock())
            commits.finish(evolve(commits.state, held_plan=None), [self._held_plans.put(held, over=version)])
            return held

    def plan_adoption(self, tenant: str, adoption: Adoption, *, progress: ProgressSink | None = None) -> AdoptionReport:
        """Return what `adopt` would do. Writes nothing but the lease.

        Raises:
            SmartifyError: As `run` does.
        """
        self._source(tenant)  # a tenant that nobody has configured leaves no trace in the store
        with self._lease(tenant) as lease:
            plan, matches = self._adopting(tenant, lease, self._begin(tenant, lease), adoption, progress)
            return report_of(run_of(plan, plan.counts, seconds=0.0), matches, _changed(plan))

    def adopt(self, tenant: str, adoption: Adoption, *, progress: ProgressSink | None = None) -> AdoptionReport:
        """Run a tenant whose people the host knows already: link them by address, and provision the others.

        A linked person's account has the host's id. A user whom nobody in the directory has the address of is reported
        and left alone; so is one whose address several have a claim to, or that lies in no verified domain.

        Args:
            tenant: The tenant.
            adoption: The host's users, and the tenant's verified domains.
            progress: Told how far it is.

        Raises:
            SmartifyError: As `run` does.
        """
        self._source(tenant)  # as above
        with self._lease(tenant) as lease:
            commits = self._begin(tenant, lease)
            plan, matches = self._adopting(tenant, lease, commits, adoption, progress)
            return report_of(self._apply(Draft.of(plan), lease, commits, progress=progress), matches, _changed(plan))

    # --- after a clock that ran ahead ---------------------------------------------------------------------------------

    def reset_clock(self, tenant: str, *, by: str, reason: str, every: timedelta = LONGEST_PERIOD) -> ClockReset:
        """Bring back to the present what a worker whose clock ran ahead left on record of a tenant.

        The tenant is taken over, so that such a worker is refused at its next write, and made due. This host's clock
        must be right: what is taken for ahead is what lies ahead of it.

        Args:
            tenant: The tenant.
            by: Who decides.
            reason: Why.
            every: The schedule's period, by which a due time lies ahead by right.

        Raises:
            ClockNotAhead: Nothing lies ahead, by more than leases and due times do; nothing was written.
            LeaseHeld: A worker holds a lease that is no longer than leases are; nothing was written.
            LeaseLost: Another worker claimed the tenant meanwhile. Do it again.
            StorageError: The store could not be read or written. Do it again: that mends the rest.
        """
        reset = self._resets.begin(tenant, by=by, reason=reason, every=every)
        with self._lease(tenant) as lease:
            self._resets.finish(tenant, lease)
        return reset

    def clock_resets(self, tenant: str) -> tuple[ClockReset, ...]:
        """Return each time that a reset of the tenant's clock was begun, the first one first: when, by whom and why."""
        return self._resets.of(tenant)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _source(self, tenant: str) -> DirectorySource:
        try:
            source = self._sources[tenant]
        except KeyError:
            raise UnknownTenant(
                f"no directory is configured for tenant {tenant!r}", cure="Configure its source, or check the spelling."
            ) from None
        if self._storage.document(LEDGER, TENANT_STANDING, tenant) is not None:
            raise OffBoarded(
                "the tenant is off-boarded: nobody of it is provisioned any more",
                where=f"tenant {tenant}",
                cure="Take it out of the configuration, or serve it under another name.",
            )
        if Capability.IMMUTABLE_IDS not in source.capabilities:
            raise UsageError(
                "the directory source does not promise that an id always means the same person",
                where=f"tenant {tenant}",
                cure="Use a source that declares IMMUTABLE_IDS: accounts are keyed by source id.",
            )
        return source

    def _adopting(
        self,
        tenant: str,
        lease: Lease,
        commits: Commits,
        adoption: Adoption,
        progress: ProgressSink | None,
    ) -> tuple[Plan, Matches]:
        return self._maker.adopting(
            tenant,
            self._source(tenant),
            self.rules_of(tenant),
            commits.state,
            adoption,
            progress=progress,
            heartbeat=lease.keep,
        )

    def _begin(self, tenant: str, lease: Lease) -> Commits:
        now = self._clock()
        state, version = run_state.load(self._storage, tenant)
        check_clock(now, state.last_started_at, tenant)
        started = evolve(state, last_started_at=max(now, state.last_started_at or now))
        return Commits(self._storage, self._sealer, lease, started, version, window=self.rules_of(tenant).guards.window)

    def _apply(self, draft: Draft, lease: Lease, commits: Commits, *, progress: ProgressSink | None) -> Run:
        plan, counts = draft.plan, draft.counts
        if lease.claim.revision != plan.revision:
            raise StalePlan(
                "the store has changed since the plan was made", where=f"tenant {plan.tenant}", cure="Make a new plan."
            )
        self._require_latest(plan, commits.state)
        started = commits.state.last_started_at or self._clock()
        done, total = 0, len(draft.work)
        for some in draft.batches(self._batch_size or (SMALL_BATCH_SIZE if draft.frugal else BATCH_SIZE)):
            commits.changes(plan, some)
            done += len(some)
            if progress is not None:
                progress(Stage.APPLIED, done, total)
            if draft.frugal:
                self._sealer.let_go()
        now = self._clock()
        documents = held_documents(plan, self._held_plans, now) if plan.only is None else ()
        commits.finish(finished(commits.state, plan, counts, now), documents)
        run = run_of(plan, counts, seconds=(now - started).total_seconds())
        log().info(
            "run finished", tenant=plan.tenant, verdict=run.verdict.value, changes=total, snapshot=plan.snapshot_id
        )
        return run

    def _require_latest(self, plan: Plan, state: RunState) -> None:
        """Raise unless nothing has been learned of the directory since ``plan`` was made, and it is not too old."""
        if state.runs != plan.runs or self._clock() - plan.planned_at > self.rules_of(plan.tenant).held_plan_ttl:
            raise StalePlan(
                "the directory was read again since the plan was made, or it is too old; nothing was written",
                where=f"tenant {plan.tenant}",
                cure="Make a new plan.",
            )

    @contextmanager
    def _lease(self, tenant: str, claim: Claim | None = None) -> Iterator[Lease]:
        if claim is not None and claim.tenant != tenant:
            raise UsageError("the claim is another tenant's", where=f"tenant {tenant}", cure="Claim this tenant.")
        claim = claim or self._storage.claim(tenant, now=self._clock(), ttl=self._lease_ttl)
        lease = Lease(self._storage, claim, self._clock, self._lease_ttl)
        try:
            yield lease
        finally:
            # What was made ready for a tenant does not outlast its run.
            self._sealer.let_go()
            self._release(lease.claim, lease.next_due)

    def _release(self, claim: Claim, due_at: datetime | None) -> None:
        try:
            self._storage.release(claim, due_at=due_at)
        except StorageError as error:
            # Never in place of what is in flight, or of a run that is done: the lease runs out by itself.
            log().warning("lease not released", tenant=claim.tenant, code=error.code)

    @contextmanager
    def _noting_failure(
        self, tenant: str, lease: Lease, due_at: Callable[[Run], datetime | None] | None
    ) -> Iterator[None]:
        """Have the store remember that a run failed, so that every worker can see it and stand back for a while."""
        try:
            yield
        except Exception as error:
            code = error.code if isinstance(error, SmartifyError) else SmartifyError.code
            try:
                state, version = run_state.load(self._storage, tenant)
                now = self._clock()
                check_clock(now, state.last_started_at, tenant)
                noted = failure(state, code, now=now)
                Commits(
                    self._storage, self._sealer, lease, noted, version, window=timedelta(0), purpose="failure"
                ).finish(noted)
            except SmartifyError:
                log().warning("failure not noted", tenant=tenant, code=code)
            if due_at is not None:
                lease.next_due = due_at(failed(tenant, error, seconds=0.0))
            raise


def _changed(plan: Plan) -> set[str]:
    return {change.source_id for change in plan.changes}
