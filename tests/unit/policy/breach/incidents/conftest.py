"""A host with incidents."""

from __future__ import annotations

import pytest
from tests.unit.policy.breach.incidents._house import House


@pytest.fixture
def house() -> House:
    """Return a host that knows two customers."""
    made = House()
    made.know("acme", "globex")
    return made
