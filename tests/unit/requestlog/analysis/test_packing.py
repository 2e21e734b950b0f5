from __future__ import annotations

import fcntl
import gzip
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.unit.requestlog.analysis._written import DAY, FILE, MONDAY, event, from_networks, note, text
from tests.unit.requestlog.analysis.conftest import Directory

from smartify_core.errors import UsageError
from smartify_core.requestlog import FIELDS, Client, Feature, RequestEvent
from smartify_core.requestlog.analysis import QUESTIONS
from smartify_core.requestlog.analysis.cells import expire_with_cells
from smartify_core.requestlog.analysis.duckdb import LogFiles
from smartify_core.requestlog.analysis.packing import Packed, pack, unsound
from smartify_core.requestlog.files import JsonLinesFile, expire
from smartify_core.testing import ManualClock

NOW = datetime(2026, 2, 1, tzinfo=UTC)
MADE = RequestEvent(
    int(NOW.timestamp()) - 2 * DAY, Feature("/x"), "GET", 200, 1, Client("Firefox", 1, "Linux", "desktop")
)
PERIODS = {"before": (MONDAY, MONDAY + DAY), "after": (MONDAY + DAY, MONDAY + 2 * DAY)}


def everything(directory: Directory, **settings: Any) -> dict[str, Any]:
    """Return every answer, and what they rest on."""
    log = directory.open(**settings)
    asking: dict[str, dict[str, Any]] = {"compare": {"of": "os", **PERIODS}, "movers": {"of": "feature", **PERIODS}}
    answers = {name: log.ask(name, **asking.get(name, {})) for name in QUESTIONS}
    coverage = log.coverage()
    return {**answers, "first": coverage.first, "last": coverage.last, "told": (coverage.dropped, coverage.unreadable)}


def test_packed_days_answer_as_their_files_did(directory: Directory) -> None:
    """Packing changes no answer; the files of lines are gone, and each day has its own folder."""
    directory.write(
        *from_networks(6, browser="Chrome"),
        event(status=500, error="ValueError", referrer="https://a.example"),
        b"no\n",
    )
    directory.write(
        event(time=MONDAY + DAY - 1, status="201"),
        event(time=MONDAY + DAY, v=1, ms=60_000),
        note("dropped", 4),
        name="requests-20260105T120000Z-7-2.jsonl",
    )
    before = everything(directory)
    packed = pack(directory.path, now=NOW)
    assert packed.days == {"2026-01-05": 8, "2026-01-06": 1}
    assert [file.relative_to(directory.path).as_posix() for file in packed.files] == [
        "packed/day=2026-01-05/part.parquet",
        "packed/day=2026-01-06/part.parquet",
    ]
    assert packed.removed == (FILE, "requests-20260105T120000Z-7-2.jsonl")
    assert list(directory.path.glob("*.jsonl")) == []
    assert everything(directory) == before
    assert pack(directory.path, now=NOW) == Packed(), "there is nothing left to do"


def test_packed_files_have_the_columns_of_the_schema(directory: Directory) -> None:
    """A packed file is read by any reader of Parquet: its columns have the schema's names and whole numbers."""
    directory.write(event())
    (file,) = pack(directory.path, now=NOW).files
    rows = duckdb.execute(f"describe select * from read_parquet('{file}', hive_partitioning = false)").fetchall()
    kinds = {"BIGINT": "int", "VARCHAR": "str"}
    columns = {name: kinds[kind] for name, kind, *_ in rows}
    assert {one.name: one.kind for one in FIELDS}.items() <= columns.items()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert json.loads(file.with_name("_part.json").read_text())["origins"] == [FILE.removesuffix(".jsonl")]


def test_what_comes_later_is_packed_beside_the_rest(directory: Directory) -> None:
    """An event of a day that was packed already, from another file, gets a file of its own there."""
    directory.write(event())
    pack(directory.path, now=NOW)
    directory.write(event(), event(), name="requests-20260105T000000Z-7-2.jsonl")
    (file,) = pack(directory.path, now=NOW).files
    assert file.name == "part-2.parquet"
    assert directory.open().coverage().events == 3


def test_a_raw_and_a_packed_copy_of_a_day_count_once(directory: Directory) -> None:
    """Where files of lines are still there beside what was packed of them, their events count once."""
    file = directory.write(*from_networks(6), event(time=MONDAY + DAY), b"no\n", note("dropped", 3))
    content, before = file.read_bytes(), everything(directory)
    pack(directory.path, now=NOW)
    file.write_bytes(content)
    assert everything(directory) == before
    file.with_name(f"{FILE}.gz").write_bytes(gzip.compress(content))
    assert everything(directory) == before
    assert pack(directory.path, now=NOW).files == ()
    assert everything(directory) == before
    assert not file.exists()


