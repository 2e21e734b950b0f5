"""Processes that fork, in whatever way and at whatever moment."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog import Client, Feature, RequestEvent
from smartify_core.requestlog.files import JsonLinesFile, log_files

Open = Callable[..., JsonLinesFile]
Event = Callable[[int], Any]
Names = Callable[[], list[str]]
Read = Callable[[], list[dict[str, Any]]]


def forked(work: Callable[[], object]) -> int:
    """Do ``work`` in a child of a fork that ends on the spot; return the child's pid, once it is gone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that threads run is the point
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    return child


def put_in_child(sink: JsonLinesFile, feature: str, count: int) -> None:
    for number in range(count):
        client = Client("Chrome", 120, "Windows", "desktop")
        sink.put(RequestEvent(1_893_499_200 + number, Feature(feature), "GET", 200, 5, client))


def times(event: Event, lines: list[dict[str, Any]]) -> list[int]:
    return sorted(line["time"] - event(0).time for line in lines)


def test_parent_and_child_have_files_of_their_own(open_sink: Open, event: Event, read: Read, directory: Path) -> None:
    """After a fork each writes what it is given to its own file, and the queue of before is the parent's."""
    sink = open_sink(flush_every=60.0)
    sink.put(event(0))
    sink.flush()
    sink.put(event(1))

    def work() -> None:
        assert (sink.waiting, sink.dropped) == (0, 0)
        sink.put(event(2))
        assert sink.flush()

    child = forked(work)
    sink.put(event(3))
    assert sink.flush()
    assert times(event, read()) == [0, 1, 2, 3]
    by_pid = {file.pid: len(file.path.read_bytes().splitlines()) for file in log_files(directory)}
    assert by_pid == {os.getpid(): 3, child: 1}


def test_a_child_counts_its_own_drops(open_sink: Open, event: Event, read: Read) -> None:
    """What the parent dropped before a fork is told by the parent, and once."""
    sink = open_sink(queue=5, flush_every=60.0)
    sink.put(event(0))
    sink.flush()
    with sink._passing:  # so that nothing is written meanwhile
        for number in range(20):
            sink.put(event(number))
        assert sink.dropped == 15

        def work() -> None:
            sink._passing = threading.Lock()
            assert sink.dropped == 0
            sink.put(event(0))
            assert sink.flush()

        forked(work)
    assert sink.flush()
    assert [line["count"] for line in read() if "note" in line] == [15]


def test_a_child_lets_go_of_the_parent_s_files(open_sink: Open, event: Event) -> None:
    """The child holds no descriptor of the parent's, or it would keep a dead parent's file locked."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()

    def work() -> None:
        held = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        assert not [path for path in held if path.name.startswith("requests-")]

    forked(work)
    sink.put(event(1))
    assert sink.flush()
    assert len(sink._target._shelf._opened) == 1  # type: ignore[attr-defined] # the target of files


def test_a_dead_parent_s_file_is_taken_up_by_its_child(directory: Path, read: Read) -> None:
    """A child that outlives its parent does not keep the parent's file from being finished."""
    program = """
import os, sys
from smartify_core.requestlog import Client, Feature, RequestEvent
from smartify_core.requestlog.files import JsonLinesFile
sink = JsonLinesFile(sys.argv[1])
event = RequestEvent(5, Feature("page"), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"))
sink.put(event)
sink.flush()
reading, writing = os.pipe()
if os.fork():
    os.close(reading)
    os._exit(0)  # the parent is gone without a word
os.close(writing)
os.read(reading, 1)
sink.put(event)
os._exit(0 if sink.tidy() else 1)
"""
    subprocess.run([sys.executable, "-c", program, str(directory)], check=True, timeout=60)
    files: list[Any] = []
    while len(files) < 2 or not any(file.compressed for file in files):
        threading.Event().wait(0.01)
        files = [*log_files(directory)]
    assert [file.compressed for file in files].count(True) >= 1
    assert len(read()) == 2


def test_forks_while_the_thread_is_at_work_harm_nobody(open_sink: Open, event: Event, read: Read) -> None:
    """Forks at any moment of writing, rotating and compressing lose and double nothing, neither here nor there."""
    sink = open_sink(rotate_bytes=4_096, flush_every=0.001, queue=10_000)
    sink.put(event(0))
    for number in range(1, 41):
        for more in range(20):
            sink.put(event(number * 100 + more))

        def work(number: int = number) -> None:
            sink.put(event(number * 100 + 50))
            sink.close()

        forked(work)
    assert sink.tidy()
    wanted = [0, *(n * 100 + more for n in range(1, 41) for more in (*range(20), 50))]
    assert times(event, read()) == wanted


def test_a_child_that_puts_nothing_leaves_nothing(open_sink: Open, event: Event, names: Names) -> None:
    """A fork that does something else makes neither a file nor a thread."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    before = names()

    def work() -> None:
        assert threading.active_count() == 1
        sink.close()

    forked(work)
    assert names() == before


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_lose_nothing(open_sink: Open, event: Event, read: Read, method: str) -> None:
    """A sink that is handed to a process of any kind writes there, and what it has when that process ends."""
    sink = open_sink(flush_every=60.0, now=real_time)
    sink.put(event(0))
    context: Any = multiprocessing.get_context(method)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        children = [context.Process(target=put_in_child, args=(sink, f"child {n}", 25)) for n in range(2)]
        for child in children:
            child.start()
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert sink.flush()
    found = [line["feature"] for line in read()]
    assert sorted(found) == sorted(["page", *["child 0"] * 25, *["child 1"] * 25])


def real_time() -> Any:
    from smartify_core.requestlog.files._settings import utc_now

    return utc_now()
