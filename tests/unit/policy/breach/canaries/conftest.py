"""A vendor whose gate shows every opening to its canaries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.policy.gate.conftest import ADA, BOB, Vendor

from smartify_core.policy import Policy
from smartify_core.policy._gate._gate import Gate
from smartify_core.policy.breach import Canaries
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

__all__ = ["ADA", "BOB", "Vendor", "canaries_of", "vendor", "watched"]


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[Vendor]:
    """Return a vendor whose own gate is watched by nobody, as that of a process that does not look."""
    made = Vendor(tmp_path / "store.db")
    made.policy.gate = _gate(made.policy, made.storage, made.sealer, None)
    yield made
    made.storage.close()


def canaries_of(vendor: Vendor, storage: Storage | None = None) -> Canaries:
    """Return canaries over a vendor's store, with a trail of their own as another process has it."""
    storage = vendor.storage if storage is None else storage
    return Canaries(storage, vendor.sealer, vendor.policy_of(storage).trail)


def watched(vendor: Vendor, canaries: Canaries) -> Policy:
    """Return policy whose gate shows every opening and denial to the canaries."""
    policy = vendor.policy_of(vendor.storage)
    policy.gate = _gate(policy, vendor.storage, vendor.sealer, canaries)
    return policy


def _gate(policy: Policy, storage: Storage, sealer: Sealer, canaries: Canaries | None) -> Gate:
    return Gate(
        storage,
        sealer,
        policy.trail,
        staff=policy.staff,
        grants=policy.grants,
        circumstances=policy.circumstances,
        watch=None if canaries is None else canaries.noticed,
    )
