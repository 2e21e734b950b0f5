"""Clauses about opening and closing, and about what stays and what is gone."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.errors import LeaseHeld, StorageUnavailable
from smartify_core.model import Batch, SealedAccount
from smartify_core.storage import Storage

from ._storage_values import (
    HOUR,
    NOON,
    account,
    append,
    beside,
    claim,
    digest,
    erase,
    everything,
    evolve,
    note,
    put,
    write,
)
from ._storage_world import StorageCapability, StorageWorld


class LifeClauses:
    """ST-28 to ST-30."""

    def test_ST28_a_closed_storage_says_so(self, world: StorageWorld) -> None:
        """Closing twice is harmless, leaving a ``with`` closes, and every other call is refused from then on."""
        with world.handle() as storage:
            taken = claim(storage)
        storage.close()
        calls: list[Callable[[], object]] = [
            lambda: claim(storage),
            lambda: storage.renew(taken, now=NOON, ttl=HOUR),
            lambda: storage.release(taken),
            lambda: storage.tenant("acme"),
            lambda: storage.heads("acme"),
            lambda: storage.load("acme", []),
            lambda: storage.find_by_email("acme", []),
            lambda: storage.tombstones("acme"),
            lambda: storage.tombstones_of("acme", []),
            lambda: storage.commit(taken, Batch()),
            lambda: storage.claim_due(now=NOON, ttl=HOUR, limit=1),
            lambda: storage.schedule({}),
            storage.tenants,
            lambda: storage.entries("acme"),
            lambda: storage.trim("acme", through=0),
            lambda: storage.document("acme", "note", "n"),
            lambda: storage.documents("acme", "note"),
            lambda: storage.record("acme"),
            lambda: write(storage, note(b"x")),
            lambda: storage.erase_tenant(taken),
            storage.__enter__,
        ]
        for call in calls:
            with pytest.raises(StorageUnavailable):
                call()

    def test_ST29_a_durable_store_keeps_everything(self, world: StorageWorld) -> None:
        """Whatever was acknowledged is there on reopening, and so is what was erased, trimmed and removed not there."""
        world.require(StorageCapability.DURABLE)
        with world.handle() as storage:
            storage.schedule({"acme": NOON + HOUR, "umbrella": NOON})
            storage.release(claim(storage))
            taken, theirs = claim(storage), claim(storage, "umbrella")
            storage.commit(taken, evolve(put(account("s1"), account("s2")), revision=5))
            last = Batch(
                erase(account("s2")).writes, (b"one", b"", b"three"), (note(b"d"),), "last", (append(b"1", b"2", at=7),)
            )
            storage.commit(taken, last)
            storage.record("acme", documents=[note(b"m", key="m")], appends=[append(b"3"), append(b"x", journal="x")])
            storage.trim("acme", through=1)
            storage.trim("acme", journal="trail", through=8)
            storage.commit(theirs, evolve(put(account(tenant="umbrella")), entries=(b"e",), documents=(note(b"d"),)))
            storage.erase_tenant(theirs)
            before = _told(storage)
        with world.handle() as storage:
            assert _told(storage) == before
            with pytest.raises(LeaseHeld):
                claim(storage)
            assert storage.commit(taken, last).revision == 6
            assert storage.commit(taken, put(account("s3"))).revision == 7
            assert storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR).fence == 3
            assert claim(storage, "umbrella").fence == 2

    def test_ST30_an_erased_account_leaves_no_byte(self, world: StorageWorld) -> None:
        """No piece of an erased account's key, payload, fingerprint or indexes, old versions included, is left."""
        world.require(StorageCapability.ERASES_BYTES)
        storage = world.handle()
        taken = claim(storage)
        secrets: set[bytes] = set()
        live: dict[str, SealedAccount] = {}
        for turn in range(12):
            changing = sorted(live)[::4]
            # Ids in no order, and payloads that change their length, so that pages split, merge and move their rows.
            fresh = [account(digest("id", turn, number).hex()) for number in range(60)]
            fresh += [evolve(live[source_id], version=live[source_id].version + 1) for source_id in changing]
            fresh = [evolve(one, **_secret_parts(100 + 97 * ((turn + place) % 9))) for place, one in enumerate(fresh)]
            secrets.update(*(_secret_of(live[source_id]) for source_id in changing))
            live.update((one.source_id, one) for one in fresh)
            storage.commit(taken, put(*fresh))
        there = _pieces(world.content())
        assert all(_secret_of(one) <= there for one in live.values())
        ended = sorted(live)[::2]
        for start in range(0, len(ended), 100):
            chunk = [live.pop(source_id) for source_id in ended[start : start + 100]]
            secrets.update(*map(_secret_of, chunk))
            storage.commit(taken, erase(*chunk))
        # The digest of a tenant that has one account is its fingerprint.
        alone = account(tenant="umbrella", **_secret_parts(100))
        theirs = claim(storage, "umbrella")
        storage.commit(theirs, put(alone))
        storage.commit(theirs, erase(alone))
        secrets.update(_secret_of(alone))
        # A tenant that is erased goes whole: accounts, with what became of them before, and whatever was kept beside.
        parting = claim(storage, "parting")
        old = account(tenant="parting", **_secret_parts(1000))
        new = evolve(old, version=2, **_secret_parts(3000))
        others = [account(name, tenant="parting", **_secret_parts(500)) for name in map(str, range(300))]
        kept = [os.urandom(size) for size in (60, 600, 6000, 60_000)]
        for batch in (put(old, *others), put(new), erase(new), erase(*others[:100])):
            storage.commit(parting, batch)
        storage.commit(parting, Batch((), (kept[0],), (note(kept[1]),), "named", (append(kept[2]),)))
        storage.record("parting", documents=[note(kept[3], key="large")])
        secrets.update(*map(_secret_of, (old, new, *others)), *(_pieces(one, step=16) for one in kept))
        storage.erase_tenant(parting)
        there = _pieces(world.content())
        assert not secrets & there
        assert all(_secret_of(one) <= there for one in live.values())


def _told(storage: Storage) -> list[object]:
    """Return all that is looked at after reopening."""
    return [(everything(storage, one), beside(storage, one, "x"), storage.tenant(one)) for one in ("acme", "umbrella")]


def _pieces(content: bytes, *, step: int = 1) -> set[bytes]:
    """Return the pieces of 16 bytes in a row, from every byte on or from each ``step``-th."""
    return {content[start : start + 16] for start in range(0, len(content) - 15, step)}


def _secret_parts(length: int) -> dict[str, Any]:
    """Return random sealed parts, the payload ``length`` bytes long."""
    return {
        "fingerprint": os.urandom(16),
        "email_index": os.urandom(16),
        "group_indexes": tuple(sorted(os.urandom(16) for _ in range(2))),
        "wrapped_key": os.urandom(73),
        "payload": os.urandom(length),
    }


def _secret_of(one: SealedAccount) -> set[bytes]:
    """Return pieces of all that must be gone with an account: 16 bytes each, so that a torn copy is found too."""
    middle = len(one.payload) // 2
    ends = [one.payload[:16], one.payload[middle : middle + 16], one.payload[-16:]]
    return {one.fingerprint, one.email_index, *one.group_indexes, one.wrapped_key[:16], one.wrapped_key[-16:], *ends}
