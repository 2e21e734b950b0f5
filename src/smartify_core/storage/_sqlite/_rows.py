"""Values as rows of the SQLite store, and back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from types import NoneType
from typing import Any, Final, TypeAlias

from smartify_core.errors import StorageBroken
from smartify_core.model import SealedAccount, Tombstone
from smartify_core.storage import refusals
from smartify_core.storage._numbers import REASONS, STATES, reason_number, state_number, to_number, to_time
from smartify_core.storage.checks import INDEX_BYTES

#: What a column may hold.
Kinds: TypeAlias = type | tuple[type, ...]

#: Groups, bytes of the wrapped key, bytes of the payload.
_RECORD_HEADER: Final = struct.Struct(">III")
_SMALLEST_RECORD: Final = 256
#: Each doubling of size is cut into this many steps, so that at most an eighth of a record is padding.
_STEPS: Final = 8
#: How many bits of an email index its bucket has, and from how many accounts of the tenant on: few enough that sixteen
#: accounts or so share a bucket. Stored with the accounts: append only.
_BUCKET_BITS: Final = ((0, 12), (1 << 16, 14), (1 << 18, 16))
_FEWEST_BITS: Final = 12
_HEAD_BITS: Final = 16

#: The columns that `account_row` gives, in its order.
ROW_COLUMNS: Final = (
    "account_id",
    "state",
    "inactive_reason",
    "version",
    "created_at",
    "updated_at",
    "predecessor",
    "email_bucket",
    "adopted",
)
#: The columns that `account` takes, in its order.
ACCOUNT_COLUMNS: Final = (
    "a.source_id, a.account_id, a.state, a.inactive_reason, a.version, a.created_at, a.updated_at, a.predecessor, "
    "a.adopted, d.record, s.record"
)
#: What they hold.
_ACCOUNT_KINDS: Final[Sequence[Kinds]] = (str, str, int, int, int, int, int, (str, NoneType), int, bytes, bytes)
#: What a row of one is called where it is damaged.
ACCOUNT: Final = "the row of an account"
_TOMBSTONE: Final = "a tombstone"
ACCOUNT_TABLES: Final = "account a cross join digest d on d.id = a.digest cross join sealed s on s.id = a.sealed"


def account_row(account: SealedAccount, bits: int) -> tuple[object, ...]:
    """Return the columns of ``account`` that live in the table of the same name, as `ROW_COLUMNS` names them.

    ``bits`` is how many of its email index its bucket has.
    """
    return (
        account.account_id,
        state_number(account),
        reason_number(account),
        account.version,
        to_number(account.created_at),
        to_number(account.updated_at),
        account.predecessor,
        _bucket(account.email_index, bits),
        account.adopted,
    )


def require(row: tuple[Any, ...], kinds: Sequence[Kinds], what: str, where: str) -> tuple[Any, ...]:
    """Return a row that has these types: SQLite keeps whatever comes into a column.

    Raises:
        StorageBroken: It has not, so that ``what`` is damaged.
    """
    if not all(map(isinstance, row, kinds)):
        raise refusals.damaged(what, where)
    return row


def account(tenant: str, row: tuple[Any, ...]) -> SealedAccount:
    """Return the account in a row of `ACCOUNT_COLUMNS`.

    Raises:
        StorageBroken: The row is damaged.
    """
    try:
        return _account(tenant, require(row, _ACCOUNT_KINDS, ACCOUNT, f"tenant {tenant}"))
    except (IndexError, ValueError, OverflowError, struct.error):
        raise damaged(tenant) from None


def damaged(tenant: str) -> StorageBroken:
    """Return the error for the row of an account that no version of this library writes."""
    return refusals.damaged(ACCOUNT, f"tenant {tenant}")


def _account(tenant: str, row: tuple[Any, ...]) -> SealedAccount:
    source_id, account_id, state, reason, version, created_at, updated_at, predecessor, adopted, digest, record = row
    groups, key_bytes, payload_bytes = _RECORD_HEADER.unpack_from(record)
    start = _RECORD_HEADER.size
    key_start = start + groups * INDEX_BYTES
    payload_start = key_start + key_bytes
    if payload_start + payload_bytes > len(record) or min(state, reason) < 0 or len(digest) != 2 * INDEX_BYTES:
        raise ValueError
    return SealedAccount(
        tenant=tenant,
        source_id=source_id,
        account_id=account_id,
        state=STATES[state],
        inactive_reason=REASONS[reason],
        fingerprint=digest[:INDEX_BYTES],
        email_index=digest[INDEX_BYTES:],
        group_indexes=tuple(record[at : at + INDEX_BYTES] for at in range(start, key_start, INDEX_BYTES)),
        wrapped_key=record[key_start:payload_start],
        payload=record[payload_start : payload_start + payload_bytes],
        version=version,
        created_at=to_time(created_at),
        updated_at=to_time(updated_at),
        predecessor=predecessor,
        adopted=bool(adopted),
    )


def digest_record(account: SealedAccount) -> bytes:
    """Return what comparisons and look-ups read of ``account`` as one record; they all have one length."""
    return account.fingerprint + account.email_index


def sealed_record(account: SealedAccount) -> bytes:
    """Return what only opening needs of ``account`` as one record, padded to a length that others share."""
    groups, key, payload = account.group_indexes, account.wrapped_key, account.payload
    record = b"".join((_RECORD_HEADER.pack(len(groups), len(key), len(payload)), *groups, key, payload))
    return record.ljust(padded(len(record), _SMALLEST_RECORD), b"\0")


def fingerprint_number(record: bytes) -> int:
    """Return the fingerprint at the beginning of a `digest_record` as the number that totals are made of."""
    return int.from_bytes(record[:INDEX_BYTES], "big")


def bucket_bits(accounts: int) -> int:
    """Return how many bits the buckets of addresses have that are written while a tenant has so many accounts."""
    return max(bits for least, bits in _BUCKET_BITS if accounts >= least)


def buckets(email_index: bytes) -> tuple[int, ...]:
    """Return the buckets in which an account with this email index may lie: one for each size of tenant.

    A bucket holds the few bits of an index by which an address is looked up; the rest is compared afterwards.
    """
    return tuple(_bucket(email_index, bits) for _, bits in _BUCKET_BITS)


def _bucket(email_index: bytes, bits: int) -> int:
    number = int.from_bytes(email_index[: _HEAD_BITS // 8], "big") >> (_HEAD_BITS - bits)
    # Buckets of more bits have numbers of their own, beyond those of fewer.
    return number if bits == _FEWEST_BITS else number | 1 << bits


def tombstone(tenant: str, row: tuple[Any, ...]) -> Tombstone:
    """Return the tombstone in a row of account id, source id, and the times of beginning and end.

    Raises:
        StorageBroken: The row is damaged.
    """
    where = f"tenant {tenant}"
    account_id, source_id, created_at, deleted_at = require(row, (str, str, int, int), _TOMBSTONE, where)
    try:
        return Tombstone(tenant, source_id, account_id, to_time(created_at), to_time(deleted_at))
    except OverflowError:
        raise refusals.damaged(_TOMBSTONE, where) from None


@lru_cache(1024)
def padded(length: int, least: int) -> int:
    """Return the length that a record of ``length`` is padded to: one of few, so that places are used again."""
    if length <= least:
        return least
    step = (1 << (length - 1).bit_length()) // 2 // _STEPS
    return -(-length // step) * step
