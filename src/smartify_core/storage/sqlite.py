"""Storage in one SQLite file: the durable default for one host.

Several processes of that host may hold the same file open. Not for network file systems: SQLite's write-ahead log needs
shared memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from smartify_core.model import Batch, Claim, Erase, Head, Receipt, SealedAccount, Tombstone

from . import _refusals as refusals
from ._checks import INDEX_BYTES, check_batch, check_keys, check_lease, check_limit, check_text
from ._sqlite_commit import apply, in_chunks
from ._sqlite_connections import Connections
from ._sqlite_rows import (
    ACCOUNT_COLUMNS,
    ACCOUNT_TABLES,
    STATES,
    account,
    bucket,
    damaged,
    to_number,
    to_time,
    tombstone,
)
from ._storage import KEYS_AT_ONCE

_TENANT: Final = "(select id from tenant where name = ?)"
_HEADS: Final = (
    f"select a.source_id, substr(d.record, 1, {INDEX_BYTES}), a.state, a.version"  # noqa: S608  # constants
    " from account a cross join digest d on d.id = a.digest"
    f" where a.tenant = {_TENANT} and a.source_id > ? order by a.source_id limit ?"
)
_HEADS_FROM_START: Final = _HEADS.replace(" and a.source_id > ?", "")
_ACCOUNTS: Final = f"select {ACCOUNT_COLUMNS} from {ACCOUNT_TABLES} where a.tenant = {_TENANT}"  # noqa: S608  # constants
_CANDIDATES: Final = (
    f"select a.source_id, substr(d.record, {INDEX_BYTES + 1})"  # noqa: S608  # constants
    " from account a indexed by account_by_email_bucket cross join digest d on d.id = a.digest"
    f" where a.tenant = {_TENANT}"
)
_STONES: Final = f"select account_id, source_id, created_at, deleted_at from tombstone where tenant = {_TENANT}"  # noqa: S608  # constants


class SQLiteStorage:
    """A `Storage` in a SQLite file. Threads and processes may share the file.

    The file and its log are readable by their owner only, every commit is on the disk when it returns
    (``synchronous=FULL``), and an `Erase` leaves no byte of the account's key, payload, fingerprint or indexes in
    either. The tables are created or migrated when the file is opened.

    Args:
        path: The file; created when there is none, in a folder that exists.
        busy_timeout: Seconds to wait for another writer.

    Raises:
        StorageUnavailable: The path cannot hold a store, or holds something that is no database or cut short.
        ForeignStore: The database is another program's; it was not touched.
        NewerSchema: A newer version of this library wrote it; it was not touched.
        StorageBusy: Another process held the file for longer than ``busy_timeout``.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_timeout: float = 5.0) -> None:
        self._connections = Connections(path, busy_timeout=busy_timeout)

    def __repr__(self) -> str:
        """Return the storage with its path."""
        return f"SQLiteStorage({str(self._connections.path)!r})"

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        check_text(tenant)
        check_lease(now, ttl)
        expires_at = to_number(now + ttl)
        with self._connections.writing() as connection:
            found = connection.execute("select expires_at from tenant where name = ?", (tenant,)).fetchone()
            if found is None:
                new = "insert into tenant (name, fence, expires_at, revision) values (?, 1, ?, 0)"
                connection.execute(new, (tenant, expires_at))
            elif found[0] is not None and found[0] > to_number(now):
                raise refusals.lease_held(tenant)
            else:
                again = "update tenant set fence = fence + 1, expires_at = ? where name = ?"
                connection.execute(again, (expires_at, tenant))
            fence, revision = connection.execute(
                "select fence, revision from tenant where name = ?", (tenant,)
            ).fetchone()
        return Claim(tenant, fence, to_time(expires_at), revision)

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        check_text(claim.tenant)
        check_lease(now, ttl)
        expires_at = to_number(now + ttl)
        with self._connections.writing() as connection:
            tenant, revision = _claimed(connection, claim)
            connection.execute("update tenant set expires_at = ? where id = ?", (expires_at, tenant))
        return Claim(claim.tenant, claim.fence, to_time(expires_at), revision)

    def release(self, claim: Claim) -> None:
        """Give the lease back. See `Storage.release`."""
        check_text(claim.tenant)
        with self._connections.writing() as connection:
            statement = "update tenant set expires_at = null where name = ? and fence = ?"
            connection.execute(statement, (claim.tenant, claim.fence))

    # --- reading
    # --------------------------------------------------------------------------------------------------------

    def revision(self, tenant: str) -> int:
        """Return how many commits the tenant has seen. See `Storage.revision`."""
        check_text(tenant)
        with self._connections.reading() as connection:
            row = connection.execute("select revision from tenant where name = ?", (tenant,)).fetchone()
        return int(row[0]) if row else 0

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Head]:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        check_limit(limit)
        check_text(tenant, after)
        statement = _HEADS_FROM_START if after is None else _HEADS
        keys = (tenant, limit) if after is None else (tenant, after, limit)
        with self._connections.reading() as connection:
            rows = connection.execute(statement, keys).fetchall()
        states = STATES
        try:
            return [Head(source_id, print_, states[state], version) for source_id, print_, state, version in rows]
        except (IndexError, TypeError):
            raise damaged(tenant) from None

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        check_text(tenant)
        check_keys(source_ids)
        found: dict[str, SealedAccount] = {}
        with self._connections.reading() as connection:
            for marks, chunk in in_chunks(source_ids):
                rows = connection.execute(f"{_ACCOUNTS} and a.source_id in ({marks})", (tenant, *chunk))
                found.update((row[0], account(tenant, row)) for row in rows)
        return found

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        check_text(tenant)
        check_keys(email_indexes)
        wanted = set(email_indexes)
        found: list[SealedAccount] = []
        with self._connections.reading() as connection:
            for marks, chunk in in_chunks(bucket(index) for index in wanted):
                # A few bits of the index find the candidates, the whole of it decides, and only then is the record
                # read.
                candidates = connection.execute(f"{_CANDIDATES} and a.email_bucket in ({marks})", (tenant, *chunk))
                ids = [source_id for source_id, index in candidates if index in wanted]
                for more_marks, more in in_chunks(ids):
                    rows = connection.execute(f"{_ACCOUNTS} and a.source_id in ({more_marks})", (tenant, *more))
                    found.extend(account(tenant, row) for row in rows)
        # Text is ordered by code point in Python, by bytes in SQLite: the same order.
        return sorted(found, key=lambda one: one.source_id)

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        check_limit(limit)
        check_text(tenant, after)
        start, keys = ("", ()) if after is None else (" and account_id > ?", (after,))
        with self._connections.reading() as connection:
            rows = connection.execute(
                f"{_STONES}{start} order by account_id limit ?", (tenant, *keys, limit)
            ).fetchall()
        return [tombstone(tenant, row) for row in rows]

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        check_text(tenant)
        check_keys(source_ids)
        found: dict[str, Tombstone] = {}
        with self._connections.reading() as connection:
            for marks, chunk in in_chunks(source_ids):
                # The latest of a source id comes last and stays.
                statement = f"{_STONES} and source_id in ({marks}) order by source_id, deleted_at, account_id"
                found.update(
                    (row[1], tombstone(tenant, row)) for row in connection.execute(statement, (tenant, *chunk))
                )
        return found

    # --- writing
    # --------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        check_text(claim.tenant)
        check_batch(claim, batch)
        with self._connections.writing() as connection:
            tenant, revision = _claimed(connection, claim)
            apply(connection, tenant, claim.tenant, batch)
            connection.execute("update tenant set revision = ? where id = ?", (revision + 1, tenant))
            if any(isinstance(write, Erase) for write in batch.writes):
                self._connections.clear_log_after_this()
        return Receipt(revision + 1)

    # --- life
    # -----------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the file. See `Storage.close`."""
        self._connections.close()

    def __enter__(self) -> Self:
        """Return the storage itself."""
        self._connections.check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the storage."""
        self.close()


def _claimed(connection: sqlite3.Connection, claim: Claim) -> tuple[int, int]:
    """Return the tenant's number and revision, provided that the claim is its newest and was not released."""
    statement = "select id, revision, fence, expires_at from tenant where name = ?"
    row = connection.execute(statement, (claim.tenant,)).fetchone()
    if row is None or row[2] != claim.fence or row[3] is None:
        raise refusals.lease_lost(claim.tenant, claim.fence)
    return row[0], row[1]
