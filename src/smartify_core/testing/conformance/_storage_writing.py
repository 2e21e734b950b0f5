"""Clauses about writing: whole batches, under the newest claim, over what they expect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartify_core.errors import LeaseHeld, LeaseLost, Tombstoned, WriteConflict
from smartify_core.model import Batch, Erase, Tombstone

from ._storage_values import (
    HOUR,
    NOON,
    account,
    append,
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


class WritingClauses:
    """ST-15 to ST-23."""

    def test_ST15_a_commit_that_writes_accounts_adds_one_to_the_revision(self, world: StorageWorld) -> None:
        """Receipt, tenant, later claims and renewals tell it; a batch without accounts, or refused, adds none."""
        storage = world.handle()
        taken = claim(storage)
        assert taken.revision == 0
        assert storage.commit(taken, put(account())).revision == 1
        assert storage.commit(taken, Batch()).revision == 1
        assert storage.commit(taken, put(account("s2"), account("s3"))).revision == 2
        assert (
            storage.commit(taken, Batch(entries=(b"e",), documents=(note(b"d"),), appends=(append(b"t"),))).revision
            == 2
        )
        write(storage, note(b"later", 1))
        storage.record("acme", appends=[append(b"t")])
        with pytest.raises(WriteConflict):
            storage.commit(taken, put(account()))
        assert storage.tenant("acme").revision == 2
        renewed = storage.renew(taken, now=NOON, ttl=HOUR)
        assert renewed.revision == 2
        storage.release(renewed)
        assert claim(storage).revision == 2

    def test_ST16_only_the_newest_claim_writes(self, world: StorageWorld) -> None:
        """A claim that was overtaken, released or never made writes nothing."""
        storage = world.handle()
        old = claim(storage)
        new = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
        made_up = evolve(new, fence=new.fence + 1)
        for wrong in (old, made_up):
            with pytest.raises(LeaseLost):
                storage.commit(wrong, put(account()))
        with pytest.raises(LeaseLost):
            storage.commit(evolve(new, tenant="umbrella"), put(account(tenant="umbrella")))
        storage.commit(new, put(account("s2")))
        storage.release(new)
        with pytest.raises(LeaseLost):
            storage.commit(new, put(account()))
        assert set(storage.load("acme", ["s1", "s2"])) == {"s2"}

    def test_ST17_an_expired_claim_writes_until_it_is_overtaken(self, world: StorageWorld) -> None:
        """A backend reads no clock: a claim that nobody took over still writes and renews, however old it is."""
        storage = world.handle()
        past = datetime(2001, 1, 1, tzinfo=UTC)
        taken = storage.claim("acme", now=past, ttl=timedelta(microseconds=1))
        storage.commit(taken, put(account()))
        assert storage.renew(taken, now=past + HOUR, ttl=HOUR).fence == taken.fence
        # Nor does it mind one that goes backwards.
        assert storage.renew(taken, now=past - 9 * HOUR, ttl=HOUR).expires_at == past - 8 * HOUR
        storage.commit(taken, put(account("s2", updated_at=past - HOUR)))
        # Nor does a lease end because time passes here: only those who ask say what time it is.
        instant = timedelta(microseconds=1)
        for tenant, now in (("past", datetime(1, 1, 2, tzinfo=UTC)), ("future", datetime(9999, 12, 1, tzinfo=UTC))):
            held = storage.claim(tenant, now=now, ttl=instant)
            storage.schedule({tenant: now})
            with pytest.raises(LeaseHeld):
                storage.claim(tenant, now=now, ttl=instant)
            assert list(storage.claim_due(now=now, ttl=instant, limit=1)) == []
            storage.commit(held, put(account(tenant=tenant)))
            assert storage.renew(held, now=now, ttl=instant).expires_at == now + instant
            over = storage.claim(tenant, now=now + 2 * instant, ttl=instant)
            with pytest.raises(LeaseHeld):
                storage.claim(tenant, now=now + 2 * instant, ttl=instant)
            storage.schedule({tenant: None})
            storage.release(over)

    def test_ST18_a_write_meets_the_version_it_expects_or_nothing_happens(self, world: StorageWorld) -> None:
        """A Put or Erase over an absent account, another version or another account id is refused."""
        storage = world.handle()
        taken = claim(storage)
        here = account("here", version=1)
        storage.commit(taken, put(here))
        here = evolve(here, version=2)
        storage.commit(taken, put(here))
        before = everything(storage)
        other = evolve(here, account_id="another")
        wrong = [
            put(account("here", account_id="another")),
            put(account("here")),
            put(evolve(here, version=2)),
            put(evolve(here, version=4)),
            put(evolve(other, version=3)),
            put(account("absent", version=2)),
            erase(account("absent")),
            erase(evolve(here, version=1)),
            erase(evolve(here, version=3)),
            erase(other),
            Batch((Erase(stone(here), 0),)),
        ]
        for batch in wrong:
            with pytest.raises(WriteConflict):
                storage.commit(taken, batch)
        assert everything(storage) == before

    def test_ST19_a_refused_batch_leaves_nothing(self, world: StorageWorld) -> None:
        """Wherever in a batch the write stands that is refused, no other write of it is kept."""
        storage = world.handle()
        taken = claim(storage)
        kept, ended, gone = account("kept"), account("ended"), account("gone")
        storage.commit(taken, put(kept, ended, gone))
        storage.commit(taken, erase(gone))
        before = everything(storage)
        good = [
            *put(account("new")).writes,
            *put(evolve(kept, version=2, payload=b"other", email_index=digest("other"))).writes,
            *erase(ended).writes,
        ]
        bad = [*put(account("late", version=7)).writes, *put(account("gone")).writes]
        for one in bad:
            for place in range(len(good) + 1):
                with pytest.raises((WriteConflict, Tombstoned)):
                    storage.commit(taken, Batch((*good[:place], one, *good[place:])))
                assert everything(storage) == before
        assert list(storage.find_by_email("acme", [digest("other")])) == []

    def test_ST20_an_account_that_ended_is_never_written_again(self, world: StorageWorld) -> None:
        """A Put of an account id with a tombstone is refused: as new, as a late update, and beside its own Erase."""
        storage = world.handle()
        taken = claim(storage)
        one, other = account("s1"), account("s2")
        storage.commit(taken, put(one, other))
        storage.commit(taken, erase(one))
        attempts = [
            put(one),
            put(evolve(one, version=2)),
            put(evolve(one, source_id="s3")),
            put(evolve(other, version=2, account_id=one.account_id)),
            Batch((*erase(other).writes, *put(evolve(other, source_id="s3")).writes)),
            Batch((*put(evolve(other, source_id="s3")).writes, *erase(other).writes)),
        ]
        for batch in attempts:
            with pytest.raises(Tombstoned):
                storage.commit(taken, batch)
        assert {head.source_id for head in storage.heads("acme")} == {"s2"}

    def test_ST21_an_erase_ends_the_account_and_leaves_its_tombstone(self, world: StorageWorld) -> None:
        """An ended account is found by no reading call; its tombstone, as given, by both."""
        storage = world.handle()
        taken = claim(storage)
        one = account("s1", created_at=NOON - 30 * HOUR)
        storage.commit(taken, put(one))
        storage.commit(taken, erase(one, at=NOON + HOUR))
        assert list(storage.heads("acme")) == []
        assert dict(storage.load("acme", ["s1"])) == {}
        assert list(storage.find_by_email("acme", [one.email_index])) == []
        left = Tombstone("acme", "s1", one.account_id, NOON - 30 * HOUR, NOON + HOUR)
        assert list(storage.tombstones("acme")) == [left]
        assert dict(storage.tombstones_of("acme", ["s1"])) == {"s1": left}

    def test_ST22_a_person_who_returns_gets_a_new_account(self, world: StorageWorld) -> None:
        """A source id whose account ended may have another one, and keeps the tombstone."""
        storage = world.handle()
        taken = claim(storage)
        one = account("s1")
        again = account("s1", account_id="second", predecessor=one.account_id)
        storage.commit(taken, put(one))
        storage.commit(taken, erase(one))
        storage.commit(taken, put(again))
        assert dict(storage.load("acme", ["s1"])) == {"s1": again}
        assert [left.account_id for left in storage.tombstones("acme")] == [one.account_id]

    def test_ST23_an_account_id_names_one_account(self, world: StorageWorld) -> None:
        """Two live accounts of a tenant cannot share an account id, whether written in one batch or in two."""
        storage = world.handle()
        taken = claim(storage)
        storage.commit(taken, put(account("s1", account_id="x")))
        with pytest.raises(WriteConflict):
            storage.commit(taken, put(account("s2", account_id="x")))
        with pytest.raises(WriteConflict):
            storage.commit(taken, put(account("s2", account_id="y"), account("s3", account_id="y")))
        assert {head.source_id for head in storage.heads("acme")} == {"s1"}
