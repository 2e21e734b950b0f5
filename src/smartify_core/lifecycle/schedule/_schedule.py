"""When a tenant is due next. Pure: the same tenant and instant give the same answer in every process of a fleet.

Each tenant has a fixed place within the period, drawn from its name, so that the due times of many are spread evenly
and stay where they are, whoever works, for how long, and however often processes are started anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final

#: The longest that failures alone put a tenant off, unless its period is longer.
BACKOFF_CEILING: Final = timedelta(hours=6)
#: The soonest that a record which was set aside brings its tenant back.
SOONEST_RETRY: Final = timedelta(minutes=1)

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DOUBLINGS: Final = 24
_SPREAD: Final = 0.25
_JITTER_SHARE: Final = 20


def phase(tenant: str, every: timedelta) -> timedelta:
    """Return the tenant's place within the period: from zero up to, and not including, ``every``."""
    return every * _fraction(tenant, "phase")


def default_jitter(every: timedelta) -> timedelta:
    """Return how far a due time strays from the tenant's place at most, unless told otherwise: 5 % of the period."""
    return every / _JITTER_SHARE


def next_due(tenant: str, *, last_due: datetime | None, now: datetime, every: timedelta, jitter: timedelta) -> datetime:
    """Return the tenant's next due time after ``now``, and after ``last_due``: missed periods are skipped.

    Args:
        tenant: Whose place in the period counts.
        last_due: When the run was due that has just ended; no two runs get the same period.
        now: The present instant.
        every: The period.
        jitter: How far the due time strays from the tenant's place at most; shorter than the period.
    """
    latest = now if last_due is None else max(now, last_due)
    start = _EPOCH + phase(tenant, every)
    number = (latest - start) // every
    while True:
        due = start + every * number + jitter * _fraction(tenant, f"jitter {number}")
        if due > latest:
            return due
        number += 1


def backoff(tenant: str, failures: int, every: timedelta) -> timedelta:
    """Return how long a tenant is left alone after so many failed runs in a row, 1 or more.

    At least one period; doubled with each failure, up to six hours or one period, whichever is longer. Up to a quarter
    of what is added to the period is taken off again, so that tenants which failed together do not come back together.
    """
    if every >= BACKOFF_CEILING:
        return every
    target = min(every * (1 << min(failures - 1, _DOUBLINGS)), BACKOFF_CEILING)
    return every + (target - every) * (1 - _SPREAD * _fraction(tenant, f"failure {failures}"))


def due_after_run(
    tenant: str,
    *,
    last_due: datetime | None,
    now: datetime,
    every: timedelta,
    jitter: timedelta,
    failures: int,
    retries: Iterable[datetime] = (),
) -> datetime:
    """Return when a tenant is due after a run that has just ended.

    Args:
        tenant: Whose run it was.
        last_due: When that run was due.
        now: The present instant.
        every: The period.
        jitter: How far due times stray at most.
        failures: How many runs in a row have failed, this one included; 0 when it did not fail.
        retries: When records that were set aside shall be tried again. One of them may bring the tenant back before
            its period is over; after a failed run they wait with everything else.
    """
    if failures:
        return now + backoff(tenant, failures, every)
    regular = next_due(tenant, last_due=last_due, now=now, every=every, jitter=jitter)
    wanted = min((instant for instant in retries if instant > now), default=regular)
    return min(regular, max(wanted, now + SOONEST_RETRY))


def _fraction(tenant: str, matter: str) -> float:
    """Return a number from 0 up to, and not including, 1: evenly spread over tenants, and the same in each process."""
    digest = blake2b(tenant.encode("utf-8", "surrogatepass"), digest_size=6, key=matter.encode()).digest()
    return int.from_bytes(digest, "big") / 2**48
