"""SQLite keeps the storage contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing.conformance import StorageCapability, StorageConformance, StorageWorld


class SQLiteWorld(StorageWorld):
    """One file, with its log and its index, in a folder of its own. Nothing can be taken away from it but the disk."""

    capabilities = frozenset(StorageCapability) - {StorageCapability.INTERRUPTIBLE}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "store.db"

    def open(self) -> Storage:
        """Open the file."""
        return SQLiteStorage(self.path)

    def opener(self) -> Callable[[], Storage]:
        """Return what opens the file."""
        return partial(SQLiteStorage, self.path)

    def content(self) -> bytes:
        """Return the bytes of the file, its log and its index."""
        return b"".join(file.read_bytes() for file in sorted(self.folder.iterdir()))

    def pretend_newer(self) -> None:
        """Note one more migration than we know."""
        connection = sqlite3.connect(self.path)
        try:
            row = "select max(version) + 1, applied_at, 'a newer one' from smartify_schema"
            connection.execute(f"insert into smartify_schema (version, applied_at, library) {row}")
            connection.commit()
        finally:
            connection.close()


class TestSQLiteStorage(StorageConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> SQLiteWorld:
        """Return a fresh file."""
        return SQLiteWorld(tmp_path)
