"""The ring in a file keeps the contract of key rings."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance._key_ring_worlds import FileWorld

from smartify_core.testing.conformance import KeyRingConformance


class TestFileKeyRing(KeyRingConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> FileWorld:
        """Return the world of a fresh ring."""
        return FileWorld(tmp_path)
