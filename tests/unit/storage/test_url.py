from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smartify_core.errors import StorageUnavailable, UsageError
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.storage.url import open_storage


def test_three_slashes_name_a_file_in_the_current_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative SQLite URL leads to a file beside the process."""
    monkeypatch.chdir(path.parent)
    with open_storage("sqlite:///smartify.db") as storage:
        assert isinstance(storage, SQLiteStorage)
    assert path.exists()


def test_four_slashes_name_an_absolute_file(path: Path) -> None:
    """An absolute SQLite URL leads to the path after the third slash."""
    with open_storage(f"sqlite:///{path}") as storage:
        assert isinstance(storage, SQLiteStorage)
    assert path.exists()


def test_special_characters_are_percent_encoded(path: Path) -> None:
    """A question mark in a file's name is written as its code."""
    with open_storage(f"sqlite:///{path.parent}/what%3F%20now.db"):
        assert path.with_name("what? now.db").exists()


def test_memory_opens_a_store_of_its_own() -> None:
    """Every opening in memory is empty."""
    one, other = open_storage("memory:"), open_storage("memory:")
    assert isinstance(one, MemoryStorage)
    assert isinstance(one, Storage)
    assert one is not other


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smartify.db",
        "/var/lib/smartify.db",
        "oracle://admin:s3cret@db.example/smartify",
        "mysql://s3cret",
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://smartify.db",
        "sqlite://host/smartify.db",
        "sqlite:smartify.db",
        "sqlite:///smartify.db?mode=s3cret",
        "sqlite:///smartify.db?mode=rw",
        "sqlite:///smartify.db?s3cret",
        "sqlite:///smartify.db?busy_timeout=s3cret",
        "sqlite:///smartify.db?busy_timeout=-1",
        "sqlite:///smartify.db?busy_timeout=nan",
        "sqlite:///smartify.db?busy_timeout=",
        "sqlite:///smartify.db#s3cret",
        "memory://",
        "memory:s3cret",
        "memory:///x",
    ],
)
def test_other_urls_are_refused_with_what_is_supported(url: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the forms that work, quotes nothing that may be secret, and no file appears."""
    monkeypatch.chdir(path.parent)
    if url == "memory://":
        assert isinstance(open_storage(url), MemoryStorage)
        return
    with pytest.raises(UsageError, match="sqlite:///FILE") as caught:
        open_storage(url)
    assert "s3cret" not in str(caught.value)
    assert list(path.parent.iterdir()) == []


def test_trouble_with_the_file_is_the_storages_own(path: Path) -> None:
    """A URL that is right but leads nowhere is the storage's error, not the URL's."""
    with pytest.raises(StorageUnavailable, match="does not exist"):
        open_storage(f"sqlite:///{path.parent}/no/store.db")


def test_an_adapter_is_imported_when_it_is_asked_for() -> None:
    """Importing the port, or opening a storage in memory, does not import SQLite's adapter."""
    script = (
        "import sys\n"
        "from smartify_core.storage.url import open_storage\n"
        "open_storage('memory:')\n"
        "assert 'smartify_core.storage.sqlite' not in sys.modules\n"
        "assert 'sqlite3' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_sqlite_url_takes_options(path: Path) -> None:
    """How long another writer is waited for, and that nothing is written, may be said in the URL; each once."""
    with open_storage(f"sqlite:///{path}?busy_timeout=0.25") as storage:
        assert isinstance(storage, SQLiteStorage)
        assert storage._connections._patience == 0.25
        storage.claim("acme", now=datetime(2030, 1, 1, tzinfo=UTC), ttl=timedelta(hours=1))
    with open_storage(f"sqlite:///{path}", read_only=True) as storage, pytest.raises(UsageError, match="for reading"):
        storage.schedule({})
    with open_storage(f"sqlite:///{path}?mode=ro&busy_timeout=1") as storage:
        assert [one.tenant for one in storage.tenants()] == ["acme"]
        with pytest.raises(UsageError, match="for reading only"):
            storage.schedule({"acme": None})
    with pytest.raises(UsageError, match="given twice"):
        open_storage(f"sqlite:///{path}?busy_timeout=1&busy_timeout=2")
