from __future__ import annotations

import gzip
import json
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.requestlog.analysis._written import DAY, FILE, MONDAY, event, note, text
from tests.unit.requestlog.analysis.conftest import Directory

from smartify_core.errors import UsageError
from smartify_core.requestlog import read_line
from smartify_core.requestlog.analysis.duckdb import LogFiles
from smartify_core.requestlog.analysis.packing import pack
from smartify_core.requestlog.files import JsonLinesFile

GOOD = text([event()])


def counts(directory: Directory, **settings: Any) -> tuple[int, int]:
    """Return how many events and how many unreadable lines there are."""
    coverage = directory.open(**settings).coverage()
    return coverage.events, coverage.unreadable


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    """A directory that is not there is a `UsageError` at once."""
    with pytest.raises(UsageError, match="cannot be listed"):
        LogFiles(tmp_path / "nowhere")


def test_coverage_tells_what_is_there_and_what_is_missing(directory: Directory) -> None:
    """Coverage has the events with the first and last, what the log dropped and folded, and what nobody can read."""
    directory.write(
        event(time=MONDAY + 5), note("dropped", 12), note("dropped", 1), event(), note("folded", 3), b"no\n"
    )
    (directory.path / "expired.jsonl").write_bytes(
        text([note("expired", 7) | {"day": "2025-12-01"}, note("expired", 2) | {"day": "2025-12-02"}]) + b'{"v":1,"ti'
    )
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.first, coverage.last) == (2, MONDAY, MONDAY + 5)
    assert (coverage.dropped, coverage.folded, coverage.unreadable) == (13, 3, 2)
    assert (coverage.expired, coverage.files) == (9, 2)


def test_only_days_of_the_period_expired_from_it(directory: Directory) -> None:
    """What retention deleted of other days is not missing from a period."""
    (directory.path / "expired.jsonl").write_bytes(
        text([note("expired", 7) | {"day": "2026-01-05"}, note("expired", 2) | {"day": "2026-01-06"}])
    )
    assert directory.open(since=MONDAY + 5, until=MONDAY + DAY).coverage().expired == 7


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"{}\n",
        b"[]\n",
        b"5\n",
        b'"text"\n',
        b"null\n",
        b"\xff\xfe\n",
        b"\0\0\0\n",
        b'{"v":1\n',
        GOOD.replace(b"\n", b"") + GOOD,
        GOOD.replace(b"/orders", b"\xff"),
        GOOD.replace(b'"v":1', b'"v":0'),
        GOOD.replace(b'"v":1', b'"v":"one"'),
        GOOD.replace(b'"method":"GET",', b""),
        GOOD.replace(b'"ms":10', b'"ms":11'),
        GOOD.replace(b'"ms":10', b'"ms":"soon"'),
        GOOD.replace(str(MONDAY).encode(), b"-1"),
        GOOD.replace(str(MONDAY).encode(), b"253402300800"),
        GOOD.replace(str(MONDAY).encode(), b"99999999999999999999999"),
        GOOD.replace(str(MONDAY).encode(), b'"yesterday"'),
        GOOD.replace(b'"browser":"Firefox",', b""),
        b'{"v":1,"time":1767571200,"note":"dropped"}\n',
        b'{"v":1,"time":1767571200,"note":"dropped","count":-1}\n',
        b'{"v":1,"time":1767571200,"note":"gossip","count":1}\n',
        GOOD[:60] + b"\n",
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_line_that_nobody_can_read_is_counted_and_skipped(directory: Directory, line: bytes, alone: bool) -> None:
    """What is no event and no note is counted as unreadable and stops nothing, wherever it stands."""
    directory.write(line, *([] if alone else [GOOD, line, GOOD]))
    assert counts(directory) == ((0, 1) if alone else (2, 2))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'"status":600', None),
        (b'"status":99', None),
        (b'"status":"none"', None),
        (b'"status":[200]', None),
        (b'"status":99999999999999999999', None),
        (b'"status":null', None),
        (b'"status":"200"', 200),
        (b'"status":200.0', 200),
    ],
)
def test_a_value_of_no_use_counts_as_absent(directory: Directory, written: bytes, read: int | None) -> None:
    """A value of another type or out of range is absent where an event may do without; its line counts."""
    directory.write(GOOD.replace(b'"status":200', written))
    log = directory.open()
    assert (log.coverage().events, log.ask("statuses").rows) == (1, ((read, 1),))


