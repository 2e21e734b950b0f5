"""What may be the file of a SQLite store or of its backup, and how long it may be waited for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import FileExists, StorageError, StorageUnavailable, UsageError
from smartify_core.model import PutDocument
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENDS = ("-journal", "-wal", "-shm")


def filled(path: Path) -> None:
    """Make a store that holds something."""
    with SQLiteStorage(path) as storage:
        storage.record("acme", documents=[PutDocument("k", "d", b"v", 0)])


def as_it_is(path: Path, end: str) -> str:
    """Name the file beside the store plainly."""
    return f"{path}{end}"


def through_the_parent(path: Path, end: str) -> str:
    """Name it by a way round."""
    return f"{path.parent}/../{path.parent.name}/./{path.name}{end}"


def relative(path: Path, end: str) -> str:
    """Name it from where we are."""
    return os.path.relpath(f"{path}{end}")


def through_a_link(path: Path, end: str) -> str:
    """Name it in a folder that is a link."""
    link = path.parent.parent / "link"
    link.symlink_to(path.parent)
    return str(link / f"{path.name}{end}")


def in_capitals(path: Path, end: str) -> str:
    """Name it as a file system without capitals would take it, too."""
    return str(path.with_name(f"{path.name}{end}".upper()))


SPELLINGS = (as_it_is, through_the_parent, relative, through_a_link, in_capitals)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_backup_is_none_of_the_files_beside_the_store(
    path: Path,
    end: str,
    spelling: Callable[[Path, str], str],
    read_only: bool,
) -> None:
    """However it is spelled, SQLite would delete it or stumble over it; the store goes on as before."""
    filled(path)
    with SQLiteStorage(path, read_only=read_only) as storage:
        with pytest.raises(UsageError, match="beside the store") as refused:
            storage.backup(spelling(path, end))
        assert refused.value.cure
        assert not list(path.parent.glob(".*"))
    with SQLiteStorage(path) as storage:
        assert storage.document("acme", "k", "d") is not None
        storage.release(storage.claim("acme", now=NOON, ttl=HOUR))


@pytest.mark.parametrize("end", ENDS)
def test_the_files_beside_a_store_behind_a_link_are_known(path: Path, end: str) -> None:
    """A store that is opened through a link has them beside the file itself."""
    filled(path)
    link = path.parent.parent / "elsewhere.db"
    link.symlink_to(path)
    with SQLiteStorage(link, read_only=True) as storage:
        for target in (f"{path}{end}", f"{link}{end}"):
            with pytest.raises(UsageError, match="beside the store"):
                storage.backup(target)


@pytest.mark.parametrize("end", ENDS)
def test_a_backup_has_no_strange_file_beside_it(path: Path, end: str) -> None:
    """What is left of another database would be played back into the copy."""
    filled(path)
    target = path.parent / "copy.db"
    target.with_name(target.name + end).write_bytes(b"of somebody else")
    with SQLiteStorage(path) as storage, pytest.raises(FileExists, match=f"copy.db{end} is there"):
        storage.backup(target)
    assert not target.exists()


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("read_only", [False, True])
def test_no_store_is_opened_where_another_has_its_files(
    path: Path,
    end: str,
    read_only: bool,
) -> None:
    """Such a store would be gone when the other is opened; a name with that ending alone is like any other."""
    filled(path)
    with pytest.raises(UsageError, match=r"SQLite keeps a file of this name beside smartify\.db"):
        SQLiteStorage(f"{path}{end}", read_only=read_only)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    filled(path.with_name(f"alone{end}"))


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("name", "kind"),
    # Where nothing is made, a name that is too long is that of a store which is not there.
    [("a\0b", UsageError), ("n" * 300, None), ("n" * 250, None), ("", UsageError)],
)
def test_names_that_no_store_can_have(
    path: Path,
    name: str,
    kind: type[Exception] | None,
    read_only: bool,
) -> None:
    """They are refused with a cure, not by an error of Python's, and leave no file."""
    with pytest.raises(kind or (StorageUnavailable if read_only else UsageError)) as refused:
        SQLiteStorage(path.parent / name if name else name, read_only=read_only)
    error = refused.value
    assert isinstance(error, StorageError | UsageError)
    assert error.cure
    assert error.__cause__ is None
    assert [file.name for file in path.parent.iterdir() if file.stat().st_size] == []


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -math.inf, -1, -0.001, 1e12, 1_000_001])
@pytest.mark.parametrize("read_only", [False, True])
def test_times_that_nobody_can_wait(path: Path, seconds: float, read_only: bool) -> None:
    """They are refused when the store is opened, before a file is made."""
    with pytest.raises(UsageError, match="is waited for between 0 and 1000000 seconds") as refused:
        SQLiteStorage(path, busy_timeout=seconds, read_only=read_only)
    assert refused.value.cure
    assert not path.exists()


@pytest.mark.parametrize("seconds", [0, 0.5, 1_000_000])
def test_times_that_can_be_waited(path: Path, seconds: float) -> None:
    """No wait at all, and eleven days."""
    with SQLiteStorage(path, busy_timeout=seconds) as storage:
        storage.release(storage.claim("acme", now=NOON, ttl=HOUR))
