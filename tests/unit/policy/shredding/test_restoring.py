"""The guard against older stores: a restore brings nobody back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smartify_core.errors import OlderStore, TrailBroken, UsageError
from smartify_core.model import SUBJECT_KEY
from smartify_core.policy.shredding import Shredder
from smartify_core.policy.shredding import _register as registered
from smartify_core.storage.sqlite import SQLiteStorage

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


@pytest.fixture
def durable(in_memory: World, tmp_path: Path) -> Iterator[World]:
    """Return a tenant over a store in a file."""
    in_memory.storage = SQLiteStorage(tmp_path / "store.db")
    yield in_memory
    in_memory.storage.close()


def backed_up(world: World, tmp_path: Path) -> Path:
    """Return a copy of the store as it is now."""
    world.storage.close()
    copy = tmp_path / "backup.db"
    shutil.copy(tmp_path / "store.db", copy)
    world.storage = SQLiteStorage(tmp_path / "store.db")
    return copy


def restored(world: World, backup: Path, tmp_path: Path) -> None:
    """Put a copy in the store's place."""
    world.storage.close()
    shutil.copy(backup, tmp_path / "store.db")
    world.storage = SQLiteStorage(tmp_path / "store.db")


def test_a_store_that_only_went_on_passes(durable: World) -> None:
    """The guard lets a store through that has grown since the register was written, and one that just began."""
    durable.shredder.check_restored()
    durable.staffed("ada", "bob")
    durable.hold("bob")
    durable.leave("ada")
    durable.shredder.settle()
    durable.release("bob")
    durable.shredder.check_restored()


def test_an_older_store_is_refused(durable: World, tmp_path: Path) -> None:
    """A restored store that lacks entries the register knows of is refused: at the check, and by every deed."""
    durable.staffed("ada", "bob")
    backup = backed_up(durable, tmp_path)
    durable.leave("ada")
    durable.shredder.settle()
    restored(durable, backup, tmp_path)
    for deed in (
        durable.shredder.check_restored,
        durable.shredder.settle,
        lambda: durable.shredder.off_board(TENANT, by="olga", reason="it ended"),
    ):
        with pytest.raises(OlderStore) as refused:
            deed()
    assert "reshred" in str(refused.value)
    assert durable.is_here("ada")


def test_an_older_store_that_grew_again_is_refused(durable: World, tmp_path: Path) -> None:
    """A restored store whose trail became as long as before, by other entries, has another root and is refused."""
    durable.staffed("ada", "bob")
    backup = backed_up(durable, tmp_path)
    durable.leave("ada")
    durable.shredder.settle()
    restored(durable, backup, tmp_path)
    durable.hold("bob")
    durable.release("bob")
    with pytest.raises(OlderStore):
        durable.shredder.check_restored()