def test_a_line_cut_in_half_at_the_end_is_counted_and_skipped(directory: Directory) -> None:
    """The last line of a file that is being written may be torn: it is one unreadable line."""
    directory.write(event(), event(), GOOD[:100])
    assert counts(directory) == (2, 1)


def test_lines_may_be_empty_or_end_otherwise(directory: Directory) -> None:
    """Empty lines are nothing, and neither is what another system puts before a line's end."""
    directory.write(b"\n", GOOD.replace(b"\n", b"\r\n"), b"   \n", b"\r\n", GOOD.rstrip())
    assert counts(directory) == (2, 0)


def test_a_very_long_line_stops_nothing(directory: Directory) -> None:
    """A line of many megabytes, as a crashed disk may leave, does not keep other lines from being counted."""
    directory.write(event(), b"\0" * 3_000_000 + b"\n", b"x" * 40_000_000 + b"\n", event())
    assert counts(directory) == (2, 2)


def test_lines_of_two_schemas_are_one_log(directory: Directory) -> None:
    """Lines of a newer schema, with keys that are not known here, count with those of this one."""
    newer = event(v=2, colour={"depth": [24, 30]}, ip_place="x", browser="Safari")
    directory.write(event(), newer)
    directory.write(newer, event(), name="requests-20260105T000000Z-7-2.jsonl")
    log = directory.open(k=1)
    assert (log.coverage().events, log.coverage().unreadable) == (4, 0)
    assert log.ask("browsers").rows == (("Firefox", 2), ("Safari", 2))


def test_files_may_be_compressed_empty_or_of_other_names(directory: Directory) -> None:
    """Compressed files count, empty ones do not hurt, and what has another name is no part of the log."""
    directory.write(event())
    (directory.path / "requests-20260105T000000Z-7-2.jsonl.gz").write_bytes(
        gzip.compress(GOOD, mtime=0) + gzip.compress(GOOD, mtime=0)
    )
    directory.write(name="requests-20260105T000000Z-7-3.jsonl")
    (directory.path / "requests-20260105T000000Z-7-4.jsonl.gz").write_bytes(gzip.compress(b"", mtime=0))
    directory.write(event(), name="requests-20260105T000000Z-7-2.jsonl.gz.part")
    directory.write(event(), name="other.jsonl")
    coverage = directory.open().coverage()
    assert (coverage.events, coverage.unreadable, coverage.files) == (3, 0, 4)


def test_a_file_that_is_there_twice_counts_once(directory: Directory) -> None:
    """While a file is being compressed, both forms are there for a moment: they are one file."""
    (directory.write(event(), event()).with_name(f"{FILE}.gz")).write_bytes(gzip.compress(GOOD * 2, mtime=0))
    assert counts(directory) == (2, 0)


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", gzip.compress(GOOD, mtime=0)[:20], gzip.compress(GOOD * 2, mtime=0)[:-4]]
)
def test_a_damaged_file_costs_only_its_rest(directory: Directory, content: bytes) -> None:
    """Of a compressed file that is damaged, what can be read counts, and its rest is one unreadable line."""
    directory.write(event())
    (directory.path / "requests-20260105T000000Z-7-2.jsonl.gz").write_bytes(content)
    events, unreadable = counts(directory)
    assert events in {1, 3}
    assert unreadable >= 1 or content == b""


