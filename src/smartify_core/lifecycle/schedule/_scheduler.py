"""Runs for many tenants, each when it is due. The store is the scheduler: processes share the work through it alone."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeVar

from attrs import evolve

from smartify_core.errors import LeaseLost, SmartifyError, StorageError, UsageError
from smartify_core.lifecycle._ending import failed
from smartify_core.lifecycle._lease import LEASE_TTL
from smartify_core.lifecycle._log import log
from smartify_core.lifecycle._plan import Run
from smartify_core.lifecycle._reconciler import Reconciler
from smartify_core.lifecycle._run_state import RunState, load
from smartify_core.model import Claim, Clock, ProgressSink
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._crew import Abandoned, Crew
from ._registration import register
from ._schedule import default_jitter, due_after_run

#: How often tenants run unless told otherwise.
EVERY: Final = timedelta(minutes=15)
#: The longest period.
LONGEST: Final = timedelta(days=366)
#: The longest that a worker with nothing to do sleeps before it looks again.
IDLE: Final = timedelta(seconds=15)
_WORKERS: Final = 4

T = TypeVar("T")


class Scheduler:
    """Claims what is due and runs it, in a few threads; any number of processes on one store share the work.

    Each tenant has its own place in the period, so that due times are spread. Who is due longest comes first; a slow
    tenant keeps one thread. One that fails, in whatever way, is left alone for longer each time, and never delays
    another. When a process dies, its tenants are taken over once their leases have run out.

    All processes on one store must have the same tenants configured.

    Args:
        reconciler: What runs a tenant.
        storage: The reconciler's own store.
        tenants: The names of all tenants, or what returns them; asked again once a period.
        every: The period, from one second to 366 days.
        workers: How many tenants are worked on at once, 1 to 1,000.
        jitter: How far a due time strays from the tenant's place at most; less than the period, of which it is 5 %
            when not given.
        lease_ttl: How long a tenant stays taken when its worker dies. A working one renews its lease.
        clock: The time; the reconciler's when not given.
        on_run: Told of each run that ended; never by two threads at once. What it raises is logged by its class, and
            changes nothing.

    Raises:
        UsageError: A figure is out of its range.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        storage: Storage,
        *,
        tenants: Iterable[str] | Callable[[], Iterable[str]],
        every: timedelta = EVERY,
        workers: int = _WORKERS,
        jitter: timedelta | None = None,
        lease_ttl: timedelta = LEASE_TTL,
        clock: Clock | None = None,
        on_run: Callable[[Run], None] = lambda _: None,
    ) -> None:
        self._reconciler = reconciler
        self._storage = storage
        durations = [one for one in (every, jitter, lease_ttl) if one is not None]
        if not all(isinstance(one, timedelta) for one in durations):
            raise UsageError(
                "every, jitter or lease_ttl is no timedelta", where="Scheduler", cure="Give timedelta(minutes=15)."
            )
        if isinstance(tenants, str):
            raise UsageError(
                "tenants is one text, not several names", where="Scheduler", cure="Give a list of names, or a function."
            )
        self._names = tenants if callable(tenants) else list(tenants)
        in_range = timedelta(seconds=1) <= every <= LONGEST
        self._every = _checked(in_range, every, "every is not between a second and 366 days")
        self._workers = _checked(1 <= workers <= KEYS_AT_ONCE, workers, f"workers is not 1 to {KEYS_AT_ONCE}")
        wanted = default_jitter(every) if jitter is None else jitter
        self._jitter = _checked(timedelta(0) <= wanted < every, wanted, "jitter is negative, or not less than every")
        self._lease_ttl = _checked(lease_ttl > timedelta(0), lease_ttl, "lease_ttl is not positive")
        self._clock = clock or reconciler.clock
        self._on_run = on_run
        self._idle = min(IDLE, every)
        self._register_at: datetime | None = None
        # What this process knows of due times: those that it set itself, and when it last asked who is due.
        self._known_due: list[datetime] = []
        self._asked_at: datetime | None = None
        self._failures: dict[str, int] = {}
        self._lock = threading.Lock()
        self._telling = threading.Lock()

    def register(self) -> None:
        """Put new tenants on the schedule, due at once, and take those off that are no longer configured.

        A tenant that is due later than its period and its failures account for (the period was longer, or a clock was
        wrong) is due at once. A name that is no text is left out, and logged. `run` does this by itself.

        Raises:
            StorageError: The store could not be read or written.
            Exception: What ``tenants`` raised.
        """
        names = self._names() if callable(self._names) else self._names
        now = self._clock()
        register(self._storage, names, now=now, every=self._every, jitter=self._jitter)
        self._register_at = now + self._every

    def work_once(
        self,
        *,
        limit: int | None = None,
        stop: threading.Event | None = None,
        abandon: threading.Event | None = None,
    ) -> list[Run]:
        """Run tenants that are due now, and return how each ended, failed ones included.

        For hosts whose own queue or timer says when to work; they call `register` when their tenants change.

        Args:
            limit: The most tenants to run; as many as there are workers when not given.
            stop: As for `run`.
            abandon: As for `run`.

        Raises:
            StorageError: The store could not say who is due.
        """
        runs: list[Run] = []
        most = self._workers if limit is None else _checked(limit >= 1, limit, "limit is not 1 or more")
        with Crew(self._work, size=self._workers, abandon=abandon or threading.Event()) as crew:
            while True:
                if stop is None or not stop.is_set():
                    self._begin(crew, most - crew.begun)
                if not crew.busy:
                    return runs
                runs += crew.collect()

    def run(
        self,
        stop: threading.Event,
        *,
        abandon: threading.Event | None = None,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Work until told to stop. Trouble with the store that may pass is logged, and waited for.

        Args:
            stop: Once set, no tenant is claimed any more, the runs under way are finished, and the call returns.
            abandon: Once set as well, the runs under way are given up at their next page or batch. Whole batches
                stay, the leases are given back, and the tenants stay due.
            wait: Waits so many seconds, 0 or more, and returns whether to stop; ``stop.wait`` when not given. Not
                called while a run that is under way may end any moment and be due again.

        Raises:
            StorageError: The store cannot be used, and time will not change that.
        """
        sleep = wait or stop.wait
        with Crew(self._work, size=self._workers, abandon=abandon or threading.Event()) as crew:
            stopping = False
            while not (stopping or stop.is_set()):
                if self._begin_patiently(crew):
                    # Whoever is due gets the next thread that becomes free.
                    crew.collect(within=0 if crew.free else None)
                elif not crew.busy:
                    stopping = sleep(self._until_due())
                elif not crew.collect(within=self._until_due()):
                    # A run that ends wakes the loop, as its tenant may be due before anybody who is known to be.
                    stopping = sleep(0)
            while crew.busy:
                crew.collect()

    def _begin_patiently(self, crew: Crew) -> bool:
        """Begin what is due, and return whether more may be due than there were threads for."""
        self._register_in_time()
        try:
            return self._begin(crew, crew.free)
        except StorageError as error:
            if not error.retryable:
                raise
            log().warning("store does not answer", code=error.code)
            return False

    def _register_in_time(self) -> None:
        """Register once a period. If that cannot be done, those on the schedule are claimed all the same."""
        if self._register_at is not None and self._clock() < self._register_at:
            return
        try:
            self.register()
        except Exception as error:  # noqa: BLE001 - the names come from a function of the host's
            code = error.code if isinstance(error, SmartifyError) else None
            log().error("tenants not registered", error=type(error).__name__, code=code)
            self._register_at = self._clock() + self._idle

    def _begin(self, crew: Crew, most: int) -> bool:
        limit = min(crew.free, most)
        if limit < 1:
            return True
        self._asked_at = self._clock()
        claims = self._storage.claim_due(now=self._asked_at, ttl=self._lease_ttl, limit=limit)
        for claim in claims:
            crew.begin(claim)
        return len(claims) == limit

    def _until_due(self) -> float:
        """Return for how many seconds there is nothing to do, as far as this process knows."""
        now = self._clock()
        asked_at = self._asked_at or now
        with self._lock:
            # One that fell due since everybody was asked for is still to be claimed.
            while self._known_due and self._known_due[0] <= asked_at:
                heapq.heappop(self._known_due)
            until = min(self._known_due[0] - now, self._idle) if self._known_due else self._idle
        return max(until, timedelta(0)).total_seconds()

    def _work(self, claim: Claim, progress: ProgressSink) -> Run | None:
        """Run one tenant under its claim, which the run gives back. Whatever happens to the tenant stays with it."""
        started = self._clock()
        due_of: list[Run] = []

        def due_at(run: Run) -> datetime | None:
            due_of.append(run)
            return self._due(claim, failed=run.error is not None and not isinstance(run.error, LeaseLost))

        try:
            run = self._reconciler.run(claim.tenant, claim=claim, due_at=due_at, progress=progress)
        except Abandoned:
            return None
        except Exception as error:  # noqa: BLE001 - one tenant's trouble, of whatever kind, is no other's
            seconds = (self._clock() - started).total_seconds()
            run = evolve(due_of[-1], seconds=seconds) if due_of else failed(claim.tenant, error, seconds=seconds)
            if not due_of and not isinstance(error, LeaseLost):
                self._put_off(claim)
        with self._telling:
            try:
                self._on_run(run)
            except Exception as error:  # noqa: BLE001 - whoever is told does not decide over the runs
                log().error("on_run failed", tenant=run.tenant, error=type(error).__name__)
        return run

    def _put_off(self, claim: Claim) -> None:
        """Have a tenant whose run could not even say when it is due next come later, not before all others again."""
        try:
            if (due := self._due(claim, failed=True)) is not None:
                self._storage.schedule({claim.tenant: due})
        except SmartifyError as error:
            log().warning("tenant not put off", tenant=claim.tenant, code=error.code)

    def _due(self, claim: Claim, *, failed: bool) -> datetime | None:
        """Return when the tenant is due after the run that has just ended; ``None`` to leave that as it is."""
        tenant, now, state = claim.tenant, self._clock(), self._state(claim.tenant)
        if failed:
            # A store that cannot be written does not count failures, so the process counts as well.
            self._failures[tenant] = max(self._failures.get(tenant, 0) + 1, state.failures)
        else:
            self._failures.pop(tenant, None)
        if self._was_taken_off(claim):
            return None
        due = due_after_run(
            tenant,
            last_due=claim.due_at,
            now=now,
            every=self._every,
            jitter=self._jitter,
            failures=self._failures.get(tenant, 0),
            retries=[record.retry_at for record in state.quarantine],
        )
        with self._lock:
            heapq.heappush(self._known_due, due)
        return due

    def _was_taken_off(self, claim: Claim) -> bool:
        """Return whether the tenant was taken off the schedule while it ran, by whichever process."""
        try:
            return claim.due_at is not None and self._storage.tenant(claim.tenant).due_at is None
        except SmartifyError:
            return False

    def _state(self, tenant: str) -> RunState:
        try:
            return load(self._storage, tenant)[0]
        except Exception:  # noqa: BLE001 - damaged in whatever way: then this process counts alone
            return RunState()


def _checked(sound: bool, value: T, problem: str) -> T:  # noqa: FBT001 - read as a sentence at each call
    if not sound:
        raise UsageError(problem, where="Scheduler", cure="Give a value in its range.")
    return value
