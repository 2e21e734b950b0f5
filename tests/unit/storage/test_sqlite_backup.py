"""`SQLiteStorage.backup`: a whole copy or none, made while others write, without a byte of what was erased."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import FileExists, StorageBroken, StorageError, StorageUnavailable, UsageError
from smartify_core.model import Append, Batch, PutDocument, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DONE = 5

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Tell = Callable[[Storage], tuple[object, ...]]
Spawn = Callable[[Callable[[], int | None]], int]
Status = Callable[[int], int]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return where a backup may be made: alone in its folder."""
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "copy.db"


def test_a_backup_is_a_store(path: Path, copy: Path, account: MakeAccount, put: MakeBatch, everything: Tell) -> None:
    """It reads as the store did, for its owner only whatever the umask, and can be worked on at once."""
    before = os.umask(0)
    try:
        with SQLiteStorage(path) as storage:
            claim = storage.claim("acme", now=NOON, ttl=HOUR)
            storage.commit(claim, put(*(account(f"s{n}") for n in range(30))))
            storage.record("acme", documents=[PutDocument("k", "d", b"v", 0)], appends=[Append("audit", (b"a",), 9)])
            storage.schedule({"acme": NOON, "globex": NOON})
            storage.backup(copy)
            expected, record, tenants = everything(storage), storage.tenant("acme"), storage.tenants()
    finally:
        os.umask(before)
    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in copy.parent.iterdir()] == [(copy.name, 0o600)]
    with SQLiteStorage(copy, read_only=True) as found:
        assert found.check() == []
    with SQLiteStorage(copy) as found:
        assert (everything(found), found.tenant("acme"), found.tenants()) == (expected, record, tenants)
        assert [entry.position for entry in found.entries("acme", journal="audit")] == [10]
        assert found.document("acme", "k", "d") is not None
        found.commit(claim, put(account("more")))
        assert found.check() == []


def test_a_backup_has_no_byte_of_what_was_erased(
    path: Path, copy: Path, account: MakeAccount, put: MakeBatch, erase: MakeBatch
) -> None:
    """Keys, fields, fingerprints and removed documents are gone from the copy; so are the free pages."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        gone = [account(f"gone {n}", payload=f"secret {n} ".encode() * 300, fingerprint=b"%16d" % n) for n in range(40)]
        kept = account("kept")
        storage.commit(claim, put(kept, *gone))
        storage.record("acme", documents=[PutDocument("k", str(n), b"a held plan " * 900, 0) for n in range(20)])
        storage.commit(claim, erase(*gone))
        storage.record("acme", documents=[PutDocument("k", str(n), None, 1) for n in range(20)])
        storage.backup(copy)
    content = copy.read_bytes()
    assert kept.payload in content
    for one in gone:
        assert one.payload[:24] not in content
        assert one.wrapped_key not in content
        assert one.fingerprint not in content
    assert b"a held plan" not in content
    connection = sqlite3.connect(copy)
    assert connection.execute("pragma freelist_count").fetchone() == (0,)
    connection.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a second process")
def test_a_backup_is_made_while_another_process_writes(
    path: Path, copy: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """Each backup is one moment of the store: whole commits, and sound; no writer is refused."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account("first")))
    reader, writer = os.pipe()

    def work() -> int:
        with SQLiteStorage(path) as storage:
            claim = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
            for number in range(60):
                storage.commit(claim, put(*(account(f"s{number}.{n}") for n in range(10))))
                os.write(writer, b".")
        return DONE

    child = spawn(work)
    counts = []
    with SQLiteStorage(path) as storage:
        for number in range(5):
            os.read(reader, 3)
            storage.backup(copy.with_name(f"{number}.db"))
            with SQLiteStorage(copy.with_name(f"{number}.db"), read_only=True) as found:
                counts.append(found.tenant("acme").accounts)
    assert status(child) == DONE
    assert counts == sorted(counts)
    assert {count % 10 for count in counts} == {1}
    assert counts[-1] > counts[0]


