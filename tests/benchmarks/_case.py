"""One case of a benchmark of ours: ``python -m tests.benchmarks._case CASE FOLDER NUMBER [MEMORY]``.

Prints its figures as JSON.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import cast

import cattrs
import structlog
from tests.benchmarks._measured import measured
from tests.benchmarks._pages import Pages, write_pages

from smartify_core.lifecycle import Ceiling, Guards, Memory, Reconciler, Rules, Threshold, Verdict
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage.sqlite import SQLiteStorage

#: The guards count as ever, and stop nothing: one percent of a million is more than a run does unasked.
OPEN = Threshold(Ceiling(0, 1.0, 10**9), Ceiling(0, 1.0, 10**9))
RULES = Rules(guards=Guards(deletions=OPEN, creations=OPEN))
#: Imported by the library at first use; here before any clock starts.
IMPORTED = cattrs, structlog
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
Figures = dict[str, float]


def write(folder: Path, number: int, memory: str) -> Figures:
    """Write the pages, and the keys."""
    write_pages(folder / "pages", number)
    write_pages(folder / "changed", number, changed=True)
    FileKeyRing.create(folder / "keys")
    return {}


def floor(folder: Path, number: int, memory: str, pages: str = "pages") -> Figures:
    """Decode, normalise and fingerprint everybody: the least that any run must do."""
    source, fingerprint = Pages(folder / pages), sealer(folder).fingerprinter("bench")
    figures: Figures = {}
    with measured(figures):
        for one in source.identities():
            fingerprint(one)
    return figures


def floor_changed(folder: Path, number: int, memory: str) -> Figures:
    """Return the floor of the changed directory."""
    return floor(folder, number, memory, "changed")


def load(folder: Path, number: int, memory: str) -> Figures:
    """Load everybody for the first time, and keep the store for the cases that follow."""
    return reconcile(folder, "pages", "store.db", memory, changes=number)


def same(folder: Path, number: int, memory: str) -> Figures:
    """Run over accounts in which nothing changed."""
    return reconcile(folder, "pages", "store.db", memory, changes=0)


def changed(folder: Path, number: int, memory: str) -> Figures:
    """Run with one percent changed, and apply it."""
    for end in ("", "-wal"):
        if (folder / f"store.db{end}").exists():
            shutil.copyfile(folder / f"store.db{end}", folder / f"copy.db{end}")
    return reconcile(folder, "changed", "copy.db", memory, changes=number // 100)


def reconcile(folder: Path, pages: str, store: str, memory: str, *, changes: int) -> Figures:
    """Run once."""
    source, figures = Pages(folder / pages), dict[str, float]()
    with SQLiteStorage(folder / store) as storage:
        way = cast("Memory", memory)
        reconciler = Reconciler({"bench": source}, storage, sealer(folder), rules=RULES, memory=way)
        with measured(figures):
            run = reconciler.run("bench")
    assert (run.verdict, run.counts.changes) == (Verdict.COMPLETE, changes), run.counts
    return figures


def bare(folder: Path, number: int, memory: str) -> Figures:
    """Seal everybody, and insert the same bytes with nothing but SQLite: what any first load must do."""
    source, seal = Pages(folder / "pages"), sealer(folder).seal
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    connection.execute(
        "create table account (tenant integer, source_id text, account_id text, state integer, version integer, "
        "created_at integer, updated_at integer, fingerprint blob, email_index blob, sealed blob, "
        "primary key (tenant, source_id))"
    )
    sealing = inserting = 0.0
    identities, made = source.identities(), 0
    while some := list(islice(identities, 500)):
        started = time.process_time()
        accounts = [
            seal("bench", one, account_id=f"{made + at:032x}", version=1, created_at=NOON, updated_at=NOON)
            for at, one in enumerate(some)
        ]
        sealing += time.process_time() - started
        started = time.process_time()
        rows = [
            (
                *(1, one.source_id, one.account_id, 1, 1, 0, 0, one.fingerprint, one.email_index),
                b"".join((*one.group_indexes, one.wrapped_key, one.payload)),
            )
            for one in accounts
        ]
        connection.execute("begin immediate")
        connection.executemany("insert into account values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute("commit")
        inserting += time.process_time() - started
        made += len(some)
    connection.close()
    assert made == number
    return {"cpu": sealing + inserting, "seconds": sealing + inserting, "sealing": sealing, "added_mb": 0.0}


def sealer(folder: Path) -> Sealer:
    """Return the sealer that all cases share."""
    return Sealer(FileKeyRing(folder / "keys"))


CASES: dict[str, Callable[[Path, int, str], Figures]] = {
    case.__name__: case for case in (write, floor, floor_changed, load, same, changed, bare)
}

if __name__ == "__main__":
    name, where, size, *rest = sys.argv[1:]
    print(json.dumps(CASES[name](Path(where), int(size), rest[0] if rest else "auto")))
