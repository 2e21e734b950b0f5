"""The sink that runs structlog processors keeps the contract of sinks."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance._sink_worlds import StructlogWorld

from smartify_core.testing.conformance import SinkConformance


class TestStructlogSink(SinkConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> StructlogWorld:
        """Return the world of a sink that renders JSON into a file."""
        return StructlogWorld(tmp_path)
