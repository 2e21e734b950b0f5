"""Disks that are full, fail, or may only be read. The request never sees it."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import resource
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog import _diagnostics
from smartify_core.requestlog.files import JsonLinesFile, log_files
from smartify_core.requestlog.files._active import ActiveFile
from smartify_core.testing import ManualClock

Open = Callable[..., JsonLinesFile]
Event = Callable[[int], Any]
Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a real file system of 64 kB, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this process may not mount a file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def put(sink: JsonLinesFile, event: Event, first: int, last: int) -> None:
    for number in range(first, last):
        sink.put(event(number))


def numbers(event: Event, lines: list[dict[str, Any]]) -> list[int]:
    start = event(0).time
    return [line["time"] - start for line in lines if "note" not in line]


def dropped(lines: list[dict[str, Any]]) -> int:
    return sum(line["count"] for line in lines if line.get("note") == "dropped")


def test_a_full_disk_is_waited_out(
    small_disk: Path, event: Event, clock: ManualClock, read: Read, directory: Path
) -> None:
    """On a full disk nothing is raised and no line is torn; with room again, all is written or told as dropped."""
    directory.symlink_to(small_disk, target_is_directory=True)
    with JsonLinesFile(directory, queue=50, flush_every=0.05, now=clock, compress=False, on_sigterm=False) as sink:
        put(sink, event, 0, 50)
        assert sink.flush()
        free = os.statvfs(small_disk).f_bavail * 4096
        (small_disk / "ballast").write_bytes(bytes(free))
        put(sink, event, 50, 300)
        assert not sink.flush()
        assert log_files(directory)[0].path.read_bytes().endswith(b"\n")
        put(sink, event, 300, 350)
        (small_disk / "ballast").unlink()
        assert sink.flush()
        found = numbers(event, read())
        assert found == sorted(set(found))
        assert len(found) + dropped(read()) == 350
        assert dropped(read()) == sink.dropped > 0


def test_a_limit_for_one_file_begins_another(public: Path, event: Event, as_nobody: Any) -> None:
    """A process whose files may have 8 kB only writes on in the next file: every line is there, none is torn."""

    def work() -> str:
        resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))
        with JsonLinesFile(public / "log", compress=False, on_sigterm=False) as sink:
            put(sink, event, 0, 500)
            return str(sink.flush())

    public.chmod(0o777)
    assert as_nobody(work) == "True"
    contents = [file.path.read_bytes() for file in log_files(public / "log")]
    assert len(contents) > 5
    assert b"".join(contents) == b"".join(event(number).line() for number in range(500))


def test_a_directory_that_becomes_read_only_is_waited_out(public: Path, event: Event, as_nobody: Any) -> None:
    """While its directory may not be written to, a sink that has no file raises nothing; afterwards it writes."""
    place = public / "log"
    place.mkdir()
    place.chmod(0o777)

    made, shut, told, opened = (multiprocessing.Event() for _ in range(4))

    def work() -> str:
        with JsonLinesFile(place, flush_every=0.05, on_sigterm=False) as sink:
            made.set()
            shut.wait(60)
            put(sink, event, 0, 10)
            before = sink.flush()
            told.set()
            opened.wait(60)
            return f"{before} {sink.flush()} {sink.dropped}"

    def turn() -> None:
        made.wait(60)
        place.chmod(0o555)
        shut.set()
        told.wait(60)
        place.chmod(0o777)
        opened.set()

    other = threading.Thread(target=turn)
    other.start()
    child_says = [as_nobody(work)]
    other.join()
    assert child_says == ["False True 0"]
    assert len(log_files(place)) == 1


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE])
def test_an_error_of_the_disk_is_waited_out(
    open_sink: Open, event: Event, read: Read, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Whatever a write fails with, the lines are written once it works again, each once."""
    sink = open_sink()
    sink.put(event(0))
    assert sink.flush()
    with monkeypatch.context() as broken:

        def fail(active: ActiveFile, data: bytes) -> int:
            raise OSError(number, os.strerror(number))

        broken.setattr(ActiveFile, "_write", fail)
        for each in range(1, 10):
            sink.put(event(each))
            assert not sink.flush()
    assert sink.flush()
    assert numbers(event, read()) == [*range(10)]


