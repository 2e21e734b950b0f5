"""The file sink keeps the contract of sinks."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance._sink_worlds import FilesWorld

from smartify_core.testing.conformance import SinkConformance


class TestJsonLinesFile(SinkConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> FilesWorld:
        """Return the world of a directory."""
        return FilesWorld(tmp_path)


class TestJsonLinesFileThatDoesNotCompress(SinkConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> FilesWorld:
        """Return the world of a directory without compressed files."""
        return FilesWorld(tmp_path, compress=False)
