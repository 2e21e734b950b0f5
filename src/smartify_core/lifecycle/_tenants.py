"""Walking through all tenants of a store."""

from __future__ import annotations

from collections.abc import Iterator

from smartify_core.model import TenantRecord
from smartify_core.storage import KEYS_AT_ONCE, Storage


def each_tenant(storage: Storage) -> Iterator[TenantRecord]:
    """Yield what a store knows of each tenant, in bytewise order of their names."""
    after: str | None = None
    while True:
        page = storage.tenants(after=after)
        yield from page
        if len(page) < KEYS_AT_ONCE:
            return
        after = page[-1].tenant
