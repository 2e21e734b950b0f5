"""One case of what the SQLite store costs: ``python -m tests.benchmarks._storage_case CASE FOLDER NUMBER``.

Prints its figures as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tests.benchmarks._measured import measured

from smartify_core.model import AccountState, Batch, Put, SealedAccount
from smartify_core.storage._sqlite._connections import Connections
from smartify_core.storage._sqlite._rows import (
    ROW_COLUMNS,
    account_row,
    bucket_bits,
    digest_record,
    sealed_record,
)
from smartify_core.storage._sqlite._schema import MIGRATIONS
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.storage.walks import every_head_page

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
BATCH = 2_000
#: Times are kept as they are by the store, and the log is waited for as rarely as it does.
SETTINGS = ("journal_mode = wal", "synchronous = full", "wal_autocheckpoint = 4000", "secure_delete = on")
Figures = dict[str, float]


def accounts(number: int) -> Iterator[list[SealedAccount]]:
    """Yield accounts as a sealer makes them, with five groups each, in batches, in order of source id."""
    for start in range(0, number, BATCH):
        yield [_account(at) for at in range(start, min(start + BATCH, number))]


def _account(at: int) -> SealedAccount:
    noise = blake2b(at.to_bytes(8, "big"), digest_size=64).digest()
    return SealedAccount(
        tenant="bench",
        source_id=f"{at:021d}",
        account_id=noise[:16].hex(),
        state=AccountState.ACTIVE,
        inactive_reason=None,
        fingerprint=noise[16:32],
        email_index=noise[32:48],
        group_indexes=tuple(noise[n : n + 16] for n in range(0, 40, 8)),
        wrapped_key=noise[:60],
        payload=noise * 4,
        version=1,
        created_at=NOON,
        updated_at=NOON,
    )


def store(folder: Path, number: int) -> Figures:
    """Commit everybody to an empty store; it is kept for the scans."""
    figures: Figures = {}
    with SQLiteStorage(_fresh(folder / "store.db")) as storage:
        claim = storage.claim("bench", now=NOON, ttl=timedelta(hours=1))
        spent = 0.0
        for some in accounts(number):
            batch = Batch(tuple(Put(one, 0) for one in some))
            started = time.process_time()
            storage.commit(claim, batch)
            spent += time.process_time() - started
        figures["cpu"] = spent
    return figures


def same_tables(folder: Path, number: int) -> Figures:
    """Insert the same rows into the same tables with nothing but ``executemany``, checking nothing."""
    connection = _bare(folder / "same.db")
    for statements in MIGRATIONS:
        for statement in statements:
            if not statement.startswith(("insert", "update")):
                connection.execute(statement)
    connection.execute("insert into tenant (id, name, fence, revision) values (1, 'bench', 1, 0)")
    marks = ", ".join("?" * (len(ROW_COLUMNS) + 4))
    into = f"insert into account ({', '.join(ROW_COLUMNS)}, digest, sealed, tenant, source_id) values ({marks})"

    def insert(some: list[SealedAccount], first: int) -> None:
        ids = range(first, first + len(some))
        connection.executemany("insert into digest values (?, ?)", zip(ids, map(digest_record, some), strict=True))
        connection.executemany("insert into sealed values (?, ?)", zip(ids, map(sealed_record, some), strict=True))
        bits = bucket_bits(first)
        rows = [(*account_row(one, bits), at, at, 1, one.source_id) for one, at in zip(some, ids, strict=True)]
        connection.executemany(into, rows)

    return _inserting(connection, number, insert)


def one_table(folder: Path, number: int) -> Figures:
    """Insert the same values into one table with the key of a page and nothing else, checking nothing."""
    connection = _bare(folder / "one.db")
    connection.execute(
        "create table account (tenant integer, source_id text, account_id text, state integer, version integer, "
        "created_at integer, updated_at integer, fingerprint blob, email_index blob, sealed blob, "
        "primary key (tenant, source_id)) without rowid"
    )

    def insert(some: list[SealedAccount], first: int) -> None:
        rows = [
            (
                *(1, one.source_id, one.account_id, 1, 1, 0, 0, one.fingerprint, one.email_index),
                b"".join((*one.group_indexes, one.wrapped_key, one.payload)),
            )
            for one in some
        ]
        connection.executemany("insert into account values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    return _inserting(connection, number, insert)


def heads(folder: Path, number: int) -> Figures:
    """Walk through the heads of the store."""
    figures: Figures = {}
    with SQLiteStorage(folder / "store.db") as storage, measured(figures):
        found = sum(len(page) for page in every_head_page(storage, "bench"))
    assert found == number
    return figures


def bare_scan(folder: Path, number: int) -> Figures:
    """Read id, fingerprint, state and version of everybody from one table with one cursor, in order of id."""
    figures: Figures = {}
    connection = sqlite3.connect(folder / "one.db")
    with measured(figures):
        rows = connection.execute(
            "select source_id, fingerprint, state, version from account where tenant = 1 order by source_id"
        )
        found = sum(1 for _ in rows)
    connection.close()
    assert found == number
    return figures


def crash_points(folder: Path, number: int) -> Figures:
    """Kill a process at each statement of a commit of so many accounts, and look each time at what it left."""
    path = _fresh(folder / "crash.db")
    some = next(accounts(number))
    with SQLiteStorage(path) as storage:
        claim = storage.claim("bench", now=NOON, ttl=timedelta(hours=1))
    pristine = path.read_bytes()
    points, found, started = 0, set(), time.perf_counter()
    while True:
        _fresh(path).write_bytes(pristine)
        if not (child := os.fork()):
            _die_at(points)
            with SQLiteStorage(path) as storage:
                storage.commit(claim, Batch(tuple(Put(one, 0) for one in some)))
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
        with SQLiteStorage(path) as storage:
            assert not storage.check()
            found.add(len(storage.heads("bench")))
        points += 1
    assert found <= {0, len(some)}
    return {"points": points, "ms each": (time.perf_counter() - started) / points * 1000}


def _die_at(statement: int) -> None:
    """Have this process killed when its n-th statement is about to run."""
    connect, left = Connections._connect, statement

    def trace(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(self: Connections) -> sqlite3.Connection:
        connection = connect(self)
        connection.set_trace_callback(trace)
        return connection

    Connections._connect = traced  # type: ignore[method-assign]  # the process that is to die does it to itself


def _bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(_fresh(path), isolation_level=None)
    for setting in SETTINGS:
        connection.execute(f"pragma {setting}").close()
    return connection


def _fresh(path: Path) -> Path:
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    return path


def _inserting(
    connection: sqlite3.Connection, number: int, insert: Callable[[list[SealedAccount], int], Any]
) -> Figures:
    spent, first = 0.0, 1
    for some in accounts(number):
        started = time.process_time()
        connection.execute("begin immediate")
        insert(some, first)
        connection.execute("commit")
        spent += time.process_time() - started
        first += len(some)
    connection.close()
    return {"cpu": spent}


CASES: dict[str, Callable[[Path, int], Figures]] = {
    case.__name__: case for case in (store, same_tables, one_table, heads, bare_scan, crash_points)
}

if __name__ == "__main__":
    name, where, size = sys.argv[1:]
    print(json.dumps(CASES[name](Path(where), int(size))))
