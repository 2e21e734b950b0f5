from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import LeaseHeld, LeaseLost, StorageBusy, StorageUnavailable
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage._sqlite import _schema
from smartify_core.storage._sqlite._schema import bring_up_to_date
from smartify_core.storage.sqlite import SQLiteStorage

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the children of these tests are forked")

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRANTED, HELD, LOST = 0, 11, 12

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Spawn = Callable[[Callable[[], int | None]], int]
Status = Callable[[int], int]


def test_of_two_processes_one_gets_the_lease(path: Path, spawn: Spawn, status: Status) -> None:
    """Processes that claim a tenant at the same time are told apart: one has it, the others are refused."""
    SQLiteStorage(path).close()
    for turn in range(15):
        gate, opening = os.pipe()

        def work(tenant: str = f"tenant {turn}", gate: int = gate, opening: int = opening) -> int:
            os.close(opening)
            storage = SQLiteStorage(path)
            # Blocks until the test closes the other end, for all children at once.
            os.read(gate, 1)
            try:
                storage.claim(tenant, now=NOON, ttl=HOUR)
            except LeaseHeld:
                return HELD
            return GRANTED

        children = [spawn(work) for _ in range(3)]
        os.close(gate)
        os.close(opening)
        assert sorted(status(child) for child in children) == [GRANTED, HELD, HELD]


