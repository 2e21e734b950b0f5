"""Which way of holding people against accounts suits a tenant: by how much memory there is to be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from smartify_core.storage import Storage

from ._fast import Fingerprint, People, sort_at_hand
from ._flat import sort_flat
from ._sorted import Sorted
from ._spool import IN_MEMORY

#: ``fast`` takes some 150 bytes an account, ``flat`` the same few megabytes whatever their number; ``auto`` chooses by
#: the number of accounts.
Memory = Literal["auto", "fast", "flat"]

#: Up to here ``auto`` takes the memory that it needs: some 30 megabytes.
FAST_UP_TO: Final = 200_000


def is_frugal(memory: Memory, accounts: int) -> bool:
    """Return whether a run over so many accounts is to take little memory in all that it does."""
    return memory == "flat" or (memory == "auto" and accounts > FAST_UP_TO)


def sort_everybody(
    memory: Memory,
    tenant: str,
    storage: Storage,
    people: People,
    *,
    fingerprinter: Callable[[], Fingerprint],
    heartbeat: Callable[[], None],
) -> Sorted:
    """Read ``people`` to their end and hold everybody against the accounts, in the way that ``memory`` names.

    ``auto`` compares a tenant whose people all fit into the spool's memory by way of the spool: it then takes no longer
    than the fast way, and does without the accounts when nothing changed. Above that the fast way is slower by a tenth
    when nobody at all differs, and faster by more than that when anybody does, which is what a run over many people
    mostly finds; and it writes nothing to a disk. So it is chosen for as long as a process has the memory to spare, and
    for a first load, in which there is nothing to compare with.

    Raises:
        SourceMalformed: The source yielded one person twice.
        SourceError: The source could not be read.
        StorageError: The store or the temporary folder could not be used.
    """
    if memory == "auto":
        accounts = storage.tenant(tenant).accounts
        memory = "fast" if not accounts or IN_MEMORY < accounts <= FAST_UP_TO else "flat"
    sort = sort_at_hand if memory == "fast" else sort_flat
    return sort(tenant, storage, people, fingerprinter=fingerprinter, heartbeat=heartbeat)
