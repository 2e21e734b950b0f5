from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage._sqlite._connections import Connections
from smartify_core.storage.sqlite import SQLiteStorage

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the children of these tests are forked")

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRASHED = 7

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Tell = Callable[[Storage], tuple[object, ...]]
Spawn = Callable[[Callable[[], int | None]], int]


def crash_at(statement: int) -> None:
    """From now on, end this process as abruptly as possible when SQLite is about to run its n-th statement."""
    left = statement
    connect = Connections._connect

    def trace(_: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            os._exit(CRASHED)

    def traced(self: Connections) -> sqlite3.Connection:
        connection = connect(self)
        connection.set_trace_callback(trace)
        return connection

    Connections._connect = traced  # type: ignore[method-assign]  # the process under test is replaced on purpose


def sound(path: Path) -> bool:
    """Return whether SQLite finds nothing wrong with the file and every reference leads somewhere."""
    connection = sqlite3.connect(path)
    try:
        (verdict,) = connection.execute("pragma integrity_check").fetchone()
        lost = connection.execute("pragma foreign_key_check").fetchall()
        (stray,) = connection.execute(
            "select count(*) from account a left join digest d on d.id = a.digest left join sealed s on s.id = a.sealed"
            " where d.id is null or s.id is null"
        ).fetchone()
        # A row is an account's, or noted as vacant: never both, never neither.
        (rows,) = connection.execute("select (select count(*) from digest) + (select count(*) from sealed)").fetchone()
        (used,) = connection.execute(
            "select 2 * (select count(*) from account) + (select count(*) from vacancy)"
        ).fetchone()
    finally:
        connection.close()
    return (verdict, lost, stray, rows) == ("ok", [], 0, used)


def test_a_crash_at_any_statement_leaves_all_of_a_commit_or_nothing(
    path: Path,
    account: MakeAccount,
    put: MakeBatch,
    erase: MakeBatch,
    everything: Tell,
    spawn: Spawn,
    status: Callable[[int], int],
) -> None:
    """Wherever a process dies, the next one finds the store before the commit or after it, and goes on."""
    kept, changed, ended = account("kept"), account("changed"), account("ended")
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(kept, changed, ended))
        before = everything(storage)
    pristine = path.with_name("pristine")
    shutil.copy(path, pristine)
    larger = account("changed", 2, payload=b"larger" * 500)
    batch = Batch((*put(account("new 1"), larger, account("new 2")).writes, *erase(ended).writes))
    with SQLiteStorage(path) as storage:
        storage.commit(claim, batch)
        after = everything(storage)
    statement, seen, outcome = 0, [], CRASHED
    while outcome == CRASHED:
        statement += 1
        for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            file.unlink(missing_ok=True)
        shutil.copy(pristine, path)

        def work(number: int = statement) -> None:
            crash_at(number)
            with SQLiteStorage(path) as storage:
                storage.commit(claim, batch)

        outcome = status(spawn(work))
        assert outcome in {CRASHED, 0}
        with SQLiteStorage(path) as storage:
            found = everything(storage)
            assert found in (before, after)
            seen.append(found == after)
            assert storage.claim("acme", now=NOON + HOUR, ttl=HOUR).fence == claim.fence + 1
        assert sound(path)
    # Not vacuous: many points were tried, and the commit took effect at one of them, once and for all.
    assert statement > 20
    assert seen == sorted(seen)
    assert True in seen[:-1]
    assert False in seen


def test_a_crash_at_any_statement_of_creating_a_store_is_mended_by_opening_it(
    path: Path, everything: Tell, spawn: Spawn, status: Callable[[int], int]
) -> None:
    """A store whose creation was cut short is whole after the next opening."""
    statement, outcome = 0, CRASHED
    while outcome == CRASHED:
        statement += 1
        for file in list(path.parent.iterdir()):
            file.unlink()

        def work(number: int = statement) -> None:
            crash_at(number)
            SQLiteStorage(path).close()

        outcome = status(spawn(work))
        assert outcome in {CRASHED, 0}
        with SQLiteStorage(path) as storage:
            assert everything(storage) == (0, [], {}, [], [])
            assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1
        assert sound(path)
    assert statement > 15


def test_a_kill_after_any_commit_loses_none(
    path: Path,
    account: MakeAccount,
    put: MakeBatch,
    spawn: Spawn,
    status: Callable[[int], int],
) -> None:
    """What a process was told is committed is there after it was killed; what it was doing then is whole or absent."""
    for kills_after in range(1, 9):
        ready, told = os.pipe()
        target = path.with_name(f"{kills_after}.db")

        def work(target: Path = target, told: int = told) -> None:
            storage = SQLiteStorage(target)
            claim = storage.claim("acme", now=NOON, ttl=HOUR)
            for number in range(10_000):
                storage.commit(claim, put(account(f"{number}a"), account(f"{number}b")))
                os.write(told, b".")

        child = spawn(work)
        os.close(told)
        for _ in range(kills_after):
            assert os.read(ready, 1) == b"."
        os.kill(child, signal.SIGKILL)
        assert status(child) == -signal.SIGKILL
        os.close(ready)
        with SQLiteStorage(target) as storage:
            revision = storage.tenant("acme").revision
            assert revision >= kills_after
            expected = {f"{number}{letter}" for number in range(revision) for letter in "ab"}
            names = {f"{number}{letter}" for number in range(400) for letter in "ab"}
            assert set(storage.load("acme", sorted(names))) == expected & names
        assert sound(target)
