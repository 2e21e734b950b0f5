"""Whatever happens to a request log's files, every event is in one of them or was told, once."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from smartify_core.requestlog import Client, Feature, RequestEvent
from smartify_core.requestlog.files import JsonLinesFile, expire, log_files
from smartify_core.requestlog.files._target import FileTarget
from smartify_core.testing import ManualClock

CLIENT = Client("Chrome", 120, "Windows", "desktop")
KEEP = timedelta(days=3)


class RequestLogFiles(RuleBasedStateMachine):
    """Two writers, one directory, a clock that goes as it likes, and processes that die.

    What the threads of two processes do is done here step by step, so that a failure can be repeated.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.directory = self.folder / "log"
        self.clock = ManualClock("2030-01-01T22:00:00")
        self.count = 0
        self.torn = 0
        self.writers = [self.writer(), self.writer()]

    def writer(self, *, compress: bool = True) -> FileTarget:
        sink = JsonLinesFile(
            self.directory, rotate_bytes=4_096, keep=KEEP, compress=compress, now=self.clock, on_sigterm=False
        )
        target = sink._target
        assert isinstance(target, FileTarget)
        return target

    @rule(which=st.integers(0, 1), number=st.integers(1, 60))
    def write(self, which: int, number: int) -> None:
        """Have events written."""
        time = int(self.clock().timestamp())
        names = range(self.count + 1, self.count + number + 1)
        events = [RequestEvent(time, Feature(f"page {name}"), "GET", 200, 5, CLIENT) for name in names]
        assert self.writers[which].send(events).done == number
        self.count += number

    @rule(hours=st.sampled_from([1, 5, 20, 30, -1, -30]))
    def turn(self, hours: int) -> None:
        """Turn the clock, forwards and backwards."""
        self.clock.advance(hours=hours)

    @rule(which=st.integers(0, 1), number=st.integers(1, 30))
    def step(self, which: int, number: int) -> None:
        """Have a process go a few steps on in looking after files."""
        for _ in range(number):
            self.writers[which].step()

    @rule(which=st.integers(0, 1))
    def look(self, which: int) -> None:
        """Have a process begin to look after all files."""
        self.writers[which].hasten()

    @rule(which=st.integers(0, 1), torn=st.binary(max_size=40), compress=st.booleans())
    def die(self, which: int, torn: bytes, compress: bool) -> None:
        """Have a process die, perhaps in the middle of a line; another one takes its place."""
        active = self.writers[which]._active
        if active is not None and b"\n" not in torn:
            os.write(active.opened.fd, torn)
            self.torn += bool(torn)
        self.writers[which].forget()  # what is open is closed, and nothing else is done
        self.writers[which] = self.writer(compress=compress)

    @rule()
    def expire(self) -> None:
        """Run the command from outside. It waits for a process that is at it, so nobody is."""
        for writer in self.writers:
            while writer.step():
                pass
        expire(self.directory, keep=KEEP, now=self.clock())

    @invariant()
    def every_event_is_there_once(self) -> None:
        """Hold what the files and the notes tell against what was put."""
        found = [int(line["feature"].partition(" ")[2]) for line in self.lines() if "feature" in line]
        assert len(found) == len(set(found))
        assert len(found) + self.noted() == self.count

    def lines(self) -> list[dict[str, Any]]:
        """Return all whole lines."""
        found: list[dict[str, Any]] = []
        for file in log_files(self.directory):
            data = file.path.read_bytes()
            found += map(json.loads, (gzip.decompress(data) if file.compressed else data).split(b"\n")[:-1])
        return found

    def noted(self) -> int:
        """Return how many events the notes say were deleted."""
        path = self.directory / "expired.jsonl"
        return sum(json.loads(line)["count"] for line in path.read_bytes().splitlines()) if path.exists() else 0

    def teardown(self) -> None:
        """Have all processes end, and look once more after the last one has tidied up."""
        for writer in self.writers:
            writer.close()
        last = self.writer()
        while last.step():
            pass
        last.close()
        self.every_event_is_there_once()
        assert all(file.compressed and file.started + KEEP > self.clock() for file in log_files(self.directory))
        recovered = sum(line.get("note") == "recovered" for line in self.lines())
        assert recovered <= self.torn
        names = {path.name for path in self.directory.iterdir()}
        assert {name for name in names if not name.endswith(".gz")} <= {"expired.jsonl", ".packing.lock"}
        shutil.rmtree(self.folder)


TestRequestLogFiles = RequestLogFiles.TestCase
TestRequestLogFiles.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