def test_a_handle_that_only_reads_can_back_up(path: Path, copy: Path, account: MakeAccount, put: MakeBatch) -> None:
    """Nothing of the store is written for it."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account()))
    before = path.read_bytes(), path.stat().st_mtime_ns
    with SQLiteStorage(path, read_only=True) as storage:
        storage.backup(copy)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    with SQLiteStorage(copy) as found:
        assert found.tenant("acme").accounts == 1


def test_a_backup_is_on_the_disk(path: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is settled before it gets its name, and its folder after that."""
    settled: list[tuple[str, bool]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        settled.append((kind, copy.exists()))
        fsync(descriptor)

    with SQLiteStorage(path) as storage:
        monkeypatch.setattr(os, "fsync", noted)
        storage.backup(copy)
    assert settled == [("file", False), ("folder", True)]


def test_nothing_is_overwritten(path: Path, copy: Path) -> None:
    """A file that is there stays, and so does a link that leads nowhere; nothing else appears."""
    copy.write_bytes(b"precious")
    link = copy.with_name("link.db")
    link.symlink_to(copy.with_name("nowhere"))
    with SQLiteStorage(path) as storage:
        for target in (copy, link, path):
            with pytest.raises(FileExists, match="Name a new file"):
                storage.backup(target)
    assert copy.read_bytes() == b"precious"
    assert sorted(file.name for file in copy.parent.iterdir()) == [copy.name, link.name]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("no/copy.db", UsageError, "does not exist"),
        ("null\0.db", UsageError, "cannot have this name"),
        ("n" * 300, StorageUnavailable, "name too long"),
    ],
)
def test_a_place_that_cannot_be_is_told(path: Path, copy: Path, name: str, kind: type[Exception], words: str) -> None:
    """Nothing is left in the folder."""
    with SQLiteStorage(path) as storage, pytest.raises(kind, match=f"(?i){words}"):
        storage.backup(copy.parent / name)
    assert list(copy.parent.iterdir()) == []


def test_a_store_that_is_not_sound_has_no_backup(path: Path, copy: Path, account: MakeAccount, put: MakeBatch) -> None:
    """A copy would pass damage on as if it were whole, so none is kept, and it is told how to look."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account()))
    connection = sqlite3.connect(path)
    connection.execute("update tenant set accounts = 9")
    connection.commit()
    connection.close()
    with SQLiteStorage(path) as storage, pytest.raises(StorageBroken, match="smartify storage check"):
        storage.backup(copy)
    assert list(copy.parent.iterdir()) == []


def test_a_damaged_store_has_no_backup(path: Path, copy: Path, account: MakeAccount, put: MakeBatch) -> None:
    """Pages of garbage are the store's own error, under its name."""
    SQLiteStorage(path).close()
    empty = path.stat().st_size
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(*(account(f"s{n}") for n in range(200))))
    content = path.read_bytes()
    path.write_bytes(content[:empty] + b"\xa5" * (len(content) - empty))
    with SQLiteStorage(path) as storage, pytest.raises(StorageBroken, match="damaged") as caught:
        storage.backup(copy)
    assert str(path) in str(caught.value)
    assert list(copy.parent.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child that is killed")
def test_a_backup_that_is_killed_leaves_a_part_that_is_in_nobodys_way(
    path: Path, copy: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """It has a name of its own, for its owner only; the next backup to the same name is made, and leaves it alone."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account()))

    def work() -> int:
        with SQLiteStorage(path, read_only=True) as storage, pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: os.kill(os.getpid(), signal.SIGKILL))  # it comes after the copying
            storage.backup(copy)
        return DONE

    assert status(spawn(work)) == -signal.SIGKILL
    (part,) = copy.parent.iterdir()
    assert (part.name.startswith(f".{copy.name}."), part.suffix) == (True, ".partial")
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    with SQLiteStorage(path) as storage:
        storage.backup(copy)
    assert sorted(copy.parent.iterdir()) == sorted([copy, part])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child whose files may not grow")
def test_a_disk_without_room_leaves_no_backup(
    path: Path, copy: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """What could not be written whole is not there at all, and the error names the place that was full."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(*(account(f"s{n}", payload=os.urandom(9000)) for n in range(60))))

    def work() -> int:
        with SQLiteStorage(path) as storage:
            resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
            with pytest.raises(StorageError) as caught:
                storage.backup(copy)
            assert isinstance(caught.value, StorageUnavailable)
            assert str(copy) in str(caught.value)
            assert caught.value.cure
        return DONE

    assert status(spawn(work)) == DONE
    assert list(copy.parent.iterdir()) == []
    with SQLiteStorage(path) as storage:
        storage.backup(copy)
