"""A connection that cannot be set up is not left open."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import StorageError
from smartify_core.storage.sqlite import SQLiteStorage


def test_connection_whose_settings_are_refused_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a setting fails, the error comes out and the connection is closed with it."""
    path = tmp_path / "store.db"
    SQLiteStorage(path).close()
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    class Refusing(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if "secure_delete" in sql:
                raise sqlite3.OperationalError("refused")
            return super().execute(sql, *values)

    def refusing(*place: Any, **options: Any) -> sqlite3.Connection:
        made.append(connect(*place, **options, factory=Refusing))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", refusing)
    with pytest.raises(StorageError):
        SQLiteStorage(path)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        made[-1].total_changes  # noqa: B018 - a closed connection refuses even this
