"""What the impact of an incident costs: beside a bare walk over the same entries of the audit trail.

Run with ``nox -s benchmarks -- -k breach_impact``.

The trail has a million entries of 10,000 tenants. The bare walk is a loop over `Trail.contents` that counts; a bare
cursor of SQLite over the same rows is printed beside it. Rounds take turns, and the least of each counts.
"""

from __future__ import annotations

import json
import sqlite3
import time
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import LEDGER, Append, PutDocument
from smartify_core.policy.audit import AuditRecord, Frontier, Trail
from smartify_core.policy.audit._state import ENTRIES, HEAD, NODES, TrailHead, nodes_of
from smartify_core.policy.breach import BreachScope, Incident, IncidentState, ScopeKind
from smartify_core.policy.breach._impacts import Assessments
from smartify_core.policy.breach._recorded import Recorded
from smartify_core.policy.vendors import Vendors
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
FEW, MANY, TENANTS, EMPLOYEES, PEOPLE, GROUP = 200_000, 1_000_000, 10_000, 100, 10, 1_000
#: How many entries of one tenant follow one another, as pages of a view do.
PAGES, ROUNDS = 20, 3
LIMIT, MORE_MEMORY, FLAT = 3.0, 64 << 20, 1.3
#: For the worst case, and how many people it has of each tenant where accounts do not fit into memory.
WORST_LIMIT, CROWD = 3.0, 30
LONG_AFTER = NOON + timedelta(days=400)


def content(number: int, people: int = PEOPLE) -> bytes:
    """Return the bytes of an opening as the gate records it: of one of so many people of one of 10,000 tenants."""
    tenant = number // PAGES % TENANTS
    at = (NOON + timedelta(seconds=number)).isoformat(timespec="microseconds")[:-6]
    actor, grant = number // PAGES % EMPLOYEES, number % 1000
    return (
        f'{{"actor":"e-{actor}","at":"{at}Z","facts":{{"fields":["email"],"grant":"g-{grant}"'
        f',"overrides":[],"provisions":["C13"],"pseudonymous":false,"purpose":"CommunicationForCustomerCare"'
        f',"reason":"{"x" * 64}","reason_about":"subject","ticket":null}},"kind":"access.granted"'
        f',"of_tenant":{{"number":1,"previous":null}},"place":{number}'
        f',"subjects":["{tenant:016x}{number % people:016x}"],"tenant":"tenant-{tenant}","v":1,"writer":"0123abcd"}}'
    ).encode()


