"""How close a run in which nothing changed comes to the least that any such run must do.

Run with ``nox -s benchmarks -- -k reconcile`` (``SMARTIFY_BENCH_ACCOUNTS`` sets the size, 100,000 when not set).

The limit is the *bare scan-and-compare* of the same rows: 100,000 accounts and 500,000 memberships, unsealed, in a
SQLite file for each side, two ordered cursors walked side by side in Python. The run that is measured has the
directory's side as values in memory, computes a fingerprint for each person, and reads the sealed store. Beside it
stand the narrow scan (ids and fingerprints alone, nothing computed and nothing compared) and the floor of any run
over sealed accounts (each person's fingerprint computed and looked up in the narrow rows). All work in this process,
in turn, five times; the figures are medians, of the ratios too.
"""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Self

from smartify_core.directory import Capability, Certificate, Listing, Presence
from smartify_core.lifecycle import Reconciler
from smartify_core.model import Group, Identity, Membership, MembershipPath, ProgressSink
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.sqlite import SQLiteStorage

ROUNDS = 5
GROUPS_EACH = 5
RATIO_LIMIT = 3.0
BYTES_LIMIT = 300


class Listed:
    """A source whose people are in memory before the clock starts, so that the source's own cost stays out."""

    capabilities = frozenset({Capability.IMMUTABLE_IDS, Capability.SINGLE_READ})
    id = "bench"
    rejects = ()
    requests = 0

    def __init__(self, people: Sequence[Identity]) -> None:
        self._people = people
        self.certificate = Certificate((Listing("users", 1, len(people)),))

    def snapshot(self, *, progress: ProgressSink | None = None) -> Listed:
        return self

    def identities(self) -> Iterator[Identity]:
        return iter(self._people)

    def confirm(self, source_ids: Sequence[str]) -> dict[str, Presence]:
        return {}

    def look_up(self, source_ids: Sequence[str]) -> dict[str, Presence]:
        return {}

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None: ...


