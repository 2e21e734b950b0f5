"""How processes end: every way but SIGKILL writes what waits."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from smartify_core.requestlog.files import log_files

BEGINNING = """
import atexit, os, signal, sys, threading
from smartify_core.requestlog import Client, Feature, RequestEvent
from smartify_core.requestlog.files import JsonLinesFile

EVENT = RequestEvent(5, Feature("page"), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"))
options = {"flush_every": 60.0}
"""
ENDING = """
sink = JsonLinesFile(sys.argv[1], **options)
for _ in range(7):
    sink.put(EVENT)
"""
#: Says that all is put, and waits for a signal.
WAITING = """
print("ready", flush=True)
while True:
    threading.Event().wait(0.01)
"""
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return what runs a program with a sink, sends it a signal when it is ready, and tells how it ended."""

    def ran(before: str, after: str, number: int | None = None) -> int:
        program = BEGINNING + textwrap.dedent(before) + ENDING + textwrap.dedent(after)
        command = [sys.executable, "-c", program, str(tmp_path / "log")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            if number is not None:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                process.send_signal(number)
            return process.wait(60)

    return ran


@pytest.fixture
def written(tmp_path: Path) -> Callable[[], int]:
    """Return what counts the lines that were written."""
    return lambda: sum(len(file.path.read_bytes().splitlines()) for file in log_files(tmp_path / "log"))


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('on purpose')", 1),
        ("threading.Thread(target=sink.put, args=(EVENT,)).start()", 0),
        ("sink.close()", 0),
    ],
    ids=["runs out", "exits", "raises", "ends in a thread", "closed before"],
)
def test_an_exit_writes_what_waits(run: Run, written: Callable[[], int], ending: str, status: int) -> None:
    """A program that ends by itself, well or not, has written all that was put."""
    assert run("", ending) == status
    assert written() == (8 if "thread" in ending.lower() else 7)


def test_what_others_put_at_exit_is_written(run: Run, written: Callable[[], int]) -> None:
    """An exit handler that was registered after the import of the room may still put something."""
    assert run("", "atexit.register(sink.put, EVENT)") == 0
    assert written() == 8


def test_a_fork_that_exits_writes_its_own(run: Run, written: Callable[[], int]) -> None:
    """A child of a fork that leaves through the interpreter's end writes what it put, and nothing of the parent's."""
    assert run("", "if os.fork() == 0:\n    sink.put(EVENT)\n    sys.exit(0)\nos.wait()") == 0
    assert written() == 8


def test_sigterm_writes_and_ends(run: Run, written: Callable[[], int]) -> None:
    """A program without a handler of its own still ends by the signal, with everything written."""
    assert run("", WAITING, signal.SIGTERM) == -signal.SIGTERM
    assert written() == 7


def test_sigterm_is_handed_on(run: Run, written: Callable[[], int]) -> None:
    """A handler that was there before is called, once, and what is put afterwards is written at once."""
    before = """
    def handler(number, frame):
        print(number, flush=True)
        sink.put(EVENT)
        wait()
        os._exit(5)  # no exit handler runs

    def wait():
        for _ in range(500):
            if not sink.waiting:
                return
            threading.Event().wait(0.01)

    signal.signal(signal.SIGTERM, handler)
    """
    assert run(before, WAITING, signal.SIGTERM) == 5
    assert written() == 8


def test_a_handler_that_calls_the_one_before_is_no_circle(run: Run, written: Callable[[], int]) -> None:
    """A server that puts itself before us and calls us in turn does not go round for ever."""
    after = """
    ours = signal.getsignal(signal.SIGTERM)

    def theirs(number, frame):
        ours(number, frame)

    signal.signal(signal.SIGTERM, theirs)
    second = JsonLinesFile(sys.argv[1], **options)
    second.put(EVENT)
    """
    assert run("", textwrap.dedent(after) + WAITING, signal.SIGTERM) == -signal.SIGTERM
    assert written() == 8


def test_an_ignored_sigterm_stays_ignored(run: Run, written: Callable[[], int]) -> None:
    """Where SIGTERM does nothing, it goes on doing nothing."""
    after = """
    os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    """
    assert run("signal.signal(signal.SIGTERM, signal.SIG_IGN)", after) == 0
    assert written() == 7


def test_handlers_can_be_left_alone(run: Run, written: Callable[[], int]) -> None:
    """A host that wants no handler gets none: SIGTERM then loses what waits."""
    after = "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
    assert run("options['on_sigterm'] = False", after + WAITING, signal.SIGTERM) == -signal.SIGTERM
    assert written() == 0


def test_a_sink_of_another_thread_sets_no_handler(run: Run, written: Callable[[], int]) -> None:
    """Only the main thread may set handlers; a sink that another thread makes works without."""
    after = """
    made = []
    thread = threading.Thread(target=lambda: made.append(JsonLinesFile(sys.argv[1], **options)))
    thread.start()
    thread.join()
    made[0].put(EVENT)
    """
    assert run("", after) == 0
    assert written() == 8


def test_a_kill_loses_what_waits_and_no_more(run: Run, tmp_path: Path, written: Callable[[], int]) -> None:
    """After SIGKILL all that was flushed is there, and every line is whole."""
    after = "sink.flush()\nsink.put(EVENT)\n"
    assert run("", after + WAITING, signal.SIGKILL) == -signal.SIGKILL
    assert written() == 7
    assert all(file.path.read_bytes().endswith(b"\n") for file in log_files(tmp_path / "log"))
