"""The sink kit is itself tested: each sink that breaks one clause fails that clause, and no other."""

from __future__ import annotations

import asyncio
import functools
import inspect
import multiprocessing
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.conformance._sink_worlds import LineFile, StructlogWorld, structlog_sink

from smartify_core.requestlog import Note, Record, RequestEvent, Sink
from smartify_core.requestlog._sinks._pump import Sent
from smartify_core.requestlog.processors import StructlogSink
from smartify_core.testing.conformance import SinkConformance, SinkWorld

CLAUSES: Mapping[str, Callable[[SinkConformance, SinkWorld], None]] = {
    f"SK-{match[1]}": test
    for name, test in inspect.getmembers(SinkConformance, inspect.isfunction)
    if (match := re.match(r"test_SK(\d\d)_", name))
}
#: Those that start processes, which takes a moment each: only the mutants of these four are run against them.
PROCESSES = {"SK-18", "SK-19"}
pytestmark = pytest.mark.slow
MUTANTS: list[tuple[str, type[StructlogSink]]] = []


def against(clause: str) -> Callable[[type[StructlogSink]], type[StructlogSink]]:
    """Enter a mutant under the one clause that it breaks."""

    def enter(mutant: type[StructlogSink]) -> type[StructlogSink]:
        MUTANTS.append((clause, mutant))
        return mutant

    return enter


def _in_child() -> bool:
    return multiprocessing.parent_process() is not None


class Mutant(StructlogSink):
    """A sink that is sound. The broken ones override one thing each."""

    def __init__(self, processors: Sequence[Any], write: LineFile, **options: Any) -> None:
        self.write = write
        super().__init__(processors, write, **options)

    def before_sending(self, send: Callable[[Sequence[Record]], Sent]) -> None:
        """Have ``send`` be what sends batches."""
        self._target.send = send  # type: ignore[method-assign, assignment] # a mutant's right


@against("SK-01")
class LosesALanguage(Mutant):
    """Leaves an item out."""

    def __init__(self, processors: Sequence[Any], write: LineFile, **options: Any) -> None:
        def lose(logger: object, method: str, items: dict[str, Any]) -> dict[str, Any]:
            items.pop("language", None)
            return items

        super().__init__((lose, *processors), write, **options)


@against("SK-01")
class AddsAnItem(Mutant):
    """Writes more than it was given."""

    def __init__(self, processors: Sequence[Any], write: LineFile, **options: Any) -> None:
        super().__init__((lambda logger, method, items: items | {"level": "info"}, *processors), write, **options)


@against("SK-02")
class LastInFirstOut(Mutant):
    """Writes each batch from its end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        send = self._target.send
        # A batch is sent whole, or not at all when the first of them fails.
        self.before_sending(lambda records: send(records[::-1]))


@against("SK-03")
class OneAtATime(Mutant):
    """Loses what is put while another thread puts."""

    busy = False

    def put(self, record: Record) -> None:
        if self.busy:
            return
        self.busy = True
        if threading.active_count() > 4:
            threading.Event().wait(0.0001)
        super().put(record)
        self.busy = False


@against("SK-04")
class ChecksInPut(Mutant):
    """Raises what is wrong with a record."""

    def put(self, record: Record) -> None:
        if not isinstance(record, (RequestEvent, Note)):
            raise TypeError("no record")
        super().put(record)


@against("SK-04")
class TrustsSubclasses(Mutant):
    """Writes whatever a record says of itself."""

    def __init__(self, processors: Sequence[Any], write: LineFile, **options: Any) -> None:
        super().__init__(processors, write, **options)
        send = self._target.send

        def trusting(records: Sequence[Record]) -> Sent:
            for record in records:
                if isinstance(record, RequestEvent) and type(record) is not RequestEvent:
                    write(str(record.as_dict()).replace("'", '"'))
            return send(records)

        self.before_sending(trusting)


@against("SK-04")
class StopsAtABadRecord(Mutant):
    """Gives a batch up where one record of it is none."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        send = self._target.send

        def strict(records: Sequence[Record]) -> Sent:
            if all(type(record) in {RequestEvent, Note} for record in records):
                return send(records)
            return Sent(len(records), len(records))

        self.before_sending(strict)


@against("SK-05")
class SaysYes(Mutant):
    """Says that all is written as soon as it is asked with some patience."""

    def flush(self, timeout: float = 5.0) -> bool:
        if timeout > 0.5:
            return True
        return super().flush(timeout)


@against("SK-06")
class ClosesInstead(Mutant):
    """Throws away what waits."""

    def close(self, timeout: float = 5.0) -> None:
        self._queue.clear()
        super().close(timeout)


@against("SK-07")
class IsGoneWhenClosed(Mutant):
    """Cannot be flushed once it is closed."""

    def flush(self, timeout: float = 5.0) -> bool:
        if self._closed:
            raise ValueError("I/O operation on closed sink")
        return super().flush(timeout)


@against("SK-08")
class TakesMore(Mutant):
    """Writes on after its end."""

    def put(self, record: Record) -> None:
        if self._closed:
            self._target.send([record])
        super().put(record)


@against("SK-09")
class HoldsTheLoop(Mutant):
    """Waits for the target, in an event loop."""

    def put(self, record: Record) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            self.write.free.wait()
        super().put(record)


@against("SK-10")
class KeepsEverything(Mutant):
    """Has no bound."""

    def _begin(self) -> None:
        super()._begin()
        self._most = self._limit = 10**9


