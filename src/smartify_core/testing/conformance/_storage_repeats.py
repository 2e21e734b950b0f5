"""Clauses about batches that are known by their ids."""

from __future__ import annotations

import pytest

from smartify_core.errors import WriteConflict
from smartify_core.model import Batch

from ._storage_values import HOUR, NOON, account, append, claim, contents, evolve, note, put, write
from ._storage_world import StorageWorld


class RepeatClauses:
    """ST-44 to ST-45."""

    def test_ST44_a_batch_that_is_repeated_is_not_applied_again(self, world: StorageWorld) -> None:
        """The latest batch gets its first receipt, whatever has become of the claim; another id is applied."""
        storage = world.handle()
        taken = claim(storage)
        batch = Batch(put(account("s1")).writes, (b"e",), (note(b"d"),), "first", (append(b"t", at=0),))
        receipt = storage.commit(taken, batch)
        assert storage.commit(taken, batch) == receipt
        write(storage, note(b"later", 1))
        storage.release(taken)
        assert storage.commit(taken, batch) == receipt
        newer = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
        assert storage.commit(taken, batch) == receipt
        assert storage.tenant("acme").position == 1
        assert contents(storage, "trail") == [b"t"]
        assert storage.commit(newer, Batch(entries=(b"f",), id="second")) == receipt
        assert [entry.content for entry in storage.entries("acme")] == [b"e", b"f"]

    def test_ST45_only_the_latest_commit_is_known_by_its_id(self, world: StorageWorld) -> None:
        """The id of a refused batch, and of one before the latest, is as good as new, as is no id at all."""
        storage = world.handle()
        taken = claim(storage)
        refused = evolve(put(account(version=7)), id="a")
        for _ in range(2):
            with pytest.raises(WriteConflict):
                storage.commit(taken, refused)
        storage.commit(taken, Batch(entries=(b"1",), id="a"))
        storage.commit(taken, Batch(entries=(b"2",), id="b"))
        storage.commit(taken, Batch(entries=(b"3",), id="a"))
        storage.commit(taken, Batch(entries=(b"4",)))
        storage.commit(taken, Batch(entries=(b"5",)))
        storage.commit(taken, Batch(entries=(b"6",), id="a"))
        storage.commit(taken, Batch(entries=(b"7",), id=""))
        storage.commit(taken, Batch(entries=(b"8",), id=""))
        assert b"".join(entry.content for entry in storage.entries("acme")) == b"1234567"
