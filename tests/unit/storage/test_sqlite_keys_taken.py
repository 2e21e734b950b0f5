"""A newcomer who is there already is found by the keys of the table, and told by a second look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import LeaseLost, WriteConflict
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import sqlite
from smartify_core.storage._sqlite import _commit
from smartify_core.storage.sqlite import SQLiteStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_whoever_is_there_already_is_named(
    path: Path, account: Callable[..., SealedAccount], put: Callable[..., Batch]
) -> None:
    """Of a batch of newcomers the one whose account id is taken is named, and none of them is written."""
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("s1", account_id="a1")))
        with pytest.raises(WriteConflict, match="source id s3"):
            storage.commit(claim, put(account("s2", account_id="a2"), account("s3", account_id="a1")))
        assert list(storage.heads("acme").source_ids) == ["s1"]
        assert storage.tenant("acme").revision == 1


def test_a_lease_lost_before_the_second_look_is_told_as_that(
    path: Path, account: Callable[..., SealedAccount], put: Callable[..., Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes the tenant over between the refusal and its explanation makes it a lost lease, not a conflict."""
    explain = _commit.explain
    with SQLiteStorage(path) as storage:
        claim = storage.claim("acme", now=NOON, ttl=HOUR)
        storage.commit(claim, put(account("s1", account_id="a1")))

        def overtaken(connection: Any, *values: Any) -> Any:
            connection.execute("update tenant set fence = fence + 1")
            return explain(connection, *values)

        monkeypatch.setattr(sqlite, "explain", overtaken)
        with pytest.raises(LeaseLost):
            storage.commit(claim, put(account("s2", account_id="a1")))
        assert list(storage.heads("acme").source_ids) == ["s1"]