@pytest.mark.parametrize("whole", [0, 1, 2])
@pytest.mark.parametrize("torn", [0, 1, 40])
def test_a_short_write_tears_no_line(
    open_sink: Open, event: Event, read: Read, monkeypatch: pytest.MonkeyPatch, whole: int, torn: int
) -> None:
    """When a disk fills up in the middle of a batch, what is there of a line is cut off, and the line comes later."""
    sink = open_sink()
    sink.put(event(0))
    assert sink.flush()
    length = len(event(0).line())
    write = ActiveFile._write
    left = [whole * length + torn]

    def short(active: ActiveFile, data: bytes) -> int:
        allowed, left[0] = min(len(data), left[0]), left[0] - min(len(data), left[0])
        if not allowed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(active, data[:allowed])

    with monkeypatch.context() as full:
        full.setattr(ActiveFile, "_write", short)
        put(sink, event, 1, 6)
        assert not sink.flush()
        assert numbers(event, read()) == [*range(1 + whole)]
    assert sink.flush()
    assert numbers(event, read()) == [*range(6)]


def test_a_torn_line_that_cannot_be_cut_ends_its_file(
    open_sink: Open, event: Event, directory: Path, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    """When not even the cut works, nothing follows the half line; whoever adopts the file cuts it off and notes it."""
    sink = open_sink(compress=False)
    sink.put(event(0))
    assert sink.flush()
    write = ActiveFile._write

    def half(active: ActiveFile, data: bytes) -> int:
        if len(data) == len(event(1).line()):
            return write(active, data[:20])
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def uncut(fd: int, length: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(ActiveFile, "_write", half)
        broken.setattr(os, "ftruncate", uncut)
        sink.put(event(1))
        assert not sink.flush()
    assert sink.tidy()
    assert numbers(event, read()) == [0, 1]
    assert [line["count"] for line in read() if line.get("note") == "recovered"] == [20]
    assert len(log_files(directory)) == 2


def test_a_write_in_pieces_is_completed(
    open_sink: Open, event: Event, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that takes only part of a batch, without an error, is gone on with until all of it is there."""
    write = ActiveFile._write
    monkeypatch.setattr(ActiveFile, "_write", lambda active, data: write(active, data[:7]))
    sink = open_sink()
    put(sink, event, 0, 20)
    assert sink.flush()
    assert log_files(directory)[0].path.read_bytes() == b"".join(event(number).line() for number in range(20))


def test_trouble_is_told_once_a_minute(
    open_sink: Open, event: Event, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's log hears of it once, with counts and the error's name, and of the end; a minute later once more."""
    sink = open_sink(queue=10)
    sink.put(event(0))
    assert sink.flush()
    directory.rename(directory.with_name("away"))
    directory.write_text("no directory")
    with Heard() as heard:
        for number in range(1, 30):
            sink.put(event(number))
            assert not sink.flush()
        assert heard == [("warning", "request_log_not_written", {"error": "ENOTDIR", "waiting": 1, "dropped": 0})]
        monkeypatch.setattr(_diagnostics, "EVERY", 0.0)
        assert not sink.flush()
        assert [what for _, what, _ in heard] == ["request_log_not_written"] * 2
        assert heard[-1][2]["dropped"] == sink.dropped > 0
        directory.unlink()
        directory.with_name("away").rename(directory)
        assert sink.flush()
        assert heard[-1][:2] == ("info", "request_log_written_again")


class Heard:
    """Collects what the room says, without what is counted of its own repetition."""

    def __enter__(self) -> list[tuple[str, str, dict[str, Any]]]:
        told: list[tuple[str, str, dict[str, Any]]] = []
        plain = set(logging.makeLogRecord({}).__dict__) | {"count", "taskName"}

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                extra = {key: value for key, value in record.__dict__.items() if key not in plain}
                told.append((record.levelname.lower(), record.msg, extra))

        self.handler = Handler()
        self.logger = logging.getLogger("smartify_core.requestlog")
        self.before = self.logger.level
        self.logger.setLevel("INFO")
        self.logger.addHandler(self.handler)
        return told

    def __exit__(self, *error: object) -> None:
        self.logger.removeHandler(self.handler)
        self.logger.setLevel(self.before)