def test_a_guard_that_looks_at_the_size_alone_is_noticed(
    durable: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were roots not compared, the store with other entries would pass."""
    monkeypatch.setattr(registered, "root_of", lambda *_: durable.register.head().root)
    with pytest.raises(pytest.fail.Exception):
        test_an_older_store_that_grew_again_is_refused(durable, tmp_path)


def test_whoever_is_gone_is_ended_again(durable: World, tmp_path: Path) -> None:
    """In a restored store reshredding ends the gone and their keys, leaves the others, and is on record."""
    durable.staffed("ada", "bob", "carl")
    durable.seal("ada")
    backup = backed_up(durable, tmp_path)
    ada = durable.account("ada").account_id
    durable.leave("ada")
    durable.shredder.settle()
    restored(durable, backup, tmp_path)
    done = durable.shredder.reshred(by="olga", reason="the disk failed")
    assert (done.accounts, done.tenants) == (1, 0)
    assert not durable.is_here("ada")
    assert durable.is_here("bob")
    assert not durable.storage.documents(TENANT, SUBJECT_KEY)
    assert [one.account_id for one in durable.storage.tombstones(TENANT)] == [ada]
    (entry,) = durable.told("store.reshredded")
    assert entry.record.facts["accounts"] == 1
    assert [one.record.subjects for one in durable.told("account.shredded")] == [(ada,)]
    durable.shredder.check_restored()
    assert durable.shredder.settle() == 0
    assert durable.run().counts.changes == 0


def test_who_came_and_went_after_the_backup_leaves_a_tombstone(durable: World, tmp_path: Path) -> None:
    """An account that the older store never knew is on record as ended there too: a late write cannot begin it."""
    durable.staffed("ada", "bob")
    backup = backed_up(durable, tmp_path)
    durable.staffed("carl")
    carl = durable.account("carl").account_id
    durable.leave("carl")
    durable.shredder.settle()
    restored(durable, backup, tmp_path)
    assert durable.shredder.reshred(by="olga", reason="the disk failed").accounts == 0
    assert [one.account_id for one in durable.storage.tombstones(TENANT)] == [carl]
    durable.directory.undelete("carl")
    durable.run()
    assert durable.account("carl").predecessor == carl


def test_all_ends_of_one_person_are_known_again(durable: World, tmp_path: Path) -> None:
    """Somebody who ended twice since the backup, and is there in it, has both tombstones afterwards."""
    durable.staffed("ada", "bob")
    backup = backed_up(durable, tmp_path)
    durable.leave("ada")
    durable.directory.undelete("ada")
    durable.clock.advance(hours=1)
    durable.run()
    durable.leave("ada")
    durable.shredder.settle()
    stones = list(durable.storage.tombstones(TENANT))
    restored(durable, backup, tmp_path)
    for _ in range(2):
        durable.shredder.reshred(by="olga", reason="the disk failed")
    assert list(durable.storage.tombstones(TENANT)) == stones
    assert len(stones) == 2


def test_who_is_back_since_stays(durable: World, tmp_path: Path) -> None:
    """A new account of somebody whose earlier one has ended is left alone, however often the gone are ended again."""
    durable.staffed("ada", "bob")
    durable.leave("ada")
    durable.shredder.settle()
    durable.directory.undelete("ada")
    durable.run()
    now = durable.account("ada")
    durable.shredder.reshred(by="olga", reason="to be sure")
    assert durable.account("ada") == now


def test_an_off_boarded_tenant_goes_again(durable: World, tmp_path: Path) -> None:
    """A tenant that was off-boarded after the backup is erased in the restored store, and stands as gone."""
    durable.staffed("ada", "bob")
    backup = backed_up(durable, tmp_path)
    durable.shredder.off_board(TENANT, by="olga", reason="it ended")
    restored(durable, backup, tmp_path)
    assert durable.is_here("ada")
    assert durable.shredder.reshred(by="olga", reason="the disk failed").tenants == 1
    assert not durable.is_here("ada")
    standing = durable.shredder.standing(TENANT)
    assert standing is not None
    assert standing.ended_at is not None
    durable.shredder.check_restored()


def test_a_hold_of_the_restored_store_is_honoured(durable: World, tmp_path: Path) -> None:
    """Who was put under a hold after the restore is not ended again; a hold from before the end counts no more."""
    durable.staffed("ada", "bob", "carl")
    durable.hold("ada")
    durable.clock.advance(hours=1)
    backup = backed_up(durable, tmp_path)
    durable.release("ada")
    durable.leave("ada", "bob")
    durable.shredder.settle()
    durable.clock.advance(hours=1)
    restored(durable, backup, tmp_path)
    durable.hold("bob")
    assert durable.shredder.reshred(by="olga", reason="the disk failed").accounts == 1
    assert (durable.is_here("ada"), durable.is_here("bob")) == (False, True)


def test_a_damaged_tree_is_told_apart(durable: World) -> None:
    """Where the store's own tree lacks nodes, the guard says that it is damaged and not that it is older."""
    durable.staffed("ada", "bob")
    durable.leave("ada")
    durable.shredder.settle()
    durable.storage.trim("smartify:policy", journal="audit nodes", through=1)
    with pytest.raises(TrailBroken):
        durable.shredder.check_restored()


def test_without_a_register_nothing_can_be_told(durable: World) -> None:
    """A shredder without a register settles and off-boards, and refuses to say whether a store is older."""
    durable.staffed("ada", "bob")
    durable.leave("ada")
    bare = Shredder(durable.storage, durable.sealer, durable.trail)
    assert bare.settle() == 1
    for deed in (bare.check_restored, lambda: bare.reshred(by="olga", reason="to be sure")):
        with pytest.raises(UsageError):
            deed()
