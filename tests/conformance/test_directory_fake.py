"""The fake directory keeps the contract of the real ones."""

from __future__ import annotations

import pytest

from smartify_core.directory import Capability
from smartify_core.testing import FakeDirectory
from smartify_core.testing.conformance import DirectoryConformance, FakeDirectoryWorld


class TestFakeDirectory(DirectoryConformance):
    @pytest.fixture
    def world(self) -> FakeDirectoryWorld:
        """Return the world of a fake directory that declares everything."""
        return FakeDirectoryWorld()


class TestFakeDirectoryThatKeepsNoDeletedList(DirectoryConformance):
    @pytest.fixture
    def world(self) -> FakeDirectoryWorld:
        """Return the world of a fake directory that reads single people and keeps no list of the deleted."""
        kept = frozenset({Capability.IMMUTABLE_IDS, Capability.SINGLE_READ})
        return FakeDirectoryWorld(FakeDirectory(capabilities=kept))
