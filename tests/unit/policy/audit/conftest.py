"""What tests of the audit trail get handed: a trail with entries, and the keys to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.policy.audit._forger import NOON, ORIGIN, SEALER, Filled, opened_record

from smartify_core.policy.audit import AuditRecord, Checkpoints, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock


@pytest.fixture
def record() -> Callable[[int], AuditRecord]:
    """Return the function that makes records; every third one is nobody's."""
    return opened_record


@pytest.fixture
def sealer() -> Sealer:
    """Return a sealer that has the same keys in every process."""
    return SEALER


@pytest.fixture
def filled(sealer: Sealer) -> Filled:
    """Return a function that makes a trail of so many entries, and returns what makes its checkpoints."""

    def make(number: int) -> Checkpoints:
        trail = Trail(MemoryStorage())
        for start in range(0, number, 7):
            trail.append(*map(opened_record, range(start, min(start + 7, number))))
        return Checkpoints(trail, sealer, origin=ORIGIN, clock=ManualClock(NOON + timedelta(days=1)))

    return make
