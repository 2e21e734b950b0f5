"""How both stores with tables keep values: times, states, reasons and totals as numbers, entries as one record."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from smartify_core.model import AccountState, InactiveReason, SealedAccount

from . import refusals
from .checks import INDEX_BYTES

STATES: Final = (AccountState.ACTIVE, AccountState.INACTIVE)
#: Positions are stored: append only.
REASONS: Final = (None, InactiveReason.SUSPENDED, InactiveReason.ARCHIVED, InactiveReason.DELETED)
#: By far the most frequent one, whose number is 0: finding it in a mapping costs more than all the rest of a row.
_ACTIVE: Final = STATES[0]
_STATE_NUMBERS: Final = {state: number for number, state in enumerate(STATES)}
_REASON_NUMBERS: Final = {reason: number for number, reason in enumerate(REASONS)}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

#: Each entry of a record comes after its length.
_LENGTH: Final = struct.Struct(">I")


# --- states and reasons -----------------------------------------------------------------------------------------------


def state_number(account: SealedAccount) -> int:
    """Return the state of an account as it is stored."""
    return 0 if account.state is _ACTIVE else _STATE_NUMBERS[account.state]


def reason_number(account: SealedAccount) -> int:
    """Return why an account is inactive as it is stored."""
    return 0 if account.inactive_reason is None else _REASON_NUMBERS[account.inactive_reason]


# --- times ------------------------------------------------------------------------------------------------------------


def to_number(time: datetime) -> int:
    """Return an aware time as microseconds since 1970."""
    # By the fold as well, by which two times that are equal may be an hour apart.
    return _number(time, time.fold)


# The accounts of a batch share their times, so that most are at hand.
@lru_cache(256)
def _number(time: datetime, _fold: int) -> int:
    return (time - _EPOCH) // _MICROSECOND


@lru_cache(256)
def to_time(number: int) -> datetime:
    """Return microseconds since 1970 as an aware time in UTC; accounts that were written together share one.

    Raises:
        OverflowError: There is no such time, so that the row is damaged.
    """
    return _EPOCH + timedelta(microseconds=number)


# --- totals -----------------------------------------------------------------------------------------------------------


def total_record(total: int) -> bytes:
    """Return a sum of fingerprints as a record; they all have one length."""
    return (total % (1 << 8 * INDEX_BYTES)).to_bytes(INDEX_BYTES, "big")


def to_total(record: object, tenant: str) -> int:
    """Return the sum of fingerprints that is stored so.

    Raises:
        StorageBroken: The record is damaged.
    """
    if not isinstance(record, bytes) or len(record) != INDEX_BYTES:
        raise refusals.damaged("the total of a tenant", f"tenant {tenant}")
    return int.from_bytes(record, "big")


# --- entries ----------------------------------------------------------------------------------------------------------


def entries_record(entries: Sequence[bytes]) -> bytes:
    """Return the entries of one commit as one record."""
    return b"".join([part for entry in entries for part in (_LENGTH.pack(len(entry)), entry)])


def entries_in(record: object, number: object, where: str) -> Iterator[bytes]:
    """Yield the entries of a record, of which so many are counted.

    Raises:
        StorageBroken: The record is damaged. Entries before that place may have been yielded.
    """
    if not isinstance(record, bytes):
        raise refusals.damaged("a journal", where)
    at = found = 0
    while at < len(record):
        start = at + _LENGTH.size
        at = start + int.from_bytes(record[at:start], "big")
        if at > len(record):
            raise refusals.damaged("a journal", where)
        found += 1
        yield record[start:at]
    if found != number:
        raise refusals.damaged("a journal", where)
