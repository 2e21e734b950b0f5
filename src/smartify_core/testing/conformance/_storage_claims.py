"""Clauses about the right to write: claims, fences and leases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from smartify_core.errors import LeaseHeld, LeaseLost

from ._storage_values import HOUR, NOON, claim, evolve
from ._storage_world import StorageWorld


class ClaimClauses:
    """ST-01 to ST-04."""

    def test_ST01_each_claim_raises_the_fence_by_one(self, world: StorageWorld) -> None:
        """The first claim of a tenant has fence 1, and each later one the next number."""
        storage = world.handle()
        for fence in (1, 2, 3):
            taken = claim(storage)
            assert (taken.tenant, taken.fence, taken.expires_at) == ("acme", fence, NOON + HOUR)
            storage.release(taken)

    def test_ST02_a_running_lease_keeps_others_out_until_the_instant_it_expires(self, world: StorageWorld) -> None:
        """A second claim is refused before ``expires_at`` and granted at it."""
        storage = world.handle()
        first = claim(storage)
        for now in (NOON, NOON + HOUR - timedelta(microseconds=1)):
            with pytest.raises(LeaseHeld):
                storage.claim("acme", now=now, ttl=HOUR)
        second = storage.claim("acme", now=NOON + HOUR, ttl=HOUR)
        assert second.fence > first.fence
        # A worker whose clock is behind takes over from nobody, and may claim when nobody holds it.
        with pytest.raises(LeaseHeld):
            storage.claim("acme", now=NOON - 9 * HOUR, ttl=HOUR)
        storage.release(second)
        early = storage.claim("acme", now=NOON - 9 * HOUR, ttl=HOUR)
        assert (early.fence > second.fence, early.expires_at) == (True, NOON - 8 * HOUR)

    def test_ST03_a_released_lease_is_free(self, world: StorageWorld) -> None:
        """Releasing twice is harmless, and an overtaken claim cannot release the newer one's lease."""
        storage = world.handle()
        old = claim(storage)
        storage.release(old)
        storage.release(old)
        claim(storage)
        storage.release(old)
        with pytest.raises(LeaseHeld):
            claim(storage)

    def test_ST04_renewing_prolongs_the_newest_claim_only(self, world: StorageWorld) -> None:
        """A renewed claim keeps its fence and gets the new expiry; one overtaken or released is lost."""
        storage = world.handle()
        first = claim(storage)
        renewed = storage.renew(first, now=NOON + HOUR, ttl=HOUR)
        assert (renewed.fence, renewed.expires_at) == (first.fence, NOON + 2 * HOUR)
        with pytest.raises(LeaseHeld):
            storage.claim("acme", now=NOON + 2 * HOUR - timedelta(seconds=1), ttl=HOUR)
        assert storage.renew(renewed, now=NOON, ttl=HOUR).expires_at == NOON + HOUR
        assert storage.tenant("acme").expires_at == NOON + HOUR
        second = storage.claim("acme", now=NOON + 3 * HOUR, ttl=HOUR)
        for lost in (first, renewed):
            with pytest.raises(LeaseLost):
                storage.renew(lost, now=NOON + 2 * HOUR, ttl=HOUR)
        storage.release(second)
        with pytest.raises(LeaseLost):
            storage.renew(second, now=NOON + 2 * HOUR, ttl=HOUR)
        with pytest.raises(LeaseLost):
            storage.renew(evolve(first, tenant="unheard of"), now=NOON, ttl=HOUR)
