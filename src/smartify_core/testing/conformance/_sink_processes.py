"""Clauses about processes: forks, exits, and several at once."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Final

import pytest

from smartify_core.requestlog import Sink

from ._sink_children import ended_well, run
from ._sink_records import MOMENT, numbers, put, settled
from ._sink_world import SinkCapability, SinkWorld

_TRIES: Final = 500


class SinkProcessClauses:
    """SK-16 to SK-19."""

    def test_SK16_a_fork_doubles_nothing(self, world: SinkWorld) -> None:
        """What waits at a fork is written by the parent, once, although the child flushes what it has."""
        world.require(SinkCapability.FORKS)
        sink = world.sink()

        def flushed() -> bool:
            sink.flush(MOMENT)
            return True

        for turn in range(3):
            put(sink, range(turn * 10, turn * 10 + 10))
            assert _fork(flushed)
            assert settled(world, sink, turn * 10 + 10) == [*range(turn * 10 + 10)]

    def test_SK17_a_child_has_a_sink_of_its_own(self, world: SinkWorld) -> None:
        """What a child puts is written, whether the sink had been in use before the fork or not."""
        world.require(SinkCapability.FORKS)

        def work(sink: Sink, feature: str) -> bool:
            put(sink, range(10), feature)
            return settled(world, sink, 10, feature) == [*range(10)]

        fresh, used = world.sink(), world.sink()
        put(used, range(5), "used")
        settled(world, used, 5, "used")
        assert _fork(lambda: work(fresh, "from the fresh one"))
        assert _fork(lambda: work(used, "from the used one"))
        put(used, range(5, 10), "used")
        assert settled(world, used, 10, "used") == [*range(10)]
        for feature in ("from the fresh one", "from the used one"):
            assert sorted(numbers(world.written(), feature)) == [*range(10)]

    def test_SK18_an_exit_loses_nothing(self, world: SinkWorld) -> None:
        """A process that ends by itself and closes nothing has written what it put."""
        world.require(SinkCapability.EXITS)
        ended_well(run(_put_and_leave, world.opener(), 20))
        assert sorted(numbers(world.written(), "left")) == [*range(20)]

    def test_SK19_processes_share_a_target(self, world: SinkWorld) -> None:
        """Several processes that write at once lose nothing and tear nothing."""
        world.require(SinkCapability.SHARED)
        children = [run(_put_and_flush, world.opener(), f"by {name}", 500) for name in ("one", "two", "three")]
        for child in children:
            ended_well(child)
        for name in ("one", "two", "three"):
            assert sorted(numbers(world.written(), f"by {name}")) == [*range(500)]


def _fork(work: Callable[[], bool]) -> bool:
    """Return whether ``work`` is True in a child of a fork, which then ends on the spot."""
    with warnings.catch_warnings():
        # Of threads that run: that a sink survives that is what is proved here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork() if hasattr(os, "fork") else pytest.skip("this system cannot fork")
    if child == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1] == 0


def _put_and_leave(opener: Callable[[], Sink], count: int) -> None:
    put(opener(), range(count), "left")


def _put_and_flush(opener: Callable[[], Sink], feature: str, count: int) -> None:
    sink = opener()
    for first in range(0, count, 10):
        put(sink, range(first, first + 10), feature)
        for _ in range(_TRIES):
            if sink.flush(MOMENT):
                break
