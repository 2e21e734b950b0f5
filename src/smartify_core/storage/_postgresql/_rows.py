"""Values as rows of the PostgreSQL store, and back; ids as text that PostgreSQL can hold.

PostgreSQL's text holds every character but U+0000. So U+0000 is written as U+0001 U+0001, and U+0001 as U+0001 U+0002:
the order of ids stays what it was, no two ids meet, and every other id stands in the tables as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

from smartify_core.errors import StorageBroken
from smartify_core.model import SealedAccount, Tombstone
from smartify_core.storage import refusals
from smartify_core.storage._numbers import REASONS, STATES, reason_number, state_number, to_number, to_time
from smartify_core.storage.checks import INDEX_BYTES

#: The columns of an account in the order in which `copied` and `account` have them, but for the tenant.
COLUMNS: Final = (
    "version",
    "created_at",
    "updated_at",
    "state",
    "inactive_reason",
    "adopted",
    "fingerprint",
    "email_index",
    "source_id",
    "account_id",
    "predecessor",
    "group_indexes",
    "wrapped_key",
    "payload",
)

#: How PostgreSQL's binary COPY begins and ends, and what stands for a value that is null.
_COPY_START: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
#: The columns of one length, each after its length: the tenant, three numbers, two small ones, a truth, two indexes.
_FIXED: Final = struct.Struct(f">hiqiqiqiqihihi?i{INDEX_BYTES}si{INDEX_BYTES}s")
_LENGTH: Final = struct.Struct(">i").pack
#: How an array begins: one dimension, whether there are nulls, the type of its elements, their number, from 1 on.
_ARRAY: Final = struct.Struct(">iiIii").pack
_NUMBER: Final = struct.Struct(">iq").pack


class Texts(bytes):
    """An array of texts as PostgreSQL sends it."""

    ELEMENT: Final = 25
    OID: Final = 1009


class Blobs(bytes):
    """An array of byte strings as PostgreSQL sends it."""

    ELEMENT: Final = 17
    OID: Final = 1001


class Numbers(bytes):
    """An array of 64-bit numbers as PostgreSQL sends it."""

    ELEMENT: Final = 20
    OID: Final = 1016


def texts(values: Sequence[str | None]) -> Texts:
    """Return these texts as a parameter: many of them cost a fifth of what a list does."""
    packed = [_NULL if one is None else _sized(written(one).encode()) for one in values]
    return Texts(_ARRAY(1, 1, Texts.ELEMENT, len(packed), 1) + b"".join(packed))


def blobs(values: Sequence[bytes]) -> Blobs:
    """Return these byte strings as a parameter."""
    return Blobs(_ARRAY(1, 0, Blobs.ELEMENT, len(values), 1) + b"".join(map(_sized, values)))


def numbers(values: Sequence[int | None]) -> Numbers:
    """Return these numbers as a parameter."""
    packed = [_NULL if one is None else _NUMBER(8, one) for one in values]
    return Numbers(_ARRAY(1, 1, Numbers.ELEMENT, len(packed), 1) + b"".join(packed))


def each_of(kind: str, table: str, key: str, columns: Sequence[str], *, tenant: str = "$1") -> str:
    """Return the statement that reads the rows of a tenant with these keys, $2: an array of a kind.

    Each key is looked up by itself, which ``offset 0`` makes sure of. A list of keys, or a join that the planner is
    free to turn round, may end in reading all of the tenant when the table has grown since it was last analysed.
    """
    return (
        f"select {', '.join(columns)} from unnest($2::{kind}[]) as w (wanted) cross join lateral"  # noqa: S608  # constants
        f" (select * from @{table} where tenant = {tenant} and {key} = wanted offset 0) as found"
    )


def written(text: str) -> str:
    """Return an id as it is stored."""
    if "\0" in text or "\1" in text:
        return text.replace("\1", "\1\2").replace("\0", "\1\1")
    return text


def read(text: str) -> str:
    """Return the id that is stored so."""
    # A run of U+0001 begins with a whole pair, so that the pairs are found from the left.
    return text.replace("\1\1", "\0").replace("\1\2", "\1") if "\1" in text else text


def copied(tenant: int, accounts: Sequence[SealedAccount]) -> bytes:
    """Return these accounts as what PostgreSQL's binary COPY reads: the tenant, then `COLUMNS`."""
    fixed, length = _FIXED.pack, _LENGTH
    parts = [_COPY_START]
    source_ids, account_ids = ([one.source_id for one in accounts], [one.account_id for one in accounts])
    for one, source_id, account_id in zip(accounts, _encoded(source_ids), _encoded(account_ids), strict=True):
        groups, key, payload = b"".join(one.group_indexes), one.wrapped_key, one.payload
        parts += (
            fixed(
                *(15, 8, tenant, 8, one.version, 8, to_number(one.created_at), 8, to_number(one.updated_at)),
                *(2, state_number(one), 2, reason_number(one), 1, one.adopted),
                *(INDEX_BYTES, one.fingerprint, INDEX_BYTES, one.email_index),
            ),
            length(len(source_id)),
            source_id,
            length(len(account_id)),
            account_id,
            _NULL if one.predecessor is None else _sized(written(one.predecessor).encode()),
            length(len(groups)),
            groups,
            length(len(key)),
            key,
            length(len(payload)),
            payload,
        )
    parts.append(_COPY_END)
    return b"".join(parts)


