"""Worlds of sinks: each has a file for its target, so that forks and other processes reach it."""

from __future__ import annotations

import errno
import functools
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from structlog.processors import JSONRenderer

from smartify_core.requestlog import Sink
from smartify_core.requestlog.files import JsonLinesFile, log_files
from smartify_core.requestlog.files._active import ActiveFile
from smartify_core.requestlog.processors import StructlogSink
from smartify_core.testing.conformance import SinkCapability, SinkWorld
from smartify_core.testing.requestlog import MemorySink

QUEUE = 100
EVERYTHING = frozenset(SinkCapability)


class LineFile:
    """Writes lines to a file; can be made to stick and to fail."""

    def __init__(self, path: Path, flags: int = os.O_APPEND) -> None:
        self.path = path
        self.flags = flags
        self.free = threading.Event()
        self.free.set()
        self.failing = False
        self.fd = -1

    def __reduce__(self) -> tuple[object, ...]:
        return (LineFile, (self.path, self.flags))

    def __call__(self, line: str) -> None:
        if self.fd < 0:
            self.fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | self.flags)
        self.free.wait()
        if self.failing:
            raise OSError(errno.EIO, "a world that fails")
        os.write(self.fd, f"{line}\n".encode())

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


def structlog_sink(kind: type[StructlogSink], write: LineFile, queue: int = QUEUE) -> StructlogSink:
    """Return a sink that renders JSON."""
    return kind((JSONRenderer(),), write, queue=queue, flush_every=0.01, on_sigterm=False)


def _items(content: bytes) -> list[Mapping[str, Any]]:
    """Return what whole lines say; the last one may just be on its way."""
    return [json.loads(line) for line in content.split(b"\n")[:-1]]


class StructlogWorld(SinkWorld):
    """A `StructlogSink`, or one that is broken, into a file."""

    capabilities = EVERYTHING
    bound = 2 * QUEUE

    def __init__(self, folder: Path, kind: type[StructlogSink] = StructlogSink, flags: int = os.O_APPEND) -> None:
        self.kind = kind
        self.target = LineFile(folder / "lines", flags)

    def open(self) -> Sink:
        return structlog_sink(self.kind, self.target)

    def written(self) -> Sequence[Mapping[str, Any]]:
        path = self.target.path
        return _items(path.read_bytes()) if path.exists() else []

    def opener(self) -> Callable[[], Sink]:
        return functools.partial(structlog_sink, self.kind, self.target)

    def stick(self) -> None:
        self.target.free.clear()

    def release(self) -> None:
        self.target.free.set()

    def fail(self) -> None:
        self.target.failing = True

    def mend(self) -> None:
        self.target.failing = False

    def close(self) -> None:
        self.target.close()


class FilesWorld(SinkWorld):
    """A `JsonLinesFile`."""

    capabilities = EVERYTHING
    bound = 2 * QUEUE

    def __init__(self, folder: Path, *, compress: bool = True) -> None:
        self.directory = folder / "log"
        self.away = folder / "away"
        self.compress = compress
        self.free = threading.Event()
        self.free.set()
        self.write = ActiveFile._write

        def write(active: ActiveFile, data: bytes) -> int:
            self.free.wait()
            return self.write(active, data)

        ActiveFile._write = write  # type: ignore[method-assign, assignment] # no disk here can be made to stick

    def open(self) -> Sink:
        return self.opener()()

    def opener(self) -> Callable[[], Sink]:
        return functools.partial(
            JsonLinesFile, self.directory, queue=QUEUE, flush_every=0.01, compress=self.compress, on_sigterm=False
        )

    def written(self) -> Sequence[Mapping[str, Any]]:
        import gzip

        found: list[Mapping[str, Any]] = []
        while self.directory.is_dir():
            try:
                for file in log_files(self.directory):
                    content = gzip.decompress if file.compressed else bytes
                    found += _items(content(file.path.read_bytes()))
                break
            except FileNotFoundError:  # compressed in the meantime
                found.clear()
        return found

    def stick(self) -> None:
        self.free.clear()

    def release(self) -> None:
        self.free.set()

    def fail(self) -> None:
        self.directory.rename(self.away)
        self.directory.write_text("no directory")

    def mend(self) -> None:
        self.directory.unlink()
        self.away.rename(self.directory)

    def close(self) -> None:
        ActiveFile._write = self.write  # type: ignore[method-assign] # as above


class MemoryWorld(SinkWorld):
    """`MemorySink`s: they promise nothing, as they write nowhere."""

    bound = 2 * QUEUE

    def __init__(self) -> None:
        self.sinks: list[MemorySink] = []

    def open(self) -> Sink:
        self.sinks.append(MemorySink())
        return self.sinks[-1]

    def written(self) -> Sequence[Mapping[str, Any]]:
        return [record.as_dict() for sink in self.sinks for record in sink.records]
