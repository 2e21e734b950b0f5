"""One case on PostgreSQL: ``python -m tests.benchmarks._postgresql_case CASE FOLDER NUMBER [MEMORY]``.

The folder's file ``url`` says where the server is; the store is in the schema ``bench``. Prints figures as JSON. Time
is the clock's: half of the work is done by the server.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any, cast

import psycopg
from tests.benchmarks import _case
from tests.benchmarks._case import NOON, RULES, Figures, sealer
from tests.benchmarks._measured import measured
from tests.benchmarks._pages import Pages

from smartify_core.lifecycle import Memory, Reconciler, Verdict
from smartify_core.model import AccountState, Batch, Put, SealedAccount
from smartify_core.storage._postgresql._rows import COLUMNS
from smartify_core.storage.postgresql import PostgreSQLStorage

SCHEMA = "bench"
BATCH = 1000
TYPES = ["int8"] * 4 + ["int2"] * 2 + ["bool"] + ["bytea"] * 2 + ["text"] * 3 + ["bytea"] * 3


def load(folder: Path, number: int, memory: str) -> Figures:
    """Load everybody for the first time, and keep the store for the cases that follow."""
    return reconcile(folder, "bench", memory, changes=number)


def same(folder: Path, number: int, memory: str) -> Figures:
    """Run over accounts in which nothing changed."""
    return reconcile(folder, "bench", memory, changes=0)


def scan(folder: Path, number: int, memory: str) -> Figures:
    """Read the columns of everybody's head."""
    figures: Figures = {}
    with store(folder) as storage:
        storage.tenant("bench")
        with measured(figures):
            after, found = None, 0
            while page := storage.heads("bench", after=after):
                found += len(page)
                after = page.source_ids[-1]
    assert found == number
    return figures


def one(folder: Path, number: int, memory: str) -> Figures:
    """Run over one tenant in which nothing changed, in one process."""
    return together(folder, ["bench"])


def two(folder: Path, number: int, memory: str) -> Figures:
    """Run over two such tenants in two processes at once."""
    return together(folder, ["bench", "other"])


def other(folder: Path, number: int, memory: str) -> Figures:
    """Load the same people as another tenant."""
    return reconcile(folder, "other", memory, changes=number)


def commit(folder: Path, number: int, memory: str) -> Figures:
    """Commit batches of newcomers, then of changes, beside the bare copying of the same rows."""
    accounts = [[made(at, 1) for at in range(start, start + BATCH)] for start in range(0, number, BATCH)]
    times: dict[str, list[float]] = {"bare": [], "keyed": [], "commit": [], "change": []}
    with store(folder, "commits") as storage, psycopg.connect(url(folder), autocommit=True) as connection:
        for name in ("bare", "keyed"):
            connection.execute(f"create table commits.{name} (like commits.account including storage)".encode())
        connection.execute("alter table commits.keyed add primary key (tenant, source_id)")
        claim = storage.claim("acme", now=NOON, ttl=timedelta(hours=1))
        for batch in accounts:
            rows = [row(account) for account in batch]
            for name in ("bare", "keyed"):
                times[name].append(timed(lambda name=name, rows=rows: copy(connection, name, rows)))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
            writes = Batch(tuple(Put(account, 0) for account in batch))
            times["commit"].append(timed(lambda writes=writes: storage.commit(claim, writes)))  # type: ignore[misc]  # as above
        for start in range(0, number, BATCH):
            writes = Batch(tuple(Put(made(at, 2), 1) for at in range(start, start + BATCH)))
            times["change"].append(timed(lambda writes=writes: storage.commit(claim, writes)))  # type: ignore[misc]  # as above
        connection.execute("drop schema commits cascade")
    return {name: median(one) / BATCH * 1e6 for name, one in times.items()}


def reconcile(folder: Path, tenant: str, memory: str, *, changes: int) -> Figures:
    """Run once."""
    figures: Figures = {}
    with store(folder) as storage:
        way = cast("Memory", memory)
        reconciler = Reconciler({tenant: Pages(folder / "pages")}, storage, sealer(folder), rules=RULES, memory=way)
        with measured(figures):
            run = reconciler.run(tenant)
    assert (run.verdict, run.counts.changes) == (Verdict.COMPLETE, changes), run.counts
    return figures


def together(folder: Path, tenants: list[str]) -> Figures:
    """Run over tenants in which nothing changed, each in a process of its own, and all at once."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(tenants) + 1)

    def work(tenant: str) -> None:
        with store(folder) as storage:
            reconciler = Reconciler({tenant: Pages(folder / "pages")}, storage, sealer(folder), rules=RULES)
            barrier.wait()
            assert reconciler.run(tenant).counts.changes == 0
            barrier.wait()

    # A process of this kind takes a function as it is.
    workers: list[Any] = [context.Process(target=work, args=(tenant,)) for tenant in tenants]
    for worker in workers:
        worker.start()
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * len(workers)
    return {"seconds": seconds, "cpu": seconds, "added_mb": 0.0}


def url(folder: Path) -> str:
    """Return where the server is."""
    return (folder / "url").read_text(encoding="utf-8")


def store(folder: Path, schema: str = SCHEMA) -> PostgreSQLStorage:
    """Open the store."""
    return PostgreSQLStorage(url(folder), schema=schema)


def made(number: int, version: int) -> SealedAccount:
    """Return an account as large as most are, with ids in no order."""
    digest = hashlib.sha256(f"{number} {version}".encode()).digest()
    fixed = hashlib.sha256(f"of {number}".encode()).digest()
    return SealedAccount(
        tenant="acme",
        source_id=f"{number * 7919 % 999_983:09}{number:012}",
        account_id=fixed.hex()[:32],
        state=AccountState.ACTIVE,
        inactive_reason=None,
        fingerprint=digest[:16],
        email_index=fixed[:16],
        group_indexes=tuple(hashlib.sha256(f"{number} {group}".encode()).digest()[:16] for group in range(5)),
        wrapped_key=digest + digest,
        payload=digest * 10,
        version=version,
        created_at=NOON,
        updated_at=NOON,
    )


def row(account: SealedAccount) -> tuple[object, ...]:
    """Return the values that the account's row has."""
    return (
        *(1, account.version, 0, 0, 0, 0, False, account.fingerprint, account.email_index),
        *(account.source_id, account.account_id, None, b"".join(account.group_indexes)),
        *(account.wrapped_key, account.payload),
    )


def copy(connection: psycopg.Connection[Any], table: str, rows: list[tuple[object, ...]]) -> None:
    """Copy rows into a table the way psycopg offers."""
    statement = f"copy commits.{table} (tenant, {', '.join(COLUMNS)}) from stdin (format binary)".encode()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(TYPES)
        for one in rows:
            copy.write_row(one)


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


CASES: dict[str, Callable[[Path, int, str], Figures]] = {
    case.__name__: case for case in (_case.write, _case.floor, load, other, same, scan, one, two, commit)
}

if __name__ == "__main__":
    name, where, size, *rest = sys.argv[1:]
    print(json.dumps(CASES[name](Path(where), int(size), rest[0] if rest else "auto")))
