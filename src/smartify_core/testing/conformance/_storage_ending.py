"""Clauses about the ends of a tenant: how one leaves a store, and what a copy of it is made with elsewhere."""

from __future__ import annotations

import pytest

from smartify_core.errors import LeaseLost, Tombstoned, WriteConflict
from smartify_core.model import Batch, Entry, Erase, Head, Put, TenantRecord

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
    stone,
)
from ._storage_world import StorageWorld


class EndingClauses:
    """ST-46 and ST-50."""

    def test_ST46_a_tenant_that_is_erased_leaves_its_numbers_only(self, world: StorageWorld) -> None:
        """Accounts, tombstones, entries, documents, due time, batch id and lease go; no number is ever used again."""
        storage = world.handle()
        storage.schedule({"acme": NOON, "umbrella": NOON})
        theirs = claim(storage, "umbrella")
        storage.commit(theirs, evolve(put(account(tenant="umbrella")), entries=(b"e",), documents=(note(b"d"),)))
        storage.release(theirs)
        taken = claim(storage)
        storage.commit(taken, put(account("s1"), account("s2")))
        batch = Batch(erase(account("s2")).writes, (b"1", b"2"), (note(b"d"),), "last", (append(b"1", b"2", b"3"),))
        storage.commit(taken, batch)
        storage.record("acme", appends=[append(journal="checked", at=9)])
        others = everything(storage, "umbrella"), beside(storage, "umbrella"), storage.tenant("umbrella")
        newer = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
        for lost in (taken, evolve(newer, fence=newer.fence + 1), evolve(taken, tenant="unheard of")):
            with pytest.raises(LeaseLost):
                storage.erase_tenant(lost)
        assert len(storage.heads("acme")) == 1
        # It may have expired, as long as nobody took over.
        storage.erase_tenant(newer)
        record = TenantRecord("acme", newer.fence, None, 3, None, 0, 0, 2, {"trail": 3, "checked": 9})
        assert storage.tenant("acme") == record
        assert everything(storage) == (3, {}, {}, set())
        assert beside(storage, "acme", "checked") == ([(), (), ()], [], 2, dict(record.positions))
        assert list(storage.find_by_email("acme", [digest("email", "s1")])) == []
        assert dict(storage.tombstones_of("acme", ["s2"])) == {}
        assert [one.tenant for one in storage.tenants()] == ["acme", "umbrella"]
        assert (everything(storage, "umbrella"), beside(storage, "umbrella"), storage.tenant("umbrella")) == others
        (due,) = storage.claim_due(now=NOON, ttl=HOUR, limit=9)
        assert due.tenant == "umbrella"
        storage.release(due)
        for late in (lambda: storage.commit(newer, put(account())), lambda: storage.erase_tenant(newer)):
            with pytest.raises(LeaseLost):
                late()
        with pytest.raises(LeaseLost):
            storage.commit(taken, batch)
        again = claim(storage)
        assert (again.fence > newer.fence, again.revision, again.due_at) == (True, 3, None)
        receipt = storage.commit(
            again, Batch(put(account("s2")).writes, (b"3",), (note(b"new"),), "last", (append(b"4"),))
        )
        assert receipt.revision == 4
        assert list(storage.entries("acme")) == [Entry(3, b"3")]
        assert list(storage.entries("acme", journal="trail")) == [Entry(4, b"4")]
        assert storage.load("acme", ["s2"]) == {"s2": account("s2")}

    def test_ST50_a_copy_of_a_tenant_is_made_by_commits(self, world: StorageWorld) -> None:
        """A new account may have any version, an ending one may never have been here, and a revision may be given."""
        storage = world.handle()
        taken = claim(storage)
        here, gone = account("here", version=7), account("gone")
        copied = Batch((Put(here, 0), Erase(stone(gone), 0)), revision=40)
        assert storage.commit(taken, copied).revision == 40
        record = storage.tenant("acme")
        total = int.from_bytes(here.fingerprint, "big")
        assert (record.revision, record.accounts, record.digest) == (40, 1, total)
        assert everything(storage)[1:] == (
            {"here": here},
            {"here": Head("here", here.fingerprint, here.state, 7, None)},
            {stone(gone)},
        )
        assert dict(storage.tombstones_of("acme", ["gone"])) == {"gone": stone(gone)}
        # What ended elsewhere has ended here: for its id, but not for the person.
        for attempt in (put(gone), Batch((Erase(stone(gone), 0),)), put(account("other", account_id=gone.account_id))):
            with pytest.raises(Tombstoned):
                storage.commit(taken, attempt)
        for attempt in (
            Batch((Erase(stone(here), 0),)),
            Batch((Erase(stone(account("third", account_id=here.account_id)), 0),)),
            Batch((Put(here, 0),)),
        ):
            with pytest.raises(WriteConflict):
                storage.commit(taken, attempt)
        # Somebody who returned: the earlier account's tombstone arrives while the later one lives.
        earlier = stone(account("here", account_id="earlier"), at=NOON - HOUR)
        assert storage.commit(taken, Batch((Erase(earlier, 0),))).revision == 41
        assert storage.load("acme", ["here"]) == {"here": here}
        assert dict(storage.tombstones_of("acme", ["here"])) == {"here": earlier}
        assert list(storage.find_by_email("acme", [here.email_index])) == [here]
        # A revision that is given raises the tenant's, and never lowers it.
        assert storage.commit(taken, evolve(put(evolve(here, version=8)), revision=7)).revision == 42
        assert storage.commit(taken, Batch(id="a", revision=41)).revision == 42
        assert storage.commit(taken, Batch(id="b", revision=50)).revision == 50
        assert storage.commit(taken, evolve(put(evolve(here, version=9)), revision=50)).revision == 51
        assert storage.tenant("acme").revision == storage.renew(taken, now=NOON, ttl=HOUR).revision == 51
        assert storage.tenant("acme").accounts == len(storage.heads("acme")) == 1