def test_half_a_packing_counts_once(directory: Directory) -> None:
    """Where only one day of a file was packed, the other day is told by the file."""
    file = directory.write(*from_networks(6), *from_networks(5, time=MONDAY + DAY, browser="Edge"))
    content, before = file.read_bytes(), everything(directory)
    first, second = pack(directory.path, now=NOW).files
    file.write_bytes(content)
    second.unlink()
    assert everything(directory) == before
    assert [one.parent.name for one in pack(directory.path, now=NOW).files] == ["day=2026-01-06"]
    assert everything(directory) == before
    assert first.exists()


def test_only_what_is_finished_is_packed(directory: Directory) -> None:
    """Files of today stay, and so does a file that a living process writes to."""
    now = datetime(2026, 1, 6, 12, tzinfo=UTC)
    directory.write(event(time=MONDAY + DAY), name="requests-20260106T000000Z-7-1.jsonl")
    sink = JsonLinesFile(directory.path, now=lambda: datetime(2026, 1, 5, tzinfo=UTC))
    from smartify_core.requestlog import read_line

    sink.put(read_line(text([event()])))
    assert sink.flush(60)
    assert pack(directory.path, now=now) == Packed()
    assert directory.open().coverage().events == 2
    sink.close(60)
    assert pack(directory.path, now=now).days == {"2026-01-05": 1}
    (left,) = directory.path.glob("requests-*")
    assert left.name.startswith("requests-20260106T000000Z-7-1.jsonl"), "the sink may have compressed it"


def test_lines_of_a_newer_schema_are_left_as_they_are(directory: Directory) -> None:
    """What a newer version wrote may hold more than is known here: its files stay, and are told."""
    directory.write(event(v=2, more="x"), event())
    directory.write(event(), name="requests-20260105T000000Z-7-2.jsonl")
    packed = pack(directory.path, now=NOW)
    assert packed.left == (FILE,)
    assert packed.removed == ("requests-20260105T000000Z-7-2.jsonl",)
    assert directory.open().coverage().events == 3


def test_a_damaged_file_is_left_as_it_is(directory: Directory) -> None:
    """Of what cannot be read nothing is deleted."""
    directory.write(event())
    broken = directory.path / "requests-20260105T000000Z-7-2.jsonl.gz"
    broken.write_bytes(gzip.compress(text([event()] * 50))[:-9])
    packed = pack(directory.path, now=NOW)
    assert (packed.left, packed.removed) == ((broken.name,), (FILE,))
    assert broken.exists()


def test_lines_that_nobody_can_read_stay_counted(directory: Directory) -> None:
    """A packed day tells how many lines were unreadable, also where there was nothing else."""
    directory.write(b"no\n", b"nothing\n")
    assert [one.parent.name for one in pack(directory.path, now=NOW).files] == ["day=2026-01-05"]
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.unreadable, coverage.first) == (0, 2, None)


def test_an_empty_log_packs_to_nothing(directory: Directory) -> None:
    """Where there is nothing, nothing is made; where there is no directory, that is told."""
    assert pack(directory.path, now=NOW) == Packed()
    assert {path.name for path in directory.path.iterdir()} == {".packing.lock"}
    with pytest.raises(UsageError, match="cannot be listed"):
        pack(directory.path / "nowhere", now=NOW)
    with pytest.raises(UsageError, match="no time zone"):
        pack(directory.path, now=datetime(2026, 2, 1))  # noqa: DTZ001 - that is the point


def test_retention_ends_packed_days(directory: Directory) -> None:
    """No event is kept for longer by being packed: `expire` deletes its day, and notes how many events that held."""
    directory.write(event(), event(time=MONDAY + 60), note("dropped", 9))
    pack(directory.path, now=NOW)
    began = datetime.fromtimestamp(MONDAY, UTC)
    assert expire(directory.path, keep=timedelta(days=1), now=began + timedelta(hours=23)).files == ()
    gone = expire(directory.path, keep=timedelta(days=1), now=began + timedelta(days=1))
    assert gone.files == ("packed/day=2026-01-05/part.parquet",)
    assert gone.days == {"2026-01-05": 2}
    assert [*(directory.path / "packed").iterdir()] == []
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.expired) == (0, 2)


def test_broken_packed_files_are_named(directory: Directory) -> None:
    """One that cannot be read whole, or holds other events than were packed, is told; sound ones are not."""
    for day in range(3):
        directory.write(event(time=MONDAY + day * DAY), event(time=MONDAY + day * DAY), note("dropped", 1))
        pack(directory.path, now=NOW)
    assert unsound(directory.path) == ()
    first, second, third = sorted((directory.path / "packed").glob("day=*/part.parquet"))
    first.write_bytes(first.read_bytes()[:-40])
    second.with_name("_part.json").write_text('{"origins": [], "events": 3}')
    third.with_name("_part.json").write_text('{"origins": []}')
    assert unsound(directory.path) == ("packed/day=2026-01-05/part.parquet", "packed/day=2026-01-06/part.parquet")


