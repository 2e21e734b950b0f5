from __future__ import annotations

import os
import resource
import sqlite3
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import ForeignStore, NewerSchema, StorageError, StorageUnavailable, UsageError
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
REFUSED = 5

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]
Tell = Callable[[Storage], tuple[object, ...]]
Spawn = Callable[[Callable[[], int | None]], int]
Status = Callable[[int], int]


def look(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the time of the last write of each file in a folder."""
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir() if file.is_file()}


def refused(path: Path, kind: type[StorageError], words: str) -> StorageError:
    """Open a path that cannot be opened, see that nothing in its folder was touched, and return the error."""
    before = look(path.parent) if path.parent.is_dir() else None
    with pytest.raises(kind, match=words) as caught:
        SQLiteStorage(path)
    assert (look(path.parent) if path.parent.is_dir() else None) == before
    assert caught.value.cure
    assert str(path.parent) in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


def test_a_storage_fits_the_port_and_tells_its_file(path: Path) -> None:
    """The class is a `Storage`, and prints as the call that made it."""
    with SQLiteStorage(path) as storage:
        assert isinstance(storage, Storage)
        assert repr(storage) == f"SQLiteStorage({str(path)!r})"


def test_a_relative_path_stays_where_it_was(path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that changes its folder keeps its store."""
    monkeypatch.chdir(path.parent)
    with SQLiteStorage(path.name) as storage:
        monkeypatch.chdir(tmp_path)
        storage.claim("acme", now=NOON, ttl=HOUR)
        assert storage.tenant("acme").revision == 0
    assert path.exists()


@pytest.mark.parametrize("name", ["with blank.db", "what?.db", "50%25.db", "#1.db", "\u00e4\u00f6.db", "a&mode=memory"])
def test_any_file_name_will_do(path: Path, name: str) -> None:
    """Characters that mean something in a URI are part of the name."""
    target = path.with_name(name)
    with SQLiteStorage(target) as storage:
        storage.claim("acme", now=NOON, ttl=HOUR)
    assert [file.name for file in path.parent.iterdir()] == [name]


@pytest.mark.parametrize("name", ["", ":memory:"])
def test_a_store_needs_a_file(name: str) -> None:
    """SQLite's names for databases without a file are refused, with the storage to use instead."""
    with pytest.raises(UsageError, match="MemoryStorage"):
        SQLiteStorage(name)


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_the_file_and_its_companions_are_for_their_owner_only(path: Path, umask: int) -> None:
    """Whatever the umask, nobody else may read the file, its log or its index, and an empty file is closed first."""
    before = os.umask(umask)
    try:
        path.touch(0o666)
        for target in (path, path.with_name("fresh.db")):
            with SQLiteStorage(target) as storage:
                storage.claim("acme", now=NOON, ttl=HOUR)
                files = sorted(path.parent.glob(f"{target.name}*"))
                assert [file.name for file in files] == [target.name, f"{target.name}-shm", f"{target.name}-wal"]
                assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(before)


def test_every_connection_is_set_to_keep_and_to_erase(path: Path) -> None:
    """Commits reach the disk, deletions are overwritten, references are checked, temporary tables stay in memory."""
    with SQLiteStorage(path) as storage:
        for lend in (storage._connections.reading, storage._connections.writing):
            with lend() as connection:
                names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "temp_store", "application_id")
                values = [connection.execute(f"pragma {name}").fetchone()[0] for name in names]
                assert values == ["wal", 2, 1, 1, 2, 0x736D6172]


def test_a_missing_folder_is_not_made(path: Path) -> None:
    """A typing error in a path does not become a store."""
    refused(path.parent / "no" / "store.db", StorageUnavailable, "does not exist")
    assert not (path.parent / "no").exists()


def test_a_folder_is_no_store(path: Path) -> None:
    """A path that leads to a folder is told so."""
    path.mkdir()
    refused(path, StorageUnavailable, "not a file")


