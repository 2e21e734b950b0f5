"""Tenants that are gone, or going: kept for good beside whatever else policy knows."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from smartify_core.model import TENANT_STANDING, PutDocument
from smartify_core.policy._shelf import Shelf
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage


@frozen(order=False)
class TenantStanding:
    """How a tenant stands that is not served any more.

    Args:
        by: Who off-boarded it.
        reason: Why.
        begun_at: Since when nothing of it opens.
        accounts: How many live accounts it had.
        tombstones: How many accounts of it had ended before.
        ended_at: When all of it was erased; ``None`` while that is under way.
    """

    by: str
    reason: str = field(repr=False)
    begun_at: datetime
    accounts: int
    tombstones: int
    ended_at: datetime | None = None


class Standings:
    """The standings on record. A tenant that has none is served.

    Args:
        storage: Where they are.
        sealer: What seals and opens them.
    """

    def __init__(self, storage: Storage, sealer: Sealer) -> None:
        self._shelf = Shelf(storage, sealer, TENANT_STANDING, TenantStanding)

    def get(self, tenant: str) -> tuple[TenantStanding | None, int]:
        """Return how a tenant stands and the version of the document that says so. Raises what `Shelf.get` does."""
        return self._shelf.get(tenant)

    def put(self, tenant: str, standing: TenantStanding, *, over: int) -> PutDocument:
        """Return the write that keeps it."""
        return self._shelf.put(tenant, standing, over=over)

    def remove(self, tenant: str, *, over: int) -> PutDocument:
        """Return the write that takes it back."""
        return self._shelf.remove(tenant, over=over)
