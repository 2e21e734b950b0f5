"""Holding everybody whom a read shows against the accounts, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable

from smartify_core.storage import Storage
from smartify_core.storage.walks import every_head_page

from ._differences import IN_PARTITION, Differences
from ._fast import Fingerprint, People
from ._sorted import Sorted
from ._spool import IN_MEMORY, Spool


def sort_flat(
    tenant: str,
    storage: Storage,
    people: People,
    *,
    fingerprinter: Callable[[], Fingerprint],
    heartbeat: Callable[[], None],
    in_memory: int = IN_MEMORY,
    in_partition: int = IN_PARTITION,
) -> Sorted:
    """Read ``people`` to their end, and look at single accounts only if the store's totals say that somebody differs.

    What is in memory does not depend on the number of people, but for those who differ. Up to ``in_memory`` people
    stay there; more go to an encrypted temporary file. ``in_partition`` fingerprints of one side are compared at once.

    Raises:
        SourceMalformed: The source yielded one person twice.
        SourceError: The source could not be read.
        StorageError: The store or the temporary folder could not be used.
    """
    found = Sorted()
    with Spool(in_memory=in_memory) as spool:
        _fill(spool, people, fingerprinter(), heartbeat)
        found.people = spool.people
        record = storage.tenant(tenant)
        # Equal sums of fingerprints: the same people, and each of them once.
        if (spool.people, spool.digest) == (record.accounts, record.digest):
            found.known = found.unchanged = spool.people
            return found
        heads = every_head_page(storage, tenant)
        differences = Differences(tenant, spool, heads, accounts=record.accounts, in_partition=in_partition)
        found.known, found.unchanged = differences.known, differences.unchanged
        found.absent, found.waiting = differences.absent, differences.waiting
        for identity, has_account in differences.people():
            (found.changed if has_account else found.fresh).append(identity)
    return found


def _fill(spool: Spool, people: People, fingerprint: Fingerprint, heartbeat: Callable[[], None]) -> None:
    # In a function of its own: what the fingerprinter remembers of groups is gone before the accounts are looked at.
    for some, ids in people.blocks():
        heartbeat()
        spool.take(some, ids, list(map(fingerprint, some)))
