"""Whether anything knows a tenant that somebody names: a slip of the pen would leave a customer out."""

from __future__ import annotations

from smartify_core.model import LEDGER, TENANT_STANDING, TenantRecord
from smartify_core.policy._ledger import is_key
from smartify_core.policy.audit import Trail
from smartify_core.storage import Storage


def is_known_tenant(storage: Storage, trail: Trail, tenant: str) -> bool:
    """Return whether the store, the audit trail or the record of those that have left knows a tenant.

    Args:
        storage: The store.
        trail: The trail in it.
        tenant: What somebody gave as a tenant.

    Raises:
        StorageError: The store could not be read.
    """
    if not is_key(tenant) or tenant == LEDGER:
        return False
    return (
        storage.tenant(tenant) != TenantRecord(tenant)
        or trail.tail(tenant).number > 0
        or storage.document(LEDGER, TENANT_STANDING, tenant) is not None
    )
