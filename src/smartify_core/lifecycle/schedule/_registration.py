"""Keeping the store's schedule in step with the tenants that are configured."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from smartify_core.lifecycle._comparison import chunks
from smartify_core.lifecycle._log import log
from smartify_core.lifecycle._run_state import load
from smartify_core.storage import Storage
from smartify_core.storage.walks import every_tenant

from ._schedule import BACKOFF_CEILING, backoff


def register(storage: Storage, tenants: Iterable[str], *, now: datetime, every: timedelta, jitter: timedelta) -> None:
    """Schedule the new ones of these tenants for ``now``, and take all others off the schedule.

    A tenant that is due later than its period and its failures account for (the period was longer, or a clock was
    wrong) is due at once. A name that is no text is left out, and told to the log.
    """
    names = frozenset(name for name in tenants if _is_text(name))
    for some in chunks(sorted(names)):
        storage.schedule(dict.fromkeys(some, now), only_new=True)
    corrections: dict[str, datetime | None] = {}
    for record in every_tenant(storage):
        if record.due_at is None:
            continue
        if record.tenant not in names:
            corrections[record.tenant] = None
        elif record.due_at > now + every + jitter and record.due_at > now + _put_off(storage, record.tenant, every):
            corrections[record.tenant] = now
    for some in chunks(sorted(corrections)):
        storage.schedule({tenant: corrections[tenant] for tenant in some})


def _put_off(storage: Storage, tenant: str, every: timedelta) -> timedelta:
    """Return for how long its failures put a tenant off: for the longest, where nobody can read how many there were."""
    try:
        failures = load(storage, tenant)[0].failures
    except Exception as error:  # noqa: BLE001 - one tenant's trouble, of whatever kind, is no other's
        log().warning("run state cannot be read", tenant=tenant, error=type(error).__name__)
        return max(every, BACKOFF_CEILING)
    return backoff(tenant, failures, every) if failures else timedelta(0)


def _is_text(name: object) -> bool:
    try:
        if isinstance(name, str) and name.encode():
            return True
    except UnicodeEncodeError:  # half a surrogate pair
        pass
    log().error("tenant name is no text", error=type(name).__name__)
    return False
