from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import NewerSchema
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import Storage
from smartify_core.storage._sqlite._schema import MIGRATIONS, bring_up_to_date
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CRASHED = 7

NOW_KNOWN = list(range(1, len(MIGRATIONS) + 1))
LATER = [*NOW_KNOWN, len(MIGRATIONS) + 1]

#: What a later version might do: a table of its own, and a column filled from what is there.
NEXT = (
    *MIGRATIONS,
    (
        "create table later (id integer primary key)",
        "alter table tenant add column region text",
        "update tenant set region = 'of ' || name",
    ),
)

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


def migrate(path: Path, migrations: Sequence[Sequence[str]], trace: Callable[[str], None] | None = None) -> None:
    """Bring the store at ``path`` to the last of these versions."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        connection.set_trace_callback(trace)
        bring_up_to_date(connection, path, patience=5, migrations=migrations)
    finally:
        connection.close()


def versions(path: Path) -> list[int]:
    """Return the versions that the store says were applied."""
    connection = sqlite3.connect(path)
    try:
        return [version for (version,) in connection.execute("select version from smartify_schema order by version")]
    finally:
        connection.close()


def query(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Return what a statement answers."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_a_new_store_says_when_and_by_what_it_was_made(path: Path) -> None:
    """Each version that was applied has a row with the instant and the library's version."""
    before = time.time_ns() // 1000
    SQLiteStorage(path).close()
    assert versions(path) == NOW_KNOWN
    for applied_at, library in query(path, "select applied_at, library from smartify_schema"):
        assert isinstance(applied_at, int)
        assert before <= applied_at <= time.time_ns() // 1000
        assert library


def test_opening_again_changes_nothing(path: Path) -> None:
    """A store that is up to date is not written to when it is opened and closed."""
    SQLiteStorage(path).close()
    before = path.read_bytes()
    SQLiteStorage(path).close()
    assert path.read_bytes() == before


def test_a_store_with_data_moves_to_the_next_version(path: Path, account: MakeAccount, put: MakeBatch) -> None:
    """What was there stays, what is new is filled in, and the older library then refuses the store."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account("s1")))
    migrate(path, NEXT)
    assert versions(path) == LATER
    assert query(path, "select name, revision, region from tenant") == [("acme", 1, "of acme")]
    assert query(path, "select source_id from account") == [("s1",)]
    with pytest.raises(NewerSchema):
        SQLiteStorage(path)


def test_a_new_store_takes_all_versions_at_once(path: Path) -> None:
    """A store that is made by a later version goes through every step."""
    migrate(path, NEXT)
    assert versions(path) == LATER
    migrate(path, NEXT)
    assert versions(path) == LATER


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    path: Path, account: MakeAccount, put: MakeBatch, everything: Callable[[Storage], object]
) -> None:
    """When a later statement of a step fails, the earlier ones are undone and the old library goes on."""
    with SQLiteStorage(path) as storage:
        storage.commit(storage.claim("acme", now=NOON, ttl=HOUR), put(account("s1")))
        before = everything(storage)
    broken = (*MIGRATIONS, (*NEXT[-1], "no statement at all"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(path, broken)
    assert versions(path) == NOW_KNOWN
    with SQLiteStorage(path) as storage:
        assert everything(storage) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child that crashes")
def test_a_crash_in_a_migration_leaves_the_old_version_or_the_new(
    path: Path, spawn: Callable[[Callable[[], int | None]], int], status: Callable[[int], int]
) -> None:
    """Wherever the process dies, the next one finds a whole version and can go on from there."""
    outcome, statement, seen = CRASHED, 0, []
    while outcome == CRASHED:
        statement += 1
        for file in list(path.parent.iterdir()):
            file.unlink()
        SQLiteStorage(path).close()

        def work(number: int = statement) -> None:
            left = number

            def trace(_: str) -> None:
                nonlocal left
                left -= 1
                if not left:
                    os._exit(CRASHED)

            migrate(path, NEXT, trace)

        outcome = status(spawn(work))
        assert outcome in {CRASHED, 0}
        seen.append(versions(path))
        migrate(path, NEXT)
        assert versions(path) == LATER
        assert query(path, "select count(*) from later") == [(0,)]
    assert seen == sorted(seen)
    assert NOW_KNOWN in seen
    assert statement > 8


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes")
def test_processes_that_migrate_at_once_do_it_once(
    path: Path, spawn: Callable[[Callable[[], int | None]], int], status: Callable[[int], int]
) -> None:
    """Of several new processes that find an old store, one moves it and the others find it moved."""
    for _ in range(5):
        for file in list(path.parent.iterdir()):
            file.unlink()
        SQLiteStorage(path).close()
        children = [spawn(lambda: migrate(path, NEXT)) for _ in range(3)]
        assert [status(child) for child in children] == [0, 0, 0]
        assert versions(path) == LATER
