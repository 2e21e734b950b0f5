"""The refusals that every backend words the same: what, where and how to mend it, with ids only."""

from __future__ import annotations

from datetime import UTC, datetime

from smartify_core.errors import LeaseHeld, LeaseLost, StorageBroken, Tombstoned, WriteConflict


def closed() -> StorageBroken:
    """Return the error for a call after `Storage.close`."""
    return StorageBroken("the storage is closed", cure="Open a new one.")


def lease_held(tenant: str, until: datetime) -> LeaseHeld:
    """Return the error for a claim while another one runs, which expires ``until`` then."""
    return LeaseHeld(
        f"another worker holds the lease; unless renewed it expires at {until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        where=f"tenant {tenant}",
        cure="Wait until it ends or expires.",
    )


def lease_lost(tenant: str, fence: int) -> LeaseLost:
    """Return the error for a write under a claim that is not the newest."""
    return LeaseLost(
        f"claim {fence} was released or overtaken; nothing was written",
        where=f"tenant {tenant}",
        cure="Claim the tenant again and start the run anew.",
    )


def tombstoned(tenant: str, account_id: str) -> Tombstoned:
    """Return the error for a write that would revive an account."""
    return Tombstoned(
        "the account has ended and cannot be written again; nothing of the batch was written",
        where=f"tenant {tenant}, account {account_id}",
        cure="Give the person a new account that names this one as its predecessor.",
    )


def conflict(tenant: str, source_id: str) -> WriteConflict:
    """Return the error for a write that expected another version."""
    return WriteConflict(
        "an account is not as the write expected it; nothing of the batch was written",
        where=f"tenant {tenant}, source id {source_id}",
        cure="Read the account again and plan anew.",
    )


def document_conflict(tenant: str, kind: str, key: str) -> WriteConflict:
    """Return the error for the write of a document that expected another version."""
    return WriteConflict(
        "a document is not as the write expected it; nothing was written",
        where=f"tenant {tenant}, document {kind}/{key}",
        cure="Read the document again and decide anew.",
    )


def journal_conflict(tenant: str, journal: str) -> WriteConflict:
    """Return the error for adding to a journal whose latest position is not the one expected."""
    return WriteConflict(
        "a journal is not as the append expected it; nothing was written",
        where=f"tenant {tenant}, journal {journal}",
        cure="Read the entries that were added meanwhile and decide anew.",
    )
