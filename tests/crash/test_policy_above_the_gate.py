"""A process that is killed at any write leaves no text and no vendor that the trail does not know of."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.vendors._host import ADA, Host
from tests.unit.policy.vendors._making import vendor

from smartify_core.policy import Policy
from smartify_core.policy.communications import CommunicationRules, Communications
from smartify_core.policy.vendors import Vendors
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

Child = Callable[[Callable[[], object]], int]

pytestmark = pytest.mark.slow
#: More writes than any of these acts has.
ENOUGH = 50


class Deadly:
    """A storage whose process is killed just before or just after its n-th write, counted from 0."""

    def __init__(self, storage: Storage, *, write: int, after: bool) -> None:
        self._storage = storage
        self._left = write
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def record(self, *arguments: Any, **options: Any) -> None:
        """Write, or die."""
        self._left -= 1
        if self._left < 0 and not self._after:
            os.kill(os.getpid(), signal.SIGKILL)
        self._storage.record(*arguments, **options)
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Scene:
    """A host whose acts can be done anew, by a process of their own, in another copy of its store."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "store.db"
        with SQLiteStorage(self.file) as storage:
            host = Host(storage)
            self.sealer, self.clock = host.sealer, host.clock
            self.ada = host.account(ADA.source_id)

    def policy(self, storage: Storage) -> tuple[Policy, Communications, Vendors]:
        """Return policy and the rooms above the gate over a handle on the store."""
        policy = Policy(storage, self.sealer, clock=self.clock)
        rules = CommunicationRules(keep=True)
        return (
            policy,
            Communications(storage, self.sealer, policy.trail, policy.gate, rules=rules),
            Vendors(storage, self.sealer, policy.trail),
        )

    def keep(self, storage: Storage) -> None:
        """Keep two texts."""
        _, communications, _ = self.policy(storage)
        for _ in range(2):
            communications.keep("acme", ADA.source_id, self.ada, channel="chat", text="said", about="i", by="e-1")

    def sweep(self, storage: Storage) -> None:
        """Remove what is over."""
        self.policy(storage)[1].sweep()

    def register(self, storage: Storage) -> None:
        """Register two vendors and announce one."""
        _, _, vendors = self.policy(storage)
        vendors.register(vendor(), vendor("cloud"), by="e-2")
        vendors.record_announcement("mailer", ["acme"], by="e-2")

    def killed(self, child: Child, act: Callable[[Storage], None], *, write: int, after: bool) -> bool:
        """Do an act in a process that is killed at a write; return whether it came to that."""

        def work() -> None:
            with SQLiteStorage(self.file) as storage:
                act(Deadly(storage, write=write, after=after))

        outcome = child(work)
        assert outcome in {0, -signal.SIGKILL}
        return outcome != 0


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Return a host."""
    return Scene(tmp_path)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_no_text_is_kept_that_the_trail_does_not_know(scene: Scene, child: Child, after: bool) -> None:
    """Wherever keeping is cut short: every text that is there was recorded first, and the next one is kept."""
    for write in range(ENOUGH):
        killed = scene.killed(child, scene.keep, write=write, after=after)
        with SQLiteStorage(scene.file) as storage:
            policy, communications, _ = scene.policy(storage)
            texts = {one.key for one in storage.documents("acme", "communication")}
            told = {one.record.facts.get("communication") for one in policy.trail.entries()}
            assert texts <= told
            communications.remove("acme", by="e-2")
            assert not storage.documents("acme", "communication")
        if not killed:
            assert write >= 4  # the key of the person, and a record and a text, twice
            return
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_sweep_that_is_cut_short_is_done_by_the_next(scene: Scene, child: Child, after: bool) -> None:
    """Wherever sweeping is cut short, the next one removes the rest, and nothing went that was not recorded."""
    for write in range(ENOUGH):
        with SQLiteStorage(scene.file) as storage:
            scene.keep(storage)
        scene.clock.advance(days=180)
        killed = scene.killed(child, scene.sweep, write=write, after=after)
        with SQLiteStorage(scene.file) as storage:
            policy, communications, _ = scene.policy(storage)
            left = len(storage.documents("acme", "communication"))
            told = sum(int(str(one.record.facts.get("ended", 0))) for one in policy.trail.entries())
            assert told >= 2 * (write + 1) - left
            assert communications.sweep().ended == left
        if not killed:
            assert write >= 2
            return
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_register_and_its_record_are_one(scene: Scene, child: Child, after: bool) -> None:
    """Wherever registering is cut short: who is in the register is in the trail, and the other way round."""
    for write in range(ENOUGH):
        killed = scene.killed(child, scene.register, write=write, after=after)
        with SQLiteStorage(scene.file) as storage:
            policy, _, vendors = scene.policy(storage)
            kinds = [(one.record.kind, one.record.facts.get("vendor")) for one in policy.trail.entries()]
            registered = {name for kind, name in kinds if kind == "vendor.registered"}
            assert {one.id for one in vendors.all()} == registered
            announced = any(kind == "vendor.announced" for kind, _ in kinds)
            assert len(storage.documents("smartify:policy", "vendor announcement")) == announced
        if not killed:
            assert registered == {"mailer", "cloud"}
            assert announced
            return
    pytest.fail("it never came to an end")
