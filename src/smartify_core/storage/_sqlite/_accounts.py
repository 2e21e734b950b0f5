"""Reading accounts and tombstones from the SQLite store: statements inside a transaction that others open."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any, Final

from smartify_core.model import Head, HeadPage, InactiveReason, SealedAccount, Tombstone
from smartify_core.storage._numbers import REASONS, STATES
from smartify_core.storage.checks import INDEX_BYTES

from ._commit import in_chunks
from ._rows import ACCOUNT, ACCOUNT_COLUMNS, ACCOUNT_TABLES, account, buckets, damaged, require, tombstone

_TENANT: Final = "(select id from tenant where name = ?)"
_ROWS_FROM_START: Final = (
    f"select a.source_id, substr(d.record, 1, {INDEX_BYTES}) as fingerprint, a.state, a.version, a.inactive_reason"  # noqa: S608  # constants
    " from account a cross join digest d on d.id = a.digest"
    f" where a.tenant = {_TENANT} order by a.source_id limit ?"
)
_HEAD_KINDS: Final = (str, bytes, int, int, int)
_ROWS: Final = _ROWS_FROM_START.replace(" order by", " and a.source_id > ? order by")
#: A page in one row, each column joined into one value: that takes half as long as a row for each account. The rows
#: inside have a limit, so that SQLite may not hand them on in another order than theirs.
_COLUMNS: Final = (
    "select count(*), group_concat(source_id, char(10)), cast(group_concat(fingerprint, '') as blob),"
    " group_concat(state, ''), group_concat(version, ' '), group_concat(inactive_reason, '')"
)
_STATE_DIGITS: Final = {str(number): state for number, state in enumerate(STATES)}
_REASON_DIGITS: Final = {str(number): reason for number, reason in enumerate(REASONS)}
_DELETED: Final = str(REASONS.index(InactiveReason.DELETED))
_ACCOUNTS: Final = f"select {ACCOUNT_COLUMNS} from {ACCOUNT_TABLES} where a.tenant = {_TENANT}"  # noqa: S608  # constants
_CANDIDATES: Final = (
    "select a.source_id"  # noqa: S608  # constants
    # Everything of an account that this needs is in the index.
    " from account a indexed by account_by_email_bucket cross join digest d on d.id = a.digest"
    f" where a.tenant = {_TENANT}"
)
_STONES: Final = f"select account_id, source_id, created_at, deleted_at from tombstone where tenant = {_TENANT}"  # noqa: S608  # constants


def heads(connection: sqlite3.Connection, tenant: str, after: str | None, limit: int) -> HeadPage:
    """Return the next page of heads. See `Storage.heads`."""
    rows = _ROWS_FROM_START if after is None else _ROWS
    keys = (tenant, limit) if after is None else (tenant, after, limit)
    number, ids, *columns = connection.execute(f"{_COLUMNS} from ({rows})", keys).fetchone()
    if number:
        fingerprints, states, _, reasons = columns
        source_ids = tuple((ids or "").split("\n"))  # a single id that is empty makes no text at all
        # An id that holds the separator can only add to the parts, so their number tells. So do lengths of what is
        # damaged, and digits that mean nothing. Row by row the former is read, and the latter refused.
        if (
            None not in columns
            and len(source_ids) == len(states) == len(reasons) == number
            and len(fingerprints) == INDEX_BYTES * number
            and _STATE_DIGITS.keys() >= set(states)
            and _REASON_DIGITS.keys() >= set(reasons)
        ):
            waiting = compress(source_ids, map(_DELETED.__eq__, reasons)) if _DELETED in reasons else ()
            return HeadPage(
                source_ids, fingerprints, tuple(waiting), partial(_from_columns, tenant, source_ids, columns)
            )
    return HeadPage.of(_from_rows(tenant, connection.execute(rows, keys)))


def load(connection: sqlite3.Connection, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
    """Return the live accounts among these. See `Storage.load`."""
    found: dict[str, SealedAccount] = {}
    for marks, chunk in in_chunks(source_ids):
        rows = connection.execute(f"{_ACCOUNTS} and a.source_id in ({marks})", (tenant, *chunk))
        found.update((row[0], account(tenant, row)) for row in rows)
    return found


def find_by_email(
    connection: sqlite3.Connection, tenant: str, email_indexes: Sequence[bytes]
) -> Sequence[SealedAccount]:
    """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
    found: list[SealedAccount] = []
    for marks, some in in_chunks(email_indexes):
        places = list({bucket for index in some for bucket in buckets(index)})
        # A few bits of the index find the candidates, the whole of it decides, and only then is the record read.
        statement = (
            f"{_CANDIDATES} and a.email_bucket in ({', '.join('?' * len(places))})"
            f" and substr(d.record, {INDEX_BYTES + 1}) in ({marks})"
        )
        ids = [source_id for (source_id,) in connection.execute(statement, (tenant, *places, *some))]
        found.extend(load(connection, tenant, ids).values())
    # Text is ordered by code point in Python, by bytes in SQLite: the same order.
    return sorted(found, key=lambda one: one.source_id)


def tombstones(connection: sqlite3.Connection, tenant: str, after: str | None, limit: int) -> Sequence[Tombstone]:
    """Return the next page of tombstones. See `Storage.tombstones`."""
    start, keys = ("", ()) if after is None else (" and account_id > ?", (after,))
    rows = connection.execute(f"{_STONES}{start} order by account_id limit ?", (tenant, *keys, limit))
    return [tombstone(tenant, row) for row in rows]


def tombstones_of(connection: sqlite3.Connection, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
    """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
    found: dict[str, Tombstone] = {}
    for marks, chunk in in_chunks(source_ids):
        # The latest of a source id comes last and stays.
        statement = f"{_STONES} and source_id in ({marks}) order by source_id, deleted_at, account_id"
        found.update((row[1], tombstone(tenant, row)) for row in connection.execute(statement, (tenant, *chunk)))
    return found


def _from_rows(tenant: str, rows: Iterable[tuple[Any, ...]]) -> Iterator[Head]:
    for row in rows:
        source_id, fingerprint, state, version, reason = require(row, _HEAD_KINDS, ACCOUNT, f"tenant {tenant}")
        if len(fingerprint) != INDEX_BYTES or not (0 <= state < len(STATES) and 0 <= reason < len(REASONS)):
            raise damaged(tenant)
        yield Head(source_id, fingerprint, STATES[state], version, REASONS[reason])


def _from_columns(tenant: str, source_ids: Sequence[str], columns: Sequence[Any]) -> Sequence[Head]:
    fingerprints, states, versions, reasons = columns
    rows = zip(
        source_ids,
        (fingerprints[at : at + INDEX_BYTES] for at in range(0, len(fingerprints), INDEX_BYTES)),
        map(_STATE_DIGITS.__getitem__, states),
        map(int, versions.split(" ")),
        map(_REASON_DIGITS.__getitem__, reasons),
        strict=True,
    )
    try:
        return tuple([Head(*row) for row in rows])
    except ValueError:
        raise damaged(tenant) from None
