"""Clauses about rings whose keys are rotated and retired."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smartify_core.errors import KeyStillUsed, WrongKey

from ._key_ring_world import KeyRingCapability, KeyRingWorld
from ._key_ring_wrapping import DATA_KEY, TENANT, opened_by, wrapped_by


def _counting(number: int) -> Callable[[str], int]:
    return lambda _: number


class RotatingClauses:
    """KR-13 to KR-19."""

    def test_KR13_wrapped_bytes_name_their_key(self, world: KeyRingWorld) -> None:
        """``key_of`` what is wrapped now is ``current_key``, from every handle."""
        world.require(KeyRingCapability.ROTATES)
        one, other = world.rotating(), world.rotating()
        wrapped = wrapped_by(one)
        names = {ring.key_of(TENANT, wrapped) for ring in (one, other)} | {
            ring.current_key(TENANT) for ring in (one, other)
        }
        assert len(names) == 1
        assert all(names)

    def test_KR14_what_was_wrapped_before_a_rotation_opens(self, world: KeyRingWorld) -> None:
        """After any number of rotations the ring opens what it ever wrapped."""
        world.require(KeyRingCapability.ROTATES)
        wrapped = [wrapped_by(world.ring())]
        for _ in range(3):
            world.rotate(TENANT)
            wrapped.append(wrapped_by(world.ring()))
        assert [opened_by(world.ring(), one) for one in wrapped] == [DATA_KEY] * 4

    def test_KR15_only_the_newest_key_wraps(self, world: KeyRingWorld) -> None:
        """After a rotation every handle wraps under the new key, those that were open before it too."""
        world.require(KeyRingCapability.ROTATES)
        before = world.rotating()
        old = before.key_of(TENANT, wrapped_by(before))
        world.rotate(TENANT)
        fresh = world.rotating()
        new = fresh.current_key(TENANT)
        assert new != old
        assert {ring.key_of(TENANT, wrapped_by(ring)) for ring in (before, fresh)} == {new}
        assert before.current_key(TENANT) == new

    def test_KR16_keys_for_hashing_outlive_a_rotation(self, world: KeyRingWorld) -> None:
        """A rotation leaves the keys for fingerprints and indexes as they are."""
        world.require(KeyRingCapability.ROTATES)
        ring = world.ring()
        before = ring.fingerprint_key(TENANT), ring.index_key(TENANT)
        world.rotate(TENANT)
        fresh = world.ring()
        assert (fresh.fingerprint_key(TENANT), fresh.index_key(TENANT)) == before

    def test_KR17_a_ring_in_use_learns_of_a_rotation(self, world: KeyRingWorld) -> None:
        """A handle that was open before a rotation opens what others wrapped after it, before it wraps itself."""
        world.require(KeyRingCapability.ROTATES)
        before = world.ring()
        wrapped_by(before)
        world.rotate(TENANT)
        assert opened_by(before, wrapped_by(world.ring())) == DATA_KEY

    def test_KR18_a_retired_key_opens_nothing(self, world: KeyRingWorld) -> None:
        """What is under a retired key is under a wrong key from then on; what is under others opens."""
        world.require(KeyRingCapability.RETIRES)
        first = world.rotating()
        old = wrapped_by(first)
        world.rotate(TENANT)
        new = wrapped_by(world.ring())
        world.retire(TENANT, first.key_of(TENANT, old), _counting(0))
        fresh = world.ring()
        assert opened_by(fresh, new) == DATA_KEY
        with pytest.raises(WrongKey):
            opened_by(fresh, old)

    def test_KR19_a_key_that_is_needed_is_not_retired(self, world: KeyRingWorld) -> None:
        """The current key, and one that something is wrapped under, are not taken out."""
        world.require(KeyRingCapability.RETIRES)
        ring = world.rotating()
        old = wrapped_by(ring)
        with pytest.raises(KeyStillUsed):
            world.retire(TENANT, ring.key_of(TENANT, old), _counting(0))
        world.rotate(TENANT)
        asked: list[str] = []

        def uses(name: str) -> int:
            asked.append(name)
            return 1

        with pytest.raises(KeyStillUsed):
            world.retire(TENANT, ring.key_of(TENANT, old), uses)
        assert asked == [ring.key_of(TENANT, old)]
        assert opened_by(world.ring(), old) == DATA_KEY
