"""Reading accounts and tombstones from the SQLite store: statements inside a transaction that others open."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from smartify_core.model import Head, SealedAccount, Tombstone

from ._checks import INDEX_BYTES
from ._sqlite_commit import in_chunks
from ._sqlite_rows import ACCOUNT_COLUMNS, ACCOUNT_TABLES, REASONS, STATES, account, bucket, damaged, tombstone

_TENANT: Final = "(select id from tenant where name = ?)"
_HEADS: Final = (
    f"select a.source_id, substr(d.record, 1, {INDEX_BYTES}), a.state, a.version, a.inactive_reason"  # noqa: S608  # constants
    " from account a cross join digest d on d.id = a.digest"
    f" where a.tenant = {_TENANT} and a.source_id > ? order by a.source_id limit ?"
)
_HEADS_FROM_START: Final = _HEADS.replace(" and a.source_id > ?", "")
_ACCOUNTS: Final = f"select {ACCOUNT_COLUMNS} from {ACCOUNT_TABLES} where a.tenant = {_TENANT}"  # noqa: S608  # constants
_CANDIDATES: Final = (
    f"select a.source_id, substr(d.record, {INDEX_BYTES + 1})"  # noqa: S608  # constants
    # Everything of an account that this needs is in the index.
    " from account a indexed by account_by_email_bucket cross join digest d on d.id = a.digest"
    f" where a.tenant = {_TENANT}"
)
_STONES: Final = f"select account_id, source_id, created_at, deleted_at from tombstone where tenant = {_TENANT}"  # noqa: S608  # constants


def heads(connection: sqlite3.Connection, tenant: str, after: str | None, limit: int) -> Sequence[Head]:
    """Return the next page of heads. See `Storage.heads`."""
    statement = _HEADS_FROM_START if after is None else _HEADS
    keys = (tenant, limit) if after is None else (tenant, after, limit)
    rows = connection.execute(statement, keys).fetchall()
    states, reasons = STATES, REASONS
    try:
        return [Head(name, print_, states[state], version, reasons[why]) for name, print_, state, version, why in rows]
    except (IndexError, TypeError):
        raise damaged(tenant) from None


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
    wanted = set(email_indexes)
    found: list[SealedAccount] = []
    for marks, chunk in in_chunks(bucket(index) for index in wanted):
        # A few bits of the index find the candidates, the whole of it decides, and only then is the record read.
        candidates = connection.execute(f"{_CANDIDATES} and a.email_bucket in ({marks})", (tenant, *chunk))
        ids = [source_id for source_id, index in candidates if index in wanted]
        for more_marks, more in in_chunks(ids):
            rows = connection.execute(f"{_ACCOUNTS} and a.source_id in ({more_marks})", (tenant, *more))
            found.extend(account(tenant, row) for row in rows)
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