def test_a_file_that_may_not_be_read_is_told(directory: Directory) -> None:
    """What the disk refuses is a `UsageError`, never a smaller number."""
    (directory.path / FILE).symlink_to("/dev/null")
    assert counts(directory) == (0, 0), "a link is no file of the log"
    (directory.path / "packed" / "day=2026-01-05").mkdir(parents=True)
    (directory.path / "packed" / "day=2026-01-05" / "part.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(UsageError):
        directory.open().coverage()


@pytest.mark.parametrize("name", ["log of ours", "lo'g", "l[o]g*?", "@log $x {y}", "lög"])
def test_directories_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Names with quotes, brackets, blanks and other marks are names."""
    (tmp_path / name).mkdir()
    (tmp_path / name / FILE).write_bytes(GOOD)
    with LogFiles(tmp_path / name) as log:
        assert log.coverage().events == 1
    pack(tmp_path / name, now=datetime(2026, 2, 1, tzinfo=UTC))
    with LogFiles(tmp_path / name) as log:
        assert (log.coverage().events, log.coverage().files) == (1, 1)


def test_the_log_is_read_once(directory: Directory) -> None:
    """All answers of an engine are of one state of the log; a new engine sees what came since."""
    directory.write(event())
    log = directory.open()
    assert log.coverage().events == 1
    directory.write(event(), event())
    assert (log.coverage().events, log.ask("methods").rows) == (1, (("GET", 1),))
    assert directory.open().coverage().events == 2


def test_a_closed_engine_says_so(directory: Directory) -> None:
    """After `close`, which may be called twice, questions are refused."""
    log = directory.open()
    log.close()
    log.close()
    with pytest.raises(UsageError, match="closed"):
        log.ask("browsers")


def test_what_is_spilled_is_private_and_goes(directory: Directory, tmp_path: Path) -> None:
    """The folder for what does not fit into memory is the user's own, and is gone when the engine is closed."""
    spill = tmp_path / "spill"
    spill.mkdir()
    directory.write(event())
    log = directory.open(spill=spill)
    log.coverage()
    (folder,) = spill.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    log.close()
    assert list(spill.iterdir()) == []


def test_threads_share_an_engine(directory: Directory) -> None:
    """Questions of several threads are answered one after the other, each rightly."""
    directory.write(*(event(time=MONDAY + at) for at in range(100)))
    log, found = directory.open(), []
    threads = [threading.Thread(target=lambda: found.append(log.ask("methods").rows)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [(("GET", 100),)] * 4


def test_a_log_larger_than_memory_is_answered(directory: Directory) -> None:
    """With less memory than the events need, what was counted is spilled, and the numbers are the same."""
    lines = (
        json.dumps(event(time=MONDAY + at, ip=f"10.{at % 250}.{at // 250 % 250}.0/24", version=at % 90))
        for at in range(100_000)
    )
    directory.write("\n".join(lines).encode() + b"\n")
    log = directory.open(memory="90MB", threads=1)
    assert log.coverage().events == 100_000
    assert sum(int(row[2] or 0) for row in log.ask("browser_versions").rows) == 100_000


def test_files_that_change_while_they_are_read_are_counted_once(directory: Directory) -> None:
    """A log that is written, turned over, compressed and packed all the while has each event once in every answer."""
    stop = threading.Event()
    wrong: list[Any] = []
    total, record = 400, read_line(GOOD)

    def look() -> None:
        while not stop.is_set():
            least = before[0]
            with LogFiles(directory.path, threads=1) as log:
                coverage = log.coverage()
            if coverage.unreadable or not least <= coverage.events <= total:
                wrong.append((least, coverage))

    before = [0]
    watching = threading.Thread(target=look)
    sink = JsonLinesFile(
        directory.path, rotate_bytes=4_096, flush_every=0.01, now=lambda: datetime(2026, 1, 5, tzinfo=UTC)
    )
    watching.start()
    try:
        for _ in range(total // 20):
            for _ in range(20):
                sink.put(record)
            assert sink.flush(60)
            before[0] += 20
            pack(directory.path, now=datetime(2026, 1, 6, tzinfo=UTC))
    finally:
        stop.set()
        watching.join(120)
        sink.close(60)
    assert wrong == []
    pack(directory.path, now=datetime(2026, 1, 6, tzinfo=UTC))
    assert directory.open().coverage().events == total
    assert not list(directory.path.glob("*.jsonl*"))
