"""A process that is killed at any step of writing, compressing or deleting leaves a log that the next one mends."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog import Client, Feature, Note, RequestEvent
from smartify_core.requestlog.files import _finishing, expire, log_files
from smartify_core.requestlog.files._json_lines_file import JsonLinesFile
from smartify_core.requestlog.files._ledger import Ledger
from smartify_core.requestlog.files._names import file_name
from smartify_core.requestlog.files._target import FileTarget
from smartify_core.testing import ManualClock

pytestmark = pytest.mark.slow

#: Every call by which these files are changed, or by which a change is made to last.
STEPS = ("open", "write", "pwrite", "ftruncate", "fsync", "rename", "unlink", "mkdir", "close", "fchmod")
#: More than there are in any of these scenes.
ENOUGH = 1_000
NOON = datetime(2030, 1, 10, 12, tzinfo=UTC)
KEEP = timedelta(days=30)


def event(time: datetime, number: int = 0) -> RequestEvent:
    client = Client("Chrome", 120, "Windows", "desktop")
    return RequestEvent(int(time.timestamp()) + number, Feature("page"), "GET", 200, 5, client)


def killed_at(step: int, work: Callable[[Callable[[int], None]], None]) -> tuple[bool, list[int]]:
    """Do ``work`` in a child that is killed before its n-th step; return whether it was, and what it said before."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        tell = os.write
        try:
            left = [step]

            def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
                def stepped(*given: Any, **named: Any) -> Any:
                    left[0] -= 1
                    if left[0] < 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return call(*given, **named)

                return stepped

            for name in STEPS:
                setattr(os, name, deadly(getattr(os, name)))
            work(lambda number: (tell(writing, f"{number}\n".encode()), None)[1])
        except BaseException:  # noqa: BLE001 - told by the exit status; nothing may return into the tests
            traceback.print_exc()
            os._exit(99)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = [int(line) for line in pipe]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0, said


def target(directory: Path, clock: ManualClock, **options: Any) -> FileTarget:
    """Return what the writing thread of a sink works with, to be worked with here step by step."""
    sink = JsonLinesFile(directory, now=clock, on_sigterm=False, **options)
    found = sink._target
    assert isinstance(found, FileTarget)
    return found


def tidy(directory: Path, clock: ManualClock, **options: Any) -> None:
    """Do what the next process does."""
    mender = target(directory, clock, **options)
    while mender.step():
        pass
    mender.close()


