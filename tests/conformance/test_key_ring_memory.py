"""The ring in memory keeps the contract of key rings, as far as it outlives nothing."""

from __future__ import annotations

import pytest
from tests.conformance._key_ring_worlds import MemoryWorld

from smartify_core.testing.conformance import KeyRingConformance


class TestMemoryKeyRing(KeyRingConformance):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        """Return the world of a fresh ring."""
        return MemoryWorld()