def make_people(number: int) -> list[Identity]:
    """Return ``number`` people with five groups each, in order of address as Google lists them."""
    memberships = [
        Membership(Group(f"g{one:06}", f"group{one}@acme.example", f"Group {one}"), MembershipPath.DIRECT)
        for one in range(max(number // 50, GROUPS_EACH))
    ]
    span = len(memberships)
    return [
        Identity(
            source_id=f"{(one * 7919) % 999_983:09}{one:012}",
            email=f"person{one:07}@acme.example",
            given_name=f"Given{one % 997}",
            family_name=f"Family{one % 1009}",
            memberships=tuple(
                memberships[place] for place in sorted({(one + step * 31) % span for step in range(GROUPS_EACH)})
            ),
        )
        for one in range(number)
    ]


def write_rows(path: Path, people: Sequence[Identity]) -> None:
    """Write the same people as a store without sealing would have them: one row a person, one row a membership."""
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE account (source_id TEXT PRIMARY KEY, email TEXT, given_name TEXT, family_name TEXT, reason TEXT) "
        "WITHOUT ROWID"
    )
    connection.execute(
        "CREATE TABLE member (source_id TEXT, group_id TEXT, path TEXT, PRIMARY KEY (source_id, group_id)) "
        "WITHOUT ROWID"
    )
    connection.executemany("INSERT INTO account VALUES (?, ?, ?, ?, ?)", sorted(map(plain_row, people)))
    connection.executemany(
        "INSERT INTO member VALUES (?, ?, ?)", sorted(row for one in people for row in member_rows(one))
    )
    connection.commit()
    connection.close()


def plain_row(one: Identity) -> tuple[str, str, str, str, str]:
    """Return the row of a person."""
    reason = one.inactive_reason
    return one.source_id, one.email, one.given_name, one.family_name, "" if reason is None else reason.value


def member_rows(one: Identity) -> list[tuple[str, str, str]]:
    """Return the rows of a person's memberships."""
    return [(one.source_id, membership.group.id, membership.path.value) for membership in one.memberships]


def bare_scan_and_compare(ours: Path, theirs: Path) -> int:
    """Walk both sides' rows in order, side by side, and return how many accounts agree in every field and group."""
    left, right = sqlite3.connect(ours), sqlite3.connect(theirs)
    accounts, members = "SELECT * FROM account ORDER BY source_id", "SELECT * FROM member ORDER BY source_id, group_id"
    differing = {
        one[0] for one, other in zip(left.execute(accounts), right.execute(accounts), strict=True) if one != other
    }
    differing |= {
        one[0] for one, other in zip(left.execute(members), right.execute(members), strict=True) if one != other
    }
    (number,) = left.execute("SELECT count(*) FROM account").fetchone()
    left.close()
    right.close()
    return int(number) - len(differing)


def narrow_scan(path: Path) -> int:
    """Scan nothing but id and fingerprint.

    The least that is read, with no fingerprint computed and nothing compared.
    """
    connection = sqlite3.connect(path)
    number = sum(1 for _ in connection.execute("SELECT source_id, fingerprint FROM narrow ORDER BY source_id"))
    connection.close()
    return number


def write_narrow(path: Path, rows: Sequence[tuple[str, bytes]]) -> None:
    """Write ids and fingerprints alone."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE narrow (source_id TEXT PRIMARY KEY, fingerprint BLOB) WITHOUT ROWID")
    connection.executemany("INSERT INTO narrow VALUES (?, ?)", sorted(rows))
    connection.commit()
    connection.close()


def fingerprint_and_compare(path: Path, people: Sequence[Identity], fingerprint: Callable[[Identity], bytes]) -> int:
    """Compute everybody's fingerprint and compare it with the narrow rows.

    The floor of any run over sealed accounts.
    """
    connection = sqlite3.connect(path)
    known = dict(connection.execute("SELECT source_id, fingerprint FROM narrow ORDER BY source_id"))
    connection.close()
    return sum(1 for one in people if known.pop(one.source_id) == fingerprint(one))


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds ``work`` takes, with the garbage of others collected before."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(number: int) -> dict[str, float]:
    """Return the figures for ``number`` accounts."""
    people = make_people(number)
    sealer = Sealer(MemoryKeyRing())
    with tempfile.TemporaryDirectory() as folder, SQLiteStorage(Path(folder, "store.db")) as storage:
        ours, theirs, narrow = (Path(folder, name) for name in ("ours.db", "theirs.db", "narrow.db"))
        write_rows(ours, people)
        write_rows(theirs, people)
        fingerprint = sealer.fingerprinter("bench")
        write_narrow(narrow, [(one.source_id, fingerprint(one)) for one in people])
        reconciler = Reconciler({"bench": Listed(people)}, storage, sealer)
        first_load = timed(lambda: reconciler.run("bench"))

        bare, least, floor, runs = [], [], [], []
        for _ in range(ROUNDS):
            bare.append(timed(lambda: bare_scan_and_compare(ours, theirs)))
            least.append(timed(lambda: narrow_scan(narrow)))
            floor.append(timed(lambda: fingerprint_and_compare(narrow, people, sealer.fingerprinter("bench"))))
            runs.append(timed(lambda: reconciler.run("bench")))
        assert bare_scan_and_compare(ours, theirs) == narrow_scan(narrow) == number
        assert reconciler.run("bench").counts.unchanged == number

        gc.collect()
        tracemalloc.start()
        reconciler.run("bench")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return {
        "accounts": number,
        "first load, us per account": round(first_load / number * 1e6, 1),
        "narrow scan of ids and fingerprints, us per account": round(median(least) / number * 1e6, 2),
        "bare scan-and-compare, us per account": round(median(bare) / number * 1e6, 2),
        "run with no change, us per account": round(median(runs) / number * 1e6, 2),
        "run / bare scan-and-compare": round(median(one / other for one, other in zip(runs, bare, strict=True)), 2),
        "limit of that ratio": RATIO_LIMIT,
        "floor (fingerprint everybody, compare with narrow rows), us per account": round(
            median(floor) / number * 1e6, 2
        ),
        "run / floor (no limit)": round(median(one / other for one, other in zip(runs, floor, strict=True)), 2),
        "run / narrow scan (no limit)": round(median(one / other for one, other in zip(runs, least, strict=True)), 2),
        "peak bytes added per account": round(peak / number),
        "limit of the bytes": BYTES_LIMIT,
    }


def test_run_with_no_change_is_close_to_a_bare_scan() -> None:
    """A run over accounts in which nothing changed takes at most three bare scans, and under 300 bytes an account."""
    figures = measure(int(os.environ.get("SMARTIFY_BENCH_ACCOUNTS", "100000")))
    print(json.dumps(figures, indent=2))
    assert figures["run / bare scan-and-compare"] <= RATIO_LIMIT
    assert figures["peak bytes added per account"] < BYTES_LIMIT