def in_columns(accounts: Sequence[SealedAccount]) -> tuple[object, ...]:
    """Return these accounts as an array for each of `COLUMNS`."""
    return (
        numbers([one.version for one in accounts]),
        numbers([to_number(one.created_at) for one in accounts]),
        numbers([to_number(one.updated_at) for one in accounts]),
        numbers([state_number(one) for one in accounts]),
        numbers([reason_number(one) for one in accounts]),
        numbers([int(one.adopted) for one in accounts]),
        blobs([one.fingerprint for one in accounts]),
        blobs([one.email_index for one in accounts]),
        texts([one.source_id for one in accounts]),
        texts([one.account_id for one in accounts]),
        texts([one.predecessor for one in accounts]),
        blobs([b"".join(one.group_indexes) for one in accounts]),
        blobs([one.wrapped_key for one in accounts]),
        blobs([one.payload for one in accounts]),
    )


def account(tenant: str, row: tuple[Any, ...]) -> SealedAccount:
    """Return the account in a row of `COLUMNS`.

    Raises:
        StorageBroken: The row is damaged.
    """
    version, created_at, updated_at, state, reason, adopted, fingerprint, email_index, *others = row
    source_id, account_id, predecessor, groups, wrapped_key, payload = others
    try:
        lengths = len(fingerprint), len(email_index), len(groups) % INDEX_BYTES
        if lengths != (INDEX_BYTES, INDEX_BYTES, 0) or min(state, reason) < 0:
            raise damaged(tenant)
        return SealedAccount(
            tenant=tenant,
            source_id=read(source_id),
            account_id=read(account_id),
            state=STATES[state],
            inactive_reason=REASONS[reason],
            fingerprint=fingerprint,
            email_index=email_index,
            group_indexes=tuple([groups[at : at + INDEX_BYTES] for at in range(0, len(groups), INDEX_BYTES)]),
            wrapped_key=wrapped_key,
            payload=payload,
            version=version,
            created_at=to_time(created_at),
            updated_at=to_time(updated_at),
            predecessor=None if predecessor is None else read(predecessor),
            adopted=adopted,
        )
    except (IndexError, OverflowError):
        raise damaged(tenant) from None


def tombstone(tenant: str, row: tuple[Any, ...]) -> Tombstone:
    """Return the tombstone in a row of account id, source id, and the times of beginning and end.

    Raises:
        StorageBroken: The row is damaged.
    """
    account_id, source_id, created_at, deleted_at = row
    try:
        return Tombstone(tenant, read(source_id), read(account_id), to_time(created_at), to_time(deleted_at))
    except OverflowError:
        raise refusals.damaged("a tombstone", f"tenant {tenant}") from None


def damaged(tenant: str) -> StorageBroken:
    """Return the error for the row of an account that no version of this library writes."""
    return refusals.damaged("the row of an account", f"tenant {tenant}")


def _encoded(texts: Sequence[str]) -> Iterator[bytes]:
    """Return ids as they are stored, in UTF-8."""
    # One look at all of them tells that, as nearly always, none has to be written otherwise.
    everything = "".join(texts)
    plain = "\0" not in everything and "\1" not in everything
    return map(str.encode, texts if plain else map(written, texts))


def _sized(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value
