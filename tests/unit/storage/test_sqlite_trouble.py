"""What befalls the files of a SQLite store: a log cut short or altered, no room, damage under a handle that writes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import StorageBroken, StorageError, StorageUnavailable
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DONE = 5
COMMITS = 6

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Tell = Callable[[Storage], tuple[object, ...]]
Spawn = Callable[[Callable[[], int | None]], int]
Status = Callable[[int], int]


@pytest.fixture
def crashed(path: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status) -> Path:
    """Return a store whose process died with six commits in the log, of ten accounts each."""
    SQLiteStorage(path).close()

    def work() -> int:
        storage = SQLiteStorage(path)
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        for commit in range(COMMITS):
            storage.commit(claim, put(*(account(f"s{commit}.{n}") for n in range(10))))
        os._exit(DONE)

    assert status(spawn(work)) == DONE
    return path


def after(store: Path, place: Path, change: Callable[[bytes], bytes]) -> int:
    """Open a copy of the store with its log changed, require it to be sound, and return how many accounts it has."""
    shutil.copytree(store.parent, place)
    log = place / f"{store.name}-wal"
    log.write_bytes(change(log.read_bytes()))
    with SQLiteStorage(place / store.name) as storage:
        assert storage.check() == []
        return storage.tenant("acme").accounts


def test_a_log_cut_short_keeps_whole_commits(crashed: Path, tmp_path: Path) -> None:
    """Wherever the log ends, the store has the commits that are whole in it, and is sound."""
    length = crashed.with_name(f"{crashed.name}-wal").stat().st_size
    cuts = [length * part // 25 for part in range(26)]

    def cut_short(at: int) -> Callable[[bytes], bytes]:
        return lambda log: log[:at]

    found = [after(crashed, tmp_path / str(cut), cut_short(cut)) for cut in cuts]
    assert found == sorted(found)
    assert {number % 10 for number in found} == {0}
    assert (found[0], found[-1]) == (0, 10 * COMMITS)
    assert len(set(found)) > 3


def test_an_altered_log_keeps_whole_commits(crashed: Path, tmp_path: Path) -> None:
    """From the first page on whose sum is wrong the log counts for nothing."""
    length = crashed.with_name(f"{crashed.name}-wal").stat().st_size

    def flipped(at: int) -> Callable[[bytes], bytes]:
        return lambda log: log[:at] + bytes([log[at] ^ 0xFF]) + log[at + 1 :]

    found = [after(crashed, tmp_path / str(part), flipped(length * part // 25)) for part in range(25)]
    assert {number % 10 for number in found} == {0}
    assert max(found) < 10 * COMMITS
    assert len(set(found)) > 3


def test_a_full_disk_refuses_the_whole_write(
    path: Path, account: MakeAccount, put: MakeBatch, everything: Tell
) -> None:
    """What SQLite says when nothing more fits is told with its cure; what was there stays, and goes on with room."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("first")))
        before = everything(storage)
        with storage._connections.apart() as connection:
            (pages,) = connection.execute("pragma page_count").fetchone()
        with storage._connections.writing() as connection:
            connection.execute(f"pragma max_page_count = {pages}")
        with pytest.raises(StorageUnavailable, match="the disk is full") as caught:
            storage.commit(claim, put(*(account(f"s{n}", payload=bytes(9000)) for n in range(20))))
        assert "Free some space" in (caught.value.cure or "")
        assert everything(storage) == before
        assert storage.check() == []
        with storage._connections.writing() as connection:
            connection.execute("pragma max_page_count = 1000000")
        assert storage.commit(claim, put(account("second"))).revision == 2


def test_damage_under_a_writing_handle_is_not_written_over(path: Path, account: MakeAccount, put: MakeBatch) -> None:
    """A commit that meets garbage is refused as a whole, and the garbage is left for whoever looks into it."""
    SQLiteStorage(path).close()
    empty = path.stat().st_size
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(*(account(f"s{n}") for n in range(300))))
    content = path.read_bytes()
    garbage = content[:empty] + b"\xa5" * (len(content) - empty)
    path.write_bytes(garbage)
    with SQLiteStorage(path) as storage:
        for batch in (put(account("s1", 2)), put(account("new"))):
            with pytest.raises(StorageError) as caught:
                storage.commit(claim, batch)
            assert isinstance(caught.value, StorageBroken)
            assert caught.value.cure
    assert path.read_bytes() == garbage
