from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from smartify_core.errors import StorageBroken, StorageBusy, StorageUnavailable
from smartify_core.storage._sqlite._errors import as_storage_error, translated


def caught(work: Callable[[sqlite3.Connection], object], connection: sqlite3.Connection) -> sqlite3.Error:
    """Return the error that SQLite really raises for ``work``."""
    with pytest.raises(sqlite3.Error) as raised:
        work(connection)
    return raised.value


def fill(connection: sqlite3.Connection) -> None:
    """Write more than the database may hold."""
    connection.execute("create table t (x)")
    connection.execute("pragma max_page_count = 3")
    connection.execute("insert into t values (randomblob(100000))")


def test_a_full_database_is_told_as_a_full_disk(path: Path) -> None:
    """SQLite says the same of a full disk and of a full file, and so do we, with a cure."""
    connection = sqlite3.connect(path)
    told = as_storage_error(caught(fill, connection), path)
    connection.close()
    assert isinstance(told, StorageUnavailable)
    assert "the disk is full" in str(told)
    assert "Free some space" in str(told)


def test_a_read_only_database_is_told_so(path: Path) -> None:
    """A database that was opened read-only and is written to is named as such."""
    sqlite3.connect(path).close()
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    told = as_storage_error(caught(lambda one: one.execute("create table t (x)"), connection), path)
    connection.close()
    assert "read-only" in str(told)


def test_a_file_that_is_not_there_is_told_so(path: Path) -> None:
    """A database that cannot be opened is named as such."""
    told = as_storage_error(caught(lambda _: sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True), None), path)  # type: ignore[arg-type]  # `caught` returns any error; this one is SQLite's
    assert "cannot be opened" in str(told)


def test_a_locked_database_is_busy(path: Path) -> None:
    """A lock that another connection holds is the one trouble that waiting mends."""
    holder, other = (sqlite3.connect(path, timeout=0, isolation_level=None) for _ in range(2))
    holder.execute("begin exclusive")
    told = as_storage_error(caught(lambda one: one.execute("begin immediate"), other), path)
    holder.close()
    other.close()
    assert isinstance(told, StorageBusy)


def test_an_unforeseen_trouble_keeps_its_number_and_loses_its_words(path: Path) -> None:
    """What SQLite says may quote a value; the message has the result code and the file, the traceback nothing else."""
    connection = sqlite3.connect(path)
    with pytest.raises(StorageUnavailable) as raised, translated(path):
        connection.execute("selected 'ada@example.com' from ada_byron")
    connection.close()
    assert "result code 1" in str(raised.value)
    assert "ada" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "statement", ["select 1 from ada", "select ada from sqlite_master", "select 1 from sqlite_master indexed by ada"]
)
def test_a_table_that_is_missing_is_damage(path: Path, statement: str) -> None:
    """Our statements name nothing else than what our schema makes; a newer version may have made it otherwise."""
    connection = sqlite3.connect(path)
    with pytest.raises(StorageBroken, match="a table, column or index of the store") as raised, translated(path):
        connection.execute(statement)
    connection.close()
    assert "ada" not in str(raised.value)
    assert "upgrade this one" in str(raised.value)
