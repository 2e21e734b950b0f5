"""What the audit trail costs: durable appends beside bare SQLite, and its tree and proofs beside pymerkle's.

Run with ``nox -s benchmarks -- -k policy_audit``.

An append is on the disk when it returns. Held against it are the same bytes of entries in a table without an index,
in groups of the same size, waited for in the same way; and the trail itself, committed entry by entry. Rounds take
turns, and the middle one of each counts: what else the machine does slows all of them.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pymerkle import InmemoryTree, verify_inclusion

from smartify_core.policy.audit import AuditRecord, Frontier, Trail, check_inclusion, inclusion_proof, leaf_hash
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
GROUP, GROUPS, ROUNDS, EACH = 100, 30, 9, 100
LEAVES, PROOFS = 20_000, 2_000
#: A disk that keeps fewer single rows a second than this really keeps them.
WAITED_FOR = 1_000
DURABLE_LIMIT, EACH_LEAST, LIBRARY_LIMIT = 2.0, 40.0, 1.5


def records(number: int, start: int = 0) -> list[AuditRecord]:
    """Return records as the gate makes them: of ten tenants, each about one account."""
    return [
        AuditRecord(
            "access.granted",
            NOON,
            f"tenant-{one % 10}",
            f"e-{one % 200}",
            (f"{one:032x}",),
            {
                "fields": ("email",),
                "grant": f"g-{one % 1000}",
                "purpose": "CommunicationForCustomerCare",
                "reason": "x" * 64,
            },
        )
        for one in range(start, start + number)
    ]


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def bare(path: Path) -> sqlite3.Connection:
    """Return a connection to a table of entries, each commit of which is waited for."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal").fetchone()
    connection.execute("pragma synchronous = full")
    connection.execute("create table entry (place integer primary key, content blob)")
    return connection


def insert(connection: sqlite3.Connection, groups: Sequence[Sequence[tuple[bytes]]]) -> None:
    """Insert entries, a group to a commit."""
    for group in groups:
        connection.execute("begin immediate")
        connection.executemany("insert into entry (content) values (?)", group)
        connection.execute("commit")


def test_durable_appends(tmp_path: Path) -> None:
    """In groups of 100 the trail takes at most twice as long as bare SQLite, and is 40 times as fast as one by one."""
    made = [records(GROUP, number * GROUP) for number in range(GROUPS)]
    with SQLiteStorage(tmp_path / "store.db") as storage:
        trail = Trail(storage)
        for group in made:
            trail.append(*group)
        contents = [(one.content,) for one in trail.contents()]
        groups = [contents[start : start + GROUP] for start in range(0, len(contents), GROUP)]
        connection = bare(tmp_path / "bare.db")

        def by_threads() -> None:
            """Have 100 callers append one entry each, over and over: they share commits by themselves."""

            def call(number: int) -> None:
                for group in made:
                    trail.append(group[number])

            threads = [threading.Thread(target=call, args=(number,)) for number in range(GROUP)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        ways: dict[str, tuple[Callable[[], object], int]] = {
            "groups": (lambda: [trail.append(*group) for group in made], GROUP * GROUPS),
            "bare groups": (lambda: insert(connection, groups), GROUP * GROUPS),
            "each": (lambda: [trail.append(one) for one in made[0][:EACH]], EACH),
            "bare each": (lambda: insert(connection, [[one] for one in contents[:EACH]]), EACH),
        }
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, (work, number) in ways.items():
                spent[name].append(timed(work) / number)
        shared = timed(by_threads) / (GROUP * GROUPS)
        connection.close()
    middle = {name: statistics.median(each) for name, each in spent.items()}
    ratios = sorted(ours / theirs for ours, theirs in zip(spent["groups"], spent["bare groups"], strict=True))
    figures = {
        "entries a group": GROUP,
        "bytes an entry": len(contents[0][0]),
        **{f"{name}, entries/s": round(1 / each) for name, each in middle.items()},
        "100 threads with one each, entries/s": round(1 / shared),
        "groups / bare groups, time": round(statistics.median(ratios), 2),
        "groups / each, speed": round(middle["each"] / middle["groups"], 1),
        "groups / bare each, speed": round(middle["bare each"] / middle["groups"], 1),
    }
    print(json.dumps(figures, indent=2))
    # Where a commit is not waited for, waiting for fewer of them saves nothing, and what is left to compare is Python.
    if 1 / middle["bare each"] < WAITED_FOR:
        assert statistics.median(ratios) <= DURABLE_LIMIT, figures
        assert middle["each"] / middle["groups"] >= EACH_LEAST, figures


def test_tree_and_proofs() -> None:
    """Appending to the tree, making proofs and checking them take at most 1.5 times what pymerkle takes."""
    entries = [f"entry {number:080d}".encode() for number in range(LEAVES)]
    theirs = InmemoryTree(algorithm="sha256")
    frontier, made = Frontier().append(*entries)
    nodes = {(one.level, one.index): one.hash for one in made}
    theirs.append_entries(entries)
    root = theirs.get_root()
    assert root == frontier.root
    places = [number * 7 % LEAVES for number in range(PROOFS)]
    ours_made = [inclusion_proof(place, LEAVES, lambda level, index: nodes[level, index]) for place in places]
    theirs_made = [theirs.prove_inclusion(place + 1, LEAVES) for place in places]
    leaves = [leaf_hash(entries[place]) for place in places]

    def grow_one_by_one() -> None:
        grown = Frontier()
        for entry in entries:
            grown, _ = grown.append(entry)

    ways: dict[str, tuple[Callable[[], object], int]] = {
        "append, ours": (lambda: [Frontier().append(*entries[:LEAVES])], LEAVES),
        "append one by one, ours": (grow_one_by_one, LEAVES),
        "append, pymerkle": (lambda: InmemoryTree(algorithm="sha256").append_entries(entries), LEAVES),
        "prove, ours": (
            lambda: [inclusion_proof(place, LEAVES, lambda level, index: nodes[level, index]) for place in places],
            PROOFS,
        ),
        "prove, pymerkle": (lambda: [theirs.prove_inclusion(place + 1, LEAVES) for place in places], PROOFS),
        "check, ours": (
            lambda: [
                check_inclusion(leaf, place, LEAVES, proof, root)
                for leaf, place, proof in zip(leaves, places, ours_made, strict=True)
            ],
            PROOFS,
        ),
        "check, pymerkle": (
            lambda: [verify_inclusion(leaf, root, proof) for leaf, proof in zip(leaves, theirs_made, strict=True)],
            PROOFS,
        ),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (work, number) in ways.items():
            spent[name].append(timed(work) / number)
    least = {name: min(each) for name, each in spent.items()}
    figures: dict[str, float] = {f"{name}, 1/s": round(1 / each) for name, each in least.items()}
    for what in ("append", "append one by one", "prove", "check"):
        peer = least[f"{what.removesuffix(' one by one')}, pymerkle"]
        figures[f"{what}, ours / pymerkle, time"] = round(least[f"{what}, ours"] / peer, 2)
    print(json.dumps(figures, indent=2))
    for what in ("append", "append one by one", "prove", "check"):
        assert figures[f"{what}, ours / pymerkle, time"] <= LIBRARY_LIMIT, figures
