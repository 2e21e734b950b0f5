"""Calls that are cut short, for the storage kit: a process is killed in the middle of one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Final

from smartify_core.model import Claim
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage

from ._storage_calls import CALLS, READS, prepare, told
from ._storage_children import Doomed
from ._storage_values import HOUR, NOON
from ._storage_world import StorageWorld

#: How often each call is cut short at a moment that is guessed, and how often as soon as anything of it is to be seen.
_GUESSED: Final = 2
_SEEN: Final = 2
#: The id of the batch that has one.
BATCH_ID: Final = "step"


class CutShort:
    """Has processes make calls, each on a tenant of its own, and kills each in the middle of it.

    The moments that are guessed come nearer to the one at which a call takes effect: the next is earlier when a call
    was made before its process died, and later when it was not, however fast the machine is.
    """

    def __init__(self, world: StorageWorld) -> None:
        self._opener = world.opener()
        self._storage = world.handle()
        self._guess = 0.002

    def all(self) -> None:
        """Cut each of the calls short, several times."""
        for turn in range(_GUESSED + _SEEN):
            for what in CALLS:
                self._cut(what, f"{what} {turn}", self._when_seen if turn < _SEEN else self._when_guessed)

    def _cut(self, what: str, name: str, let_go_on: Callable[[Doomed, str], None]) -> None:
        """Cut one call short. What there must be is told by the reference."""
        reference = MemoryStorage()
        taken = prepare(reference, name)
        assert prepare(self._storage, name) == taken
        child = Doomed(self._opener, partial(_make, what, taken))
        let_go_on(child, name)
        child.kill()
        # A server may still be at work for a client that is gone: a claim comes after whatever that does.
        overtake(self._storage, name)
        found = told(self._storage, name)
        overtake(reference, name)
        undone = told(reference, name)
        reference = MemoryStorage()
        CALLS[what](reference, prepare(reference, name), BATCH_ID)
        overtake(reference, name)
        done = told(reference, name)
        assert found in ([done] if child.steps else [undone, done]), f"{what}, acknowledged: {bool(child.steps)}"
        self._guess *= 0.7 if found == done else 1.6

    def _when_guessed(self, child: Doomed, _name: str) -> None:
        child.go_on_for(self._guess)

    def _when_seen(self, child: Doomed, name: str) -> None:
        """Let the child go on until any way of reading tells something else than before, or it has done its step."""
        before = told(self._storage, name)
        child.go_on_for(0)
        for number in itertools.cycle(range(len(READS))):
            if READS[number](self._storage, name) != before[number] or child.has_spoken():
                return


def overtake(storage: Storage, name: str) -> None:
    """Take over from whoever holds the tenant of a call."""
    storage.claim(f"{name} a", now=NOON + 2 * HOUR, ttl=HOUR)


def _make(what: str, taken: Claim, storage: Storage, _carried: object, _steps: int) -> None:
    """Make the call, in the child."""
    CALLS[what](storage, taken, BATCH_ID)