def lines(directory: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for file in log_files(directory):
        data = file.path.read_bytes()
        whole = gzip.decompress(data) if file.compressed else data
        assert whole.endswith(b"\n")
        found += map(json.loads, whole.splitlines())
    return found


def left_over(directory: Path) -> list[str]:
    """Return the names of what should not be there once everything is tidy."""
    names = [path.name for path in directory.iterdir()]
    return [name for name in names if not name.endswith((".jsonl.gz", "expired.jsonl", ".packing.lock"))]


@pytest.mark.parametrize("torn", [b"", b'{"v":1,"ti'], ids=["whole", "torn"])
def test_kill_at_every_step_of_writing_and_compressing(tmp_path: Path, torn: bytes) -> None:
    """Whatever was acknowledged is there once, in order, after the next process tidied up; nothing half is left."""
    kill_at_every_step_of_writing(tmp_path, torn)


def kill_at_every_step_of_writing(tmp_path: Path, torn: bytes) -> None:
    for step in range(ENOUGH):
        directory = tmp_path / str(step)
        directory.mkdir()
        # A dead process's file is there as well, to be adopted.
        dead = directory / file_name(NOON - timedelta(days=1), 1, 0)
        dead.write_bytes(event(NOON, 900).line() + event(NOON, 901).line() + torn)
        clock = ManualClock(NOON)

        def work(say: Callable[[int], None], directory: Path = directory, clock: ManualClock = clock) -> None:
            writer = target(directory, clock, rotate_bytes=4_096)
            for number in range(0, 60, 20):
                sent = writer.send([event(NOON, number + more) for more in range(20)])
                assert (sent.done, sent.trouble) == (20, None)
                say(number)
            clock.advance(days=1)
            while writer.step():
                pass
            writer.close()

        killed, said = killed_at(step, work)
        clock.advance(days=1)
        tidy(directory, clock)
        found = lines(directory)
        assert left_over(directory) == []
        numbers = [line["time"] - int(NOON.timestamp()) for line in found if "note" not in line]
        assert numbers[:2] == [900, 901]
        assert numbers[2:] == [*range(len(numbers) - 2)]
        # At most the one batch that was on its way is there without having been acknowledged.
        assert len(said) * 20 <= len(numbers) - 2 <= len(said) * 20 + 20
        assert [line["count"] for line in found if "note" in line] == ([len(torn)] if torn else [])
        shutil.rmtree(directory)
        if not killed:
            assert step > 20
            return
    pytest.fail("the work has no end")


@pytest.mark.parametrize("compress", [True, False], ids=["compressed", "plain"])
def test_kill_at_every_step_of_cutting_a_torn_line(tmp_path: Path, compress: bool) -> None:
    """However often whoever adopts a file is killed, its whole lines are there once, and its torn one is noted."""
    for step in range(ENOUGH):
        directory = tmp_path / str(step)
        directory.mkdir()
        dead = directory / file_name(NOON, 1, 0)
        dead.write_bytes(
            event(NOON).line() + b'{"v":1,"time":1893499200,"feature":"a torn line that is longer than a note of it"'
        )
        clock = ManualClock(NOON)

        def work(say: Callable[[int], None], directory: Path = directory, clock: ManualClock = clock) -> None:
            tidy(directory, clock, compress=compress)

        killed, _ = killed_at(step, work)
        tidy(directory, clock, compress=compress)
        tidy(directory, clock, compress=compress)
        found = lines(directory)
        assert found[0] == event(NOON).as_dict()
        assert {line["note"] for line in found[1:]} == {"recovered"}
        assert len(found) == 2 or not compress
        shutil.rmtree(directory)
        if not killed:
            return
    pytest.fail("the work has no end")


def test_kill_at_every_step_of_deleting(tmp_path: Path) -> None:
    """Each event is in a file or in a note, once, wherever whoever deletes is killed; the notes are never behind."""
    kill_at_every_step_of_deleting(tmp_path)


def test_harness_notices_a_deletion_before_its_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion that is noted afterwards does not stand a kill in between."""
    delete = Ledger.delete

    def hasty(ledger: Ledger, files: Sequence[Path], days: Mapping[str, int], now: datetime) -> None:
        for file in files:
            file.unlink()
        delete(ledger, files, days, now)

    monkeypatch.setattr(Ledger, "delete", hasty)
    with pytest.raises(AssertionError):
        kill_at_every_step_of_deleting(tmp_path)


def test_harness_notices_a_note_without_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion that is only noted first, and begun again after a kill, tells of events twice."""

    def forgetful(ledger: Ledger, files: Sequence[Path], days: Mapping[str, int], now: datetime) -> None:
        notes = b"".join(Note(0, "expired", count, day).line() for day, count in days.items())
        os.pwrite(ledger._opened.fd, notes, ledger._opened.size())
        for file in files:
            file.unlink()

    monkeypatch.setattr(Ledger, "delete", forgetful)
    with pytest.raises(AssertionError):
        kill_at_every_step_of_deleting(tmp_path)


def test_harness_notices_compression_under_the_last_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed file that has its name before it is whole does not stand a kill."""
    monkeypatch.setattr(_finishing, "PARTIAL", "")
    with pytest.raises((AssertionError, EOFError, zlib.error)):
        kill_at_every_step_of_writing(tmp_path, b"")


def kill_at_every_step_of_deleting(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    put: Counter[str] = Counter()
    for day in range(3):
        for pid in (1, 2):
            started = NOON + timedelta(days=day)
            content = b"".join(event(started, 3_600 * hour).line() for hour in range(14 + pid))
            put.update((started + timedelta(hours=hour)).strftime("%Y-%m-%d") for hour in range(14 + pid))
            name = file_name(started, pid, 0)
            (template / f"{name}.gz").write_bytes(gzip.compress(content))
            if day == 1:  # one is there twice, as after a kill while it was compressed
                (template / name).write_bytes(content)
    later = NOON + KEEP + timedelta(days=1)
    for step in range(ENOUGH):
        directory = tmp_path / str(step)
        shutil.copytree(template, directory)

        def work(say: Callable[[int], None], directory: Path = directory) -> None:
            expire(directory, keep=KEEP, now=later)

        killed, _ = killed_at(step, work)
        # What is deleted is noted at every moment; what is noted may for a moment be there.
        assert all((kept(directory) + noted(directory))[day] >= count for day, count in put.items())
        expire(directory, keep=KEEP, now=later)
        assert kept(directory) + noted(directory) == put
        assert sorted({file.started for file in log_files(directory)}) == [NOON + timedelta(days=2)]
        assert left_over(directory) == []
        shutil.rmtree(directory)
        if not killed:
            assert step > 10
            return
    pytest.fail("the work has no end")


def kept(directory: Path) -> Counter[str]:
    return Counter(datetime.fromtimestamp(line["time"], UTC).strftime("%Y-%m-%d") for line in lines(directory))


def noted(directory: Path) -> Counter[str]:
    path = directory / "expired.jsonl"
    found: Counter[str] = Counter()
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if line.endswith(b"\n"):
            note = json.loads(line)
            found[note["day"]] += note["count"]
    return found
