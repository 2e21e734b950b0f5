"""The stores that policy is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from smartify_core.storage import Storage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Storage]:
    """Return a store in a file."""
    with SQLiteStorage(tmp_path / "store.db") as storage:
        yield storage


@pytest.fixture(params=["sqlite", "postgresql"])
def durable_store(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Return a store in a file, and then one on a server."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_store")
        return
    url, schema = request.getfixturevalue("postgresql_url"), request.getfixturevalue("schema")
    with PostgreSQLStorage(url, schema=schema) as storage:
        yield storage
