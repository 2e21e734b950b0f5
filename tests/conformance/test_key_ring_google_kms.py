"""The ring behind Google Cloud KMS keeps the contract of key rings."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conformance._key_ring_worlds import GoogleKmsWorld

from smartify_core.testing.conformance import KeyRingConformance


class TestGoogleKmsKeyRing(KeyRingConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> GoogleKmsWorld:
        """Return the world of a fresh ring."""
        return GoogleKmsWorld(tmp_path)
