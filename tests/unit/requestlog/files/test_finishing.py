"""What dead processes left: torn lines, half compressed files, files that nobody finished."""

from __future__ import annotations

import fcntl
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog.files import JsonLinesFile, log_files

Open = Callable[..., JsonLinesFile]
Event = Callable[[int], Any]
Names = Callable[[], list[str]]
Read = Callable[[], list[dict[str, Any]]]

LEFT = "requests-20291231T000000Z-4711-0.jsonl"


@pytest.fixture
def leave(directory: Path) -> Callable[..., Path]:
    """Return what leaves a file behind, as a process does that was killed."""

    def left(content: bytes, name: str = LEFT) -> Path:
        directory.mkdir(exist_ok=True)
        (directory / name).write_bytes(content)
        return directory / name

    return left


def test_a_dead_process_s_file_is_compressed(open_sink: Open, event: Event, leave: Any, names: Names) -> None:
    """What a process left whole is compressed by the next one, byte for byte."""
    content = b"".join(event(number).line() for number in range(5_000))
    left = leave(content)
    assert open_sink().tidy()
    assert names() == [f"{LEFT}.gz"]
    assert gzip.decompress(left.with_name(f"{LEFT}.gz").read_bytes()) == content


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("torn", [b"{", b'{"v":1,"time":18', b'{"v":1,"note":"folded"}', bytes(700)])
def test_a_torn_line_is_cut_and_noted(
    open_sink: Open, event: Event, leave: Any, read: Read, torn: bytes, compress: bool
) -> None:
    """What has no line feed at the end of a file is cut off; a note says how many bytes that were."""
    leave(event(0).line() + event(1).line() + torn)
    sink = open_sink(compress=compress)
    assert sink.tidy()
    assert sink.tidy()
    assert [line.get("time") for line in read()[:2]] == [event(0).time, event(1).time]
    assert [(line["note"], line["count"]) for line in read()[2:]] == [("recovered", len(torn))]
    assert log_files(open_dir(sink))[0].compressed is compress


def open_dir(sink: JsonLinesFile) -> Path:
    return sink._settings.directory


def test_a_file_of_nothing_but_a_torn_line_becomes_a_note(open_sink: Open, leave: Any, read: Read) -> None:
    """Where not one line is whole, the note is all that is left."""
    leave(b'{"v":1')
    assert open_sink().tidy()
    assert [line["count"] for line in read()] == [6]


def test_an_empty_file_is_deleted(open_sink: Open, leave: Any, names: Names) -> None:
    """A process that died before its first line leaves nothing."""
    leave(b"")
    assert open_sink().tidy()
    assert names() == []


def test_a_living_process_s_file_is_left_alone(open_sink: Open, event: Event, leave: Any, names: Names) -> None:
    """A file that somebody holds the lock of is neither cut nor compressed, however torn it looks."""
    left = leave(event(0).line() + b'{"v":1')
    with left.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert open_sink().tidy()
        assert names() == [LEFT]
        assert left.read_bytes() == event(0).line() + b'{"v":1'
    assert open_sink().tidy()
    assert names() == [f"{LEFT}.gz"]


def test_a_half_compressed_file_is_made_anew(
    open_sink: Open, event: Event, leave: Any, names: Names, read: Read
) -> None:
    """What a process had compressed when it was killed is thrown away, and all of the original is compressed."""
    leave(event(0).line())
    leave(b"\x1f\x8b half of it", f"{LEFT}.gz.part")
    assert open_sink().tidy()
    assert names() == [f"{LEFT}.gz"]
    assert len(read()) == 1


def test_a_file_that_is_there_twice_counts_once(
    open_sink: Open, event: Event, leave: Any, names: Names, read: Read
) -> None:
    """Killed between naming the compressed file and deleting the original, a process loses and doubles nothing."""
    leave(event(0).line())
    leave(gzip.compress(event(0).line()), f"{LEFT}.gz")
    assert len(read()) == 1
    assert open_sink().tidy()
    assert names() == [f"{LEFT}.gz"]
    assert len(read()) == 1


