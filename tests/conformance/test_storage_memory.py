"""The reference in memory keeps the storage contract."""

from __future__ import annotations

import pytest

from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing.conformance import StorageConformance, StorageWorld


class MemoryWorld(StorageWorld):
    """A store in memory has one handle, and promises nothing beyond what every store must keep."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()

    def open(self) -> Storage:
        """Return the store."""
        return self.storage


class TestMemoryStorage(StorageConformance):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        """Return a fresh store in memory."""
        return MemoryWorld()
