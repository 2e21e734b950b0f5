"""A row that no version of this library writes is an error of ours, whatever is wrong with it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from smartify_core.errors import SealBroken
from smartify_core.lifecycle import Reconciler
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

ADA = identity("ada")


@pytest.mark.parametrize(
    "damage",
    [
        "update account set state = 7",
        "update account set state = -1",
        "update account set inactive_reason = 9",
        "update account set created_at = 1 << 62",
        "update sealed set record = x''",
        "update sealed set record = 'text'",
        "update sealed set record = cast(x'ffffffff' || substr(record, 5) as blob)",
        "update digest set record = x''",
    ],
)
def test_damaged_row_is_named_as_such(tmp_path: Path, damage: str) -> None:
    """Loading the account says that its row is damaged, in which tenant, and takes no more memory than the row."""
    path = tmp_path / "store.db"
    with SQLiteStorage(path) as storage:
        Reconciler({"acme": FakeDirectory(ADA)}, storage, Sealer(MemoryKeyRing())).run("acme")
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    with SQLiteStorage(path) as storage, pytest.raises(SealBroken, match="tenant acme"):
        storage.load("acme", [ADA.source_id])
