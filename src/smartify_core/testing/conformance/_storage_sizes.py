"""The clause about sizes: what is long, many or high is kept as what is short, few and low."""

from __future__ import annotations

import hashlib
import os

import pytest

from smartify_core.errors import WriteConflict
from smartify_core.model import Batch, Document, Entry, Erase, Put, PutDocument
from smartify_core.storage import KEYS_AT_ONCE, Storage

from ._storage_values import NOON, account, append, claim, contents, digest, evolve, many, note, put, stone
from ._storage_world import StorageWorld

_HIGH = 2**62


class SizeClauses:
    """ST-60."""

    def test_ST60_sizes_do_not_matter(self, world: StorageWorld) -> None:
        """Two mebibytes, numbers up to 2**62, batches of thousands and ids of 1,900 characters are kept as they are."""
        storage = world.handle()
        _long_bytes(storage)
        _high_numbers(storage)
        _large_batches(storage)
        _long_ids(storage)


def _long_bytes(storage: Storage) -> None:
    taken = claim(storage, "bytes")
    large = os.urandom(2 * 2**20)
    one = account(tenant="bytes", payload=large)
    storage.commit(taken, Batch(put(one).writes, (large,), (note(large),), appends=(append(large),)))
    assert storage.load("bytes", ["s1"]) == {"s1": one}
    assert storage.document("bytes", "note", "n") == Document("note", "n", large, 1)
    assert contents(storage, tenant="bytes") == contents(storage, "trail", "bytes") == [large]


def _high_numbers(storage: Storage) -> None:
    """Count on from numbers that a float does not tell from their neighbours."""
    taken = claim(storage, "numbers")
    one = account(tenant="numbers", version=_HIGH - 1)
    storage.commit(taken, Batch((Put(one, 0),), revision=_HIGH - 2))
    one = evolve(one, version=_HIGH)
    with pytest.raises(WriteConflict):
        storage.commit(taken, Batch((Put(evolve(one, version=_HIGH - 1), _HIGH - 2),)))
    assert storage.commit(taken, put(one)).revision == _HIGH - 1
    assert storage.load("numbers", ["s1"]) == {"s1": one}
    assert [head.version for head in storage.heads("numbers")] == [_HIGH]
    high = append(b"1", b"2", at=_HIGH - 3), append(b"1", b"2", journal="outbox", at=_HIGH - 3)
    storage.record("numbers", appends=high)
    with pytest.raises(WriteConflict):
        storage.record("numbers", appends=[append(b"x", at=_HIGH - 2)])
    storage.commit(taken, Batch((), (b"3",), (), "third", (append(b"3", at=_HIGH - 1),)))
    for journal in ("outbox", "trail"):
        expected = [Entry(_HIGH - 3 + number, b"%d" % number) for number in (1, 2, 3)]
        assert list(storage.entries("numbers", journal=journal)) == expected
        assert list(storage.entries("numbers", journal=journal, after=_HIGH - 2)) == expected[1:]
        storage.trim("numbers", journal=journal, through=_HIGH - 1)
        assert list(storage.entries("numbers", journal=journal)) == expected[2:]
    record = storage.tenant("numbers")
    assert (record.revision, record.position, dict(record.positions)) == (_HIGH - 1, _HIGH, {"trail": _HIGH})
    assert storage.renew(taken, now=NOON, ttl=taken.expires_at - NOON).revision == _HIGH - 1


def _large_batches(storage: Storage) -> None:
    """Apply a batch of thousands, in which more accounts carry one address than a call takes keys."""
    taken = claim(storage, "many")
    names, shared = many(2_500), digest("shared")
    made = [account(name, tenant="many", email_index=shared) for name in names]
    ended = [Erase(stone(account(f"x{name}", tenant="many")), 0) for name in names]
    entries = tuple(b"%04d" % number for number in range(3_500))
    documents = tuple(note(key.encode(), key=key) for key in names[:300])
    storage.commit(taken, Batch((*put(*made).writes, *ended), entries, documents, appends=(append(*entries),)))
    record = storage.tenant("many")
    assert (record.accounts, record.position, dict(record.positions)) == (2_500, 3_500, {"trail": 3_500})
    assert list(storage.find_by_email("many", [shared])) == made
    assert [one.key for one in storage.documents("many")] == names[:300]
    assert len(storage.tombstones("many", after=ended[1_499].tombstone.account_id)) == KEYS_AT_ONCE
    for journal in ("outbox", "trail"):
        last = storage.entries("many", journal=journal, after=2_500)
        assert [one.content for one in last] == list(entries[2_500:])
        storage.trim("many", journal=journal, through=2_000)
        assert storage.entries("many", journal=journal, limit=1)[0] == Entry(2_001, b"2000")
        storage.trim("many", journal=journal, through=3_500)
        assert list(storage.entries("many", journal=journal)) == []


def _long_ids(storage: Storage) -> None:
    """Use ids that differ in their last characters only, and cannot be made short by squeezing them."""
    one, other = (f"{_noise(1_899)}{end}" for end in "ab")
    for name in (one, other):
        taken = claim(storage, name)
        storage.commit(taken, put(account(tenant=name, payload=name.encode())))
        storage.release(taken)
    assert [found.tenant for found in storage.tenants() if len(found.tenant) > 99] == [one, other]
    assert [storage.load(name, ["s1"])["s1"].payload for name in (one, other)] == [one.encode(), other.encode()]
    taken = claim(storage, "ids")
    people = [account(name, tenant="ids", account_id=name[-1], predecessor=name) for name in (one, other)]
    named = [account(name[-1], tenant="ids", account_id=name) for name in (one, other)]
    pairs = ("#", one), ("#", other), (one, "#"), (other, "#")
    documents = [Document(kind, key, key.encode(), 1) for kind, key in pairs]
    written = tuple(PutDocument(doc.kind, doc.key, doc.value, 0) for doc in documents)
    storage.commit(taken, Batch(put(*people, *named).writes, (), written, one, (append(b"1", journal=one),)))
    storage.commit(taken, Batch((), (b"e",), (), other, (append(b"2", journal=other),)))
    assert dict(storage.load("ids", [one, other])) == {person.source_id: person for person in people}
    assert dict(storage.load("ids", ["a", "b"])) == {person.source_id: person for person in named}
    assert [head.source_id for head in storage.heads("ids")] == [one, other, "a", "b"]
    assert [storage.document("ids", kind, key) for kind, key in pairs] == list(storage.documents("ids")) == documents
    assert (contents(storage, one, "ids"), contents(storage, other, "ids")) == ([b"1"], [b"2"])
    assert dict(storage.tenant("ids").positions) == {one: 1, other: 1}
    assert storage.tenant("ids").position == 1
    ended = [Erase(stone(person), 1) for person in (*people, *named)]
    storage.commit(taken, Batch(tuple(ended)))
    stones = {left.tombstone.source_id: left.tombstone for left in ended}
    assert dict(storage.tombstones_of("ids", [one, other, "a", "b"])) == stones


def _noise(length: int) -> str:
    """Return so many characters in which nothing is repeated."""
    return hashlib.shake_256(b"noise").hexdigest(length)[:length]
