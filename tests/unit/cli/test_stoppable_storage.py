"""No stop falls between a lease and whoever must give it back."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta
from typing import Any

import pytest

from smartify_core.cli._signals import StoppableStorage, Stopped, stoppable
from smartify_core.lifecycle import Reconciler
from smartify_core.model import Claim
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity


class Interrupted(MemoryStorage):
    """A store in which a signal arrives just before a method returns."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self.method = method

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        claim = super().claim(tenant, now=now, ttl=ttl)
        self._interrupt("claim")
        return claim

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        self._interrupt("release")
        super().release(claim, due_at=due_at)

    def _interrupt(self, method: str) -> None:
        if self.method == method:
            self.method = ""
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("method", "commits"), [("claim", 0), ("release", 1)])
def test_stop_around_a_lease_leaves_none_behind(method: str, commits: int) -> None:
    """The run stops, and the next one finds the tenant free at once."""
    storage, clock = Interrupted(method), ManualClock()
    wrapped: Any = StoppableStorage(storage)
    reconciler = Reconciler({"acme": FakeDirectory(identity("ada"))}, wrapped, Sealer(MemoryKeyRing()), clock=clock)
    with stoppable(), pytest.raises(Stopped) as stopped:
        reconciler.run("acme")
    assert stopped.value.exit_code == 130
    assert storage.tenant("acme").revision == commits
    assert reconciler.run("acme").verdict.value == "complete"