def filled(path: Path, number: int, people: int = PEOPLE) -> Storage:
    """Return a store with so many entries in its trail, and the tree over them: put there at once, without tails."""
    storage, frontier = SQLiteStorage(path), Frontier()
    for start in range(0, number, GROUP):
        entries = [content(one, people) for one in range(start, start + GROUP)]
        after, made = frontier.append(*entries)
        head = TrailHead(after, NOON + timedelta(seconds=start + GROUP))
        nodes = tuple(node.hash for node in made)
        storage.record(
            LEDGER,
            documents=[PutDocument(*HEAD, head.content, start // GROUP)],
            appends=[Append(ENTRIES, tuple(entries), start), Append(NODES, nodes, nodes_of(start))],
        )
        frontier = after
    return storage


def test_entries_are_as_the_trail_writes_them(tmp_path: Path) -> None:
    """What the other cases walk over is made of entries that the library reads, in a tree that it goes on with."""
    with filled(tmp_path / "few.db", GROUP) as storage:
        trail = Trail(storage, clock=lambda: LONG_AFTER)
        assert trail.entry(21).record.tenant == "tenant-1"
        assert trail.entry(21).content == content(21)
        assert trail.append(AuditRecord("a.b", LONG_AFTER)) == (GROUP,)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return the files of two stores, by their number of entries."""
    folder = tmp_path_factory.mktemp("impact")
    made = {number: folder / f"{number}.db" for number in (FEW, MANY)}
    for number, path in made.items():
        filled(path, number).close()
    return made


SCOPES = {
    "a stolen account, 1 % of entries": BreachScope(ScopeKind.ACTOR, ["e-7"]),
    "a window of one tenant": BreachScope(ScopeKind.TENANT, ["tenant-7"], NOON, NOON + timedelta(days=3)),
    "every opening of every tenant": BreachScope(ScopeKind.ACTOR, [f"e-{number}" for number in range(EMPLOYEES)]),
}


def assessing(storage: Storage, scope: BreachScope, number: int) -> Callable[[], int]:
    """Return what works out the impact of an incident with this scope, and how many tenants it affects."""
    sealer, trail = Sealer(MemoryKeyRing()), Trail(storage, clock=lambda: LONG_AFTER)
    recorded = Recorded(storage, sealer, trail)
    incident = Incident(
        f"inc-20260504-{number:08x}", IncidentState.AWARE, NOON, "e-1", "a signal", NOON, scopes=(scope,)
    )
    recorded.change(incident, 0, "incident.opened", by="e-1", at=LONG_AFTER)
    room = Assessments(storage, sealer, trail, vendors=Vendors(storage, sealer, trail))
    return lambda: room.assess(incident.id, by="e-1").affected


def walked(storage: Storage) -> int:
    """Return how many entries there are, by a walk that only counts."""
    return sum(1 for _ in Trail(storage).contents())


def spent(work: Callable[[], int]) -> float:
    """Return the seconds of the processor that something takes: what else the machine does counts less."""
    started = time.process_time()
    work()
    return time.process_time() - started


def by_cursor(path: Path) -> float:
    """Return what a bare cursor over the largest table of the file takes."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        counts = {name: connection.execute(f'select count(*) from "{name}"').fetchone()[0] for name in tables}
        largest = max(counts, key=lambda name: counts[name])
        return spent(lambda: sum(1 for _ in connection.execute(f'select * from "{largest}"')))


def test_impact_of_a_million_entries(stores: dict[int, Path]) -> None:
    """An account or a tenant costs at most 3 times the bare walk; so does all of it, with 100,000 people."""
    with SQLiteStorage(stores[MANY]) as storage:
        affected: dict[str, int] = {}

        ways: dict[str, Callable[[], int]] = {}

        def run(name: str) -> int:
            affected[name] = ways[name]()
            return affected[name]

        took: dict[str, list[float]] = {"walk": [], **{name: [] for name in SCOPES}}
        for turn in range(ROUNDS):
            # Of an incident of its own each time: what differs from an earlier revision is another question.
            ways = {
                name: assessing(storage, scope, turn * len(SCOPES) + number)
                for number, (name, scope) in enumerate(SCOPES.items())
            }
            took["walk"].append(spent(lambda: walked(storage)))
            for name in ways:
                took[name].append(spent(lambda name=name: run(name)))  # type: ignore[misc] # mypy cannot infer a lambda's default
    cursor = by_cursor(stores[MANY])
    least = {name: min(each) for name, each in took.items()}
    figures: dict[str, float] = {
        "bare cursor, s": round(cursor, 2),
        "bare walk, s": round(least["walk"], 2),
        **{f"{name}, s": round(least[name], 2) for name in ways},
        **{f"{name} / bare walk": round(least[name] / least["walk"], 2) for name in ways},
        **{f"{name}, tenants affected": affected[name] for name in ways},
    }
    print(json.dumps(figures, indent=2))
    for name in ways:
        limit = WORST_LIMIT if affected[name] == TENANTS else LIMIT
        assert least[name] / least["walk"] <= limit, figures


def test_impact_of_more_people_than_are_held(tmp_path: Path) -> None:
    """With 300,000 people, too many for memory, it costs at most 6 times the bare walk: twice the worst limit."""
    name = "every opening of every tenant"
    with filled(tmp_path / "crowd.db", MANY, CROWD) as storage:
        walk = min(spent(lambda: walked(storage)) for _ in range(ROUNDS))
        work = [assessing(storage, SCOPES[name], 200 + turn) for turn in range(ROUNDS)]
        took = min(map(spent, work))
    figures = {"bare walk, s": round(walk, 2), f"{name}, s": round(took, 2), "ratio": round(took / walk, 2)}
    print(json.dumps(figures))
    assert took / walk <= 2 * WORST_LIMIT, figures


def test_impact_needs_no_memory_for_each_entry(stores: dict[int, Path]) -> None:
    """Five times the entries take at most 1.3 times the memory, or 64 MB more, whatever is in scope."""
    peaks: dict[str, dict[int, int]] = {name: {} for name in SCOPES}
    for entries, path in stores.items():
        with SQLiteStorage(path) as storage:
            for number, (name, scope) in enumerate(SCOPES.items()):
                work = assessing(storage, scope, 100 + number)
                tracemalloc.start()
                work()
                peaks[name][entries] = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
    print(json.dumps({name: {str(at): peak >> 20 for at, peak in each.items()} for name, each in peaks.items()}))
    for each in peaks.values():
        assert each[MANY] <= each[FEW] * FLAT or each[MANY] - each[FEW] <= MORE_MEMORY, peaks
