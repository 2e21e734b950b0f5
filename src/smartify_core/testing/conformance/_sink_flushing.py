"""Clauses about flushing and closing."""

from __future__ import annotations

from ._sink_records import event, numbers, put, settled
from ._sink_world import SinkWorld


class FlushingClauses:
    """SK-05 to SK-08."""

    def test_SK05_flush_tells_the_truth(self, world: SinkWorld) -> None:
        """When it returns True, what was put before is in the target; with nothing to write it returns True at once."""
        sink = world.sink()
        assert sink.flush(world.patience)
        for number in range(20):
            sink.put(event(number))
            assert sink.flush(world.patience)
            assert numbers(world.written()) == [*range(number + 1)]
            assert sink.flush(world.patience)

    def test_SK06_close_writes_what_waits(self, world: SinkWorld) -> None:
        """When it returns, what was put before is in the target."""
        sink = world.sink()
        put(sink, range(30))
        sink.close(world.patience)
        assert sorted(numbers(world.written())) == [*range(30)]

    def test_SK07_closing_twice_is_safe(self, world: SinkWorld) -> None:
        """A closed sink can be flushed and closed again; so can one that never got anything."""
        for count in (0, 1):
            sink = world.sink()
            put(sink, range(count))
            settled(world, sink, count)
            sink.close(world.patience)
            sink.flush(world.patience)
            sink.close(world.patience)

    def test_SK08_a_closed_sink_takes_nothing(self, world: SinkWorld) -> None:
        """What is put afterwards raises nothing, and is not written."""
        sink = world.sink()
        put(sink, [0])
        settled(world, sink, 1)
        sink.close(world.patience)
        put(sink, range(1, 10))
        assert numbers(world.written()) == [0]
