"""What the request log costs a request, beside its limits and beside others, each in one run.

Run with ``nox -s benchmarks -- -k requestlog``. A part that is not installed is named and its rows are left out.

The request is a real browser's, with seventeen headers, and new bytes each time, for bytes remember their hash. Caches
are warm. Time is the processor's, the least of all rounds, and the rounds of all variants take turns. What a variant
adds is its time less that of the bare application. The floor is written by hand and does nothing but what cannot be
left out (`_requestlog_peers.floor`): it is the same for ASGI and WSGI.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.benchmarks._requestlog_load import answered
from tests.benchmarks.conftest import ROOT

Case = Callable[..., dict[str, float]]
Server = tuple[subprocess.Popen[bytes], int]
_STAT = Path("/proc/self/stat")

ROUNDS = int(os.environ.get("SMARTIFY_BENCH_REQUEST_ROUNDS", "150"))
SECONDS = float(os.environ.get("SMARTIFY_BENCH_LOAD_SECONDS", "3"))
FLOOR, LINE, ROUTE, TRACES, THROUGHPUT = 1.8, 0.33, 0.5, 1 / 40, 0.75
BYTES_A_LINE, MEMORY_MB = 250, 30.0
#: Servers in the order of their turns; the first is what the others are held against.
SERVERS = ("plain", "ours", "access log", "stdlib", "structlog", "opentelemetry")
TURNS = 5

needs_peers = pytest.mark.skipif(
    subprocess.run(
        [sys.executable, "-c", "import tests.benchmarks._requestlog_peers"], cwd=ROOT, check=False, capture_output=True
    ).returncode
    != 0,
    reason="needs the dependency group benchmarks",
)


@needs_peers
def test_what_a_request_costs(case: Case, tmp_path: Path) -> None:
    """At most 1.8 floors, a third of a stdlib line, half a Starlette route, a fortieth of OpenTelemetry.

    That is what a request waits for, in its own thread. With all that other threads do for it afterwards, the first
    holds as well; how much of the other limits that takes is told, and lies somewhat above them.
    """
    took = case("_requestlog_added", "requests", tmp_path, ROUNDS)
    size = took.pop("bytes")
    added = {name: spent - took[_bare(name)] for name, spent in took.items()}
    broken: list[str] = []
    for name, what in (("ASGI", "ours"), ("WSGI", "wsgi ours")):
        for threads in ("", ", all threads"):
            spent = added[f"{what}{threads}"]
            allowed = {
                "floor": FLOOR * added[f"floor{threads}"],
                "stdlib line": LINE * added[f"stdlib{threads}"],
                "Starlette route": ROUTE * (took[f"starlette{threads}"] - took[f"nothing{threads}"]),
                "OpenTelemetry": TRACES * added[f"opentelemetry{threads}"],
            }
            shares = {peer: round(spent / limit, 2) for peer, limit in allowed.items()}
            row = {"what": f"{name}{threads}", "µs added": round(spent, 2), "of what is allowed": shares}
            print(json.dumps(row, ensure_ascii=False))
            held = [peer for peer in shares if not threads or peer == "floor"]
            broken += [f"{name}{threads}: {shares[peer]} of what {peer} allows" for peer in held if shares[peer] > 1]
    print(json.dumps({name: round(spent, 2) for name, spent in added.items()}))
    if size > BYTES_A_LINE:
        broken.append(f"{size} bytes a line")
    assert not broken, broken


def _bare(name: str) -> str:
    return f"{'wsgi ' if 'wsgi' in name else ''}bare{', all threads' if 'threads' in name else ''}"


def test_what_a_request_log_weighs(case: Case, tmp_path: Path) -> None:
    """With its imports, the patterns of user agents, full caches and a full queue it takes at most 30 MB."""
    figures = case("_requestlog_memory", "full", tmp_path, 5_000)
    print(json.dumps({"MB added": round(figures["added_mb"], 1), "limit": MEMORY_MB}))
    assert figures["added_mb"] <= MEMORY_MB


@needs_peers
@pytest.mark.skipif(not _STAT.exists(), reason="needs Linux")
def test_throughput_of_a_server(tmp_path: Path) -> None:
    """Under load, uvicorn keeps three quarters of its requests a second; all servers take turns, the median counts.

    Its files are turned over and compressed meanwhile. What it answers in a second of the processor is told as well.
    """
    with servers(SERVERS, tmp_path) as running:
        for server in running.values():
            load(server, 1)
        turns = [{name: load(server, SECONDS) for name, server in running.items()} for _ in range(TURNS)]
    told: dict[str, dict[str, float]] = {}
    for name in SERVERS:
        by_clock, by_processor = (
            sorted(turn[name][way] / turn["plain"][way] for turn in turns)[TURNS // 2] for way in (0, 1)
        )
        told[name] = {
            "requests/s": round(max(turn[name][0] for turn in turns)),
            "of plain": round(by_clock, 2),
            "by the processor": round(by_processor, 2),
        }
        print(json.dumps({name: told[name]}))
    assert told["ours"]["of plain"] >= THROUGHPUT, told


@contextmanager
def servers(names: Sequence[str], folder: Path) -> Iterator[dict[str, Server]]:
    """Run a server for each variant; yield its process and its port."""
    running: dict[str, Server] = {}
    try:
        for name in names:
            (folder / name).mkdir()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            command = [sys.executable, "-m", "tests.benchmarks._requestlog_server", name, str(folder / name), str(port)]
            with (folder / name / "stdout").open("wb") as out:
                running[name] = (subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out), port)
        for name, server in running.items():
            wait_for(server, folder / name / "stdout")
        yield running
    finally:
        for process, _ in running.values():
            process.send_signal(signal.SIGTERM)
        for process, _ in running.values():
            process.wait(timeout=30)


def wait_for(server: Server, told: Path) -> None:
    """Wait until a server answers."""
    process, port = server
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            try:
                process.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(told.read_text())
        else:
            return


def load(server: Server, seconds: float) -> tuple[float, float]:
    """Return how many requests a server answers in a second of the clock, and in one of the processor."""
    process, port = server
    busy = processor(process.pid)
    count = answered(port, seconds)
    return count / seconds, count / (processor(process.pid) - busy)


def processor(pid: int) -> float:
    """Return the seconds of the processor that a process has used, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
