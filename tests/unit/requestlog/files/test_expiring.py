from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Note, RequestEvent
from smartify_core.requestlog.files import Expired, JsonLinesFile, _ledger, delete_and_note, expire, log_files, overdue
from smartify_core.requestlog.files._names import file_name
from smartify_core.requestlog.files._opened import Shelf
from smartify_core.testing import ManualClock

Open = Callable[..., JsonLinesFile]
Event = Callable[[int], RequestEvent]
Names = Callable[[], list[str]]
Read = Callable[[], list[dict[str, Any]]]

DAY = 86_400
KEEP = timedelta(days=30)
NOW = datetime(2030, 3, 1, tzinfo=UTC)


@pytest.fixture
def ledger(directory: Path) -> Callable[[], list[tuple[str, int]]]:
    """Return what reads the notes of deletions: days and counts."""

    def notes() -> list[tuple[str, int]]:
        path = directory / "expired.jsonl"
        lines = [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        assert all(line["note"] == "expired" for line in lines)
        return [(line["day"], line["count"]) for line in lines]

    return notes


@pytest.fixture
def leave(directory: Path, event: Event) -> Callable[..., Path]:
    """Return what leaves a file of one event a minute, compressed or not."""

    def left(started: datetime, count: int, *, pid: int = 1, compress: bool = True, extra: bytes = b"") -> Path:
        directory.mkdir(exist_ok=True)
        first = event(int(started.timestamp()) - event(0).time)
        lines = b"".join(RequestEvent(first.time + 60 * number, *first[1:]).line() for number in range(count))
        path = directory / f"{file_name(started, pid, 0)}{'.gz' if compress else ''}"
        path.write_bytes(gzip.compress(lines + extra) if compress else lines + extra)
        return path

    return left


Ledger = Callable[[], list[tuple[str, int]]]


def test_files_expire_when_their_time_is_over(
    open_sink: Open, event: Event, clock: ManualClock, directory: Path, ledger: Ledger
) -> None:
    """With a clock turned by hand, a day's file is there until 30 days after its beginning, and then it is not."""
    sink = open_sink()
    for day in range(3):
        for _ in range(day + 1):
            sink.put(event(day * DAY))
        assert sink.tidy()
        clock.advance(days=1)
    assert sink.tidy()
    clock.advance(days=27)
    clock.advance(seconds=-1)
    assert sink.tidy()
    assert len(log_files(directory)) == 3
    assert ledger() == []
    clock.advance(seconds=1)
    assert sink.tidy()
    assert [file.started.day for file in log_files(directory)] == [2, 3]
    assert ledger() == [("2030-01-01", 1)]
    clock.advance(days=365)
    assert sink.tidy()
    assert log_files(directory) == ()
    assert ledger() == [("2030-01-01", 1), ("2030-01-02", 2), ("2030-01-03", 3)]


def test_retention_works_by_itself(open_sink: Open, event: Event, clock: ManualClock, directory: Path) -> None:
    """A sink that is used looks each hour for what is too old; nobody has to ask for it."""
    sink = open_sink()
    sink.put(event(0))
    assert sink.tidy()
    for _ in range(31):
        clock.advance(days=1)
        sink.put(event(0))
        sink.flush()
    while not (directory / "expired.jsonl").exists():
        clock.advance(hours=1)
        sink.put(event(0))
        sink.flush()


def test_a_clock_that_jumps_ahead_deletes_nothing(
    open_sink: Open, event: Event, clock: ManualClock, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A time that was ten years off for a moment must not cost the log: nothing is deleted before it has lasted."""
    sink = open_sink()
    sink.put(event(0))
    assert sink.tidy()
    before = clock()
    clock.advance(days=3_650)
    while "request_log_clock_jumped" not in caplog.text:
        sink.put(event(0))
        sink.flush()
    clock.advance(days=-3_650)
    sink.put(event(0))
    assert sink.tidy()
    assert not (directory / "expired.jsonl").exists()
    assert before.date() in {file.started.date() for file in log_files(directory)}


def test_a_file_is_written_to_however_old_it_is(directory: Path, event: Event, leave: Any, ledger: Ledger) -> None:
    """A file that somebody holds the lock of is not deleted."""
    path = leave(NOW - timedelta(days=99), 5, compress=False)
    with path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert expire(directory, keep=KEEP, now=NOW) == Expired()
        assert path.exists()
    assert expire(directory, keep=KEEP, now=NOW).files == (path.name,)
    assert ledger() == [("2029-11-22", 5)]


def test_events_are_counted_by_their_own_day(directory: Path, leave: Any, ledger: Ledger) -> None:
    """A file over midnight counts for both days; files of one day make one note; notes in them count for nothing."""
    evening = datetime(2030, 1, 10, 23, 50, tzinfo=UTC)
    note = Note(int(evening.timestamp()), "dropped", 99).line()
    leave(evening, 15, pid=1, extra=note)
    leave(evening, 25, pid=2, compress=False, extra=note)
    found = expire(directory, keep=KEEP, now=NOW)
    assert found.days == {"2030-01-10": 20, "2030-01-11": 20}
    assert found.events == 40
    assert len(found.files) == 2
    assert ledger() == [("2030-01-10", 20), ("2030-01-11", 20)]


@pytest.mark.parametrize("keys", ["smartify", "ecs", "otel"])
def test_events_are_counted_under_any_keys(directory: Path, event: Event, keys: Any, clock: ManualClock) -> None:
    """Files with the names of ECS or OpenTelemetry are counted by day as ours are."""
    with JsonLinesFile(directory, keys=keys, now=clock, on_sigterm=False) as sink:
        for number in range(30):
            sink.put(event(number * 3_600))
        sink.put(Note(event(0).time, "folded", 4))
    assert expire(directory, keep=KEEP, now=clock() + KEEP).days == {"2030-01-01": 12, "2030-01-02": 18}


def test_notes_tell_when_they_were_made(directory: Path, leave: Any) -> None:
    """A note has the time of the deletion, and is a line of the schema."""
    leave(NOW - timedelta(days=31), 1)
    expire(directory, keep=KEEP, now=NOW)
    [line] = (directory / "expired.jsonl").read_bytes().splitlines()
    assert json.loads(line) == {
        "v": 1,
        "time": int(NOW.timestamp()),
        "note": "expired",
        "count": 1,
        "day": "2030-01-29",
    }


def test_nothing_to_delete_leaves_no_trace(directory: Path, leave: Any, names: Names) -> None:
    """Where nothing is too old, no ledger is made."""
    leave(NOW - timedelta(days=29), 1)
    before = names()
    assert expire(directory, keep=KEEP, now=NOW) == Expired()
    assert names() == before


def test_files_from_the_future_are_kept(directory: Path, leave: Any) -> None:
    """What a clock that was wrong named after next year is no older for it."""
    leave(NOW + timedelta(days=365), 1)
    assert expire(directory, keep=KEEP, now=NOW).files == ()


def test_the_oldest_go_first_where_room_is_short(directory: Path, leave: Any, ledger: Ledger) -> None:
    """With a limit for all files together, the oldest are deleted until the others fit, and are noted as well."""
    paths = [leave(NOW - timedelta(days=day), 100, compress=False) for day in (5, 4, 3, 2, 1)]
    size = paths[0].stat().st_size
    found = expire(directory, keep=KEEP, now=NOW, keep_bytes=3 * size)
    assert found.files == tuple(path.name for path in paths[:2])
    assert [file.path for file in log_files(directory)] == paths[2:]
    assert ledger() == [("2030-02-24", 100), ("2030-02-25", 100)]
    assert expire(directory, keep=KEEP, now=NOW, keep_bytes=3 * size).files == ()


def test_a_sink_keeps_within_its_room(open_sink: Open, event: Event, directory: Path) -> None:
    """A sink with a limit for all files together deletes its own oldest ones, never the one that it writes to."""
    sink = open_sink(rotate_bytes=4_096, keep_bytes=20_000, compress=False)
    for number in range(1_000):
        sink.put(event(number))
        if not number % 20:
            sink.flush()
    assert sink.tidy()
    assert 10_000 < sum(file.path.stat().st_size for file in log_files(directory)) <= 20_000
    noted = sum(json.loads(line)["count"] for line in (directory / "expired.jsonl").read_bytes().splitlines())
    kept = sum(len(file.path.read_bytes().splitlines()) for file in log_files(directory))
    assert noted + kept == 1_000


def test_a_damaged_file_goes_as_well(directory: Path, leave: Any, ledger: Ledger) -> None:
    """Of a compressed file that is damaged, the events up to there are counted, and it is deleted in its time."""
    path = leave(NOW - timedelta(days=40), 5_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    other = leave(NOW - timedelta(days=40), 1, pid=2)
    other.write_bytes(b"no gzip at all")
    assert len(expire(directory, keep=KEEP, now=NOW).files) == 2
    assert 0 < sum(count for _, count in ledger()) < 5_000


def test_a_file_that_is_there_twice_counts_once(directory: Path, leave: Any, ledger: Ledger, names: Names) -> None:
    """A compressed file whose original was not deleted yet is counted once, and both go."""
    leave(NOW - timedelta(days=40), 7, compress=True)
    leave(NOW - timedelta(days=40), 7, compress=False)
    assert expire(directory, keep=KEEP, now=NOW).events == 7
    assert names() == [".packing.lock", "expired.jsonl"]
    assert ledger() == [("2030-01-20", 7)]


def test_a_deletion_that_was_cut_short_is_done_once(directory: Path, leave: Any, ledger: Ledger, names: Names) -> None:
    """What was written down of a deletion is done by the next one, wherever it had stopped, with one note a day."""
    paths = [leave(NOW - timedelta(days=40), 7, pid=pid) for pid in (1, 2)]
    earlier = Note(1, "expired", 5, "2030-01-01").line()
    notes = Note(2, "expired", 14, "2030-01-20").line()
    intent = {"at": len(earlier), "notes": notes.decode(), "files": [path.name for path in paths]}
    for written in (b"", notes[:10], notes):
        for path in paths:
            path.touch()
        (directory / "expired.jsonl").write_bytes(earlier + written)
        (directory / ".expiring").write_text(json.dumps(intent))
        assert expire(directory, keep=KEEP, now=NOW) == Expired()
        assert names() == [".packing.lock", "expired.jsonl"]
        assert ledger() == [("2030-01-01", 5), ("2030-01-20", 14)]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"at": 0}',
        '{"at": 0, "notes": "", "files": ["../precious"]}',
        '{"at": "x", "notes": "", "files": []}',
        '{"at": 0, "notes": "\u00e9", "files": []}',
        '{"at": 0, "notes": "", "files": 5}',
        '{"at": 0, "notes": "", "files": [5, "\u0000"]}',
    ],
)
def test_a_strange_note_of_a_deletion_deletes_nothing(
    directory: Path, tmp_path: Path, leave: Any, content: str
) -> None:
    """What is no deletion of ours, or leads out of the directory, deletes no file."""
    (tmp_path / "precious").touch()
    kept = leave(NOW - timedelta(days=1), 1)
    (directory / ".expiring").write_text(content)
    assert expire(directory, keep=KEEP, now=NOW) == Expired()
    assert kept.exists()
    assert (tmp_path / "precious").exists()
    assert not (directory / ".expiring").exists()


@pytest.mark.parametrize("keep_bytes", [-1, 1.5, True, "1"])
def test_a_room_is_a_number_of_bytes(directory: Path, leave: Any, keep_bytes: Any) -> None:
    """What is none deletes nothing."""
    kept = leave(NOW - timedelta(days=1), 1)
    with pytest.raises(UsageError, match="keep_bytes"):
        expire(directory, keep=KEEP, now=NOW, keep_bytes=keep_bytes)
    assert kept.exists()


def test_what_would_go_is_told_and_stays(directory: Path, leave: Any) -> None:
    """`overdue` names what `expire` would delete now, and leaves it; what somebody writes to is not among it."""
    old, new = leave(NOW - timedelta(days=40), 1), leave(NOW - timedelta(days=1), 1)
    written = leave(NOW - timedelta(days=41), 1, pid=9, compress=False)
    with written.open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert overdue(directory, keep=KEEP, now=NOW) == (old.name,)
    assert all(path.exists() for path in (old, new, written))
    assert set(overdue(directory, keep=KEEP, now=NOW)) == {old.name, written.name}
    assert overdue(directory, keep=KEEP, now=NOW) == expire(directory, keep=KEEP, now=NOW).files
    with pytest.raises(UsageError, match="now is the present instant"):
        overdue(directory, keep=KEEP, now=NOW.replace(tzinfo=None))


def test_what_was_half_compressed_goes_with_its_file(directory: Path, leave: Any, names: Names) -> None:
    """A process that died while it compressed left readable events behind, under a name of their own."""
    old = leave(NOW - timedelta(days=40), 1)
    old.with_name(f"{old.name}.part").write_bytes(b"x")
    (directory / "requests-20200101T000000Z-1-1.jsonl.gz.part").write_bytes(b"x")
    expire(directory, keep=KEEP, now=NOW)
    assert names() == [".packing.lock", "expired.jsonl"]


def test_a_sink_that_is_closed_leaves_nothing_half_compressed(open_sink: Open, event: Event, directory: Path) -> None:
    """Closing cuts compression short; what it had written goes, and the next process begins anew."""
    sink = open_sink(rotate_bytes=4_096)
    for number in range(2_000):
        sink.put(event(number % 60))
    sink.close()
    assert [path.name for path in directory.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize("writing", ["create", "pwrite"])
def test_a_full_disk_is_freed(
    directory: Path, leave: Any, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, writing: str
) -> None:
    """Where there is no room for the note, one of the files goes first; then all are noted, each once."""
    paths = [leave(NOW - timedelta(days=40 + number), 1, pid=number + 1) for number in range(3)]

    def full(call: Any) -> Any:
        def failing(*arguments: Any) -> Any:
            if all(path.exists() for path in paths):
                raise OSError(errno.ENOSPC, "full")
            return call(*arguments)

        return failing

    if writing == "create":
        monkeypatch.setattr(Shelf, "create", full(Shelf.create))
    else:
        monkeypatch.setattr(os, "pwrite", full(os.pwrite))
    assert expire(directory, keep=KEEP, now=NOW).events == 3
    assert sum(count for _, count in ledger()) == 3
    assert not any(path.exists() for path in paths)


def test_only_one_process_deletes_at_a_time(
    open_sink: Open, event: Event, directory: Path, leave: Any, clock: ManualClock, ledger: Ledger
) -> None:
    """While another process has the ledger, a sink leaves it to that one."""
    old = leave(clock() - timedelta(days=40), 1)
    (directory / "expired.jsonl").touch()
    sink = open_sink()
    with (directory / "expired.jsonl").open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert sink.tidy()
        assert old.exists()
    assert sink.tidy()
    assert not old.exists()
    assert len(ledger()) == 1


def test_whoever_deletes_is_waited_for_and_not_for_ever(
    directory: Path, leave: Any, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    """The command waits for another process; one that does not let go of the ledger is told."""
    monkeypatch.setattr(_ledger, "_PAUSE", 0.001)
    old = leave(NOW - timedelta(days=40), 1)
    (directory / "expired.jsonl").touch()
    with (directory / "expired.jsonl").open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match=os.strerror(16)):
            expire(directory, keep=KEEP, now=NOW)
        assert old.exists()
        timer = threading.Timer(0.05, holder.close)
        timer.start()
        assert expire(directory, keep=KEEP, now=NOW).events == 1
        timer.join()


def test_an_administrator_s_ledger_is_the_application_s(directory: Path, leave: Any, as_nobody: Any) -> None:
    """The ledger that root makes in a user's directory is that user's, so that the application can go on with it."""
    if os.geteuid():
        pytest.skip("only root can give files away")
    leave(NOW - timedelta(days=40), 1)
    os.chown(directory, 65_534, 65_534)
    expire(directory, keep=KEEP, now=NOW)
    found = (directory / "expired.jsonl").stat()
    assert (found.st_uid, found.st_mode & 0o777) == (65_534, 0o640)


def test_other_files_are_deleted_with_a_note(directory: Path, leave: Any, ledger: Ledger) -> None:
    """What keeps events in another form deletes its files by the same way: noted first, whole, once."""
    day = directory / "packed" / "day=2030-01-10"
    day.mkdir(parents=True)
    (day / "a.parquet").write_bytes(b"PAR1")
    delete_and_note(directory, [day / "a.parquet"], {"2030-01-10": 12, "2030-01-11": 0}, now=NOW)
    assert ledger() == [("2030-01-10", 12)]
    assert not (day / "a.parquet").exists()
    with pytest.raises(UsageError, match="not below"):
        delete_and_note(directory, [directory.parent / "other"], {}, now=NOW)


@pytest.mark.parametrize(
    ("keep", "now"),
    [
        (timedelta(days=-1), NOW),
        (timedelta(0), NOW),
        (30, NOW),
        (KEEP, NOW.replace(tzinfo=None)),
        (KEEP, "2030-03-01"),
    ],
)
def test_a_wrong_argument_deletes_nothing(directory: Path, leave: Any, keep: Any, now: Any) -> None:
    """A retention or an instant that makes no sense is a usage error, and every file stays."""
    path = leave(NOW - timedelta(days=40), 1)
    with pytest.raises(UsageError):
        expire(directory, keep=keep, now=now)
    assert path.exists()


def test_no_directory_is_told(tmp_path: Path) -> None:
    """A directory that is not there is a usage error."""
    with pytest.raises(UsageError, match="cannot be changed"):
        expire(tmp_path / "nothing", keep=KEEP, now=NOW)


def test_counts_add_up_over_any_number_of_runs(directory: Path, leave: Any, ledger: Ledger) -> None:
    """However deletions fall on runs, each event is noted exactly once, under its day."""
    put: Counter[str] = Counter()
    for day in range(20):
        started = NOW - timedelta(days=60 - day, minutes=day * 50)
        leave(started, 40 + day, pid=day, compress=bool(day % 2))
        for minute in range(40 + day):
            put[(started + timedelta(minutes=minute)).strftime("%Y-%m-%d")] += 1
    for day in range(0, 30, 3):
        expire(directory, keep=KEEP, now=NOW - timedelta(days=20 - day))
    told: Counter[str] = Counter()
    for name, count in ledger():
        told[name] += count
    assert told == put
