"""The refusals that every backend words the same: what, where and how to mend it, with ids only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from smartify_core.errors import (
    LeaseHeld,
    LeaseLost,
    SmartifyError,
    StorageBroken,
    StorageBusy,
    StorageUnavailable,
    Tombstoned,
    UsageError,
    WriteConflict,
)

_CLOSED: Final = "the storage is closed"


def closed() -> StorageBroken:
    """Return the error for a call after `Storage.close`."""
    return StorageBroken(_CLOSED, cure="Open a new one.")


def cannot_be_reached(error: SmartifyError) -> bool:
    """Return whether an error says only that the store cannot be reached now, and nothing of what it holds.

    It is away for a moment, in use, or this handle on it was closed. Whoever walks through a store stops then; anything
    else is about what was asked for, and the rest of the store may be sound.
    """
    away = error.retryable and isinstance(error, StorageUnavailable | StorageBusy)
    return away or (isinstance(error, StorageBroken) and error.what == _CLOSED)


def damaged(what: str, where: str | None) -> StorageBroken:
    """Return the error for stored bytes that no version of this library or of the backend writes.

    Args:
        what: What is damaged, such as ``the row of an account``. Nothing of the bytes is quoted.
        where: The place: a tenant, and a journal or a document where it is known.
    """
    return StorageBroken(
        f"{what} is damaged", where=where, cure="Restore the store from a backup, or begin a new one and sync."
    )


def only_read(where: str) -> UsageError:
    """Return the error for a write to a store that was opened for reading only."""
    return UsageError(
        "the store was opened for reading only; nothing was written",
        where=where,
        cure="Open it without read_only, or mode=ro, to write to it.",
    )


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
