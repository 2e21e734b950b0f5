"""Storage in PostgreSQL: the default once there is more than one host. Needs the extra ``[postgresql]``."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

from smartify_core.errors import MissingExtra, UsageError
from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    HeadPage,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)

from ._maintained import Finding
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

try:
    from ._postgresql import _accounts as accounts
    from ._postgresql import _documents as documents
    from ._postgresql import _journal as journals
    from ._postgresql import _schema as schemas
    from ._postgresql import _tenants as tenants
    from ._postgresql._check import check
    from ._postgresql._commit import KeyTaken, commit, erase_tenant, explain, record
    from ._postgresql._connections import Connections
except ImportError as _missing:
    # psycopg without a libpq cannot be imported either, and then names nothing that is missing.
    if _missing.name not in {None, "psycopg"}:
        raise
    raise MissingExtra.named("postgresql", needed_for="smartify_core.storage.postgresql") from None

#: PostgreSQL cuts longer names short, without a word.
_LONGEST_NAME: Final = 63


class PostgreSQLStorage:
    """A `Storage` in a schema of a PostgreSQL database (13 or newer). Hosts, processes and threads may share it.

    Every write is on the server's disk when it returns (``synchronous_commit``, which the server may set to more than
    ``on``), except that a crash of the server may undo a release, whose lease then expires by itself. The tables are
    created or migrated when the store is opened; a role that may not do that can use a schema that is up to date.
    Everything is in the one schema; no extension is needed.

    Works behind a proxy that gives each transaction another connection (PgBouncer's ``pool_mode = transaction``):
    nothing is kept in a session. Settings are local to a transaction, locks end with it, nothing listens, no cursor
    stays open, and no statement is prepared unless ``prepare_threshold`` says so.

    A connection is made when it is needed, and made anew when the server was away. A process that was forked makes its
    own. What an `Erase` removes is unreadable at once, but its bytes stay in dead rows until they are vacuumed and in
    the write-ahead log until that is recycled.

    Args:
        conninfo: A URL ``postgresql://ROLE@HOST:PORT/DATABASE`` or a string of keywords, with any parameter of libpq,
            such as ``sslmode`` and ``sslrootcert``.
        schema: The schema; created when there is none and the role may.
        pool_size: The most connections at once.
        statement_timeout: Seconds that one statement may take; the server's own limit counts when not given.
        lock_timeout: Seconds to wait for another transaction, or for a connection; ``None`` for the server's own limit.
        prepare_threshold: After how many times a connection has run a statement it is prepared on the server; ``None``
            for never. Only for connections that no proxy hands around.
        migrate: Whether to create or migrate the tables. Otherwise a schema that is behind is refused.
        read_only: Open what is there for reports and inspections: nothing is created, migrated or written, every
            transaction tells the server so, and every write raises `UsageError`. Others may go on writing.

    Raises:
        UsageError: The URL cannot be read, or an argument makes no sense.
        StorageUnavailable: The server is not there, or has no such database; with ``read_only``, no store is there.
        StorageBroken: The server does not let this role in, the database cannot hold a store, or the tables are behind
            and ``migrate`` is false or ``read_only`` is true.
        ForeignStore: The schema holds something else; it was not touched.
        NewerSchema: A newer version of this library wrote the tables; they were not touched.
        MissingExtra: psycopg is not installed; raised by the import of this module.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str = "smartify",
        pool_size: int = 10,
        statement_timeout: float | None = None,
        lock_timeout: float | None = 10.0,
        prepare_threshold: int | None = None,
        migrate: bool = True,
        read_only: bool = False,
    ) -> None:
        _check_options(schema, pool_size, statement_timeout, lock_timeout)
        self._connections = Connections(
            conninfo,
            schema=schema,
            pool_size=pool_size,
            statement_timeout=statement_timeout,
            lock_timeout=lock_timeout,
            prepare_threshold=prepare_threshold,
            read_only=read_only,
            explain=schemas.explain,
        )
        try:
            schemas.prepare(self._connections, migrate=migrate)
        except BaseException:  # whatever stopped it, nobody else has the connections to close them
            self._connections.close()
            raise

    def __repr__(self) -> str:
        """Return the storage with its place: no role and no password."""
        read_only = ", read only" if self._connections.read_only else ""
        return f"<PostgreSQLStorage {self._connections.place.where}{read_only}>"

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        check_text(tenant)
        check_lease(now, ttl)
        return self._connections.write_at_once(tenants.claim, tenant, now, ttl)

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        """Take the leases of tenants that are due. See `Storage.claim_due`."""
        check_limit(limit)
        check_lease(now, ttl)
        return self._connections.write_at_once(tenants.claim_due, now, ttl, limit)

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        check_claim(claim)
        check_lease(now, ttl)
        return self._connections.write_at_once(tenants.renew, claim, now, ttl)

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back. See `Storage.release`."""
        check_claim(claim)
        if due_at is not None:
            check_time(due_at)
        self._connections.write_at_once(tenants.release, claim, due_at)

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        """Set when tenants are due. See `Storage.schedule`."""
        check_due(due)
        self._connections.write_at_once(tenants.schedule, due, only_new=only_new)

    # --- reading ------------------------------------------------------------------------------------------------------

    def tenant(self, tenant: str) -> TenantRecord:
        """Return what is known of the tenant as a whole. See `Storage.tenant`."""
        check_text(tenant)
        return self._connections.read(tenants.record, tenant)

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        """Return the next page of all tenants, in order of their names. See `Storage.tenants`."""
        check_limit(limit)
        check_text(after)
        return self._connections.read(tenants.records, after, limit)

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        check_limit(limit)
        check_text(tenant, after)
        return self._connections.read(accounts.heads, tenant, after, limit)

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        check_text(tenant)
        check_keys(source_ids)
        return self._connections.read(accounts.load, tenant, source_ids)

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        check_text(tenant)
        check_keys(email_indexes)
        return self._connections.read(accounts.find_by_email, tenant, email_indexes)

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        check_limit(limit)
        check_text(tenant, after)
        return self._connections.read(accounts.tombstones, tenant, after, limit)

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        check_text(tenant)
        check_keys(source_ids)
        return self._connections.read(accounts.tombstones_of, tenant, source_ids)

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        check_batch(claim, batch)
        try:
            return self._connections.write(commit, claim, batch)
        except KeyTaken:
            self._connections.write(explain, claim, batch)

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write documents and add to journals, under no lease. See `Storage.record`."""
        check_record(tenant, documents, appends)
        self._connections.write(record, tenant, documents, appends)

    def erase_tenant(self, claim: Claim) -> None:
        """Erase all that is held for the tenant. See `Storage.erase_tenant`."""
        check_claim(claim)
        self._connections.write(erase_tenant, claim)

    # --- journals and documents ---------------------------------------------------------------------------------------

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        """Return the next page of a journal. See `Storage.entries`."""
        check_text(tenant, journal)
        check_limit(limit)
        check_position(after)
        return self._connections.read(journals.entries, tenant, journal, after, limit)

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        """Remove a journal's entries up to this position. See `Storage.trim`."""
        check_text(tenant, journal)
        check_position(through)
        self._connections.write_at_once(journals.trim, tenant, journal, through)

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document. See `Storage.document`."""
        check_text(tenant, kind, key)
        return self._connections.read(documents.document, tenant, kind, key)

    def documents_at(self, tenant: str, kind: str, keys: Collection[str]) -> Mapping[str, Document]:
        """Return those of the documents under these keys that are there. See `walks.FindsDocuments`."""
        check_text(tenant, kind, *keys)
        return self._connections.read(documents.documents_at, tenant, kind, keys)

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
        return self._connections.read(documents.documents, tenant, kind, after, limit)

    # --- looking after it -----------------------------------------------------------------------------------------

    def check(self) -> Sequence[Finding]:
        """Look for what contradicts itself in the tables. See `Maintained.check`.

        Reads every fingerprint, and sees one state of the store while others write.
        """
        with self._connections.lent() as lent:
            return check(lent)

    def backup(self, path: str | os.PathLike[str]) -> None:  # noqa: ARG002 - as the protocol has it
        """Refuse: the server's own tools copy a schema better.

        Raises:
            UsageError: Always.
        """
        self._connections.check_open()
        place = self._connections.place
        raise UsageError(
            "a store in PostgreSQL is copied with PostgreSQL's own tools",
            where=place.where,
            cure=f"Run: pg_dump --format=custom --schema={place.schema} --file=FILE URL",
        )

    # --- life ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of all connections. See `Storage.close`."""
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


def _check_options(schema: str, pool_size: int, statement_timeout: float | None, lock_timeout: float | None) -> None:
    """Raise `UsageError` for what no store can be opened with."""
    check_text(schema)
    if not schema or "\0" in schema or len(schema.encode()) > _LONGEST_NAME:
        raise UsageError(
            f"a schema's name has 1 to {_LONGEST_NAME} bytes and no null character", cure="Give it another name."
        )
    if schema.startswith("pg_") or schema == "information_schema":
        raise UsageError("the schema is PostgreSQL's own", cure="Give it another name.")
    if pool_size < 1:
        raise UsageError("a pool has at least one connection", cure="Give a positive pool_size.")
    if any(seconds is not None and seconds <= 0 for seconds in (statement_timeout, lock_timeout)):
        raise UsageError("a time limit must be longer than no time", cure="Give a positive one, or None.")
