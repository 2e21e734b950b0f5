"""What the SQLite store, the conformance kit and a crash cost, each beside its limit in the same run.

Run with ``nox -s benchmarks -- -k storage`` (``SMARTIFY_BENCH_SIZES`` sets how many accounts the store has).

A commit is held against ``executemany`` of the same rows into the same tables, which checks nothing; beside it stands
one table with the key of a page and no index, which could neither find an address nor erase anything. A walk through
the heads is held against one cursor over that table. Time is the processor's, the least of all rounds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.conftest import ROOT
from tests.crash._postgresql_backend import PostgreSQLBackend
from tests.crash.conftest import SQLiteBackend, play

Case = Callable[..., dict[str, float]]
Rounds = Callable[..., list[dict[str, dict[str, float]]]]

ROUNDS = 3
COMMIT_LIMIT, SCAN_LIMIT, KIT_LIMIT, POINT_LIMIT = 1.3, 1.2, 60.0, 10.0
#: Milliseconds.
BLINK = 100.0


def test_commits_and_scans_of_sqlite(rounds: Rounds, bench_sizes: list[int], tmp_path: Path) -> None:
    """A first load takes at most 1.3 times the bare inserts, a walk through the heads 1.2 times the bare cursor."""
    names = [("store",), ("same_tables",), ("one_table",), ("heads",), ("bare_scan",)]
    for number in bench_sizes:
        folder = tmp_path / str(number)
        folder.mkdir()
        told = rounds("_storage_case", names, folder, number, ROUNDS)
        least = {name: min(one[name]["cpu"] for one in told) for (name,) in names}
        figures = {
            "accounts": number,
            **{f"{name}, µs each": round(spent / number * 1e6, 2) for name, spent in least.items()},
            "commit / same tables": round(least["store"] / least["same_tables"], 2),
            "commit / one table": round(least["store"] / least["one_table"], 2),
            "walk / bare cursor": round(least["heads"] / least["bare_scan"], 2),
            "walk, MB added": round(max(one["heads"]["added_mb"] for one in told), 1),
        }
        print(json.dumps(figures))
        assert least["store"] <= COMMIT_LIMIT * least["same_tables"], figures
        assert least["heads"] <= SCAN_LIMIT * least["bare_scan"], figures


@pytest.mark.parametrize("backend", ["memory", "sqlite", "postgresql"])
def test_the_kit_is_quick(backend: str) -> None:
    """Every clause on a backend in the process takes less than a minute, and all that is more is said."""
    command = [sys.executable, "-m", "pytest", "-q", f"tests/conformance/test_storage_{backend}.py"]
    started = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    seconds = time.perf_counter() - started
    print(json.dumps({"kit": backend, "seconds": round(seconds, 1), "limit": KIT_LIMIT}))
    assert backend != "memory" or seconds <= KIT_LIMIT


def test_a_crash_point_is_quick(case: Case, tmp_path: Path) -> None:
    """Killing a process at one statement of a commit, and looking at what it left, takes at most ten milliseconds."""
    figures = min(
        (case("_storage_case", "crash_points", tmp_path, 20) for _ in range(ROUNDS)), key=lambda one: one["ms each"]
    )
    print(
        json.dumps({"crash points": figures["points"], "ms each": round(figures["ms each"], 1), "limit": POINT_LIMIT})
    )
    assert figures["ms each"] <= POINT_LIMIT


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_point_of_the_campaign(request: pytest.FixtureRequest, tmp_path: Path, kind: str) -> None:
    """Killing a worker in the middle of a run, and holding what it left against all laws, takes less than a blink."""
    backend: Any = (
        SQLiteBackend(tmp_path / "store")
        if kind == "sqlite"
        else PostgreSQLBackend(request.getfixturevalue("postgresql_url"))
    )
    stage = play(backend)["first load"]
    points, spent = 0, 0.0
    while True:
        scene = stage.begin()
        started = time.perf_counter()
        if (child := os.fork()) == 0:
            backend.die_at_write(points)
            stage.perform(scene)
            os._exit(0)
        outcome = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if outcome == 0:
            break
        assert outcome == -signal.SIGKILL
        stage.require_order()
        spent += time.perf_counter() - started
        points += 1
    milliseconds = spent / points * 1000
    print(json.dumps({"points of the campaign": points, "store": kind, "ms each": round(milliseconds, 1)}))
    assert milliseconds < BLINK
