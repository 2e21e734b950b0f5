"""A SQLite store that is opened for reading only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import (
    ForeignStore,
    NewerSchema,
    StorageBroken,
    StorageBusy,
    StorageError,
    StorageUnavailable,
    UsageError,
)
from smartify_core.model import Append, Batch, Claim, PutDocument, SealedAccount
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


def look(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the time of the last write of each file in a folder."""
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


@pytest.fixture
def store(path: Path, account: MakeAccount, put: MakeBatch) -> Path:
    """Return a store with some accounts that nobody has open."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(*(account(f"s{n}") for n in range(30))))
    return path


def test_reading_leaves_every_byte_as_it_was(store: Path, everything: Tell) -> None:
    """All is read as by any handle, and no file is written, made or touched."""
    with SQLiteStorage(store) as storage:
        expected = everything(storage)
    before = look(store.parent)
    with SQLiteStorage(store, read_only=True) as storage:
        assert isinstance(storage, Storage)
        assert repr(storage) == f"SQLiteStorage({str(store)!r}, read_only=True)"
        assert everything(storage) == expected
        assert storage.check() == []
        assert look(store.parent) == before
    assert look(store.parent) == before
    with pytest.raises(StorageUnavailable, match="closed"):
        storage.tenant("acme")


def test_every_write_is_refused(store: Path, account: MakeAccount, put: MakeBatch) -> None:
    """Whatever would write raises the same error, with its cure, and writes nothing."""
    claim = Claim("acme", 1, NOON + HOUR, 1)
    before = look(store.parent)
    with SQLiteStorage(store, read_only=True) as storage:
        writes: list[Callable[[], object]] = [
            lambda: storage.claim("globex", now=NOON, ttl=HOUR),
            lambda: storage.claim_due(now=NOON, ttl=HOUR, limit=1),
            lambda: storage.renew(claim, now=NOON, ttl=HOUR),
            lambda: storage.release(claim),
            lambda: storage.schedule({"acme": NOON}),
            lambda: storage.commit(claim, put(account("new"))),
            lambda: storage.record("acme", documents=[PutDocument("kind", "key", b"", 0)]),
            lambda: storage.record("acme", appends=[Append("audit", (b"one",))]),
            lambda: storage.trim("acme", through=1),
            lambda: storage.erase_tenant(claim),
        ]
        for write in writes:
            with pytest.raises(UsageError, match="for reading only") as caught:
                write()
            assert "read_only" in (caught.value.cure or "")
    assert look(store.parent) == before


def test_what_others_write_is_seen(store: Path, account: MakeAccount, put: MakeBatch) -> None:
    """A handle that reads follows those that write: before, while and after the log is there."""
    with SQLiteStorage(store, read_only=True) as reader:
        with SQLiteStorage(store) as writer:
            claim = writer.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
            for number in range(3):
                writer.commit(claim, put(account(f"new {number}")))
                assert reader.tenant("acme").accounts == 31 + number
            with SQLiteStorage(store, read_only=True) as late:
                assert late.tenant("acme").accounts == 33
        assert reader.tenant("acme").accounts == 33
        assert [file.name for file in store.parent.iterdir()] == [store.name]


def test_a_read_that_a_writer_cuts_into_is_refused(store: Path, account: MakeAccount, put: MakeBatch) -> None:
    """Without a log nothing keeps the file still; whoever read it while it changed is told, and reads again."""
    with SQLiteStorage(store, read_only=True) as reader:

        def read() -> None:
            with reader._connections.reading() as connection:
                connection.execute("select count(*) from account").fetchone()
                with SQLiteStorage(store) as writer:
                    writer.commit(writer.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR), put(account("new")))

        with pytest.raises(StorageBusy, match="Read it again"):
            read()
        assert reader.tenant("acme").accounts == 31


def test_a_store_that_a_crash_left_is_read_with_its_log(
    store: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """What a process that died had committed is read, though the file itself has not got it yet."""

    def work() -> int:
        storage = SQLiteStorage(store)
        storage.commit(storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR), put(account("last words")))
        os._exit(DONE)

    assert status(spawn(work)) == DONE
    files = {name: content for name, (content, _) in look(store.parent).items() if not name.endswith("-shm")}
    assert files[f"{store.name}-wal"], "the log was not taken in"
    with SQLiteStorage(store, read_only=True) as storage:
        assert storage.tenant("acme").accounts == 31
        assert storage.check() == []
    assert {name: content for name, (content, _) in look(store.parent).items() if not name.endswith("-shm")} == files
    store.with_name(f"{store.name}-shm").unlink()
    before = look(store.parent)
    with pytest.raises(StorageUnavailable, match="Open it once for writing"):
        SQLiteStorage(store, read_only=True)
    assert look(store.parent) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child that gives up its privileges")
def test_a_read_only_folder_will_do(
    open_folder: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """A report may be made by somebody who can write neither the file nor its folder; nothing appears."""
    store = open_folder / "store.db"
    with SQLiteStorage(store) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account()))
    store.chmod(0o444)
    open_folder.chmod(0o555)
    before = look(open_folder)

    def work() -> int:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        with pytest.raises(StorageUnavailable):
            SQLiteStorage(store)
        with SQLiteStorage(store, read_only=True) as storage:
            assert storage.tenant("acme").accounts == 1
            assert storage.check() == []
        return DONE

    assert status(spawn(work)) == DONE
    assert look(open_folder) == before
    store.chmod(0o200)

    def refused() -> int:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        with pytest.raises(StorageUnavailable, match="may not be read"):
            SQLiteStorage(store, read_only=True)
        return DONE

    assert status(spawn(refused)) == DONE


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs children that die, and give up their privileges")
def test_a_crashed_store_is_read_where_nothing_may_be_written(
    open_folder: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """What only the log has is read, too, by somebody who may write neither the log nor its index."""
    store = open_folder / "store.db"

    def dying() -> int:
        storage = SQLiteStorage(store)
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account("last words")))
        os._exit(DONE)

    assert status(spawn(dying)) == DONE
    for file in open_folder.iterdir():
        file.chmod(0o444)
    open_folder.chmod(0o555)
    before = look(open_folder)
    assert len(before) == 3

    def reading() -> int:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        with SQLiteStorage(store, read_only=True) as storage:
            assert [head.source_id for head in storage.heads("acme")] == ["last words"]
            assert storage.check() == []
        return DONE

    assert status(spawn(reading)) == DONE
    assert look(open_folder) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child that writes")
def test_many_threads_read_while_a_process_writes(
    store: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """Each read is one state of the store: as many accounts as its total says, whole commits only."""
    ready, told = os.pipe()
    waits, ends = os.pipe()

    def hold() -> int:
        """Keep the store open, so that there is a log from the beginning to the end."""
        os.close(ends)
        with SQLiteStorage(store) as storage:
            storage.tenant("acme")
            os.write(told, b".")
            os.read(waits, 1)
        return DONE

    def work() -> int:
        with SQLiteStorage(store) as storage:
            claim = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
            for commit in range(40):
                storage.commit(claim, put(*(account(f"{commit}.{n}") for n in range(10))))
        return DONE

    holder = spawn(hold)
    os.read(ready, 1)
    child = spawn(work)
    with SQLiteStorage(store, read_only=True) as reader, ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(lambda _: reader.tenant("acme").accounts, range(200)))
        assert list(threads.map(lambda _: reader.check(), range(8))) == [[]] * 8
        assert status(child) == DONE
        assert reader.tenant("acme").accounts == 430
    assert {count % 10 for count in counts} == {0}
    os.close(ends)
    assert status(holder) == DONE
    for one in (ready, told, waits):
        os.close(one)


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (None, StorageUnavailable, "no store of this name"),
        (b"", StorageUnavailable, "no store in the file yet"),
        (b"x", StorageBroken, "not a SQLite database"),
        (b"name,email\n" * 500, StorageUnavailable, "not a SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 5000, StorageUnavailable, "not a SQLite database|damaged"),
    ],
)
def test_what_is_no_store_is_refused(path: Path, content: bytes | None, kind: type[StorageError], words: str) -> None:
    """Nothing is made where there is nothing, and nothing is written over what is something else."""
    if content is not None:
        path.write_bytes(content)
    before = look(path.parent)
    with pytest.raises(kind, match=words) as caught:
        SQLiteStorage(path, read_only=True)
    assert caught.value.cure
    assert look(path.parent) == before


def test_a_folder_and_no_name_are_no_store(path: Path) -> None:
    """Both are told so."""
    path.mkdir()
    with pytest.raises(StorageUnavailable, match="not a file"):
        SQLiteStorage(path, read_only=True)
    with pytest.raises(UsageError, match="MemoryStorage"):
        SQLiteStorage("", read_only=True)


def test_another_programs_database_is_refused(path: Path) -> None:
    """Reading does not make it ours."""
    with sqlite3.connect(path) as other:
        other.execute("create table account (name text)")
    other.close()
    with pytest.raises(ForeignStore):
        SQLiteStorage(path, read_only=True)


@pytest.mark.parametrize(
    ("statement", "kind", "cure"),
    [
        ("delete from smartify_schema where version > 2", StorageBroken, "once for writing"),
        ("insert into smartify_schema values (99, 0, 'tomorrow')", NewerSchema, "Upgrade"),
    ],
)
def test_another_schema_is_refused(store: Path, statement: str, kind: type[Exception], cure: str) -> None:
    """An older store is not migrated and a newer one not guessed at, and each is told what to do."""
    with sqlite3.connect(store) as connection:
        connection.execute(statement)
    connection.close()
    before = look(store.parent)
    with pytest.raises(kind, match=cure):
        SQLiteStorage(store, read_only=True)
    assert {name: content for name, (content, _) in look(store.parent).items()} == {
        name: content for name, (content, _) in before.items()
    }
