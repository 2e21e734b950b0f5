"""Clauses about wrapping: what comes back, what does not, and what is told apart."""

from __future__ import annotations

from typing import Final

import pytest

from smartify_core.errors import SealBroken, WrongKey
from smartify_core.sealing import KeyRing

from ._key_ring_world import KeyRingWorld

TENANT: Final = "acme"
DATA_KEY: Final = bytes(range(32))
CONTEXT: Final = b"account a1 of acme"
#: Data keys that a careless ring might stumble over.
ODD_KEYS: Final = (bytes(32), b"\xff" * 32, b"{" * 32, b"\n" * 31 + b"\0", DATA_KEY)


def wrapped_by(ring: KeyRing, tenant: str = TENANT) -> bytes:
    """Return a data key of the kit, wrapped."""
    return ring.wrap(tenant, DATA_KEY, context=CONTEXT)


def opened_by(ring: KeyRing, wrapped: bytes, tenant: str = TENANT) -> bytes:
    """Return what a ring takes for the data key of the kit."""
    return ring.unwrap(tenant, wrapped, context=CONTEXT)


class WrappingKeyClauses:
    """KR-01 to KR-07."""

    def test_KR01_what_was_wrapped_opens(self, world: KeyRingWorld) -> None:
        """Unwrapping gives back the 32 bytes that were wrapped, whatever they are, in whatever context."""
        ring = world.ring()
        for data_key in ODD_KEYS:
            for context in (b"", b"\0", CONTEXT, b"x" * 4_096):
                wrapped = ring.wrap(TENANT, data_key, context=context)
                assert ring.unwrap(TENANT, wrapped, context=context) == data_key

    def test_KR02_wrappings_do_not_repeat(self, world: KeyRingWorld) -> None:
        """A data key that is wrapped twice is wrapped differently, and none of them shows it."""
        ring = world.ring()
        wrapped = {wrapped_by(ring) for _ in range(50)}
        assert len(wrapped) == 50
        assert not any(DATA_KEY[:8] in one for one in wrapped)

    def test_KR03_any_flipped_bit_is_noticed(self, world: KeyRingWorld) -> None:
        """Wrapped bytes with one bit flipped do not open: they are damaged, or name a key that is not held."""
        ring = world.ring()
        good = wrapped_by(ring)
        for position in range(8 * len(good)):
            bad = bytearray(good)
            bad[position // 8] ^= 1 << position % 8
            with pytest.raises((SealBroken, WrongKey)):
                opened_by(ring, bytes(bad))

    def test_KR04_shortened_bytes_are_noticed(self, world: KeyRingWorld) -> None:
        """Wrapped bytes that were cut at either end, lengthened, or are none do not open."""
        ring = world.ring()
        good = wrapped_by(ring)
        for bad in (b"", *(good[:end] for end in range(1, len(good))), good[1:], good + b"\0", b"\0" + good):
            with pytest.raises((SealBroken, WrongKey)):
                opened_by(ring, bad)

    def test_KR05_another_context_does_not_open(self, world: KeyRingWorld) -> None:
        """Wrapped bytes open in the context that they were wrapped in, and in none that resembles it."""
        ring = world.ring()
        wrapped = wrapped_by(ring)
        for context in (b"", CONTEXT[:-1], CONTEXT + b"\0", CONTEXT.upper(), CONTEXT[::-1]):
            with pytest.raises(SealBroken):
                ring.unwrap(TENANT, wrapped, context=context)

    def test_KR06_another_tenant_does_not_open(self, world: KeyRingWorld) -> None:
        """Wrapped bytes open for the tenant that they were wrapped for, and for none of a similar name."""
        ring = world.ring()
        wrapped = wrapped_by(ring)
        for tenant in ("umbrella", "acm", "acme ", "ACME", "acme\0"):
            wrapped_by(ring, tenant)
            with pytest.raises((SealBroken, WrongKey)):
                opened_by(ring, wrapped, tenant)

    def test_KR07_a_key_that_is_not_held_is_named_so(self, world: KeyRingWorld) -> None:
        """What another ring wrapped is under a wrong key, which is told apart from damage."""
        ring = world.ring()
        wrapped_by(ring)
        with pytest.raises(WrongKey):
            opened_by(ring, wrapped_by(world.stranger()))
