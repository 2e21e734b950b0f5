"""Clauses about rings that forget tenants, and rings that ask something that can be away."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smartify_core.errors import SealBroken, StorageError, WrongKey

from ._key_ring_world import KeyRingCapability, KeyRingWorld
from ._key_ring_wrapping import DATA_KEY, TENANT, opened_by, wrapped_by


class EndingClauses:
    """KR-20 to KR-22."""

    def test_KR20_nothing_of_a_forgotten_tenant_opens(self, world: KeyRingWorld) -> None:
        """Once a tenant is forgotten no handle opens what was wrapped for it; other tenants are as they were."""
        world.require(KeyRingCapability.FORGETS)
        before = world.ring()
        gone, kept = wrapped_by(before), wrapped_by(before, "umbrella")
        hashing = before.index_key("umbrella")
        world.forget(TENANT)
        for ring in (before, world.ring()):
            with pytest.raises((WrongKey, SealBroken)):
                opened_by(ring, gone)
            assert opened_by(ring, kept, "umbrella") == DATA_KEY
            assert ring.index_key("umbrella") == hashing

    def test_KR21_a_forgotten_tenant_comes_back_as_another(self, world: KeyRingWorld) -> None:
        """A tenant of a forgotten one's name has new keys for everything, and opens nothing from before."""
        world.require(KeyRingCapability.FORGETS)
        ring = world.ring()
        gone = wrapped_by(ring)
        hashing = ring.fingerprint_key(TENANT), ring.index_key(TENANT)
        world.forget(TENANT)
        again = wrapped_by(ring)
        assert opened_by(ring, again) == DATA_KEY
        assert not {ring.fingerprint_key(TENANT), ring.index_key(TENANT)}.intersection(hashing)
        with pytest.raises((WrongKey, SealBroken)):
            opened_by(ring, gone)

    def test_KR22_an_outage_is_told_as_one(self, world: KeyRingWorld) -> None:
        """While what the ring asks is away, a fresh handle says so and that it may be tried again; then it goes on."""
        world.require(KeyRingCapability.INTERRUPTIBLE)
        wrapped = wrapped_by(world.ring())
        world.interrupt()
        ring = world.ring()
        attempts: tuple[Callable[[], bytes], ...] = (
            lambda: opened_by(ring, wrapped),
            lambda: wrapped_by(ring, "newcomer"),
            lambda: ring.index_key("newcomer"),
        )
        for attempt in attempts:
            with pytest.raises(StorageError) as caught:
                attempt()
            assert caught.value.retryable
        world.resume()
        assert opened_by(ring, wrapped) == DATA_KEY
        assert opened_by(ring, wrapped_by(ring, "newcomer"), "newcomer") == DATA_KEY
