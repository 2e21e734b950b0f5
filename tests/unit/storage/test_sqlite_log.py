"""Whoever comes next empties the log of what somebody else erased while a reader was in the way."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import Batch, PutDocument, SealedAccount
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECRET = b"a sealed payload that is erased." * 20

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Spawn = Callable[[Callable[[], int | None]], int]
Status = Callable[[int], int]


def number(path: Path) -> int:
    """Return the number that says whether the log is to be emptied."""
    connection = sqlite3.connect(path)
    (found,) = connection.execute("pragma user_version").fetchone()
    connection.close()
    return int(found)


def commits(storage: SQLiteStorage) -> None:
    """Write something that has nothing to do with it."""
    storage.record("other", documents=[PutDocument("k", "d", b"v", 0)])


def releases(storage: SQLiteStorage) -> None:
    """Commit what the disk is not waited for."""
    storage.release(storage.claim("other", now=NOON, ttl=HOUR))


def closes(storage: SQLiteStorage) -> None:
    """Only close."""
    storage.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes")
@pytest.mark.parametrize("act", [commits, releases, closes])
@pytest.mark.parametrize("killed", [False, True])
def test_another_process_empties_the_log(
    path: Path,
    content: Callable[[], bytes],
    account: MakeAccount,
    put: MakeBatch,
    erase: MakeBatch,
    spawn: Spawn,
    status: Status,
    act: Callable[[SQLiteStorage], None],
    killed: bool,
) -> None:
    """The first commit, release or close of any handle once the reader is done, whether the eraser lives or was killed.

    The eraser is another process that sits still from then on.
    """
    told, tell = os.pipe()
    wait, go = os.pipe()
    storage = SQLiteStorage(path)
    commits_before = storage.claim("first", now=NOON, ttl=HOUR)
    storage.release(commits_before)

    def erase_beside_a_reader() -> int:
        with SQLiteStorage(path) as other:
            one = account("s1", payload=SECRET)
            claim = other.claim("acme", now=NOON, ttl=HOUR)
            other.commit(claim, put(one))
            reader = sqlite3.connect(path, isolation_level=None)
            reader.execute("begin")
            reader.execute("select count(*) from account").fetchone()
            other.commit(claim, erase(one))
            if killed:
                os.kill(os.getpid(), signal.SIGKILL)
            reader.execute("rollback")
            reader.close()
            os.write(tell, b".")
            os.read(wait, 1)
            os._exit(0)

    child = spawn(erase_beside_a_reader)
    if killed:
        assert status(child) == -signal.SIGKILL
    else:
        os.read(told, 1)
    assert SECRET[:16] in content()
    act(storage)
    assert SECRET[:16] not in content()
    storage.close()
    os.write(go, b".")
    if not killed:
        assert status(child) == 0
    for end in (told, tell, wait, go):
        os.close(end)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes")
def test_who_opens_empties_the_log(
    path: Path, content: Callable[[], bytes], account: MakeAccount, put: MakeBatch, erase: MakeBatch, spawn: Spawn
) -> None:
    """Beside a handle that only looks on, so that it is not SQLite that empties the log for the first to open."""
    storage = SQLiteStorage(path)

    def die() -> None:
        other = SQLiteStorage(path)
        one = account("s1", payload=SECRET)
        claim = other.claim("acme", now=NOON, ttl=HOUR)
        other.commit(claim, put(one))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("begin")
        reader.execute("select count(*) from account").fetchone()
        other.commit(claim, erase(one))
        os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(spawn(die), 0)
    assert SECRET[:16] in content()
    SQLiteStorage(path).close()
    assert SECRET[:16] not in content()
    storage.close()


def test_the_log_is_emptied_once_for_an_erasure(
    path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """The number is odd until somebody who emptied the log writes next, and then stays as it is."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("s1"), account("s2")))
        before = number(path)
        assert not before % 2
        storage.commit(claim, erase(account("s1")))
        assert number(path) == before + 1
        storage.commit(claim, Batch())
        storage.commit(claim, Batch())
        assert number(path) == before + 2
        storage.commit(claim, erase(account("s2")))
        assert number(path) == before + 3


def test_the_later_erasure_of_another_is_not_taken_for_the_earlier_one(
    path: Path, content: Callable[[], bytes], account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """Who emptied the log before somebody else erased does not say that it is empty."""
    one = account("s1", payload=SECRET)
    with SQLiteStorage(path) as storage, SQLiteStorage(path) as other:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(one, account("s2")))
        storage.commit(claim, erase(account("s2")))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("begin")
        reader.execute("select count(*) from account").fetchone()
        other.commit(claim, erase(one))
        storage.commit(claim, Batch())
        assert SECRET[:16] in content()
        assert number(path) % 2
        reader.execute("rollback")
        reader.close()
        storage.commit(claim, Batch())
        assert SECRET[:16] not in content()


def test_the_number_starts_anew_behind_the_last_one(path: Path, account: MakeAccount, put: MakeBatch) -> None:
    """The header of the file has 31 bits for it."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("s1")))
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 2147483647")
    connection.close()
    with SQLiteStorage(path) as storage:
        storage.commit(claim, Batch())
        assert number(path) == 0
