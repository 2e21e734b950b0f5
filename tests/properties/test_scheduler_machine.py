"""Several schedulers on one store, with failures, deaths and a clock that jumps: whatever happens, nobody is forgotten.

The laws: a due time leads to one run and no more; nobody who failed waits for longer than the ceiling; a tenant that is
not configured is not scheduled; and once the trouble is over everybody is in step again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from smartify_core.errors import SourceUnavailable
from smartify_core.lifecycle import Reconciler
from smartify_core.lifecycle.schedule import Scheduler, status
from smartify_core.lifecycle.schedule._schedule import BACKOFF_CEILING
from smartify_core.model import Claim, ProgressSink
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

EVERY = timedelta(minutes=15)
TTL = timedelta(minutes=10)
NAMES = ("a", "b", "c", "d", "e")

names = st.sampled_from(NAMES)


class Source(FakeDirectory):
    """A directory that fails for as long as it is told to, in one of two ways."""

    def __init__(self) -> None:
        super().__init__(identity("ada"))
        self.error: Exception | None = None

    def snapshot(self, *, progress: ProgressSink | None = None) -> Any:
        if self.error is not None:
            raise self.error
        return super().snapshot(progress=progress)


class RecordingStorage(MemoryStorage):
    """A store that remembers for which due times tenants were claimed, and which claims were given back."""

    def __init__(self) -> None:
        super().__init__()
        self.claimed: list[Claim] = []
        self.released: dict[str, datetime] = {}

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        claims = super().claim_due(now=now, ttl=ttl, limit=limit)
        assert [claim.due_at for claim in claims] == sorted(claim.due_at for claim in claims if claim.due_at)
        self.claimed += claims
        return claims

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        if not only_new:
            # A due time that was corrected, as after a clock was set back, may be an earlier one.
            for tenant in due:
                self.released.pop(tenant, None)
        super().schedule(due, only_new=only_new)

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        if claim.due_at is not None:
            last = self.released.get(claim.tenant)
            assert last is None or last < claim.due_at, "one due time led to two runs"
            self.released[claim.tenant] = claim.due_at
        super().release(claim, due_at=due_at)


class SchedulerMachine(RuleBasedStateMachine):
    """A fleet whose members share the store alone."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.latest = self.clock()
        self.storage = RecordingStorage()
        self.sources = {name: Source() for name in NAMES}
        self.configured = set(NAMES[:3])
        self.sealer = Sealer(MemoryKeyRing())
        self.fleet = [self._scheduler() for _ in range(3)]
        self.fleet[0].register()

    def _scheduler(self) -> Scheduler:
        reconciler = Reconciler(self.sources, self.storage, self.sealer, clock=self.clock, lease_ttl=TTL)
        return Scheduler(
            reconciler,
            self.storage,
            tenants=lambda: sorted(self.configured),
            every=EVERY,
            workers=1,
            lease_ttl=TTL,
            clock=self.clock,
        )

    @rule(minutes=st.integers(0, 40))
    def let_time_pass(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    @rule(seconds=st.integers(1, 240))
    def set_the_clock_back(self, seconds: int) -> None:
        """Set it back by less than the clocks of two hosts may differ, in all."""
        self.latest = max(self.latest, self.clock())
        self.clock.advance(self.latest - timedelta(seconds=seconds) - self.clock())

    @rule(member=st.integers(0, 2), limit=st.integers(1, 5))
    def work(self, member: int, limit: int) -> None:
        before = len(self.storage.claimed)
        runs = self.fleet[member].work_once(limit=limit)
        claims = self.storage.claimed[before:]
        assert [run.tenant for run in runs] == [claim.tenant for claim in claims]
        for run in runs:
            assert (run.error is None) == (self.sources[run.tenant].error is None)
            assert self.storage.tenant(run.tenant).expires_at is None

    @rule(limit=st.integers(1, 3))
    def die_at_work(self, limit: int) -> None:
        self.storage.claim_due(now=self.clock(), ttl=TTL, limit=limit)

    @rule(member=st.integers(0, 2))
    def start_anew(self, member: int) -> None:
        self.fleet[member] = self._scheduler()

    @rule(name=names, ours=st.booleans())
    def begin_to_fail(self, name: str, ours: bool) -> None:
        self.sources[name].error = SourceUnavailable("no answer") if ours else KeyError("no key")

    @rule(name=names)
    def recover(self, name: str) -> None:
        self.sources[name].error = None

    @rule(name=names, member=st.integers(0, 2))
    def configure(self, name: str, member: int) -> None:
        self.configured.add(name)
        self.fleet[member].register()

    @rule(name=names, member=st.integers(0, 2))
    def remove(self, name: str, member: int) -> None:
        self.configured.discard(name)
        self.storage.released.pop(name, None)
        self.fleet[member].register()

    @invariant()
    def everybody_is_due_in_time(self) -> None:
        longest = max(EVERY * 2, BACKOFF_CEILING) + timedelta(hours=1)  # the hour: clocks may have been set back
        for name in NAMES:
            due = self.storage.tenant(name).due_at
            assert (due is not None) == (name in self.configured)
            assert due is None or due <= self.clock() + longest

    def teardown(self) -> None:
        """End the trouble, and let as much time pass as the longest wait there is."""
        for source in self.sources.values():
            source.error = None
        self.clock.advance(BACKOFF_CEILING + TTL + timedelta(hours=1))
        while self.fleet[0].work_once(limit=5):
            pass
        for one in status(self.storage, self.clock, tenants=sorted(self.configured)):
            assert one.verdict is not None
            assert (one.verdict.value, one.failures, one.overdue_by) == ("complete", 0, timedelta(0))


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
