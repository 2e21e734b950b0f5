"""Clauses about what is due, and about tenants as a whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smartify_core.errors import LeaseLost, UsageError
from smartify_core.model import Batch, Claim, TenantRecord
from smartify_core.storage import KEYS_AT_ONCE

from ._storage_values import HOUR, NOON, ODD_IDS, account, append, bytewise, claim, digest, erase, evolve, note, put
from ._storage_world import StorageWorld


class DueClauses:
    """ST-31 to ST-37."""

    def test_ST31_the_longest_due_are_claimed_first(self, world: StorageWorld) -> None:
        """Of the due, as many as asked for are claimed, in order of due time and then of name, each as by a claim."""
        storage = world.handle()
        names = ["b", "B", "\U00010000", "\uffff", "early"]
        storage.schedule({name: NOON - HOUR if name == "early" else NOON for name in names})
        first = list(storage.claim_due(now=NOON, ttl=HOUR, limit=3))
        assert first == [
            Claim("early", 1, NOON + HOUR, 0, NOON - HOUR),
            Claim("B", 1, NOON + HOUR, 0, NOON),
            Claim("b", 1, NOON + HOUR, 0, NOON),
        ]
        second = list(storage.claim_due(now=NOON, ttl=HOUR, limit=3))
        assert [one.tenant for one in second] == ["\uffff", "\U00010000"]
        storage.commit(first[1], put(account(tenant="B")))
        storage.release(first[1])
        assert list(storage.claim_due(now=NOON, ttl=HOUR, limit=1)) == [Claim("B", 2, NOON + HOUR, 1, NOON)]

    def test_ST32_only_the_due_that_nobody_holds_are_claimed(self, world: StorageWorld) -> None:
        """Left out are the leased, the not yet due and the unscheduled; an expired lease is nobody's."""
        storage = world.handle()
        instant = timedelta(microseconds=1)
        storage.release(claim(storage, "unscheduled"))
        storage.schedule({"expired": NOON - 2 * HOUR, "leased": NOON - HOUR})
        (old,) = storage.claim_due(now=NOON - HOUR, ttl=HOUR, limit=1)
        assert len(storage.claim_due(now=NOON - HOUR, ttl=HOUR + instant, limit=1)) == 1
        storage.schedule({"now": NOON, "soon": NOON + instant, "dropped": NOON})
        storage.schedule({"dropped": None})
        assert list(storage.claim_due(now=NOON - 3 * HOUR, ttl=HOUR, limit=9)) == []
        assert {one.tenant for one in storage.claim_due(now=NOON, ttl=HOUR, limit=9)} == {"now", "expired"}
        with pytest.raises(LeaseLost):
            storage.renew(old, now=NOON, ttl=HOUR)
        assert {one.tenant for one in storage.claim_due(now=NOON + instant, ttl=HOUR, limit=9)} == {"soon", "leased"}

    def test_ST34_releasing_says_when_a_tenant_is_due_next(self, world: StorageWorld) -> None:
        """The newest claim sets it, also on a tenant that was not scheduled; one overtaken or released sets nothing."""
        storage = world.handle()
        old = claim(storage)
        new = storage.claim("acme", now=NOON + 2 * HOUR, ttl=HOUR)
        storage.release(old, due_at=NOON)
        assert storage.tenant("acme").due_at is None
        storage.release(new, due_at=NOON + 9 * HOUR)
        storage.release(new, due_at=NOON)
        record = storage.tenant("acme")
        assert (record.due_at, record.expires_at) == (NOON + 9 * HOUR, None)
        storage.release(again := storage.claim("acme", now=NOON, ttl=HOUR))
        assert again.due_at == NOON + 9 * HOUR
        assert storage.tenant("acme").due_at == NOON + 9 * HOUR

    def test_ST35_a_schedule_is_set_whole(self, world: StorageWorld) -> None:
        """All or none are set; with ``only_new`` the scheduled stay; ``None`` takes off; leases stay as they are."""
        storage = world.handle()
        taken = claim(storage)
        later = NOON + HOUR
        storage.schedule({"acme": NOON, "umbrella": NOON, "never heard of": None})
        storage.schedule({"acme": later, "umbrella": None, "new": later}, only_new=True)
        with pytest.raises(UsageError):
            storage.schedule({"acme": later, "other": later.replace(tzinfo=None)})
        assert {one.tenant: one.due_at for one in storage.tenants()} == {"acme": NOON, "umbrella": NOON, "new": later}
        storage.schedule({"acme": None, "umbrella": later})
        storage.schedule({"acme": later}, only_new=True)
        assert {one.tenant: one.due_at for one in storage.tenants()} == {"acme": later, "umbrella": later, "new": later}
        assert storage.renew(taken, now=NOON, ttl=HOUR).fence == taken.fence

    def test_ST36_all_tenants_are_told_in_order(self, world: StorageWorld) -> None:
        """Whoever was claimed, scheduled or written to is told once, by pages, in bytewise order of name."""
        storage = world.handle()
        names = bytewise(ODD_IDS)
        storage.schedule(dict.fromkeys(names[::2], NOON))
        for name in names[1::2]:
            storage.record(name, documents=[note(b"x")])
        claim(storage, "claimed")
        storage.record("appended to", appends=[append(b"x")])
        storage.record("set at a position", appends=[append(at=7)])
        names = bytewise([*names, "claimed", "appended to", "set at a position"])
        for limit in (1, 5, len(names), KEYS_AT_ONCE):
            found: list[TenantRecord] = []
            after = None
            while page := storage.tenants(after=after, limit=limit):
                found += page
                after = page[-1].tenant
            assert [one.tenant for one in found] == names
            assert found == [storage.tenant(name) for name in names]

    def test_ST37_the_totals_are_those_of_the_live_accounts(self, world: StorageWorld) -> None:
        """Number and digest follow creations, updates and endings in one batch or in several, beyond 128 bits too."""
        storage = world.handle()
        taken = claim(storage)
        big = account("big", fingerprint=b"\xff" * 16)
        one, two, three = account("s1"), account("s2", fingerprint=b"\xf0" * 16), account("s3")
        later = evolve(one, version=2, fingerprint=digest("later"))
        batches = [
            (put(big, one), [big, one]),
            (Batch((*put(later, two, three).writes, *erase(big).writes)), [later, two, three]),
            (Batch(entries=(b"e",)), [later, two, three]),
            (erase(later, three), [two]),
            (erase(two), []),
            (put(account("s4", account_id="fourth", fingerprint=b"\0" * 16)), [account("s4", fingerprint=b"\0" * 16)]),
        ]
        for batch, live in batches:
            storage.commit(taken, batch)
            record = storage.tenant("acme")
            expected = sum(int.from_bytes(there.fingerprint, "big") for there in live) % 2**128
            assert (record.accounts, record.digest) == (len(live), expected)
