"""Keeping the store's schedule in step with the tenants that are configured."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from smartify_core.lifecycle._comparison import chunks
from smartify_core.lifecycle._run_state import load
from smartify_core.lifecycle._tenants import each_tenant
from smartify_core.storage import Storage

from ._schedule import backoff


def register(storage: Storage, names: Collection[str], *, now: datetime, every: timedelta, jitter: timedelta) -> None:
    """Schedule the new ones of these tenants for ``now``, and take all others off the schedule.

    A tenant that is due later than its period and its failures account for (the period was longer, or a clock was
    wrong) is due at once.
    """
    for some in chunks(sorted(names)):
        storage.schedule(dict.fromkeys(some, now), only_new=True)
    corrections: dict[str, datetime | None] = {}
    for record in each_tenant(storage):
        if record.due_at is None:
            continue
        if record.tenant not in names:
            corrections[record.tenant] = None
        elif record.due_at > now + every + jitter:
            failures = load(storage, record.tenant)[0].failures
            if not failures or record.due_at > now + backoff(record.tenant, failures, every):
                corrections[record.tenant] = now
    for some in chunks(sorted(corrections)):
        storage.schedule({tenant: corrections[tenant] for tenant in some})
