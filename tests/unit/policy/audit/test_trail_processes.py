from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.unit.policy.audit._forger import NOON

from smartify_core.model import Append, Document, PutDocument
from smartify_core.policy.audit import AuditRecord, Trail, verify
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the children of these tests are forked")

PROCESSES, THREADS, TIMES = 4, 2, 40
Open = Callable[[], Storage]


@pytest.fixture(params=["sqlite", "postgresql"])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Return a function that opens the one store."""
    if request.param == "sqlite":
        return lambda: SQLiteStorage(tmp_path / "store.db", busy_timeout=60)
    url, schema = request.getfixturevalue("postgresql_url"), request.getfixturevalue("schema")
    return lambda: PostgreSQLStorage(url, schema=schema, lock_timeout=60)


@contextmanager
def child(work: Callable[[], object]) -> Iterator[None]:
    """Do something in a process of its own, and wait for it at the end."""
    number = os.fork()
    if not number:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    yield
    assert os.waitpid(number, 0)[1] == 0


def named(process: int, thread: int, time: int) -> AuditRecord:
    """Return a record that nobody else makes."""
    return AuditRecord("a", NOON, ("acme", "umbrella", None)[time % 3], f"{process}-{thread}-{time}")


def test_processes_never_fork_a_trail(opening: Open) -> None:
    """Four processes with two threads each append at once: every entry is there once, and all of it is one chain."""
    opening().close()

    def work(process: int) -> None:
        with opening() as storage:
            trail = Trail(storage)
            wrong: list[object] = []

            def append(thread: int) -> None:
                for time in range(TIMES):
                    records = [named(process, thread, time)] * (1 + time % 2)
                    places = trail.append(*records)
                    if [trail.entry(place).record.actor for place in places] != [one.actor for one in records]:
                        wrong.append(places)

            threads = [threading.Thread(target=append, args=(number,)) for number in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not wrong

    with child(lambda: work(0)), child(lambda: work(1)), child(lambda: work(2)), child(lambda: work(3)):
        pass
    with opening() as storage:
        trail = Trail(storage)
        found = verify(trail)
        assert found.findings == ()
        wanted = Counter(
            {
                f"{process}-{thread}-{time}": 1 + time % 2
                for process in range(PROCESSES)
                for thread in range(THREADS)
                for time in range(TIMES)
            }
        )
        assert Counter(entry.record.actor for entry in trail.entries()) == wanted
        for tenant in ("acme", "umbrella"):
            own = [entry.place for entry in trail.entries() if entry.record.tenant == tenant]
            assert [entry.place for entry in trail.of_tenant(tenant)] == own[::-1]


class Held:
    """A store that holds up the writes of the process that made it, before they begin."""

    def __init__(self, storage: Storage) -> None:
        self._storage, self._process = storage, os.getpid()
        self.let, self.begun = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def record(self, tenant: str, **named: Any) -> None:
        """Wait, in the process that made it, then write."""
        if os.getpid() == self._process:
            self.begun.set()
            assert self.let.wait(60)
        self._storage.record(tenant, **named)


def test_a_process_that_was_forked_in_the_middle_goes_on(opening: Open) -> None:
    """A child that is forked while a commit is under way and others wait has locks of its own, and nobody's entries."""
    with opening() as storage:
        held: Any = Held(storage)
        trail = Trail(held)
        threads = [threading.Thread(target=trail.append, args=(AuditRecord("parent", NOON),)) for _ in range(4)]
        threads[0].start()
        assert held.begun.wait(60)
        for thread in threads[1:]:
            thread.start()
        line = trail._pen().line
        for _ in iter(lambda: len(line._seats), 3):
            pass
        for number in range(3):
            with child(partial(trail.append, AuditRecord("child", NOON, actor=str(number)))):
                pass
        held.let.set()
        for thread in threads:
            thread.join()
        entries = [*trail.entries()]
        assert [one.record.actor for one in entries[:3]] == ["0", "1", "2"]
        assert [one.record.kind for one in entries[3:]] == ["parent"] * 4
        assert len({one.writer for one in entries}) == 4
        assert verify(trail).is_sound


def alternate(storage: Storage) -> None:
    """Append by turns with two trails that are open at once, and require one chain of all of it."""
    one, other = Trail(storage), Trail(storage)
    places = [trail.append(AuditRecord("a", NOON, "acme"))[0] for _ in range(5) for trail in (one, other)]
    assert places == [*range(10)]
    assert verify(one).findings == ()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_two_open_trails_see_each_other(kind: str, tmp_path: Path) -> None:
    """Each finds that the other has written, and goes on from there."""
    with MemoryStorage() if kind == "memory" else SQLiteStorage(tmp_path / "store.db") as storage:
        alternate(storage)


class Careless(MemoryStorage):
    """A store that is written to without a look at what has happened since it was read."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write over whatever is there."""
        there = [self.document(tenant, one.kind, one.key) or Document(one.kind, one.key, b"", 0) for one in documents]
        again = [
            PutDocument(put.kind, put.key, put.value, old.version) for put, old in zip(documents, there, strict=True)
        ]
        super().record(tenant, documents=again, appends=[Append(one.journal, one.entries) for one in appends])


def test_an_append_that_expects_nothing_is_caught() -> None:
    """A build that reads and then inserts, expecting nothing, forks the trail where the test above looks."""
    with pytest.raises(AssertionError):
        alternate(Careless())
