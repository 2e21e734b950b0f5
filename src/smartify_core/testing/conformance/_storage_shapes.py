"""Clauses about calls that make no sense, and about which refusal is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from smartify_core.errors import LeaseLost, SmartifyError, Tombstoned, UsageError, WriteConflict
from smartify_core.model import OUTBOX, AccountState, Batch, Claim, Erase, Put, PutDocument

from ._storage_values import (
    HALF,
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
    stone,
    write,
)
from ._storage_world import StorageWorld


class ShapeClauses:
    """ST-24 to ST-25."""

    def test_ST24_a_call_that_makes_no_sense_is_refused(self, world: StorageWorld) -> None:
        """A misshapen batch, id, time or lease is the caller's error, before anything is written."""
        storage = world.handle()
        taken = claim(storage)
        before = everything(storage), beside(storage), storage.tenant("acme")
        for batch in _misshapen():
            with pytest.raises(UsageError):
                storage.commit(taken, batch)
        calls: list[Callable[[], object]] = [
            lambda: storage.claim(HALF, now=NOON, ttl=HOUR),
            lambda: storage.claim("new", now=NOON.replace(tzinfo=None), ttl=HOUR),
            lambda: storage.claim("new", now=NOON, ttl=timedelta(0)),
            lambda: storage.renew(taken, now=NOON, ttl=-HOUR),
            lambda: storage.renew(evolve(taken, tenant=HALF), now=NOON, ttl=HOUR),
            lambda: storage.release(evolve(taken, tenant=HALF)),
            lambda: storage.tenant(HALF),
            lambda: storage.heads(HALF),
            lambda: storage.heads("acme", after=HALF),
            lambda: storage.load("acme", [HALF]),
            lambda: storage.load(HALF, []),
            lambda: storage.find_by_email(HALF, []),
            lambda: storage.tombstones("acme", after=HALF),
            lambda: storage.tombstones_of("acme", [HALF]),
            lambda: storage.claim_due(now=NOON.replace(tzinfo=None), ttl=HOUR, limit=1),
            lambda: storage.claim_due(now=NOON, ttl=timedelta(0), limit=1),
            lambda: storage.release(taken, due_at=NOON.replace(tzinfo=None)),
            lambda: storage.schedule({"new": NOON.replace(tzinfo=None)}),
            lambda: storage.schedule({HALF: NOON}),
            lambda: storage.tenants(after=HALF),
            lambda: storage.entries(HALF),
            lambda: storage.entries("acme", after=-1),
            lambda: storage.trim(HALF, through=1),
            lambda: storage.trim("acme", through=-1),
            lambda: storage.document("acme", "note", HALF),
            lambda: storage.document("acme", HALF, "n"),
            lambda: storage.documents("acme", "note", after=("note", HALF)),
            lambda: storage.documents("acme", after=(HALF, "n")),
            lambda: storage.documents("acme", HALF),
            lambda: storage.entries("acme", journal=HALF),
            lambda: storage.trim("acme", journal=HALF, through=1),
            lambda: write(storage, note(b"x"), tenant=HALF),
            lambda: write(storage, note(b"fine", key="f"), note(None, 0)),
            lambda: write(storage, note(b"x", -1)),
            lambda: write(storage, note(b"x"), note(b"y")),
            lambda: storage.record("acme", appends=[append(b"x"), append(b"y")]),
            lambda: storage.record("acme", documents=[note(b"x")], appends=[append(b"x", at=-1)]),
            lambda: storage.record("acme", appends=[append(b"x", journal=HALF)]),
            lambda: storage.erase_tenant(evolve(taken, tenant=HALF)),
        ]
        for call in calls:
            with pytest.raises(UsageError):
                call()
        assert (everything(storage), beside(storage), storage.tenant("acme")) == before

    def test_ST25_the_gravest_refusal_is_told(self, world: StorageWorld) -> None:
        """Of several offences misuse comes first, then the lost lease, the tombstone, the conflict."""
        storage = world.handle()
        old = claim(storage)
        gone = account("gone")
        storage.commit(old, put(gone))
        storage.commit(old, erase(gone))
        new = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
        conflict = put(account("absent", version=5)).writes
        revival = put(gone).writes
        twice = put(account("t"), account("t", account_id="u")).writes
        elsewhere, nowhere = (append(b"x", at=9),), (append(b"x", at=-1),)
        storage.record("acme", appends=[append(b"x")])
        order: list[tuple[Claim, Batch, type[SmartifyError]]] = [
            (old, Batch((*conflict, *revival, *twice)), UsageError),
            (old, Batch((*conflict, *revival), appends=nowhere), UsageError),
            (old, Batch((*conflict, *revival), appends=elsewhere), LeaseLost),
            (new, Batch((*conflict, *revival), appends=elsewhere), Tombstoned),
            (new, Batch((Erase(stone(gone), 0), *conflict)), Tombstoned),
            (new, Batch(conflict), WriteConflict),
            (new, Batch(appends=elsewhere), WriteConflict),
        ]
        for taken, batch, expected in order:
            with pytest.raises(expected):
                storage.commit(taken, batch)


def _misshapen() -> Iterator[Batch]:
    """Yield batches that no caller may hand in."""
    one = account()
    yield Batch((*put(one).writes, *put(evolve(one, account_id="other")).writes))
    yield Batch((*put(one).writes, *erase(one).writes))
    yield put(evolve(one, tenant="umbrella"))
    yield erase(evolve(one, tenant="umbrella"))
    yield Batch((Put(one, 1),))
    yield Batch((Put(evolve(one, version=3), 1),))
    yield Batch((Put(evolve(one, version=0), 0),))
    yield Batch((Put(evolve(one, version=0), -1),))
    yield Batch((Erase(stone(one), -1),))
    yield put(evolve(one, state=AccountState.DELETED))
    yield put(evolve(one, created_at=NOON.replace(tzinfo=None)))
    yield put(evolve(one, updated_at=NOON.replace(tzinfo=None)))
    yield erase(one, at=NOON.replace(tzinfo=None))
    yield put(evolve(one, fingerprint=b"short"))
    yield put(evolve(one, email_index=b"much too long an index"))
    yield put(evolve(one, group_indexes=(digest(1), b"")))
    for field in ("source_id", "account_id", "predecessor"):
        yield put(evolve(one, **{field: HALF}))
    yield erase(evolve(one, source_id=HALF))
    yield Batch(documents=(note(b"x"), note(b"y")))
    yield Batch(documents=(note(b"x", -1),))
    yield Batch(documents=(note(None, 0),))
    yield Batch(documents=(note(b"x", key=HALF),))
    yield Batch(documents=(PutDocument(HALF, "n", b"x", 0),))
    yield Batch(id=HALF)
    yield Batch(revision=-1)
    yield Batch(appends=(append(b"x"), append(b"y")))
    yield Batch(entries=(b"e",), appends=(append(b"x", journal=OUTBOX),))
    yield Batch(appends=(append(b"x", at=-1),))
    yield Batch(appends=(append(b"x", journal=HALF),))
