"""A worker that is killed, anywhere, leaves a store that is behind but never wrong; the next one does the rest."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.model import Batch, Claim, Receipt
from smartify_core.storage import Storage

Stage = Any  # the class is in conftest.py, which importlib mode does not let tests import
Child = Callable[[Callable[[], object]], int]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("history", ["sqlite"], indirect=True, scope="session"),
]
#: More than any step has.
ENOUGH = 1000


class Deadly:
    """A storage whose process is killed just before or just after its n-th commit, counted from 0."""

    def __init__(self, storage: Storage, *, commit: int, after: bool) -> None:
        self._storage = storage
        self._left = commit
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Commit, or die."""
        self._left -= 1
        if self._left < 0 and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        receipt = self._storage.commit(claim, batch)
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return receipt


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_kill_at_every_commit(stage: Stage, child: Child, after: bool) -> None:
    """Whichever commit a worker is killed at, nothing is lost, doubled, or told twice."""
    found = []
    for number in range(ENOUGH):
        scene = stage.begin()

        def work(number: int = number, scene: Any = scene) -> None:
            stage.perform(scene, through=lambda storage: Deadly(storage, commit=number, after=after))

        outcome = child(work)
        if outcome == 0:
            break
        assert outcome == -signal.SIGKILL
        found.append(len(stage.require_recovery(scene).journal))
    # Each commit was there to be killed at, and what was written stayed.
    assert found == sorted(found)
    assert len(found) >= 1
    assert found[-1] == len(stage.told_after.journal) or not after


def test_kill_at_every_write(stage: Stage, child: Child) -> None:
    """Whichever statement a worker is killed at, all of its commit is there or nothing of it."""
    for number in itertools.count():
        scene = stage.begin()

        def work(number: int = number, scene: Any = scene) -> None:
            stage.backend.die_at_write(number)
            stage.perform(scene)

        outcome = child(work)
        if outcome == 0:
            break
        assert outcome == -signal.SIGKILL
        stage.require_recovery(scene)
    assert number > 3
