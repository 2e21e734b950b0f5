"""The sink for tests keeps the contract of sinks, as far as it writes at all."""

from __future__ import annotations

import pytest
from tests.conformance._sink_worlds import MemoryWorld

from smartify_core.testing.conformance import SinkConformance


class TestMemorySink(SinkConformance):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        """Return the world of a list."""
        return MemoryWorld()
