"""What is wrong with a store, worded once: a look through the port and one into a backend's own tables say the same.

So whoever has both looks made can tell what both have come by, and is told it once.
"""

from __future__ import annotations

from ._maintained import Finding


def other_number(tenant: str, there: int, told: int) -> Finding:
    """Return the finding that a tenant has not as many accounts as its record says."""
    return Finding(f"{there} accounts are there, and {told} are told", f"tenant {tenant}")


def other_digest(tenant: str) -> Finding:
    """Return the finding that a tenant's digest is not the sum of the fingerprints."""
    return Finding("the digest is not that of the accounts", f"tenant {tenant}")


def lost_address(tenant: str, source_id: str) -> Finding:
    """Return the finding that looking up the address of an account does not lead to it."""
    return Finding("an account is not found by its address", f"tenant {tenant}, source id {source_id}")


def revived(tenant: str, account_id: str) -> Finding:
    """Return the finding that an account has a tombstone, and lives."""
    return Finding("an account is live that has ended", f"tenant {tenant}, account {account_id}")


def gap(tenant: str, journal: str, position: int, before: int) -> Finding:
    """Return the finding that the entry after the one at ``before`` has another position than the next."""
    return Finding(f"position {position} follows {before}", f"tenant {tenant}, journal {journal}")


def other_end(tenant: str, journal: str, last: int, told: int) -> Finding:
    """Return the finding that a journal does not end where its tenant's record says."""
    return Finding(f"the last entry has position {last}, and {told} is told", f"tenant {tenant}, journal {journal}")
