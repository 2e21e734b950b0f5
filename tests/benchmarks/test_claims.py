"""How many tenants a fleet of workers claims and gives back in a second, when the store is all they share.

Run with ``nox -s benchmarks -- -k claims``. A million tenants that each run every fifteen minutes ask for 1,111 a
second. Beside it stands how often the same disk can be made to keep a single row in the same run: the ceiling of any
design that waits for the disk once a claim.
"""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from smartify_core.storage import KEYS_AT_ONCE
from smartify_core.storage.sqlite import SQLiteStorage

TENANTS, WORKERS, AT_ONCE, SECONDS = 1_000_000, 2, 20, 10.0
LEASED = 10_000
PERIOD, TTL = timedelta(minutes=15), timedelta(minutes=10)
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
AT_LEAST = 1_500
#: Has no factor in common with the number of tenants, so that its multiples visit them all in no order.
STRIDE = 104_729


def fill(path: Path) -> float:
    """Schedule all tenants, their due times spread over the period that has just passed; return the seconds it took."""
    step = PERIOD / TENANTS
    started = time.perf_counter()
    with SQLiteStorage(path) as storage:
        for start in range(0, TENANTS, KEYS_AT_ONCE):
            page = range(start, min(start + KEYS_AT_ONCE, TENANTS))
            storage.schedule({f"tenant-{number:07d}": NOW - number * STRIDE % TENANTS * step for number in page})
    return time.perf_counter() - started


def work(path: Path, told: Any) -> None:  # a queue, whose type is private
    """Claim what is due and give it back as due again a period later, until the time is over."""
    claims = 0
    claiming = 0.0
    with SQLiteStorage(path) as storage:
        started = time.perf_counter()
        while (now := time.perf_counter()) - started < SECONDS:
            taken = storage.claim_due(now=NOW, ttl=TTL, limit=AT_ONCE)
            claiming += time.perf_counter() - now
            for claim in taken:
                assert claim.due_at is not None
                storage.release(claim, due_at=claim.due_at + PERIOD)
            claims += len(taken)
        told.put((claims, time.perf_counter() - started, claiming))


def in_processes(work: Callable[[Path, Any], None], path: Path) -> list[tuple[int, float, float]]:
    """Run ``work`` in as many processes as there are workers, and return what each of them told."""
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    workers = [context.Process(target=work, args=(path, told)) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    answers = [told.get(timeout=10 * SECONDS) for _ in workers]
    for worker in workers:
        worker.join()
    return answers


def bare_commits(path: Path) -> float:
    """Return how many rows a second the disk keeps, one by one, waited for."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal").fetchone()
    connection.execute("pragma synchronous = full")
    connection.execute("create table row (id integer primary key, due_at integer)")
    kept = 0
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS / 4:
        connection.execute("insert into row (due_at) values (0)")
        kept += 1
    rate = kept / (time.perf_counter() - started)
    connection.close()
    return rate


def test_claims_keep_up_with_a_million_tenants(tmp_path: Path) -> None:
    """Two processes claim and release at least 1,500 tenants a second, with 10,000 due ones leased by others."""
    path = tmp_path / "store.db"
    filled = fill(path)
    with SQLiteStorage(path) as storage:
        for _ in range(LEASED // KEYS_AT_ONCE):
            storage.claim_due(now=NOW, ttl=TTL, limit=KEYS_AT_ONCE)
    before = bare_commits(tmp_path / "before.db")
    answers = in_processes(work, path)
    after = bare_commits(tmp_path / "after.db")
    rate = sum(claims / seconds for claims, seconds, _ in answers)
    figures = {
        "tenants": TENANTS,
        "scheduled in, s": round(filled, 1),
        "processes": WORKERS,
        "claims at once": AT_ONCE,
        "due tenants that others hold": LEASED,
        "claims and releases a second": round(rate),
        "at least": AT_LEAST,
        "of each process": [round(claims / seconds) for claims, seconds, _ in answers],
        "share of the time spent claiming": [round(claiming / seconds, 2) for _, seconds, claiming in answers],
        "bare durable commits a second, before and after": [round(before), round(after)],
    }
    print(json.dumps(figures, indent=2))
    assert rate >= AT_LEAST
