"""The queue and its thread, apart from any file."""

from __future__ import annotations

import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Client, Feature, Note, Record, RequestEvent, Sink
from smartify_core.requestlog._sinks._pump import BATCH, Pump, Sent

EVENT = RequestEvent(5, Feature("page"), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"))
NOW = datetime(2030, 1, 1, tzinfo=UTC)


class Kept:
    """A target that keeps what it gets, and can be told what to answer."""

    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.answers: list[Sent | Exception] = []
        self.steps = 0
        self.hastened = 0
        self.closed = 0
        self.forgot = 0

    def send(self, records: Sequence[Record]) -> Sent:
        answer = self.answers.pop(0) if self.answers else Sent(len(records))
        if isinstance(answer, Exception):
            raise answer
        self.batches.append(list(records[: answer.done]))
        return answer

    def step(self) -> bool:
        self.steps -= 1
        return self.steps > 0

    def hasten(self) -> None:
        self.hastened += 1
        self.steps = 5

    def close(self) -> None:
        self.closed += 1

    def forget(self) -> None:
        self.forgot += 1

    @property
    def records(self) -> list[Record]:
        return [record for batch in self.batches for record in batch]


@pytest.fixture
def target() -> Kept:
    """Return a target that keeps what it gets."""
    return Kept()


@pytest.fixture
def pumped(target: Kept) -> Iterator[Callable[..., Pump]]:
    """Give what makes pumps into that target; they write when they are asked to, and are closed afterwards."""
    pumps: list[Pump] = []

    def made(limit: int = 1_000, **options: Any) -> Pump:
        defaults: dict[str, Any] = {"flush_every": 60.0, "now": lambda: NOW, "on_sigterm": False}
        pumps.append(Pump(target, limit=limit, **defaults | options))
        return pumps[-1]

    yield made
    for pump in pumps:
        pump.close()


def test_it_is_a_sink(pumped: Any) -> None:
    """A pump has the methods of the port."""
    assert isinstance(pumped(), Sink)


def test_records_go_in_batches(pumped: Any, target: Kept) -> None:
    """What waits is sent in its order, so many records at once."""
    pump = pumped()
    records: list[Record] = [Note(number, "folded", 1) for number in range(600)]
    for record in records:
        pump.put(record)
    assert pump.flush()
    assert target.records == records
    assert {len(batch) for batch in target.batches} <= {BATCH, 600 % BATCH}


def test_what_is_not_done_is_sent_again(pumped: Any, target: Kept) -> None:
    """A target that does part of a batch gets the rest later, and nothing twice."""
    pump = pumped()
    target.answers = [Sent(3), Sent(4, trouble="EIO"), Sent(0, trouble="EIO"), Sent(0)]
    records: list[Record] = [Note(number, "folded", 1) for number in range(10)]
    for record in records:
        pump.put(record)
    assert [pump.flush() for _ in range(4)] == [False, False, False, True]
    assert target.records == records
    assert pump.waiting == 0


def test_a_target_that_breaks_loses_what_it_was_sent(pumped: Any, target: Kept) -> None:
    """What a target fails on in an unknown way is counted as lost and told; the thread goes on."""
    pump = pumped()
    target.answers = [ValueError("on purpose")]
    pump.put(EVENT)
    pump.put(Note(5, "folded", 1))
    assert not pump.flush()
    pump.put(EVENT)
    assert pump.flush()
    assert target.records == [Note(int(NOW.timestamp()), "dropped", 1), EVENT]
    assert pump.dropped == 1


def test_what_a_target_cannot_render_is_told(pumped: Any, target: Kept) -> None:
    """Records that a target could not make lines of are told by the same flush."""
    pump = pumped()
    target.answers = [Sent(3, lost=2)]
    for _ in range(3):
        pump.put(EVENT)
    assert pump.flush()
    assert target.records[-1] == Note(int(NOW.timestamp()), "dropped", 2)
    assert pump.flush()
    assert len(target.records) == 4


def test_drops_are_exact_however_many_threads_put(pumped: Any, target: Kept) -> None:
    """Eight threads over a full queue: what is written and what is told is what was put, to the last one."""
    pump = pumped(limit=50)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [pump.put(EVENT) for _ in range(2_000)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            pump.flush()
            assert pump.dropped >= 0
    finally:
        sys.setswitchinterval(before)
    assert pump.flush()
    told = sum(record.count for record in target.records if isinstance(record, Note))
    assert told == pump.dropped
    assert sum(isinstance(record, RequestEvent) for record in target.records) + told == 16_000


def test_a_signal_s_handler_may_put_flush_and_close(pumped: Any, target: Kept) -> None:
    """A handler that interrupts a put anywhere neither waits for itself nor loses a record."""
    pump = pumped(limit=100_000)
    handled = [0]

    def handler(number: int, frame: FrameType | None) -> None:
        pump.put(EVENT)
        pump.flush()
        handled[0] += 1
        signal.setitimer(signal.ITIMER_REAL, 0.0005)

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    try:
        count = 0
        while handled[0] < 50:
            pump.put(EVENT)
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    pump.close()
    assert len(target.records) + pump.dropped == count + handled[0]


def test_without_threads_a_flush_writes(pumped: Any, target: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started, put still raises nothing, and whoever flushes or closes writes by itself."""

    def no_thread(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    pump = pumped(limit=100)
    for _ in range(150):
        pump.put(EVENT)
    assert pump.flush()
    assert len(target.records) == 101
    pump.put(EVENT)
    assert pump._tidy(1.0)
    assert target.hastened == 1
    pump.put(EVENT)
    pump.close()
    assert len(target.records) == 103
    assert target.closed == 1


@pytest.mark.parametrize("moments", [1, 2, 3])
def test_a_thread_is_tried_for_again(pumped: Any, target: Kept, monkeypatch: pytest.MonkeyPatch, moments: int) -> None:
    """However often no thread was to be had, a full queue included, a later record starts one."""
    start, failures = threading.Thread.start, list[int]()

    def failing(thread: threading.Thread) -> None:
        if len(failures) < moments:
            failures.append(1)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", failing)
    pump = pumped(limit=100)
    for _ in range(400):
        pump.put(EVENT)
    assert len(failures) == moments
    assert pump._thread is not None
    assert pump.flush()
    assert len([one for one in target.records if one is EVENT]) + pump.dropped == 400


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_the_thread_outlives_what_ends_others(pumped: Any, target: Kept, error: type[BaseException]) -> None:
    """A host's own code that raises what ends a thread ends not ours: what it took with it is counted."""
    pump = pumped()
    send = target.send

    def ending(records: Sequence[Record]) -> Sent:
        target.send = send  # type: ignore[method-assign] # once
        raise error

    target.send = ending  # type: ignore[method-assign] # what the test is about
    pump.put(EVENT)
    assert not pump.flush()
    pump.put(EVENT)
    assert pump.flush()
    assert pump.dropped == 1
    assert len([one for one in target.records if one is EVENT]) == 1


def test_the_thread_cannot_wait_for_itself(pumped: Any, target: Kept) -> None:
    """A target that flushes its own pump, through somebody's log say, gets False and no deadlock."""
    pump = pumped()
    said: list[bool] = []
    send = target.send

    def flushing(records: Sequence[Record]) -> Sent:
        said.append(pump.flush())
        return send(records)

    target.send = flushing  # type: ignore[method-assign] # what the test is about
    pump.put(EVENT)
    assert pump.flush()
    assert said == [False]


def test_tidy_waits_for_every_step(pumped: Any, target: Kept) -> None:
    """It has the target's other work be due, and returns when there is no more of it."""
    pump = pumped()
    assert pump._tidy(10.0)
    assert target.hastened == 1
    assert target.steps <= 0


def test_a_step_that_fails_ends_nothing(pumped: Any, target: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread goes on writing, whatever another piece of work raises."""

    def fail() -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(target, "step", fail)
    pump = pumped()
    for _ in range(3):
        pump.put(EVENT)
        assert pump.flush()
    assert len(target.records) == 3


def test_a_flush_after_the_end_says_whether_all_was_written(pumped: Any, target: Kept) -> None:
    """A closed pump answers at once: True where nothing was left, False where something was."""
    pump = pumped()
    pump.put(EVENT)
    pump.close()
    assert pump.flush()
    other = pumped()
    target.answers = [Sent(0, trouble="EIO")] * 5
    other.put(EVENT)
    other.close()
    assert not other.flush()
    assert target.closed == 2


def test_close_from_several_threads_closes_once(pumped: Any, target: Kept) -> None:
    """However many close at the same time, the target is closed once."""
    pump = pumped()
    pump.put(EVENT)
    threads = [threading.Thread(target=pump.close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pump.flush()
    assert target.closed == 1


def test_renewing_forgets_what_is_the_parent_s(pumped: Any, target: Kept) -> None:
    """In the child of a fork the queue is empty, nothing was dropped, and the target has let go of its files."""
    pump = pumped(limit=1)
    pump._passing.acquire()  # nothing is written
    pump.put(EVENT)
    pump.put(EVENT)
    assert pump.dropped == 1
    pump.renew()
    assert (pump.waiting, pump.dropped, target.forgot) == (0, 0, 1)
    pump.close()
    pump.renew()
    pump.put(EVENT)
    assert pump.waiting == 0, "what is closed stays closed"


def test_the_inbox_may_be_put_into_by_a_signal_s_handler() -> None:
    """The one queue of the standard library that says so: the C version, without which a handler could hang."""
    assert queue.SimpleQueue.__module__ == "_queue"


@pytest.mark.parametrize("wrong", [{"on_sigterm": "no"}, {"on_sigterm": None}, {"now": 5}, {"now": None}])
def test_wrong_arguments_are_told_when_a_sink_is_made(target: Kept, wrong: dict[str, Any]) -> None:
    """They would show at a signal, or in the writer's thread, where nobody looks."""
    options: dict[str, Any] = {"limit": 9, "flush_every": 1.0, "now": lambda: NOW, "on_sigterm": False}
    with pytest.raises(UsageError, match="on_sigterm is True or False"):
        Pump(target, **options | wrong)
