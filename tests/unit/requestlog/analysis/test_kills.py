"""Wherever packing and expiring are killed, every event counts once, and the next run does the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.requestlog.analysis._killed import WORK
from tests.unit.requestlog.analysis._written import DAY, FILE, HOUR, MONDAY, event, from_networks, note
from tests.unit.requestlog.analysis.conftest import Directory

from smartify_core.requestlog.analysis.duckdb import LogFiles

TOTAL = 24


def told(log: Path) -> dict[str, Any]:
    """Return what a log tells, whether by its events or by cells."""
    with LogFiles(log, threads=1) as engine:
        coverage = engine.coverage()
        assert coverage.events + coverage.rolled == TOTAL
        names = ("features_by_day", "browsers", "browsers_by_day", "errors_by_hour", "browser_versions")
        answers = {name: engine.ask(name).rows for name in names}
    return {**answers, "told": (coverage.dropped, coverage.unreadable)}


@pytest.fixture
def whole(directory: Directory) -> Path:
    """Return a log of two days in three files, one of which has events of both days."""
    directory.write(*from_networks(6, browser="Chrome"), event(), note("dropped", 7), b"no\n")
    directory.write(
        *from_networks(5, time=MONDAY + 23 * HOUR),
        *from_networks(5, time=MONDAY + DAY, browser="Edge"),
        name="requests-20260105T230000Z-7-2.jsonl",
    )
    directory.write(*from_networks(7, time=MONDAY + DAY + 5 * HOUR), name="requests-20260106T020000Z-8-1.jsonl")
    return directory.path


@pytest.mark.slow
@pytest.mark.parametrize(("before", "work"), [(None, "pack"), (None, "expire"), ("pack", "expire")])
def test_a_kill_loses_nothing_and_doubles_nothing(whole: Path, tmp_path: Path, before: str | None, work: str) -> None:
    """After a kill at any change of a name the log tells what it told, and so it does when the work was done again."""
    wanted = told(whole)
    if before is not None:
        WORK[before](whole)
    copies = tmp_path / "copies"
    command = [sys.executable, "-m", "tests.unit.requestlog.analysis._killed", work, str(whole), str(copies)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    points = sorted(copies.iterdir())
    assert len(points) > 6, "it was killed now and then"
    for copy in points:
        assert told(copy) == wanted, copy.name
        WORK[work](copy)
        assert told(copy) == wanted, copy.name
        _assert_done(copy, work)


def _assert_done(log: Path, work: str) -> None:
    left = {path.name for path in log.rglob("*") if path.is_file()}
    assert not {name for name in left if name.endswith((".part", ".expiring"))}
    if work == "pack":
        assert not {name for name in left if name.startswith("requests-")}
        return
    with LogFiles(log, threads=1) as engine:
        coverage = engine.coverage()
    assert FILE not in left
    assert coverage.rolled == coverage.expired > 0