def test_a_name_is_used_once(open_sink: Open, event: Event, leave: Any, names: Names, read: Read) -> None:
    """A process with the pid of a dead one, as in a container, that begins in the same second takes another number."""
    mine = f"requests-20300101T120000Z-{os.getpid()}-0.jsonl"
    leave(gzip.compress(event(0).line()), f"{mine}.gz")
    sink = open_sink()
    sink.put(event(1))
    assert sink.tidy()
    assert names() == [f"{mine}.gz", mine.replace("-0.", "-1.")]
    assert len(read()) == 2


def test_a_half_compressed_file_without_original_is_deleted(open_sink: Open, leave: Any, names: Names) -> None:
    """Nobody will finish it, and nobody could read it."""
    leave(b"\x1f\x8b half of it", f"{LEFT}.gz.part")
    leave(b"mine", "other.gz.part")
    assert open_sink().tidy()
    assert names() == ["other.gz.part"]


def test_what_is_no_file_is_left_alone(open_sink: Open, event: Event, directory: Path, tmp_path: Path) -> None:
    """A link, a directory and a pipe under names of log files are not touched, and nobody waits for the pipe."""
    sink = open_sink()
    (tmp_path / "precious").write_bytes(b"mine, without a line feed")
    (directory / LEFT).symlink_to(tmp_path / "precious")
    (directory / LEFT.replace("4711", "2")).mkdir()
    os.mkfifo(directory / LEFT.replace("4711", "3"))
    sink.put(event(0))
    assert sink.tidy()
    assert (tmp_path / "precious").read_bytes() == b"mine, without a line feed"
    assert (directory / LEFT).is_symlink()


def test_one_bad_file_keeps_no_other_from_being_finished(
    open_sink: Open, event: Event, leave: Any, directory: Path, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one file cannot be compressed, it stays as it is, and the others are compressed all the same."""
    for pid in (1, 2, 3):
        leave(event(pid).line(), LEFT.replace("4711", str(pid)))
    bad = LEFT.replace("4711", "2")
    pread = os.pread

    def fail(fd: int, length: int, start: int) -> bytes:
        if Path(f"/proc/self/fd/{fd}").readlink().name == bad:
            raise OSError(5, os.strerror(5))
        return pread(fd, length, start)

    monkeypatch.setattr(os, "pread", fail)
    assert open_sink().tidy()
    assert names() == sorted([LEFT.replace("4711", "1") + ".gz", bad, LEFT.replace("4711", "3") + ".gz"])
    monkeypatch.undo()
    assert open_sink().tidy()
    assert len(names()) == 3
    assert all(name.endswith(".gz") for name in names())


def test_compression_that_fails_is_tried_again(
    open_sink: Open, event: Event, clock: Any, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished file for whose compression there is no room stays as it is, and is compressed an hour later."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    [name] = names()

    def full(fd: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as context:
        context.setattr(os, "fsync", full)
        clock.advance(days=1)
        sink.tidy()
        assert names() == [name]
    clock.advance(hours=1)
    assert sink.tidy()
    assert names() == [f"{name}.gz"]


def test_a_compressed_file_is_its_original_s_owner_s(open_sink: Open, event: Event, leave: Any, names: Names) -> None:
    """What root compresses stays the application's, and what somebody opened to everybody is shut again."""
    if os.geteuid():
        pytest.skip("only root can give files away")
    left = leave(event(0).line())
    os.chown(left, 65_534, 65_534)
    left.chmod(0o666)
    assert open_sink().tidy()
    found = left.with_name(f"{LEFT}.gz").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65_534, 65_534, 0o640)


def test_events_are_written_while_a_file_is_compressed(
    open_sink: Open, event: Event, leave: Any, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compression works in small pieces: what is put meanwhile is written in between, and not after it."""
    leave(b"".join(event(number).line() for number in range(12_000)))
    sink = open_sink()
    seen: list[int] = []
    fsync = os.fsync

    def looked(fd: int) -> None:
        seen.append(sum(line["time"] >= event(50_000).time for line in read()))
        fsync(fd)

    reading = os.pread

    def slow(fd: int, length: int, start: int) -> bytes:
        if start:
            sink.put(event(50_000 + start))
            sink.hurry()
        return reading(fd, length, start)

    monkeypatch.setattr(os, "pread", slow)
    monkeypatch.setattr(os, "fsync", looked)
    assert sink.tidy()
    assert seen[0] > 2
