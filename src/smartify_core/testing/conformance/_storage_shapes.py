"""Clauses about calls that make no sense, and about which refusal is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Final

import pytest

from smartify_core.errors import LeaseLost, SmartifyError, Tombstoned, UsageError, WriteConflict
from smartify_core.model import OUTBOX, AccountState, Batch, Claim, Erase, Put, PutDocument
from smartify_core.storage import Storage

from ._storage_values import (
    HALF,
    HOUR,
    LARGEST,
    LONGEST,
    NOON,
    TOO_LARGE,
    TOO_LONG,
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
        for call in (*_odd_numbers(storage, taken), *(call for odd in ODD for call in _with_id(storage, taken, odd))):
            with pytest.raises(UsageError):
                call()
        assert (everything(storage), beside(storage), storage.tenant("acme")) == before

    def test_ST25_the_gravest_refusal_is_told(self, world: StorageWorld) -> None:
        """Of several offences misuse comes first, then the lost lease, the tombstone, the conflict of an account."""
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
        late, account_late = (note(b"x", 7),), "source id absent"
        order: list[tuple[Claim, Batch, type[SmartifyError], str | None]] = [
            (old, Batch((*conflict, *revival, *twice)), UsageError, None),
            (old, Batch((*conflict, *revival), appends=nowhere), UsageError, None),
            (old, Batch((*conflict, *revival), appends=elsewhere), LeaseLost, None),
            (new, Batch((*conflict, *revival), appends=elsewhere), Tombstoned, None),
            (new, Batch((Erase(stone(gone), 0), *conflict)), Tombstoned, None),
            (new, Batch(conflict, documents=late, appends=elsewhere), WriteConflict, account_late),
            (new, Batch(conflict, appends=elsewhere), WriteConflict, account_late),
            (new, Batch(documents=late, appends=elsewhere), WriteConflict, "document note/n"),
            (new, Batch(appends=elsewhere), WriteConflict, "journal trail"),
        ]
        for taken, batch, expected, place in order:
            with pytest.raises(expected) as refused:
                storage.commit(taken, batch)
            # What is in conflict is told by the place alone, which `refusals` words for every backend.
            assert place is None or str(refused.value.where).endswith(f", {place}"), refused.value.where
        with pytest.raises(WriteConflict) as refused:
            storage.record("acme", documents=late, appends=elsewhere)
        assert str(refused.value.where).endswith(", document note/n"), refused.value.where


#: In UTC it would lie in the year 0.
BEFORE_ALL: Final = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
#: What is no id: half a pair, and ids that are too long.
ODD: Final = (HALF, *TOO_LONG)


def _odd_numbers(storage: Storage, taken: Claim) -> Iterator[Callable[[], object]]:
    """Yield calls with times, lengths, versions and positions that make no sense."""
    yield from (
        lambda: storage.claim("new", now=NOON.replace(tzinfo=None), ttl=HOUR),
        lambda: storage.claim("new", now=NOON, ttl=timedelta(0)),
        lambda: storage.renew(taken, now=NOON, ttl=-HOUR),
        lambda: storage.claim_due(now=NOON.replace(tzinfo=None), ttl=HOUR, limit=1),
        lambda: storage.claim_due(now=NOON, ttl=timedelta(0), limit=1),
        lambda: storage.release(taken, due_at=NOON.replace(tzinfo=None)),
        lambda: storage.schedule({"new": NOON.replace(tzinfo=None)}),
        lambda: storage.schedule({"new": BEFORE_ALL}),
        lambda: storage.release(taken, due_at=BEFORE_ALL),
        lambda: storage.claim("new", now=NOON, ttl=timedelta(days=3_000_000)),
        lambda: storage.entries("acme", after=-1),
        lambda: storage.trim("acme", through=-1),
        lambda: write(storage, note(b"fine", key="f"), note(None, 0)),
        lambda: write(storage, note(b"x", -1)),
        lambda: write(storage, note(b"x"), note(b"y")),
        lambda: storage.record("acme", appends=[append(b"x"), append(b"y")]),
        lambda: storage.record("acme", documents=[note(b"x")], appends=[append(b"x", at=-1)]),
        lambda: storage.renew(evolve(taken, fence=TOO_LARGE), now=NOON, ttl=HOUR),
        lambda: storage.release(evolve(taken, fence=TOO_LARGE)),
        lambda: storage.erase_tenant(evolve(taken, fence=TOO_LARGE)),
        lambda: storage.commit(evolve(taken, fence=TOO_LARGE), Batch()),
        lambda: storage.entries("acme", after=TOO_LARGE),
        lambda: storage.trim("acme", through=TOO_LARGE),
        lambda: write(storage, note(b"x", LARGEST)),
        lambda: write(storage, note(None, TOO_LARGE)),
        lambda: storage.record("acme", appends=[append(at=TOO_LARGE)]),
        lambda: storage.record("acme", appends=[append(b"x", at=LARGEST)]),
        lambda: write(storage, PutDocument(LONGEST[0], "k", b"x", 0)),
    )


def _with_id(storage: Storage, taken: Claim, odd: str) -> Iterator[Callable[[], object]]:
    """Yield calls with what is no id wherever there is one."""
    yield from (
        lambda: storage.claim(odd, now=NOON, ttl=HOUR),
        lambda: storage.renew(evolve(taken, tenant=odd), now=NOON, ttl=HOUR),
        lambda: storage.release(evolve(taken, tenant=odd)),
        lambda: storage.tenant(odd),
        lambda: storage.heads(odd),
        lambda: storage.heads("acme", after=odd),
        lambda: storage.load("acme", [odd]),
        lambda: storage.load(odd, []),
        lambda: storage.find_by_email(odd, []),
        lambda: storage.tombstones("acme", after=odd),
        lambda: storage.tombstones_of("acme", [odd]),
        lambda: storage.schedule({odd: NOON}),
        lambda: storage.tenants(after=odd),
        lambda: storage.entries(odd),
        lambda: storage.trim(odd, through=1),
        lambda: storage.document("acme", "note", odd),
        lambda: storage.document("acme", odd, "n"),
        lambda: storage.documents("acme", "note", after=("note", odd)),
        lambda: storage.documents("acme", after=(odd, "n")),
        lambda: storage.documents("acme", odd),
        lambda: storage.entries("acme", journal=odd),
        lambda: storage.trim("acme", journal=odd, through=1),
        lambda: write(storage, note(b"x"), tenant=odd),
        lambda: storage.record("acme", appends=[append(b"x", journal=odd)]),
        lambda: storage.erase_tenant(evolve(taken, tenant=odd)),
        lambda: storage.tombstones(odd),
        lambda: storage.tombstones_of(odd, []),
        lambda: storage.documents(odd),
        lambda: storage.document(odd, "note", "n"),
        lambda: storage.commit(taken, Batch(id=odd)),
        lambda: storage.commit(evolve(taken, tenant=odd), Batch()),
    )


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
    yield put(evolve(one, created_at=BEFORE_ALL))
    yield put(evolve(one, fingerprint=b"short"))
    yield put(evolve(one, email_index=b"much too long an index"))
    yield put(evolve(one, group_indexes=(digest(1), b"")))
    for odd in ODD:
        for field in ("source_id", "account_id", "predecessor"):
            yield put(evolve(one, **{field: odd}))
        yield erase(evolve(one, source_id=odd))
        yield erase(evolve(one, account_id=odd))
        yield Batch(documents=(note(b"x", key=odd),))
        yield Batch(documents=(PutDocument(odd, "n", b"x", 0),))
        yield Batch(appends=(append(b"x", journal=odd),))
    yield put(evolve(one, version=TOO_LARGE))
    yield Batch((Put(evolve(one, version=TOO_LARGE), LARGEST),))
    yield Batch((Erase(stone(one), TOO_LARGE),))
    yield Batch(documents=(note(b"x", LARGEST),))
    yield Batch(revision=TOO_LARGE)
    yield Batch(appends=(append(b"x", at=LARGEST),))
    yield Batch(documents=(note(b"x"), note(b"y")))
    yield Batch(documents=(note(b"x", -1),))
    yield Batch(documents=(note(None, 0),))
    yield Batch(revision=-1)
    yield Batch(appends=(append(b"x"), append(b"y")))
    yield Batch(entries=(b"e",), appends=(append(b"x", journal=OUTBOX),))
    yield Batch(appends=(append(b"x", at=-1),))
