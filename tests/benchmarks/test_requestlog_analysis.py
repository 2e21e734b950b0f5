"""What the analysis of a request log costs, beside GoAccess on the same requests, and what ten million lines take.

Run with ``nox -s benchmarks -- -k requestlog_analysis``. Needs the program ``goaccess``. ``SMARTIFY_BENCH_LINES`` and
``SMARTIFY_BENCH_MANY`` set other numbers of lines.

Each case is a process of its own, and what it took is told by the system when it ended: the processor's time in the
process itself, from its start with all that it imports, and the most memory that it had. Of several rounds the least
counts. GoAccess reads what a web server would have logged of the same requests, with whole addresses and whole paths,
and shows all its default panels, which it cannot leave; it parses user agents, which our collector did once for all.
That is the point of the comparison, and not its unfairness: what is counted is what a first look costs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.conftest import ROOT

LINES = int(os.environ.get("SMARTIFY_BENCH_LINES", "2000000"))
MANY = int(os.environ.get("SMARTIFY_BENCH_MANY", "10000000"))
ROUNDS = 2
#: GoAccess takes at least so many times what we take, on lines and on packed days; and the most memory, in MB.
LINES_LIMIT, PACKED_LIMIT, MEMORY_LIMIT = 9.0, 25.0, 450.0

GOACCESS = shutil.which("goaccess")


def run(*command: str, stdin: int = subprocess.DEVNULL) -> tuple[dict[str, float], str]:
    """Run a process, and return what it took and what it printed last."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=stdin, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    took = {"cpu": used.ru_utime, "system": used.ru_stime, "mb": used.ru_maxrss / 1024}
    return took, printed.splitlines()[-1] if printed else ""


def case(name: str, *arguments: object) -> tuple[dict[str, float], dict[str, Any]]:
    """Run a case of ours, and return what it took and what it found."""
    took, printed = run(sys.executable, "-m", "tests.benchmarks._requestlog_case", name, *map(str, arguments))
    found: dict[str, Any] = json.loads(printed)
    return took, found


@pytest.mark.skipif(GOACCESS is None, reason="there is no goaccess here to be measured against")
def test_panels_beside_goaccess(tmp_path: Path) -> None:
    """Eight panels of two million lines take a ninth of GoAccess's time, a 25th when packed, and count the same."""
    _, written = case("write", tmp_path, LINES)
    shutil.copytree(tmp_path / "log", tmp_path / "packed")
    packing, packed = case("pack", tmp_path / "packed")
    assert packed["events"] == written["events"]
    theirs, lines, days = [], [], []
    told = tmp_path / "goaccess.json"
    options = ("--log-format=COMBINED", "--no-global-config", "--no-progress", "-o", str(told))
    for _ in range(ROUNDS):
        theirs.append(run(str(GOACCESS), str(tmp_path / "combined.log"), *options)[0])
        of_lines, of_days = case("ask", tmp_path / "log"), case("ask", tmp_path / "packed")
        lines.append(of_lines[0])
        days.append(of_days[0])
        assert of_lines[1] == of_days[1], "the same numbers, to the last one"
    _, seen = case("goaccess", told)
    assert seen["events"] == of_lines[1]["events"] == written["events"]
    assert seen["statuses"] == {str(status): n for status, n in of_lines[1]["statuses"]}
    cpu = {
        name: min(one["cpu"] for one in some) for name, some in (("theirs", theirs), ("lines", lines), ("days", days))
    }
    figures = {
        "lines": LINES,
        "GoAccess, CPU s": round(cpu["theirs"], 1),
        "lines, CPU s": round(cpu["lines"], 2),
        "packed, CPU s": round(cpu["days"], 2),
        "GoAccess / lines": round(cpu["theirs"] / cpu["lines"], 1),
        "GoAccess / packed": round(cpu["theirs"] / cpu["days"], 1),
        "GoAccess, MB": round(max(one["mb"] for one in theirs)),
        "lines, MB": round(max(one["mb"] for one in lines)),
        "packed, MB": round(max(one["mb"] for one in days)),
        "packing, CPU s": round(packing["cpu"], 1),
        "packing, MB": round(packing["mb"]),
        "size, lines / packed": round(_size(tmp_path / "log") / 1e6 / packed["mb"], 1),
    }
    print(json.dumps(figures))
    assert cpu["theirs"] >= LINES_LIMIT * cpu["lines"], figures
    assert cpu["theirs"] >= PACKED_LIMIT * cpu["days"], figures
    assert max(one["mb"] for one in (*lines, *days, packing)) < MEMORY_LIMIT, figures


def test_the_report_of_ten_million_lines(tmp_path: Path) -> None:
    """The whole report of ten million compressed lines stays below the limit of memory."""
    _, written = case("many", tmp_path, MANY)
    took, found = case("report", tmp_path / "log")
    figures = {
        "lines": MANY,
        "written, lines/s": round(MANY / written["seconds"]),
        "compressed, MB": round(_size(tmp_path / "log") / 1e6),
        "report, CPU s": round(took["cpu"] + took["system"], 1),
        "report, MB": round(took["mb"]),
        "report, kB": round(found["kb"]),
    }
    print(json.dumps(figures))
    assert found["events"] == written["events"]
    assert took["mb"] < MEMORY_LIMIT, figures


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir() if file.is_file())
