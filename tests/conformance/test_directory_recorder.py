"""A recorder keeps the contract of the source that it records."""

from __future__ import annotations

from pathlib import Path

import pytest

from smartify_core.lifecycle.recording import SnapshotRecorder
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.testing.conformance import DirectoryConformance, FakeDirectoryWorld


class TestSnapshotRecorder(DirectoryConformance):
    @pytest.fixture
    def world(self, tmp_path: Path) -> FakeDirectoryWorld:
        """Return the world of a fake directory that is recorded."""
        sealer = Sealer(MemoryKeyRing())
        return FakeDirectoryWorld(around=lambda fake: SnapshotRecorder(fake, tmp_path / "read", sealer, "acme"))
