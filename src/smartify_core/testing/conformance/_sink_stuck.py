"""Clauses about a target that takes nothing for a while, because it is slow without end or because it fails."""

from __future__ import annotations

import asyncio
import threading

from ._sink_records import MOMENT, all_told, dropped, in_time, numbers, put, returns, settled
from ._sink_world import SinkCapability, SinkWorld


class StuckClauses:
    """SK-09 to SK-15."""

    def test_SK09_put_does_not_wait(self, world: SinkWorld) -> None:
        """While the target is stuck, puts come back: from threads, and in an event loop, which goes on."""
        world.require(SinkCapability.STICKS)
        sink = world.sink()
        world.stick()

        async def serve() -> None:
            for _ in range(4):
                put(sink, range(world.bound))
                await asyncio.sleep(0)

        assert returns(world, lambda: put(sink, range(world.bound)))
        assert returns(world, lambda: asyncio.run(serve()))

    def test_SK10_what_waits_is_bounded(self, world: SinkWorld) -> None:
        """While the target is stuck, no more is kept than the bound, and no less than half of it."""
        world.require(SinkCapability.STICKS)
        sink = world.sink()
        world.stick()
        assert returns(world, lambda: put(sink, range(4 * world.bound)))
        world.release()
        settled(world, sink, world.bound // 2)
        in_time(world, lambda: sink.flush(MOMENT))
        kept = numbers(world.written())
        assert world.bound // 2 <= len(kept) <= world.bound
        assert 0 in kept

    def test_SK11_what_is_dropped_is_told(self, world: SinkWorld) -> None:
        """Events that are written, and those that notes say were dropped, are together as many as were put."""
        world.require(SinkCapability.STICKS)
        sink = world.sink()
        count = 0
        for _ in range(2):
            world.stick()
            assert returns(world, lambda: put(sink, range(4 * world.bound)))
            world.release()
            count += 4 * world.bound
            assert all_told(world, sink, count)
        sink.flush(MOMENT)
        assert len(numbers(world.written())) + dropped(world.written()) == count

    def test_SK12_flush_does_not_wait_for_ever(self, world: SinkWorld) -> None:
        """While the target is stuck, it returns False when its time is over; afterwards all is written."""
        world.require(SinkCapability.STICKS)
        sink = world.sink()
        world.stick()
        put(sink, range(10))
        said: list[bool] = []
        assert returns(world, lambda: said.append(sink.flush(MOMENT)))
        assert said == [False]
        world.release()
        assert settled(world, sink, 10) == [*range(10)]

    def test_SK13_close_does_not_wait_for_ever(self, world: SinkWorld) -> None:
        """While the target is stuck, it returns when its time is over."""
        world.require(SinkCapability.STICKS)
        sink = world.sink()
        world.stick()
        put(sink, range(10))
        assert returns(world, lambda: sink.close(MOMENT))

    def test_SK14_trouble_is_not_raised(self, world: SinkWorld) -> None:
        """While the target fails, nothing is raised; flush says that it did not work."""
        world.require(SinkCapability.FAILS)
        sink = world.sink()
        put(sink, [0])
        settled(world, sink, 1)
        world.fail()
        try:
            for number in range(1, 5):
                put(sink, [number])
                assert sink.flush(MOMENT) is False
        finally:
            world.mend()

    def test_SK15_trouble_passes(self, world: SinkWorld) -> None:
        """When the target works again, so does the sink, by itself: each event is written or told, and none twice."""
        world.require(SinkCapability.FAILS)
        sink = world.sink()
        put(sink, range(10))
        settled(world, sink, 10)
        count = 10 + world.bound // 4
        world.fail()
        try:
            put(sink, range(10, count))
            threading.Event().wait(MOMENT)  # for the sink to meet the trouble
        finally:
            world.mend()
        put(sink, range(count, count + 10))
        assert all_told(world, sink, count + 10)
        sink.flush(MOMENT)
        written = world.written()  # looked at once: what another look finds may be more
        kept = numbers(written)
        assert count + 9 in kept
        assert len(kept) == len(set(kept))
        assert len(kept) + dropped(written) == count + 10
