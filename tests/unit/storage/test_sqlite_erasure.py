from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.model import Batch, SealedAccount
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


@pytest.mark.parametrize("later", ["the next commit", "closing", "opening again"])
def test_a_reader_only_delays_the_emptying_of_the_log(
    path: Path,
    content: Callable[[], bytes],
    account: MakeAccount,
    put: MakeBatch,
    erase: MakeBatch,
    later: str,
) -> None:
    """While somebody reads, the log stays; the erasure commits all the same, and the log is emptied when it can be."""
    secret = os.urandom(32)
    one = account("s1", payload=secret)
    storage = SQLiteStorage(path)
    claim = storage.claim("acme", now=NOON, ttl=HOUR)
    storage.commit(claim, put(one))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from account").fetchone()
    storage.commit(claim, erase(one))
    assert list(storage.heads("acme")) == []
    assert secret in content()
    if later == "opening again":
        storage.close()
        assert secret in content()
    reader.execute("rollback")
    if later == "the next commit":
        storage.commit(claim, Batch(()))
    elif later == "closing":
        storage.close()
    else:
        storage = SQLiteStorage(path)
    assert secret not in content()
    storage.close()
    reader.close()


def test_a_refused_erasure_erases_nothing(
    path: Path, content: Callable[[], bytes], account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """When a batch with an Erase is refused, the account is still there and opens as before."""
    one = account("s1", payload=os.urandom(64))
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(one))
        with pytest.raises(Exception, match="SC305"):
            storage.commit(claim, Batch((*erase(one).writes, *put(account("late", 5)).writes)))
        assert storage.load("acme", ["s1"]) == {"s1": one}
        assert one.payload in content()


def test_the_places_of_erased_accounts_are_used_again(
    path: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """A store whose accounts come and go does not grow."""
    sizes = []
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        for turn in range(6):
            crowd = [account(f"{turn} {number}", payload=os.urandom(900)) for number in range(200)]
            storage.commit(claim, put(*crowd))
            assert storage.load("acme", [crowd[7].source_id]) == {crowd[7].source_id: crowd[7]}
            storage.commit(claim, erase(*crowd))
            with sqlite3.connect(path) as connection:
                sizes.append(
                    connection.execute("select count(*), (select count(*) from digest) from sealed").fetchone()
                )
            connection.close()
    assert sizes == [(200, 200)] * 6


def test_an_account_that_changes_its_size_moves_and_leaves_nothing(
    path: Path, content: Callable[[], bytes], account: MakeAccount, put: MakeBatch
) -> None:
    """An update with a longer payload overwrites the old place with zeros; the next account of that size takes it."""
    small, other = account("s1", payload=os.urandom(300)), account("s2", payload=os.urandom(300))
    large = account("s1", 2, payload=os.urandom(3000))
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(small))
        storage.commit(claim, put(large))
        storage.commit(claim, put(other))
        assert storage.load("acme", ["s1", "s2"]) == {"s1": large, "s2": other}
    assert small.payload[-16:] not in content()
    with sqlite3.connect(path) as connection:
        assert connection.execute("select count(*) from sealed").fetchone() == (2,)
        assert connection.execute("select count(*) from vacancy").fetchone() == (0,)
    connection.close()
