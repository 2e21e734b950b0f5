"""Clauses about what is written: all of it, once, whole, in order, whoever puts it."""

from __future__ import annotations

import threading
from typing import Any

from smartify_core.requestlog import RequestEvent

from ._sink_records import RECORDS, event, in_time, numbers, put, settled
from ._sink_world import SinkWorld


class WritingClauses:
    """SK-01 to SK-04."""

    def test_SK01_records_are_written_whole(self, world: SinkWorld) -> None:
        """What is put is in the target item by item, whatever shape it has: every record once, and nothing else."""
        sink = world.sink()
        for record in RECORDS:
            sink.put(record)
        in_time(world, lambda: len(world.written()) >= len(RECORDS), sink)
        written = [dict(items) for items in world.written()]
        assert sorted(written, key=repr) == sorted((record.as_dict() for record in RECORDS), key=repr)

    def test_SK02_order_of_a_thread_is_kept(self, world: SinkWorld) -> None:
        """What one thread puts is written in that order, over any number of writings."""
        sink = world.sink()
        count = world.bound * 2
        for first in range(0, count, 50):
            put(sink, range(first, first + 50))
            settled(world, sink, first + 50)
        written = numbers(world.written())
        assert written == sorted(written)

    def test_SK03_threads_may_put_at_once(self, world: SinkWorld) -> None:
        """Nothing that several threads put at the same moment is lost or written twice."""
        sink = world.sink()
        each = world.bound // 8
        together = threading.Barrier(4)

        def work(place: int) -> None:
            together.wait()
            put(sink, range(place * each, (place + 1) * each))

        threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert settled(world, sink, 4 * each) == [*range(4 * each)]

    def test_SK04_put_never_raises(self, world: SinkWorld) -> None:
        """Whatever is put, nothing is raised, and the sound records around it are written."""

        class Broken:
            time = 0

            def line(self) -> bytes:
                raise RuntimeError

            as_dict = line

        class Bold(RequestEvent):
            def line(self) -> bytes:
                return b"no JSON\n"

            def as_dict(self) -> dict[str, Any]:
                return {"user": "somebody"}

        bold = Bold(*event(1))
        sink = world.sink()
        for number, wrong in enumerate((None, "text", Broken(), {"time": 1}, bold)):
            sink.put(event(2 * number))
            sink.put(wrong)  # type: ignore[arg-type] # the clause is about this mistake
        put(sink, [10])
        assert settled(world, sink, 6) == [0, 2, 4, 6, 8, 10]
        assert "somebody" not in repr(world.written())