@against("SK-11")
class DropsInSilence(Mutant):
    """Tells nobody what it dropped."""

    def _take(self, number: int) -> int:
        self._told = self.dropped
        return super()._take(number)


@against("SK-11")
class TellsTwice(Mutant):
    """Tells of each drop again and again."""

    def _take(self, number: int) -> int:
        taken = super()._take(number)
        if self._telling and self._held[1:]:
            self._telling = 0
        return taken


@against("SK-12")
class FlushesForEver(Mutant):
    """Waits as long as it takes."""

    def flush(self, timeout: float = 5.0) -> bool:
        return super().flush(1_000)


@against("SK-13")
class ClosesForEver(Mutant):
    """Waits as long as it takes to close."""

    def close(self, timeout: float = 5.0) -> None:
        super().close(1_000)


@against("SK-14")
class RaisesTrouble(Mutant):
    """Tells its trouble to whoever flushes."""

    def flush(self, timeout: float = 5.0) -> bool:
        well = super().flush(timeout)
        if self.write.failing and not well:
            raise OSError("the disk is full")
        return well


@against("SK-14")
class DeniesTrouble(Mutant):
    """Says that all is well."""

    def flush(self, timeout: float = 5.0) -> bool:
        return super().flush(timeout) or self.write.failing


@against("SK-15")
class GivesUp(Mutant):
    """Takes nothing more once something failed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        send, met = self._target.send, list[str]()

        def give_up(records: Sequence[Record]) -> Sent:
            sent = Sent(0, 0, met[0]) if met else send(records)
            met.extend([sent.trouble] if sent.trouble else [])
            return sent

        self.before_sending(give_up)


@against("SK-15")
class WritesAgain(Mutant):
    """Writes everything once more after trouble."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        send, history = self._target.send, list[Record]()

        def again(records: Sequence[Record]) -> Sent:
            sent = send([*history, *records] if self._in_trouble else records)
            if not self._in_trouble:
                history.extend(records)
            return sent if sent.trouble else Sent(len(records))

        self.before_sending(again)


@against("SK-16")
class ChildWritesToo(Mutant):
    """Has the child of a fork write what the parent had not written."""

    def renew(self) -> None:
        inherited = [*self._held, *self._queue]
        super().renew()
        self._queue.extend(inherited)


@against("SK-17")
class KnowsNoForks(Mutant):
    """Believes that its thread runs in the child of a fork."""

    def renew(self) -> None:
        self._queue.clear()


@against("SK-18")
class LeavesItToItsThread(Mutant):
    """Writes nothing when the process ends."""

    def __init__(self, processors: Sequence[Any], write: LineFile, **options: Any) -> None:
        super().__init__(processors, write, **options | ({"flush_every": 60} if _in_child() else {}))

    def flush(self, timeout: float = 5.0) -> bool:
        return super().flush(timeout) if timeout < 1 or not _in_child() else False

    def close(self, timeout: float = 5.0) -> None:
        if not _in_child():
            super().close(timeout)


class World(StructlogWorld):
    """The world of one mutant, with little patience: what a mutant breaks does not come right by waiting."""

    patience = 1.5


class WorldOfWritersOver(World):
    """A world in which each process writes at a place of its own counting, over what others wrote."""

    def __init__(self, folder: Path, kind: type[StructlogSink] = Mutant) -> None:
        super().__init__(folder, kind, flags=0)

    def opener(self) -> Callable[[], Sink]:
        return functools.partial(structlog_sink, StructlogSink, self.target)


def broken_by(world: Callable[[], SinkWorld], left_out: set[str]) -> set[str]:
    """Return the clauses that fail, each in a fresh world."""
    failed = set()
    for number, clause in CLAUSES.items():
        if number in left_out:
            continue
        fresh = world()
        try:
            fresh.check()
            clause(SinkConformance(), fresh)
        except (Exception, pytest.fail.Exception):  # noqa: BLE001 - however a clause fails, it fails
            failed.add(number)
        finally:
            fresh.end()
    return failed


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[Callable[[Path], SinkWorld]], Callable[[], SinkWorld]]:
    """Return what makes worlds, each in a folder of its own."""

    def made(kind: Callable[[Path], SinkWorld]) -> Callable[[], SinkWorld]:
        def world() -> SinkWorld:
            folder = tmp_path / str(len([*tmp_path.iterdir()]))
            folder.mkdir()
            return kind(folder)

        return world

    return made


def test_sound_sink_breaks_nothing(fresh: Any) -> None:
    """A sink that overrides nothing keeps every clause: what a mutant breaks is the mutant's doing."""
    assert len(CLAUSES) == 19
    assert broken_by(fresh(lambda folder: World(folder, Mutant)), PROCESSES) == set()


@pytest.mark.parametrize(("clause", "mutant"), MUTANTS, ids=lambda value: getattr(value, "__name__", value))
def test_mutant_breaks_its_clause(clause: str, mutant: type[StructlogSink], fresh: Any) -> None:
    """A broken sink fails exactly the clause that it breaks."""
    left_out = PROCESSES - {clause}
    assert broken_by(fresh(lambda folder: World(folder, mutant)), left_out) == {clause}


def test_writers_over_one_another_break_theirs(fresh: Any) -> None:
    """Processes that write at places of their own counting fail the clause about sharing a target, and no other."""
    assert broken_by(fresh(WorldOfWritersOver), set()) == {"SK-19"}


def test_every_clause_is_seen_to_fail() -> None:
    """Each clause has a mutant that fails it: no clause is decoration."""
    assert {clause for clause, _ in MUTANTS} | {"SK-19"} == set(CLAUSES)
