"""The key ring kit: every clause of the contract, to be run against a ring of yours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smartify_core.errors import UsageError

from ._key_ring_ending import EndingClauses
from ._key_ring_lookup import LookupClauses
from ._key_ring_rotating import RotatingClauses
from ._key_ring_world import KeyRingWorld
from ._key_ring_wrapping import WrappingKeyClauses


# The last comes first: pytest runs what is inherited from it first, so that clauses run in order of their numbers.
class KeyRingConformance(EndingClauses, RotatingClauses, LookupClauses, WrappingKeyClauses):
    """Proves a `KeyRing`.

    Subclass it in a test module, with a name that pytest collects, and give it a world::

        class TestMyRing(KeyRingConformance):
            @pytest.fixture
            def world(self, tmp_path):
                return MyWorld(tmp_path)

    Each test is one clause of ``docs/reference/key-ring-contract.md`` and takes nothing but a fresh world, that is, one
    fresh ring. What a world does not promise is skipped by name; all else passes or fails.
    """

    @pytest.fixture
    def world(self) -> KeyRingWorld:
        """Return a fresh world for one clause. To be overridden."""
        raise UsageError(
            "the kit was given no world",
            where=type(self).__name__,
            cure="Override the fixture `world` and return a KeyRingWorld of your own.",
        )

    @pytest.fixture(autouse=True)
    def _checked_and_ended(self, world: KeyRingWorld) -> Iterator[None]:
        """Hold the world to what it promises before a clause, and clear it away afterwards."""
        world.check()
        yield
        world.close()