@pytest.mark.parametrize("content", [b"x", b"name,email\n" * 500, b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_is_left_alone(path: Path, content: bytes) -> None:
    """Another kind of file is refused and not overwritten."""
    path.write_bytes(content)
    refused(path, StorageUnavailable, "not a SQLite database|damaged")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_programs_database_is_left_alone(path: Path, mode: str) -> None:
    """A database that is not ours is not touched: no table, no mode, no file beside it."""
    with sqlite3.connect(path) as other:
        other.execute(f"pragma journal_mode = {mode}")
        other.execute("create table account (name text)")
        other.execute("insert into account values ('theirs')")
    other.close()
    error = refused(path, ForeignStore, "not touched")
    assert "theirs" not in str(error)


def test_an_empty_database_of_another_program_is_left_alone(path: Path) -> None:
    """A database without tables still belongs to whoever made it."""
    with sqlite3.connect(path) as other:
        other.execute("pragma user_version = 5")
    other.close()
    refused(path, ForeignStore, "another program")


def test_a_store_of_a_newer_library_is_left_alone(path: Path) -> None:
    """A schema that this version does not know is not guessed at."""
    SQLiteStorage(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("insert into smartify_schema values (99, 0, 'tomorrow')")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(NewerSchema, match="schema 99") as caught:
        SQLiteStorage(path)
    assert "Upgrade" in str(caught.value)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("keep", [1, 100, 4096, 5000, 20_000])
def test_a_truncated_store_is_damaged(path: Path, account: MakeAccount, put: MakeBatch, keep: int) -> None:
    """A file that was cut short is refused, and not taken for a new one."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(*(account(f"s{n}") for n in range(50))))
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, StorageUnavailable, "damaged|not a SQLite database")


def test_damage_that_is_met_later_is_named_then(path: Path, account: MakeAccount, put: MakeBatch) -> None:
    """Pages that turn out to be garbage are a `StorageUnavailable` of the call that met them."""
    SQLiteStorage(path).close()
    empty = path.stat().st_size
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(*(account(f"s{n}") for n in range(200))))
    content = path.read_bytes()
    # The pages that an empty store has stay good, its table of contents among them; everything else is garbage.
    path.write_bytes(content[:empty] + b"\xa5" * (len(content) - empty))
    with SQLiteStorage(path) as storage, pytest.raises(StorageUnavailable, match="damaged") as caught:
        storage.heads("acme")
    assert caught.value.__cause__ is None


def as_nobody() -> None:
    """Give up the privileges that would make permissions meaningless."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def attempt(path: Path, words: str) -> Callable[[], int]:
    """Return work for a child: be refused, with these words, and leave everything as it was."""

    def work() -> int:
        as_nobody()
        with pytest.raises(StorageUnavailable, match=words) as caught:
            SQLiteStorage(path)
        assert caught.value.cure
        return REFUSED

    return work


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child that gives up its privileges")
def test_a_read_only_place_is_named(
    open_folder: Path, account: MakeAccount, put: MakeBatch, spawn: Spawn, status: Status
) -> None:
    """A folder or a file that may not be written is told before anything is tried, and nothing appears."""
    store = open_folder / "store.db"
    open_folder.chmod(0o555)
    assert status(spawn(attempt(store, "read-only"))) == REFUSED
    assert list(open_folder.iterdir()) == []
    open_folder.chmod(0o777)
    with SQLiteStorage(store) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account()))
    store.chmod(0o444)
    before = look(open_folder)
    assert status(spawn(attempt(store, "not readable and writable"))) == REFUSED
    store.chmod(0o222)
    assert status(spawn(attempt(store, "not readable and writable"))) == REFUSED
    store.chmod(0o600)
    assert look(open_folder) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child whose files may not grow")
def test_a_disk_without_room_keeps_what_was_there(
    path: Path, account: MakeAccount, put: MakeBatch, everything: Tell, spawn: Spawn, status: Status
) -> None:
    """A commit that finds no room is refused as a whole; the store goes on as soon as there is room."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("first")))
        before = everything(storage)

    def work() -> int:
        storage = SQLiteStorage(path)
        limit = 256 * 1024
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        large = put(*(account(f"s{number}", payload=os.urandom(60_000)) for number in range(50)))
        with pytest.raises(StorageUnavailable) as caught:
            storage.commit(claim, large)
        assert caught.value.cure
        assert everything(storage) == before
        storage.commit(claim, put(account("small")))
        return REFUSED

    assert status(spawn(work)) == REFUSED
    with SQLiteStorage(path) as storage:
        assert [head.source_id for head in storage.heads("acme")] == ["first", "small"]
        assert storage.commit(claim, put(account("more"))).revision == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child whose files may not grow")
def test_a_store_that_finds_no_room_at_birth_can_be_made_later(path: Path, spawn: Spawn, status: Status) -> None:
    """A creation that failed for want of room leaves nothing that stands in the way of the next one."""

    def work() -> int:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        with pytest.raises(StorageUnavailable):
            SQLiteStorage(path)
        return REFUSED

    assert status(spawn(work)) == REFUSED
    with SQLiteStorage(path) as storage:
        assert storage.claim("acme", now=NOON, ttl=HOUR).fence == 1


def test_what_time_does_not_cure_is_not_worth_another_try(tmp_path: Path) -> None:
    """A closed store and a file that is no database say that trying again is no use; a missing folder may come back."""
    closed = SQLiteStorage(tmp_path / "store.db")
    closed.close()
    (tmp_path / "letter").write_text("Dear customer, " * 100)
    attempts: list[tuple[Callable[[], object], bool]] = [
        (lambda: closed.tenant("acme"), False),
        (lambda: SQLiteStorage(tmp_path / "letter"), False),
        (lambda: SQLiteStorage(tmp_path / "no folder" / "store.db"), True),
    ]
    for attempt, retryable in attempts:
        with pytest.raises(StorageUnavailable) as raised:
            attempt()
        assert raised.value.retryable is retryable
