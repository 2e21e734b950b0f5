from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from smartify_core.model import Group, Identity, Membership, MembershipPath, SealedAccount
from smartify_core.sealing import KeyRing, Sealer
from smartify_core.sealing.memory import MemoryKeyRing

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)

SealWith = Callable[..., SealedAccount]


@pytest.fixture
def person() -> Identity:
    """Return a person with two groups."""
    staff = Membership(Group("g1", "Staff@example.com", "Staff"), MembershipPath.DIRECT)
    every = Membership(Group("g2", "all@example.com", "Everybody"), MembershipPath.WHOLE_CUSTOMER)
    return Identity("100", "Ada.Byron@example.com", "Ada", "Byron", None, (staff, every))


@pytest.fixture
def ring() -> MemoryKeyRing:
    """Return a ring of its own."""
    return MemoryKeyRing()


@pytest.fixture
def seal(person: Identity) -> SealWith:
    """Return a function that seals a person under a ring, with whatever of the place is told otherwise."""

    def do(
        ring: KeyRing, identity: Identity = person, *, tenant: str = "acme", account_id: str = "a1"
    ) -> SealedAccount:
        return Sealer(ring).seal(tenant, identity, account_id=account_id, version=1, created_at=NOON, updated_at=NOON)

    return do
