"""Clauses about the keys for hashing, and about handles, threads and secrets."""

from __future__ import annotations

import base64
import threading
from typing import Final

import pytest

from smartify_core.errors import SmartifyError

from ._key_ring_world import KeyRingCapability, KeyRingWorld
from ._key_ring_wrapping import CONTEXT, DATA_KEY, TENANT, opened_by, wrapped_by

#: Names that run together, or are equal once somebody is careless.
_TENANTS: Final = ("acme", "Acme", "acme ", "acme\0", "acm", "umbrella", "ümbrella", "u\u0308mbrella")
_THREADS: Final = 8


class LookupClauses:
    """KR-08 to KR-12."""

    def test_KR08_keys_for_hashing_stay(self, world: KeyRingWorld) -> None:
        """The keys for fingerprints and indexes have 32 bytes and are the same at every call, from every handle."""
        one, other = world.ring(), world.ring()
        for key in ("fingerprint_key", "index_key"):
            found = {getattr(ring, key)(TENANT) for ring in (one, other, one)}
            assert len(found) == 1
            assert {len(bytes(value)) for value in found} == {32}

    def test_KR09_keys_for_hashing_differ(self, world: KeyRingWorld) -> None:
        """No two tenants share a key for hashing, and a tenant's two are unlike."""
        ring = world.ring()
        keys = [key(tenant) for tenant in _TENANTS for key in (ring.fingerprint_key, ring.index_key)]
        assert len(set(keys)) == 2 * len(_TENANTS)

    def test_KR10_no_key_is_shown(self, world: KeyRingWorld) -> None:
        """Neither the ring's printed form nor an error shows a key."""
        ring = world.ring()
        shown = [repr(ring), str(ring)]
        for bad in (b"\x01" + DATA_KEY, wrapped_by(ring)[:-1]):
            with pytest.raises(SmartifyError) as caught:
                opened_by(ring, bad)
            shown += [repr(caught.value), str(caught.value)]
        secrets = (DATA_KEY, ring.fingerprint_key(TENANT), ring.index_key(TENANT))
        for secret in secrets:
            for form in (secret.hex(), base64.b64encode(secret).decode(), repr(secret)):
                assert not any(form in text for text in shown)

    def test_KR11_threads_may_share_a_ring(self, world: KeyRingWorld) -> None:
        """What threads wrap with one ring at the same moment opens, a new tenant's first keys included."""
        ring = world.ring()
        together = threading.Barrier(_THREADS)
        found: list[tuple[str, bytes, bytes]] = []

        def work(number: int) -> None:
            together.wait()
            for turn in range(10):
                tenant = f"tenant {turn % 3}"
                data_key = bytes([number + 1, turn + 1] * 16)
                found.append((tenant, data_key, ring.wrap(tenant, data_key, context=CONTEXT)))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 10 * _THREADS
        assert all(opened_by(ring, wrapped, tenant) == data_key for tenant, data_key, wrapped in found)

    def test_KR12_a_ring_opened_again_is_the_same(self, world: KeyRingWorld) -> None:
        """What one handle wrapped opens in one that is opened later, and in one that was open before."""
        world.require(KeyRingCapability.DURABLE)
        before = world.ring()
        wrapped = wrapped_by(world.ring())
        assert opened_by(world.ring(), wrapped) == DATA_KEY
        assert opened_by(before, wrapped) == DATA_KEY
