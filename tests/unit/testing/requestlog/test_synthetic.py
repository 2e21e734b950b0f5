from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import Note, read_line
from smartify_core.requestlog.analysis.duckdb import LogFiles
from smartify_core.requestlog.files import log_files
from smartify_core.testing.requestlog import synthetic_log


def test_every_line_is_one_of_the_schema(tmp_path: Path) -> None:
    """There are as many lines as were asked for, in order of time, and each is an event or a note."""
    made = synthetic_log(tmp_path / "log", 5_000, days=3)
    assert [file.path for file in log_files(made.directory)] == list(made.files)
    records = [[read_line(line) for line in file.read_bytes().splitlines()] for file in made.files]
    assert sum(map(len, records)) == made.lines == 5_000
    notes = [one for some in records for one in some if isinstance(one, Note)]
    assert made.lines - made.events == len(notes) > 0
    assert made.dropped == sum(note.count for note in notes)
    for some in records:
        assert [one.time for one in some] == sorted(one.time for one in some)


def test_the_same_number_is_the_same_log(tmp_path: Path) -> None:
    """The same arguments give the same bytes, compressed or not; another seed gives another log."""
    first = synthetic_log(tmp_path / "a", 2_000, 7, days=2)
    again = synthetic_log(tmp_path / "b", 2_000, 7, days=2)
    packed = synthetic_log(tmp_path / "c", 2_000, 7, days=2, compress=True)
    other = synthetic_log(tmp_path / "d", 2_000, 8, days=2)
    contents = [file.read_bytes() for file in first.files]
    assert [file.read_bytes() for file in again.files] == contents
    assert [gzip.decompress(file.read_bytes()) for file in packed.files] == contents
    assert [file.read_bytes() for file in other.files] != contents


def test_there_is_something_to_be_found(tmp_path: Path) -> None:
    """The hour of failures is the worst spike, the feature that was given up is unused, weekends are quiet."""
    made = synthetic_log(tmp_path / "log", 60_000, days=14, first=date(2026, 9, 7))
    with LogFiles(made.directory, threads=1) as log:
        coverage = log.coverage()
        assert (coverage.events, coverage.dropped, coverage.unreadable) == (made.events, made.dropped, 0)
        assert log.ask("spikes").rows[0][:2] == (made.spike[1], made.spike[0])
        feature, since = made.retired
        assert feature in {row[0] for row in log.ask("retiring", since=since).rows}
        days = [int(row[1] or 0) for row in log.ask("requests").rows]
        assert max(days[5], days[6]) * 3 < min(days[:5])
        assert log.ask("browsers").folded > 0, "some programs hardly anybody has"


def test_files_turn_over(tmp_path: Path) -> None:
    """Each process has files of its own, each day too, and none grows beyond what it may."""
    made = synthetic_log(tmp_path / "log", 4_000, days=2, processes=3, rotate_bytes=1 << 16)
    assert {file.pid for file in log_files(made.directory)} == {1_000, 1_001, 1_002}
    assert len(made.files) > 6
    assert max(file.stat().st_size for file in made.files) <= 1 << 16


@pytest.mark.parametrize(
    "wrong", [{"lines": 999}, {"days": 1}, {"processes": 0}, {"rotate_bytes": 100}], ids=lambda one: next(iter(one))
)
def test_a_log_that_is_too_small_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Numbers that make no log are a `UsageError`."""
    with pytest.raises(UsageError):
        synthetic_log(tmp_path / "log", **({"lines": 1_000} | wrong))


def test_a_log_is_never_written_into_another(tmp_path: Path) -> None:
    """A directory that holds a log is left as it is."""
    synthetic_log(tmp_path / "log", 1_000, days=2)
    with pytest.raises(UsageError, match="holds a log already"):
        synthetic_log(tmp_path / "log", 1_000, days=2)
