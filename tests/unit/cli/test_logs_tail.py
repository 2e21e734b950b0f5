"""``smartify logs tail``: the last requests, and those that come."""

from __future__ import annotations

import gzip
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli._request_log import NOON, event, requests, three_days, write
from tests.unit.cli.conftest import COMMAND

from smartify_core.requestlog import Note

Run = Callable[..., Any]
MINUTE = timedelta(minutes=1)


class Follower:
    """The command in a process of its own, line by line."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [*COMMAND, "logs", "tail", "--follow", *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.decode())

    def next(self) -> str:
        """Return the next line that is printed."""
        return self._lines.get(timeout=60)

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Send a signal, and return the exit code, what else was printed, and what was said on stderr."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=60)
        rest = []
        while not self._lines.empty():
            rest.append(self._lines.get())
        assert self.process.stderr is not None
        return code, "".join(rest), self.process.stderr.read().decode()

    def close(self) -> None:
        """End the process if it is there still."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def follow(folder: Path) -> Iterator[Callable[..., Follower]]:
    """Start the command; whatever is left of it is gone afterwards."""
    started: list[Follower] = []

    def start(*options: str) -> Follower:
        started.append(Follower(folder, *options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def append(path: Path, *records: Any) -> None:
    with path.open("ab") as file:
        file.write(b"".join(one if isinstance(one, bytes) else one.line() for one in records))


def test_the_last_requests_of_all_files(folder: Path, smartify: Run) -> None:
    """They are told by time, whichever process wrote them to whichever file, ten where nothing is said."""
    write(folder / "logs", NOON, [event(NOON + n * MINUTE, f"/a{n}") for n in range(0, 20, 2)], pid=1)
    write(folder / "logs", NOON, [event(NOON + n * MINUTE, f"/a{n}") for n in range(1, 20, 2)], pid=2, compressed=True)
    told = smartify("logs", "tail")
    assert [line.split()[7] for line in told.out.splitlines()] == [f"/a{n}" for n in range(10, 20)]
    assert len(smartify("logs", "tail", "-n", "3").out.splitlines()) == 3
    assert smartify("logs", "tail", "-n", "0").out == ""
    assert len(smartify("logs", "tail", "-n", "1000").out.splitlines()) == 20


def test_a_line_for_people(folder: Path, smartify: Run) -> None:
    """A request is one line: when, how it ended, what was used, and what with; by the clock that was asked for."""
    failed = event(NOON, error="KeyError")
    write(folder / "logs", NOON, [failed, Note(int(NOON.timestamp()) + 60, "dropped", 1_234)])
    told = smartify("logs", "tail", "--offset", "-03:30").out.splitlines()
    assert told[0].startswith("2026-11-02 08:30:00  500  GET       ≤ 50 ms  /projects/{project}  KeyError before_start")
    assert told[0].endswith("Chrome 141, Windows, desktop  203.0.0.0/24")
    assert told[1] == "2026-11-02 08:31:00  -- dropped: 1,234"


def test_records_as_a_document(folder: Path, smartify: Run) -> None:
    """With --json each record has the keys of its line, and what is none is told without its content."""
    write(folder / "logs", NOON, [event(NOON), b'{"v":1,"secret":"hunter2"}\n'])
    document = smartify("logs", "tail", "--json").document
    assert document["records"][0]["feature"] == "/projects/{project}"
    assert document["records"][1] == {"unreadable": "it has a key that the schema does not know"}
    shown = smartify("logs", "tail")
    assert "no line of the log" in shown.out
    assert "hunter2" not in shown.out


def test_files_that_are_too_old_are_not_read(folder: Path, smartify: Run) -> None:
    """A damaged old file does no harm where newer ones have enough lines."""
    old = write(folder / "logs", NOON - timedelta(days=9), [b"damaged"], compressed=True)
    old.write_bytes(old.read_bytes()[:10])
    os.utime(old, (0, 0))
    write(folder / "logs", NOON, requests(NOON, 20))
    assert len(smartify("logs", "tail").out.splitlines()) == 10
    assert len(smartify("logs", "tail", "-n", "50").out.splitlines()) == 20


def test_what_comes_is_told(folder: Path, follow: Callable[..., Follower]) -> None:
    """Lines that are added to a file, and files that are begun, are told as they come; a stop ends it well."""
    first = write(folder / "logs", NOON, [event(NOON, "/first")])
    running = follow()
    assert "/first" in running.next()
    append(first, event(NOON + MINUTE, "/second"))
    assert "/second" in running.next()
    write(folder / "logs", NOON + MINUTE, [event(NOON + 2 * MINUTE, "/third")], pid=78)
    assert "/third" in running.next()
    assert running.stop() == (0, "", "")


def test_files_that_are_turned_over_lose_nothing(folder: Path, follow: Callable[..., Follower]) -> None:
    """What was written to a file just before it was compressed and removed is told, once."""
    first = write(folder / "logs", NOON, [event(NOON, "/a")])
    running = follow()
    assert "/a" in running.next()
    append(first, event(NOON + MINUTE, "/b"))
    first.with_name(f"{first.name}.gz").write_bytes(gzip.compress(first.read_bytes()))
    first.unlink()
    assert "/b" in running.next()
    write(folder / "logs", NOON + MINUTE, [event(NOON + 2 * MINUTE, "/c")], number=2, compressed=True)
    assert "/c" in running.next()
    code, rest, _ = running.stop(signal.SIGTERM)
    assert (code, rest) == (0, "")


def test_half_a_line_waits_for_the_rest(folder: Path, follow: Callable[..., Follower]) -> None:
    """A line is told when it is whole; one that is cut off again was never there."""
    first = write(folder / "logs", NOON, [event(NOON, "/a")])
    running = follow()
    assert "/a" in running.next()
    line = event(NOON + MINUTE, "/b").line()
    append(first, line[:40])
    other = write(folder / "logs", NOON + MINUTE, [event(NOON + MINUTE, "/marker")], pid=78)
    assert "/marker" in running.next()
    append(first, line[40:])
    assert "/b" in running.next()
    append(first, line[:50])
    append(other, event(NOON + 2 * MINUTE, "/marker2"))
    assert "/marker2" in running.next()
    os.truncate(first, first.stat().st_size - 50)
    append(first, event(NOON + 3 * MINUTE, "/c"))
    assert "/c" in running.next()


def test_following_as_a_document(folder: Path, follow: Callable[..., Follower]) -> None:
    """With --json all that was told until the stop is one document."""
    first = write(folder / "logs", NOON, [event(NOON, "/a")])
    running = follow("--json", "-n", "5")
    append(first, event(NOON + MINUTE, "/b"))
    append(first, event(NOON + 2 * MINUTE, "/c"))
    # An entry ends with the beginning of the next one.
    head = running.next() + running.next() + running.next()
    code, rest, _ = running.stop()
    assert code == 0
    assert [one["feature"] for one in json.loads(head + rest)["records"]] == ["/a", "/b", "/c"]


def test_nobody_reads_any_more(folder: Path, smartify: Run) -> None:
    """A closed pipe ends it, as it ends any command."""
    three_days(folder / "logs")
    command = " ".join(COMMAND)
    done = subprocess.run(
        ["bash", "-c", f"{command} logs tail -n 1000 --follow | head -n 2; echo ${{PIPESTATUS[0]}}"],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.decode().splitlines()[-1] in {"141", "0"}
