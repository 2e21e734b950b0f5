from __future__ import annotations

import os
import pickle
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog import Note, Sink, read_line
from smartify_core.requestlog.files import JsonLinesFile, expire, log_files
from smartify_core.requestlog.files._active import ActiveFile
from smartify_core.testing import ManualClock

Open = Callable[..., JsonLinesFile]
Event = Callable[[int], Any]
Names = Callable[[], list[str]]
Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of what was written with one call each, as it happens."""
    sizes: list[int] = []
    write = ActiveFile._write

    def noted(active: ActiveFile, data: bytes) -> int:
        sizes.append(len(data))
        return write(active, data)

    monkeypatch.setattr(ActiveFile, "_write", noted)
    return sizes


def test_it_is_a_sink(open_sink: Open) -> None:
    """The file sink has the methods of the port."""
    assert isinstance(open_sink(), Sink)


def test_lines_are_those_of_the_events(open_sink: Open, event: Event, directory: Path) -> None:
    """A file holds the line of each record, byte for byte, and reads back as the same records."""
    sink = open_sink()
    records = [event(0), Note(5, "folded", 3), event(1)]
    for record in records:
        sink.put(record)
    assert sink.flush()
    [file] = log_files(directory)
    lines = file.path.read_bytes().splitlines(keepends=True)
    assert lines == [record.line() for record in records]
    assert [read_line(line) for line in lines] == records


def test_a_name_tells_the_start_and_the_process(open_sink: Open, event: Event, names: Names) -> None:
    """A file is named after the clock at its beginning, the process, and its number in it."""
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    assert names() == [f"requests-20300101T120000Z-{os.getpid()}-0.jsonl"]


def test_nothing_put_makes_no_file(open_sink: Open, names: Names) -> None:
    """A sink that nobody puts anything into makes its directory, and neither a file nor a thread."""
    before = threading.active_count()
    sink = open_sink()
    assert sink.flush()
    sink.close()
    assert names() == []
    assert threading.active_count() == before


def test_put_writes_nothing_in_the_caller(open_sink: Open, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every system call on files is made by the writing thread, whoever puts."""
    threads: set[str] = set()

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **named: Any) -> Any:
            threads.add(threading.current_thread().name)
            return call(*given, **named)

        return noted

    for name in ("open", "write", "fstat", "lstat", "mkdir", "fchmod"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    sink = open_sink()
    threads.clear()
    for number in range(1_000):
        sink.put(event(number))
    sink.flush()
    assert threads == {"smartify-request-log"}


def test_a_batch_is_one_write_of_at_most_64_kilobytes(open_sink: Open, event: Event, writes: list[int]) -> None:
    """What waits is written with one call for each 256 records: fewer than 64 kB."""
    sink = open_sink(flush_every=60.0, queue=100_000)
    for number in range(1_000):
        sink.put(event(number))
    sink.flush()
    assert len(writes) == 4
    assert max(writes) <= 1 << 16
    assert sum(writes) == sum(len(event(number).line()) for number in range(1_000))


def test_half_a_queue_wakes_the_thread(open_sink: Open, event: Event, read: Read) -> None:
    """A queue that fills is written before its time is up, so that nothing need be dropped."""
    sink = open_sink(flush_every=60.0, queue=100)
    sink.put(event(0))
    while not (waited := threading.Event()).wait(0.001) and len(read()) < 90:
        if sink.waiting < 90:
            sink.put(event(0))
    assert not waited.is_set()
    assert sink.dropped == 0


def test_waiting_and_dropped_are_counted(open_sink: Open, event: Event) -> None:
    """A sink tells how many events wait, and how many it could not keep."""
    sink = open_sink(flush_every=60.0)
    assert (sink.waiting, sink.dropped) == (0, 0)
    sink.put(event(0))
    assert sink.waiting == 1
    sink.close()
    assert (sink.waiting, sink.dropped) == (0, 0)
    sink.put(event(1))
    assert (sink.waiting, sink.dropped) == (0, 1)
    assert sink.dropped == 1


def test_leaving_a_with_block_closes(directory: Path, event: Event, read: Read) -> None:
    """A sink is a context manager that closes itself."""
    with JsonLinesFile(directory, on_sigterm=False) as sink:
        sink.put(event(0))
    assert len(read()) == 1


@pytest.mark.parametrize(
    ("umask", "mode"), [(0o000, 0o640), (0o022, 0o640), (0o027, 0o640), (0o077, 0o600), (0o777, 0o600)]
)
@pytest.mark.parametrize("chosen", [0o640, 0o600])
def test_mode_is_as_chosen_or_narrower(directory: Path, event: Event, umask: int, mode: int, chosen: int) -> None:
    """Whatever the umask is, a file is never wider than 0640 or what was chosen, and its owner can always use it."""
    directory.mkdir()
    before = os.umask(umask)
    try:
        with JsonLinesFile(directory, mode=chosen, on_sigterm=False) as sink:
            sink.put(event(0))
            sink.flush()
            [plain] = log_files(directory)
            assert stat.S_IMODE(plain.path.stat().st_mode) == mode & chosen
        with JsonLinesFile(directory, mode=chosen, on_sigterm=False) as sink:
            assert sink.tidy()
        [compressed] = log_files(directory)
        assert compressed.compressed
        assert stat.S_IMODE(compressed.path.stat().st_mode) == mode & chosen
        expire(directory, keep=timedelta(minutes=1), now=datetime.now(UTC) + timedelta(days=1))
        assert stat.S_IMODE((directory / "expired.jsonl").stat().st_mode) == mode
    finally:
        os.umask(before)


def test_directories_are_made_for_owner_and_group(tmp_path: Path) -> None:
    """What is made of the path can be entered by the owner and read by the group, and by nobody else."""
    before = os.umask(0)
    try:
        JsonLinesFile(tmp_path / "a" / "b", on_sigterm=False)
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o750, 0o750]


