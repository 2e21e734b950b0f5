from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog import Client, Feature, RequestEvent
from smartify_core.requestlog.files import JsonLinesFile, log_files
from smartify_core.testing import ManualClock

CLIENT = Client("Chrome", 120, "Windows", "desktop")
#: Makes an event that came in so many seconds after the clock's start.
Event = Callable[[int], RequestEvent]
#: Opens a sink into the directory of the test.
Open = Callable[..., JsonLinesFile]
#: Reads every line of every file of the log, in order.
Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at noon."""
    return ManualClock("2030-01-01T12:00:00")


@pytest.fixture
def event() -> Event:
    """Return what makes events."""
    noon = int(datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp())
    return lambda number: RequestEvent(noon + number, Feature("page"), "GET", 200, 5, CLIENT)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return where the log is, which is not there yet."""
    return tmp_path / "log"


@pytest.fixture
def open_sink(directory: Path, clock: ManualClock) -> Iterator[Open]:
    """Give what opens sinks that are closed when the test has ended."""
    sinks: list[JsonLinesFile] = []

    def opened(**options: Any) -> JsonLinesFile:
        defaults: dict[str, Any] = {"now": clock, "flush_every": 0.05, "on_sigterm": False}
        sinks.append(JsonLinesFile(directory, **defaults | options))
        return sinks[-1]

    yield opened
    for sink in sinks:
        sink.close()


@pytest.fixture
def read(directory: Path) -> Read:
    """Return what reads the whole log."""

    def lines() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for file in log_files(directory):
            data = file.path.read_bytes()
            found += map(json.loads, (gzip.decompress(data) if file.compressed else data).splitlines())
        return found

    return lines


@pytest.fixture
def names(directory: Path) -> Callable[[], list[str]]:
    """Return what lists the directory."""
    return lambda: sorted(path.name for path in directory.iterdir())


@pytest.fixture
def public() -> Iterator[Path]:
    """Give a folder that everybody can enter; those of the test run are their owner's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def as_nobody() -> Callable[[Callable[[], str]], str]:
    """Return what has a child without rights of its own find something out, and tell it."""

    def told(work: Callable[[], str]) -> str:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                if os.geteuid() == 0:
                    os.setgroups([])
                    os.setresgid(65_534, 65_534, 65_534)
                    os.setresuid(65_534, 65_534, 65_534)
                os.write(writing, work().encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading) as pipe:
            return pipe.read()

    return told
