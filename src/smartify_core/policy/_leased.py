"""Holding a tenant's lease for as long as policy writes to its accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta

from smartify_core.errors import StorageError
from smartify_core.model import Claim
from smartify_core.storage import Storage


@contextmanager
def leased(storage: Storage, tenant: str, *, now: datetime, ttl: timedelta) -> Iterator[Claim]:
    """Hold a tenant's lease, and give it back afterwards; when the tenant is due stays as it is.

    Raises:
        LeaseHeld: A run is under way.
        StorageError: What `Storage.claim` raises, or what is raised within; or, where all went well, the lease could
            not be given back.
    """
    claim = storage.claim(tenant, now=now, ttl=ttl)
    try:
        yield claim
    except BaseException:
        # Whatever it is, it goes on: a lease that cannot be given back besides runs out by itself, and hides nothing.
        with suppress(StorageError):
            storage.release(claim)
        raise
    storage.release(claim)
