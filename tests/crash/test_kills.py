"""A worker that is killed, anywhere, leaves a store that is behind but never wrong; the next one does the rest."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.lifecycle._commits import Commits
from smartify_core.model import Batch, Claim, Receipt
from smartify_core.storage import Storage

Stage = Any  # the class is in conftest.py, which importlib mode does not let tests import
Child = Callable[[Callable[[], object]], int]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("history", ["sqlite", "postgresql"], indirect=True, scope="session"),
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
        found.append(len(stage.require_order().journal))
        stage.require_recovery(scene)
    # Each commit was there to be killed at, and what was written stayed.
    assert found == sorted(found)
    assert len(found) >= 1
    assert found[-1] == len(stage.told_after.journal) or not after


def test_kill_at_every_write(stage: Stage, child: Child) -> None:
    """Whichever statement a worker is killed at, all of its commit is there or nothing of it.

    What is left is looked at each time; the act is done again where something else is left than at the point before,
    and at every fourth point.
    """
    latest = None
    for number in range(ENOUGH):
        scene = stage.begin()

        def work(number: int = number, scene: Any = scene) -> None:
            stage.backend.die_at_write(number)
            stage.perform(scene)

        outcome = child(work)
        if outcome == 0:
            break
        assert outcome == -signal.SIGKILL
        found = stage.require_order()
        if found != latest or not number % 4:
            stage.require_recovery(scene)
        latest = found
    assert number > 5


@pytest.mark.parametrize("stage", ["addresses are handed over in a circle, and re-used"], indirect=True)
def test_harness_notices_half_a_commit(stage: Stage, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that writes accounts first and their journal afterwards does not stand a kill in between."""
    whole = Commits._commit

    def apart(self: Commits, writes: Any, entries: Any, documents: Any, state: Any) -> None:
        whole(self, writes, (), (), state)
        whole(self, (), entries, documents, state)

    monkeypatch.setattr(Commits, "_commit", apart)
    scene = stage.begin()
    outcome = child(lambda: stage.perform(scene, through=lambda storage: Deadly(storage, commit=0, after=True)))
    assert outcome == -signal.SIGKILL
    with pytest.raises(AssertionError):
        stage.require_order()
