"""What PostgreSQL costs beside the least that it could cost, in the same run.

Run with ``nox -s benchmarks -- -k postgresql``. ``SMARTIFY_BENCH_POSTGRESQL_SIZES`` sets the sizes of runs (``100000``
when not set), ``SMARTIFY_TEST_POSTGRESQL`` another server than the wheel's. Server and client share the machine, so
time is the clock's, and wants a quiet one.

A commit is held against copying the same rows into a table of the same columns that has the key of a page of heads and
nothing else; beside it stands a table without any key. A run is held against its floor, as in ``test_scale.py``.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from tests import _postgresql as postgresql

from smartify_core.storage import KEYS_AT_ONCE
from smartify_core.storage.postgresql import PostgreSQLStorage

Figures = dict[str, float]
Case = Callable[..., Figures]
Rounds = Callable[..., list[dict[str, Figures]]]

SCRIPT = "_postgresql_case"
SIZES = [int(size) for size in os.environ.get("SMARTIFY_BENCH_POSTGRESQL_SIZES", "100000").split(",")]
COMMIT_LIMIT = 2.5
#: Highest ratio to the floor, and highest number of megabytes added.
RUN_LIMITS: dict[str, tuple[float, float | None]] = {"same auto": (1.5, None), "same flat": (2.2, 16.0)}
SCAN_MEGABYTES = 32.0
TWO_WORKERS = 1.7

TENANTS, WORKERS, AT_ONCE, SECONDS, LEASED = 1_000_000, 2, 20, 10.0, 10_000
PERIOD, TTL = timedelta(minutes=15), timedelta(minutes=10)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CLAIMS_AT_LEAST = 1_500
#: Has no factor in common with the number of tenants, so that its multiples visit them all in no order.
STRIDE = 104_729


@pytest.fixture
def folder(tmp_path: Path, testrun_uid: str) -> Iterator[Path]:
    """Give a folder that knows a database of its own on a server that waits for its disk."""
    database = postgresql.Database(postgresql.server_url(testrun_uid, durable=True))
    (tmp_path / "url").write_text(database.url, encoding="utf-8")
    yield tmp_path
    database.drop()


def test_a_commit_costs_little_more_than_copying(case: Case, folder: Path) -> None:
    """Batches of a thousand newcomers take at most two and a half times as long as copying their rows."""
    rounds = [case(SCRIPT, "commit", folder, 40_000) for _ in range(3)]
    figures = {name: median(one[name] for one in rounds) for name in rounds[0]}
    ratio = median(one["commit"] / one["keyed"] for one in rounds)
    told = {f"{name}, us a row": round(value, 2) for name, value in figures.items()}
    told["commit / copy into a table with its key"] = round(ratio, 2)
    told["commit / copy into a table without any"] = round(median(one["commit"] / one["bare"] for one in rounds), 2)
    print(json.dumps(told, indent=2))
    assert ratio <= COMMIT_LIMIT


@pytest.mark.parametrize("number", SIZES)
def test_runs_and_scans_stay_close_to_their_floor(case: Case, rounds: Rounds, folder: Path, number: int) -> None:
    """A run in which nothing changed, a scan of all heads, and two workers on two tenants."""
    for name in ("write", "load", "other"):
        print(name, case(SCRIPT, name, folder, number))
    names = [("floor",), ("same", "auto"), ("same", "flat"), ("scan",), ("one",), ("two",)]
    measured = rounds(SCRIPT, names, folder, number, 5 if number <= 100_000 else 3)
    least: Callable[[str, str], float] = lambda name, key: min(one[name][key] for one in measured)  # noqa: E731  # short
    floor = least("floor", "seconds")
    broken: list[str] = []
    print("| accounts | case | us an account | ratio | MB added |\n|---|---|---|---|---|")
    for name in (" ".join(one) for one in names):
        seconds, megabytes = least(name, "seconds"), least(name, "added_mb")
        print(f"| {number:,} | {name} | {seconds / number * 1e6:.2f} | {seconds / floor:.2f} | {megabytes:.0f} |")
        most, most_megabytes = RUN_LIMITS.get(name, (1e9, SCAN_MEGABYTES if name == "scan" else None))
        if seconds / floor > most:
            broken.append(f"{name}: {seconds / floor:.2f} > {most}")
        if most_megabytes is not None and megabytes > most_megabytes:
            broken.append(f"{name}: {megabytes:.0f} MB > {most_megabytes} MB")
    gain = 2 * least("one", "seconds") / least("two", "seconds")
    print(f"two workers on two tenants: {gain:.2f} times one worker")
    if gain < TWO_WORKERS:
        broken.append(f"two workers: {gain:.2f} < {TWO_WORKERS}")
    assert not broken, "; ".join(broken)


def test_claims_keep_up_with_a_million_tenants(folder: Path) -> None:
    """Two processes claim and release at least 1,500 tenants a second, with 10,000 due ones leased by others."""
    url = (folder / "url").read_text(encoding="utf-8")
    step = PERIOD / TENANTS
    started = time.perf_counter()
    with PostgreSQLStorage(url) as storage:
        for start in range(0, TENANTS, KEYS_AT_ONCE):
            page = range(start, min(start + KEYS_AT_ONCE, TENANTS))
            storage.schedule({f"tenant-{number:07d}": NOW - number * STRIDE % TENANTS * step for number in page})
        filled = time.perf_counter() - started
        for _ in range(LEASED // KEYS_AT_ONCE):
            storage.claim_due(now=NOW, ttl=TTL, limit=KEYS_AT_ONCE)
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    workers = [context.Process(target=work, args=(url, told)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    answers = [told.get(timeout=10 * SECONDS) for _ in workers]
    for worker in workers:
        worker.join()
    rate = sum(claims / seconds for claims, seconds, _ in answers)
    figures = {
        "tenants": TENANTS,
        "scheduled in, s": round(filled, 1),
        "claims and releases a second": round(rate),
        "at least": CLAIMS_AT_LEAST,
        "of each process": [round(claims / seconds) for claims, seconds, _ in answers],
        "share of the time spent claiming": [round(claiming / seconds, 2) for _, seconds, claiming in answers],
    }
    print(json.dumps(figures, indent=2))
    assert rate >= CLAIMS_AT_LEAST


def work(url: str, told: Any) -> None:  # a queue, whose type is private
    """Claim what is due and give it back as due again a period later, until the time is over."""
    claims = 0
    claiming = 0.0
    with PostgreSQLStorage(url) as storage:
        started = time.perf_counter()
        while (now := time.perf_counter()) - started < SECONDS:
            taken = storage.claim_due(now=NOW, ttl=TTL, limit=AT_ONCE)
            claiming += time.perf_counter() - now
            for claim in taken:
                assert claim.due_at is not None
                storage.release(claim, due_at=claim.due_at + PERIOD)
            claims += len(taken)
        told.put((claims, time.perf_counter() - started, claiming))
