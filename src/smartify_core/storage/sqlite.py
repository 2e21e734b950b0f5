"""Storage in one SQLite file: the durable default for one host.

Several processes of that host may hold the same file open. Not for network file systems: SQLite's write-ahead log needs
shared memory.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    HeadPage,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)

from ._maintained import Finding
from ._sqlite import _accounts as accounts
from ._sqlite import _documents as documents
from ._sqlite import _journal as journals
from ._sqlite import _tenants as tenants
from ._sqlite._backup import backup
from ._sqlite._commit import KeyTaken, commit, erase_tenant, explain, record
from ._sqlite._connections import Connections
from ._sqlite._read_only import ReadOnlyConnections
from ._sqlite._soundness import check
from ._storage import KEYS_AT_ONCE
from .checks import (
    check_batch,
    check_claim,
    check_due,
    check_keys,
    check_lease,
    check_limit,
    check_position,
    check_record,
    check_text,
    check_time,
)


class SQLiteStorage:
    """A `Storage` in a SQLite file. Threads and processes may share the file.

    The file and its log are readable by their owner only. Every write is on the disk when it returns
    (``synchronous=FULL``), except that a power failure may undo a release, whose lease then expires by itself. An
    `Erase` leaves no byte of the account's key, payload, fingerprint or indexes in the file or the log, and neither
    does a removed document or an erased tenant of what it held. Of documents that are replaced and of entries that are
    trimmed nothing is left in the file; the log is emptied of them by the next erasure, or when the last handle is
    closed. The tables are created or migrated when the file is opened.

    Args:
        path: The file; created when there is none, in a folder that exists.
        busy_timeout: Seconds to wait for another writer: 0 to 1,000,000.
        read_only: Open what is there for reports and inspections: not a byte is written, nothing is migrated, and every
            write raises `UsageError`. Other processes may go on writing.

    Raises:
        StorageUnavailable: The path cannot hold a store.
        StorageBroken: It holds something that is no database or cut short; or, with ``read_only``, a store that an
            older version of this library wrote.
        ForeignStore: The database is another program's; it was not touched.
        NewerSchema: A newer version of this library wrote it; it was not touched.
        StorageBusy: Another process held the file for longer than ``busy_timeout``.
        UsageError: The path is empty or ``:memory:``, no file can have this name, SQLite keeps a file of another store
            there, or ``busy_timeout`` is none.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_timeout: float = 5.0, read_only: bool = False) -> None:
        kind = ReadOnlyConnections if read_only else Connections
        self._connections = kind(path, busy_timeout=busy_timeout)
        self._read_only = read_only

    def __repr__(self) -> str:
        """Return the storage with its path."""
        return f"SQLiteStorage({str(self._connections.path)!r}{', read_only=True' if self._read_only else ''})"

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        check_text(tenant)
        check_lease(now, ttl)
        with self._connections.writing() as connection:
            return tenants.claim(connection, tenant, now, ttl)

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        """Take the leases of tenants that are due. See `Storage.claim_due`."""
        check_limit(limit)
        check_lease(now, ttl)
        with self._connections.writing() as connection:
            return tenants.claim_due(connection, now, ttl, limit)

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        check_claim(claim)
        check_lease(now, ttl)
        with self._connections.writing() as connection:
            return tenants.renew(connection, claim, now, ttl)

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back. See `Storage.release`."""
        check_claim(claim)
        if due_at is not None:
            check_time(due_at)
        # Lost in a power failure, it leaves a lease that expires and a tenant that is due: nothing that a run minds.
        with self._connections.writing(durable=False) as connection:
            tenants.release(connection, claim, due_at)

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        """Set when tenants are due. See `Storage.schedule`."""
        check_due(due)
        with self._connections.writing() as connection:
            tenants.schedule(connection, due, only_new=only_new)

    # --- reading ------------------------------------------------------------------------------------------------------

    def tenant(self, tenant: str) -> TenantRecord:
        """Return what is known of the tenant as a whole. See `Storage.tenant`."""
        check_text(tenant)
        with self._connections.reading() as connection:
            return tenants.record(connection, tenant)

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        """Return the next page of all tenants, in order of their names. See `Storage.tenants`."""
        check_limit(limit)
        check_text(after)
        with self._connections.reading() as connection:
            return tenants.records(connection, after, limit)

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        check_limit(limit)
        check_text(tenant, after)
        with self._connections.reading() as connection:
            return accounts.heads(connection, tenant, after, limit)

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        check_text(tenant)
        check_keys(source_ids)
        with self._connections.reading() as connection:
            return accounts.load(connection, tenant, source_ids)

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        check_text(tenant)
        check_keys(email_indexes)
        with self._connections.reading() as connection:
            return accounts.find_by_email(connection, tenant, email_indexes)

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        check_limit(limit)
        check_text(tenant, after)
        with self._connections.reading() as connection:
            return accounts.tombstones(connection, tenant, after, limit)

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        check_text(tenant)
        check_keys(source_ids)
        with self._connections.reading() as connection:
            return accounts.tombstones_of(connection, tenant, source_ids)

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        check_batch(claim, batch)
        try:
            with self._connections.writing() as connection:
                receipt = commit(connection, claim, batch)
                erases = any(isinstance(one, Erase) for one in batch.writes)
                if erases or any(one.value is None for one in batch.documents):
                    self._connections.clear_log_after_this()
                return receipt
        except KeyTaken:
            with self._connections.writing() as connection:
                explain(connection, claim, batch)

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write documents and add to journals, under no lease. See `Storage.record`."""
        check_record(tenant, documents, appends)
        with self._connections.writing() as connection:
            record(connection, tenant, documents, appends)
            if any(one.value is None for one in documents):
                self._connections.clear_log_after_this()

    def erase_tenant(self, claim: Claim) -> None:
        """Erase all that is held for the tenant. See `Storage.erase_tenant`."""
        check_claim(claim)
        with self._connections.writing() as connection:
            erase_tenant(connection, claim)
            self._connections.clear_log_after_this()

    # --- journals and documents ---------------------------------------------------------------------------------------

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        """Return the next page of a journal. See `Storage.entries`."""
        check_text(tenant, journal)
        check_limit(limit)
        check_position(after)
        with self._connections.reading() as connection:
            return journals.entries(connection, tenant, journal, after, limit)

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        """Remove a journal's entries up to this position. See `Storage.trim`."""
        check_text(tenant, journal)
        check_position(through)
        with self._connections.writing() as connection:
            journals.trim(connection, tenant, journal, through)

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document. See `Storage.document`."""
        check_text(tenant, kind, key)
        with self._connections.reading() as connection:
            return documents.document(connection, tenant, kind, key)

    def documents_at(self, tenant: str, kind: str, keys: Collection[str]) -> Mapping[str, Document]:
        """Return those of the documents under these keys that are there. See `walks.FindsDocuments`."""
        check_text(tenant, kind, *keys)
        with self._connections.reading() as connection:
            return documents.documents_at(connection, tenant, kind, keys)

    def documents(
        self,
        tenant: str,
        kind: str | None = None,
        *,
        after: tuple[str, str] | None = None,
        limit: int = KEYS_AT_ONCE,
    ) -> Sequence[Document]:
        """Return the next page of documents, in order of kind and key. See `Storage.documents`."""
        check_limit(limit)
        check_text(tenant, kind, *(after or ()))
        with self._connections.reading() as connection:
            return documents.documents(connection, tenant, kind, after, limit)

    # --- maintenance --------------------------------------------------------------------------------------------------

    def check(self) -> Sequence[Finding]:
        """Look for damage in the file, and for rows that contradict each other. See `Maintained.check`.

        Pages, tables, indexes, types, ranges, references, totals, and that journals have no gap and miss no first or
        last entry. Not looked at is what is sealed: whether it is what was written, its seal tells to whoever opens it.
        An earlier state of the whole store is sound, too.

        Takes some seconds for a hundred thousand accounts, and holds up nobody.
        """
        with self._connections.reading() as connection:
            return check(connection)

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Copy the store into a new file while others use it. See `Maintained.backup`.

        Every row is written anew, so that the copy holds what is in the tables and no byte more: nothing of what was
        erased before it was begun. The files that SQLite keeps beside the store are no place for it.
        """
        backup(self._connections, path, check=_findings_in)

    # --- life ---------------------------------------------------------------------------------------------------------

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


def _findings_in(path: Path) -> Sequence[Finding]:
    with SQLiteStorage(path, read_only=True) as storage:
        return storage.check()