def test_a_relative_directory_stays_where_it_was(tmp_path: Path, event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that changes its directory later writes to where the sink was made."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with JsonLinesFile("log", on_sigterm=False) as sink:
        monkeypatch.chdir(tmp_path / "elsewhere")
        sink.put(event(0))
    assert len(log_files(tmp_path / "log")) == 1


def test_a_file_ends_when_it_is_large(open_sink: Open, event: Event, read: Read, directory: Path) -> None:
    """From ``rotate_bytes`` on another file is begun; the finished ones are compressed, and no line is lost."""
    sink = open_sink(rotate_bytes=4_096, queue=10_000)
    for number in range(2_000):
        sink.put(event(number))
        if number % 20 == 0:
            sink.flush()
    assert sink.tidy()
    files = log_files(directory)
    assert len(files) > 20
    assert all(file.compressed for file in files[:-1])
    assert [file.number for file in files] == [*range(len(files))]
    assert [line["time"] for line in read()] == [event(number).time for number in range(2_000)]


def test_a_file_ends_with_its_period(open_sink: Open, event: Event, clock: ManualClock, directory: Path) -> None:
    """At midnight (UTC) another file is begun, whether anything is put or not, and the former one is compressed."""
    sink = open_sink()
    sink.put(event(0))
    assert sink.tidy()
    clock.advance(hours=11, minutes=59, seconds=59)
    sink.put(event(1))
    assert sink.tidy()
    assert [file.compressed for file in log_files(directory)] == [False]
    clock.advance(seconds=1)
    assert sink.tidy()
    assert [file.compressed for file in log_files(directory)] == [True]
    sink.put(event(2))
    assert sink.tidy()
    assert [(file.compressed, file.started.day) for file in log_files(directory)] == [(True, 1), (False, 2)]


def test_a_period_can_be_any_span(open_sink: Open, event: Event, clock: ManualClock, directory: Path) -> None:
    """Periods are counted from 1970: hours end at full hours."""
    sink = open_sink(rotate_every=timedelta(hours=1))
    for _ in range(6):
        sink.put(event(0))
        sink.flush()
        clock.advance(minutes=20)
    assert [(file.started.hour, file.started.minute) for file in log_files(directory)] == [(12, 0), (13, 0)]


def test_a_small_step_back_changes_nothing(open_sink: Open, event: Event, clock: ManualClock, names: Names) -> None:
    """A clock that is corrected by minutes across midnight neither begins a file nor loses a line."""
    clock.advance(hours=12)
    sink = open_sink()
    for step in (0, -10, 10, -10, 10):
        clock.advance(minutes=step)
        sink.put(event(0))
        assert sink.tidy()
    assert names() == [f"requests-20300102T000000Z-{os.getpid()}-0.jsonl"]


def test_a_clock_that_was_wrong_begins_anew(
    open_sink: Open, event: Event, clock: ManualClock, directory: Path, read: Read
) -> None:
    """When a clock goes back by a year, the file that is named after the wrong time does not go on for a year."""
    clock.advance(days=365)
    sink = open_sink()
    sink.put(event(0))
    sink.flush()
    clock.advance(days=-365)
    sink.put(event(1))
    assert sink.tidy()
    assert [file.started.year for file in log_files(directory)] == [2030, 2031]
    assert sorted(line["time"] for line in read()) == [event(0).time, event(1).time]


def test_uncompressed_files_stay_as_they_are(
    open_sink: Open, event: Event, clock: ManualClock, directory: Path
) -> None:
    """Without compression a finished file keeps its name and its bytes."""
    sink = open_sink(compress=False)
    sink.put(event(0))
    sink.flush()
    clock.advance(days=1)
    sink.put(event(1))
    assert sink.tidy()
    assert [file.path.read_bytes() for file in log_files(directory)] == [event(0).line(), event(1).line()]


def test_two_sinks_of_one_process_share_a_directory(open_sink: Open, event: Event, read: Read, names: Names) -> None:
    """Each has a file of its own, and neither takes the other's for a dead process's."""
    one, other = open_sink(), open_sink()
    for sink in (one, other, one, other):
        sink.put(event(0))
        assert sink.tidy()
    assert names() == [f"requests-20300101T120000Z-{os.getpid()}-{number}.jsonl" for number in (0, 1)]
    assert len(read()) == 4


def test_a_pickled_sink_is_another_one_into_the_same_directory(directory: Path, event: Event, read: Read) -> None:
    """A sink that is sent to another process is opened there with the same settings, and with nothing of its queue."""
    with JsonLinesFile(directory, keep=timedelta(days=7), flush_every=60.0, mode=0o600, on_sigterm=False) as sink:
        sink.put(event(0))
        with pickle.loads(pickle.dumps(sink)) as copy:
            assert type(copy) is JsonLinesFile
            assert copy._settings == sink._settings
            assert copy.waiting == 0
            copy.put(event(1))
    assert sorted(line["time"] for line in read()) == [event(0).time, event(1).time]


@pytest.mark.parametrize("keys", ["ecs", "otel"])
def test_lines_can_have_the_keys_of_others(open_sink: Open, event: Event, keys: str, read: Read) -> None:
    """With the names of ECS or OpenTelemetry, notes have them, too."""
    sink = open_sink(keys=keys)
    sink.put(event(0))
    sink.put(Note(5, "folded", 3))
    sink.flush()
    first, note = read()
    assert first["http.response.status_code"] == 200
    assert note["smartify.note"] == "folded"
    assert {"@timestamp", "Timestamp"} & first.keys() & note.keys()