def test_a_paused_worker_cannot_write_over_its_replacement(
    path: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """A process that was stopped past its lease and woken again is refused, and its replacement's work stands."""
    SQLiteStorage(path).close()

    def work() -> int:
        storage = SQLiteStorage(path)
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            storage.commit(claim, put(account("s1", payload=b"stale")))
        except LeaseLost:
            return LOST
        return GRANTED

    child = spawn(work)
    _, stopped = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(stopped)
    with SQLiteStorage(path) as storage:
        fresh = account("s1", payload=b"fresh")
        storage.commit(storage.claim("acme", now=NOON + HOUR, ttl=HOUR), put(fresh))
        os.kill(child, signal.SIGCONT)
        assert status(child) == LOST
        assert storage.load("acme", ["s1"]) == {"s1": fresh}


def test_processes_that_write_at_once_wait_for_each_other(
    path: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """Commits of two processes on different tenants all go through, none lost."""
    SQLiteStorage(path).close()

    def work(tenant: str) -> None:
        with SQLiteStorage(path) as storage:
            claim = storage.claim(tenant, now=NOON, ttl=HOUR)
            for number in range(25):
                storage.commit(claim, put(account(f"s{number}", tenant=tenant)))

    children = [spawn(lambda tenant=tenant: work(tenant)) for tenant in ("acme", "umbrella")]  # type: ignore[misc]  # mypy cannot infer a default of a lambda
    assert [status(child) for child in children] == [0, 0]
    with SQLiteStorage(path) as storage:
        assert [storage.tenant(tenant).revision for tenant in ("acme", "umbrella")] == [25, 25]
        assert [len(storage.heads(tenant)) for tenant in ("acme", "umbrella")] == [25, 25]


def test_a_store_whose_log_is_just_moved_into_it_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that looks cut short while another process empties its log is looked at again, not called damaged."""
    SQLiteStorage(path).close()
    log, probe, looks = path.with_name(f"{path.name}-wal"), _schema._probe, list[int]()

    def torn(uri: str, place: Path) -> None:
        looks.append(1)
        if len(looks) < 3:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error
        probe(uri, place)

    monkeypatch.setattr(_schema, "_probe", torn)
    log.touch()
    SQLiteStorage(path).close()
    assert len(looks) == 3


def test_processes_may_create_a_store_together(path: Path, spawn: Spawn, status: Status) -> None:
    """Processes that find no store and make one at the same time end up with one and the same."""

    def work() -> None:
        with SQLiteStorage(path) as storage:
            storage.claim(f"process {os.getpid()}", now=NOON, ttl=HOUR)

    children = [spawn(work) for _ in range(4)]
    assert [status(child) for child in children] == [0] * 4
    with SQLiteStorage(path) as storage:
        for child in children:
            with pytest.raises(LeaseHeld):
                storage.claim(f"process {child}", now=NOON, ttl=HOUR)


def test_a_store_that_is_made_while_it_is_looked_at_is_ours(path: Path) -> None:
    """Between two questions about a file that was empty, another process may make the store in it."""
    path.touch()
    looking = sqlite3.connect(path, isolation_level=None)
    made: list[bool] = []

    def make(statement: str) -> None:
        if "sqlite_master" in statement and not made:
            made.append(True)
            with suppress(StorageBusy):  # the one who looks may have locked it
                SQLiteStorage(path, busy_timeout=0).close()

    looking.set_trace_callback(make)
    bring_up_to_date(looking, path, patience=5)
    looking.close()
    assert made == [True]
    with SQLiteStorage(path) as storage:
        assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1


def test_a_store_that_is_half_made_is_waited_for(path: Path, tmp_path: Path) -> None:
    """While the journal of whoever makes it is there, a file that looks cut short is given time to be whole."""
    SQLiteStorage(tmp_path / "whole.db").close()
    content = (tmp_path / "whole.db").read_bytes()
    path.write_bytes(content[:4096])
    journal = path.with_name(f"{path.name}-journal")
    journal.touch()

    def finish() -> None:
        path.write_bytes(content)
        journal.unlink()

    maker = threading.Timer(0.05, finish)
    maker.start()
    with SQLiteStorage(path) as storage:
        assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1
    maker.join()


def test_a_storage_may_be_used_after_a_fork(
    path: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """A server that opens the store and then forks its workers has a working storage in each of them."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("parent")))

        def work() -> int:
            storage.commit(claim, put(account("child")))
            assert len(storage.heads("acme")) == 2
            storage.close()
            return 0

        assert status(spawn(work)) == 0
        storage.commit(claim, put(account("parent again")))
        assert [head.source_id for head in storage.heads("acme")] == ["child", "parent", "parent again"]


def test_a_lock_held_by_another_program_is_waited_for_and_then_named(path: Path) -> None:
    """A writer that does not let go within the time allowed is `StorageBusy`; reading goes on meanwhile."""
    with SQLiteStorage(path, busy_timeout=0.05) as storage:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(StorageBusy, match="busy_timeout") as caught:
            storage.claim("acme", now=NOON, ttl=HOUR)
        assert str(path) in str(caught.value)
        assert caught.value.retryable
        assert storage.tenant("acme").revision == 0
        other.execute("rollback")
        other.close()
        assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1


def test_a_new_file_that_somebody_holds_is_busy(path: Path) -> None:
    """A store is not created in an empty file that another program has locked."""
    path.touch()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin exclusive")
    with pytest.raises(StorageBusy):
        SQLiteStorage(path, busy_timeout=0.05)
    other.execute("rollback")
    other.close()
    SQLiteStorage(path).close()


def test_threads_of_one_storage_wait_no_longer_than_allowed(path: Path) -> None:
    """A thread that finds another one of the same storage writing for too long is told so."""
    with SQLiteStorage(path, busy_timeout=0.05) as storage, storage._connections.writing():
        raised: list[BaseException] = []

        def work() -> None:
            try:
                storage.claim("acme", now=NOON, ttl=HOUR)
            except StorageBusy as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert len(raised) == 1


def test_closing_lets_a_reader_finish(path: Path) -> None:
    """A connection that is lent while the storage closes still answers, and is closed when it comes back."""
    storage = SQLiteStorage(path)
    with storage._connections.reading() as connection:
        storage.close()
        assert connection.execute("select count(*) from tenant").fetchone() == (0,)
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("select 1")
    with pytest.raises(StorageUnavailable):
        storage.tenant("acme")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