def test_a_sink_ends_packed_days(directory: Directory) -> None:
    """A process that writes the log looks after what is packed, too."""
    directory.write(event())
    pack(directory.path, now=NOW)
    with JsonLinesFile(directory.path, now=lambda: NOW + timedelta(days=9)) as sink:
        assert sink.tidy()
    assert directory.open().coverage().expired == 1


@pytest.mark.parametrize("told", ["", "{}", '{"events": -1}', '{"events": true}', "[3]", None])
def test_what_does_not_tell_its_events_is_left_to_who_can_count(directory: Directory, told: str | None) -> None:
    """A packed file of an earlier version says nothing of its events: only `expire_with_cells` deletes it."""
    directory.write(event())
    pack(directory.path, now=NOW)
    (beside,) = directory.path.rglob("_part.json")
    if told is None:
        beside.unlink()
    else:
        beside.write_text(told)
    assert expire(directory.path, keep=timedelta(days=1), now=NOW).files == ()
    assert expire_with_cells(directory.path, keep=timedelta(days=1), now=NOW).days == {"2026-01-05": 1}


@pytest.mark.parametrize("name", ["log[1]", "log?", "log*", "lo'g", "a{b,c}"])
def test_a_directory_s_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    """Whatever a directory is called, it is read and packed alone, and never a neighbour whom its name would match."""
    for place in (name, "log1", "logs", "ab"):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / FILE).write_bytes(text([event(feature=f"/{'ours' if place == name else 'theirs'}")]))
    with LogFiles(tmp_path / name, k=1) as log:
        assert [row[0] for row in log.ask("features").rows] == ["/ours"]
    assert sum(pack(tmp_path / name, now=NOW).days.values()) == 1
    with LogFiles(tmp_path / name, k=1) as log:
        assert [row[0] for row in log.ask("features").rows] == ["/ours"]
    assert expire_with_cells(tmp_path / name, keep=timedelta(days=1), now=NOW).events == 1
    with LogFiles(tmp_path / name, k=1) as log:
        assert [row[0] for row in log.ask("features").rows] == ["/ours"]


def test_a_name_that_is_packed_is_not_used_again(directory: Directory) -> None:
    """A clock that went back, and a process with the number of an earlier one, begin a file of another name."""
    clock = ManualClock(NOW - timedelta(days=2))
    for _ in range(2):
        with JsonLinesFile(directory.path, now=clock, compress=False) as sink:
            sink.put(MADE)
        packed = pack(directory.path, now=NOW)
        assert sum(packed.days.values()) == 1
    assert directory.open().coverage().events == 2
    expire_with_cells(directory.path, keep=timedelta(minutes=1), now=NOW)
    with JsonLinesFile(directory.path, now=clock, compress=False) as sink:
        sink.put(MADE)
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.rolled) == (1, 2)


def test_a_linked_folder_of_packed_days_is_told(directory: Directory, tmp_path: Path) -> None:
    """What lies behind a link is not ours to delete: nothing is noted as deleted that is still there."""
    (tmp_path / "elsewhere").mkdir()
    (directory.path / "packed").symlink_to(tmp_path / "elsewhere")
    directory.write(event())
    with pytest.raises(UsageError, match="link"):
        pack(directory.path, now=NOW)
    assert directory.open().coverage().events == 1
    (tmp_path / "elsewhere" / "day=2026-01-05").mkdir()
    (tmp_path / "elsewhere" / "day=2026-01-05" / "part.parquet").write_bytes(b"")
    (tmp_path / "elsewhere" / "day=2026-01-05" / "_part.json").write_text('{"origins": [], "events": 3}')
    with pytest.raises(UsageError, match="cannot be changed"):
        expire(directory.path, keep=timedelta(days=1), now=NOW)
    assert (directory.path / "expired.jsonl").read_bytes() == b""


def test_nothing_expires_beside_who_packs(directory: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody packs or rolls up, a sink deletes nothing, and a command says that it waited in vain."""
    directory.write(event())
    pack(directory.path, now=NOW)
    directory.write(event(), name="requests-20260106T020000Z-7-2.jsonl")
    monkeypatch.setattr("smartify_core.requestlog.files._packed._TRIES", 2)
    with (directory.path / ".packing.lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="cannot be changed"):
            expire(directory.path, keep=timedelta(days=1), now=NOW)
        with JsonLinesFile(directory.path, now=lambda: NOW) as sink:
            assert sink.tidy()
        assert not (directory.path / "expired.jsonl").exists()
    assert expire(directory.path, keep=timedelta(days=1), now=NOW).events == 2


def test_files_that_lead_elsewhere_are_not_followed(directory: Directory, tmp_path: Path) -> None:
    """A link with the name of a log file is no file of the log: neither read nor deleted."""
    other = tmp_path / "other.jsonl"
    other.write_bytes(text([event()]))
    (directory.path / FILE).symlink_to(other)
    assert pack(directory.path, now=NOW) == Packed()
    assert other.exists()
