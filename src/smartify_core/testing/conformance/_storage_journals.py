"""Clauses about journals: what is appended stands for good, in order, each journal apart from the others."""

from __future__ import annotations

import os

import pytest

from smartify_core.errors import WriteConflict
from smartify_core.model import OUTBOX, Batch, Entry

from ._storage_values import ODD_IDS, account, append, claim, contents, evolve, put
from ._storage_world import StorageWorld


class JournalClauses:
    """ST-38 to ST-40, ST-47 and ST-48."""

    def test_ST38_the_journal_has_no_gaps(self, world: StorageWorld) -> None:
        """Entries stand in the order given, from 1 on, whatever their bytes; a refused batch appends nothing."""
        storage = world.handle()
        taken = claim(storage)
        made = [b"", b"\0", b"\0\0\0\5", os.urandom(70_000), *(f"{number}".encode() for number in range(500))]
        storage.commit(taken, Batch(entries=tuple(made[:3]), appends=(append(*made[:3]),)))
        refused = evolve(put(account(version=7)), entries=(b"refused",), appends=(append(b"refused"),))
        with pytest.raises(WriteConflict):
            storage.commit(taken, refused)
        storage.commit(taken, put(account()))
        storage.commit(taken, evolve(put(account("s2")), entries=tuple(made[3:])))
        storage.record("acme", appends=[append(*made[3:])])
        for journal in (OUTBOX, "trail"):
            assert list(storage.entries("acme", journal=journal)) == [
                Entry(place, one) for place, one in enumerate(made, start=1)
            ]
        record = storage.tenant("acme")
        assert (record.position, dict(record.positions)) == (len(made), {"trail": len(made)})

    def test_ST39_pages_of_the_journal_meet(self, world: StorageWorld) -> None:
        """Walking a journal by pages of any size yields each entry once; ``after`` is not included."""
        storage = world.handle()
        taken = claim(storage)
        for size in (1, 4, 2, 5):
            storage.commit(taken, Batch(entries=(b"e",) * size, appends=(append(*(b"t",) * size),)))
        for journal in (OUTBOX, "trail"):
            for limit in (1, 2, 3, 11, 12, 13):
                found: list[int] = []
                while page := storage.entries("acme", journal=journal, after=found[-1] if found else 0, limit=limit):
                    assert len(page) == min(limit, 12 - len(found))
                    found += [entry.position for entry in page]
                assert found == list(range(1, 13))
            assert list(storage.entries("acme", journal=journal, after=99)) == []

    def test_ST40_trimming_removes_the_oldest_entries(self, world: StorageWorld) -> None:
        """Entries up to a position go, in the middle of a commit's too, and no position is ever used again."""
        storage = world.handle()
        taken = claim(storage)
        for _ in range(3):
            storage.commit(taken, Batch(entries=(b"a", b"b", b"c", b"d"), appends=(append(b"a", b"b", b"c", b"d"),)))
        for journal in (OUTBOX, "trail"):
            for through, first in ((0, 1), (2, 3), (1, 3), (4, 5), (9, 10)):
                storage.trim("acme", journal=journal, through=through)
                found = storage.entries("acme", journal=journal)
                assert [entry.position for entry in found] == list(range(first, 13))
            assert list(storage.entries("acme", journal=journal, limit=1)) == [Entry(10, b"b")]
            storage.trim("acme", journal=journal, through=1000)
            assert list(storage.entries("acme", journal=journal)) == []
        storage.commit(taken, Batch(entries=(b"next",)))
        storage.record("acme", appends=[append(b"next")])
        for journal in (OUTBOX, "trail"):
            assert list(storage.entries("acme", journal=journal)) == [Entry(13, b"next")]

    def test_ST47_journals_do_not_meet(self, world: StorageWorld) -> None:
        """Journals of any names are numbered, read, trimmed and told in the record each by itself."""
        storage = world.handle()
        taken = claim(storage)
        names = [name for name in ODD_IDS if name != OUTBOX]
        storage.record("acme", appends=[append(name.encode(), journal=name) for name in names])
        storage.commit(taken, Batch(entries=(b"event",), appends=(append(b"more", b"and more", journal="a"),)))
        assert contents(storage) == [b"event"]
        assert contents(storage, "a") == [b"a", b"more", b"and more"]
        for name in names:
            assert contents(storage, name)[0] == name.encode()
        record = storage.tenant("acme")
        assert (record.position, dict(record.positions)) == (1, {**dict.fromkeys(names, 1), "a": 3})
        storage.trim("acme", journal="a", through=2)
        storage.trim("acme", through=1)
        assert contents(storage) == []
        assert list(storage.entries("acme", journal="a")) == [Entry(3, b"and more")]
        assert contents(storage, "A") == [b"A"]
        assert storage.tenant("acme") == record

    def test_ST48_an_append_that_expects_a_position_finds_it(self, world: StorageWorld) -> None:
        """A journal that stands elsewhere refuses it; one never appended to begins where the append says."""
        storage = world.handle()
        taken = claim(storage)
        storage.record("acme", appends=[append(b"1", b"2", at=0), append(b"41", journal="copied", at=40)])
        for wrong in (0, 1, 3, 40):
            with pytest.raises(WriteConflict):
                storage.record("acme", appends=[append(b"x", at=wrong)])
            with pytest.raises(WriteConflict):
                storage.commit(taken, Batch(appends=(append(at=wrong),)))
        storage.commit(taken, Batch(entries=(b"e",), appends=(append(b"3", at=2), append(journal="checked", at=9))))
        storage.record("acme", appends=[append(at=3), append(b"42", journal="copied")])
        storage.trim("acme", journal="trail", through=3)
        with pytest.raises(WriteConflict):
            storage.record("acme", appends=[append(b"x", at=0)])
        storage.record("acme", appends=[append(b"4", at=3)])
        assert list(storage.entries("acme", journal="trail")) == [Entry(4, b"4")]
        assert list(storage.entries("acme", journal="copied")) == [Entry(41, b"41"), Entry(42, b"42")]
        assert list(storage.entries("acme", journal="checked")) == []
        assert dict(storage.tenant("acme").positions) == {"trail": 4, "copied": 42, "checked": 9}
        storage.record("umbrella", appends=[append(b"8", journal=OUTBOX, at=7)])
        assert list(storage.entries("umbrella")) == [Entry(8, b"8")]
        assert storage.tenant("umbrella").position == 8
