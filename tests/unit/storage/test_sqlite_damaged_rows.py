"""A row that no version of this library writes is an error of ours, whatever is wrong with it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from smartify_core.errors import StorageBroken
from smartify_core.lifecycle import Reconciler
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, identity

ADA = identity("ada")
BOB = identity("bob")


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
    with SQLiteStorage(path) as storage, pytest.raises(StorageBroken, match="tenant acme"):
        storage.load("acme", [ADA.source_id])


@pytest.mark.parametrize(
    "damage",
    [
        "state = 7",
        "state = -1",
        "state = 'text'",
        "inactive_reason = 9",
        "inactive_reason = 12",
        "inactive_reason = ''",
        "version = 'text'",
    ],
)
def test_a_damaged_head_is_refused_beside_sound_ones(tmp_path: Path, damage: str) -> None:
    """A column of a page that holds no number, or one that means nothing, is damage; no head is made up from it."""
    path = three(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(f"update account set {damage} where source_id = ?", (BOB.source_id,))
    connection.commit()
    connection.close()
    with SQLiteStorage(path) as storage, pytest.raises(StorageBroken, match="tenant acme"):
        list(storage.heads("acme"))


@pytest.mark.parametrize("record", ["x''", "substr(record, 1, 15)", "'text'"])
def test_a_damaged_fingerprint_is_refused_beside_sound_ones(tmp_path: Path, record: str) -> None:
    """A fingerprint of another length would move those of all who follow on the page."""
    path = three(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(
        f"update digest set record = {record} where id = (select digest from account where source_id = ?)",
        (BOB.source_id,),
    )
    connection.commit()
    connection.close()
    with SQLiteStorage(path) as storage, pytest.raises(StorageBroken, match="tenant acme"):
        storage.heads("acme")


def three(folder: Path) -> Path:
    """Make a store of three accounts."""
    path = folder / "store.db"
    with SQLiteStorage(path) as storage:
        people = FakeDirectory(ADA, BOB, identity("cyd"))
        Reconciler({"acme": people}, storage, Sealer(MemoryKeyRing())).run("acme")
    return path
