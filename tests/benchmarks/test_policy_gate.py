"""How many people a second the gate discloses, each named in a record that is on the disk before a field opens.

Run with ``nox -s benchmarks -- -k policy_gate``. Beside it stand, in the same rounds and on the same disk: the same
disclosures opened one by one, each with a commit of its own that is waited for; and SQLite alone, which keeps a row as
long as such a record for each disclosure, a hundred to a commit. A view decides, records and opens a hundred people
at a time; threads that open one person each share their commits.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from smartify_core.lifecycle import Reconciler
from smartify_core.policy import ACCOUNT_FIELDS, PersonalField, Policy, Purpose
from smartify_core.policy._reasons import Reasons
from smartify_core.policy.audit import AuditRecord
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

PEOPLE, GROUP, THREADS, ROUNDS = 2_000, 100, 32, 5
#: The issue's limits: so many times the commits one by one, and at most so many times as long as SQLite alone.
TIMES_ONE_BY_ONE, TIMES_BARE = 40, 2.0
#: More commits a second than a disk makes that is waited for: then the limits, which are of disks, say nothing.
NO_DISK: Final = 2_000


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[Policy, SQLiteStorage]]:
    """Return policy over a real store with people in it, and somebody who may see them."""
    with SQLiteStorage(tmp_path / "store.db") as storage:
        sealer = Sealer(MemoryKeyRing())
        directory = FakeDirectory(*(identity(f"person-{number:05d}") for number in range(PEOPLE)))
        assert Reconciler({"acme": directory}, storage, sealer).run("acme").error is None
        policy = Policy(storage, sealer)
        for name in ("e-1", "e-2"):
            policy.staff.add(name, by="admin", may_approve=name == "e-2")
            policy.staff.bind(name, agreement="nda", evidence="ab" * 32, by="admin")
        grant = policy.grants.request(
            "e-1",
            tenant="acme",
            purpose=Purpose.CUSTOMER_CARE,
            fields=ACCOUNT_FIELDS,
            reason="words",
            lasts=timedelta(days=1),
        )
        policy.grants.approve(grant.id, by="e-2")
        yield policy, storage


ASKED: dict[str, Any] = {
    "employee": "e-1",
    "tenant": "acme",
    "purpose": Purpose.CUSTOMER_CARE,
    "fields": [PersonalField.EMAIL],
    "reason": "she cannot sign in",
}


def rate(work: Callable[[], int]) -> float:
    """Return how many a second ``work`` does, which returns how many it did."""
    started = time.perf_counter()
    number = work()
    return number / (time.perf_counter() - started)


def bare(path: Path, row: bytes, *, number: int, together: int) -> int:
    """Keep rows with SQLite alone, so many to a commit that is waited for; return how many."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal").fetchone()
    connection.execute("pragma synchronous = full")
    connection.execute("create table if not exists entry (position integer primary key, content blob)")
    for _ in range(number // together):
        connection.execute("begin immediate")
        connection.executemany("insert into entry (content) values (?)", [(row,)] * together)
        connection.execute("commit")
    connection.close()
    return number


def test_the_gate_keeps_up_with_the_disk(host: tuple[Policy, SQLiteStorage], tmp_path: Path) -> None:
    """In groups of 100 the gate does 40 times what commits one by one do, and half of what SQLite alone does."""
    policy, storage = host
    gate, trail = policy.gate, policy.trail
    people = storage.heads("acme").source_ids[:THREADS]

    def opened(source_id: str) -> None:
        gate.open(**ASKED, source_id=source_id)

    def viewed() -> int:
        with gate.view(**ASKED) as view:
            return sum(1 for _ in view)

    def threads() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(opened, [*people] * 10))
        return THREADS * 10

    def one_by_one() -> int:
        for source_id in people:
            opened(source_id)
        return THREADS

    def appended(records: list[AuditRecord]) -> int:
        trail.append(*records)
        return len(records)

    opened(people[0])
    content = next(iter(trail.contents(after=trail.size - 2))).content
    record = trail.entry(trail.size - 1).record
    cold = rate(one_by_one)  # each of them for the first time, so a key is made for each too
    account = storage.load("acme", people[:1])[people[0]]
    reasons = Reasons(storage, gate._sealer)

    found: dict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS):
        path = tmp_path / f"bare-{number}.db"
        found["view, in groups of 100"].append(rate(viewed))
        found["bare sqlite, in groups of 100"].append(rate(partial(bare, path, content, number=PEOPLE, together=GROUP)))
        found["bare sqlite, one by one"].append(rate(partial(bare, path, content, number=100, together=1)))
        found["opened one by one"].append(rate(one_by_one))
        found["opened by 32 threads"].append(rate(threads))
        found["records of the trail, one by one"].append(rate(lambda: sum(appended([record]) for _ in range(50))))
        found["records of the trail, in groups of 100"].append(
            rate(lambda: sum(appended([record] * GROUP) for _ in range(10)))
        )
        found["reasons sealed, about one person"].append(
            rate(lambda: sum(bool(reasons.about_one(account, ASKED["reason"])) for _ in range(200)))
        )
        found["reasons sealed, about a tenant"].append(
            rate(lambda: sum(bool(reasons.about_many("acme", ASKED["reason"])) for _ in range(200)))
        )
    best = {name: max(rates) for name, rates in found.items()}
    over = {
        "view, times commits one by one": best["view, in groups of 100"] / best["opened one by one"],
        "view, times bare commits one by one": best["view, in groups of 100"] / best["bare sqlite, one by one"],
        "bare groups, times the view": best["bare sqlite, in groups of 100"] / best["view, in groups of 100"],
        "32 threads, times one by one": best["opened by 32 threads"] / best["opened one by one"],
    }
    print(
        json.dumps(
            {
                "people": PEOPLE,
                "a second, best of the rounds": {name: round(value) for name, value in best.items()},
                "opened one by one for the first time, a second": round(cold),
                "bytes of a record": len(content),
                "ratios": {name: round(value, 2) for name, value in over.items()},
            },
            indent=2,
        )
    )
    if best["bare sqlite, one by one"] > NO_DISK:
        return  # what is measured here is Python: no disk was waited for
    assert over["view, times commits one by one"] >= TIMES_ONE_BY_ONE
    assert over["bare groups, times the view"] <= TIMES_BARE
