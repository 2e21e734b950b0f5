"""Storage in memory, lost at exit: the reference meaning of the port, and the model for other backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest
from threading import RLock
from types import TracebackType
from typing import Self

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

from . import refusals
from ._memory_tenant import Held, page
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
from .deciding import head_of


class MemoryStorage:
    """A `Storage` in memory. Threads may share it; nothing survives the process."""

    def __init__(self) -> None:
        self._tenants: dict[str, Held] = {}
        self._lock = RLock()
        self._closed = False

    # --- the right to write -------------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease. See `Storage.claim`."""
        check_text(tenant)
        check_lease(now, ttl)
        with self._lock:
            return self._brought_in(tenant).take(now, ttl)

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        """Take the leases of tenants that are due. See `Storage.claim_due`."""
        check_limit(limit)
        check_lease(now, ttl)
        with self._lock:
            due = [(held.due_at, name) for name, held in self._open().items() if held.is_due(now)]
            return [self._tenants[name].take(now, ttl) for _, name in nsmallest(limit, due)]

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`."""
        check_claim(claim)
        check_lease(now, ttl)
        with self._lock:
            return self._of(claim.tenant).renew(claim, now, ttl)

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back. See `Storage.release`."""
        check_claim(claim)
        if due_at is not None:
            check_time(due_at)
        with self._lock:
            self._of(claim.tenant).release(claim, due_at)

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        """Set when tenants are due. See `Storage.schedule`."""
        check_due(due)
        with self._lock:
            self._open()
            for tenant, time in due.items():
                # One that nobody has heard of is brought in by a due time, and by nothing else.
                held = self._of(tenant) if time is None else self._brought_in(tenant)
                held.schedule(time, only_new=only_new)

    # --- reading ------------------------------------------------------------------------------------------------------

    def tenant(self, tenant: str) -> TenantRecord:
        """Return what is known of the tenant as a whole. See `Storage.tenant`."""
        with self._lock:
            return self._of(tenant).as_record()

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        """Return the next page of all tenants, in order of their names. See `Storage.tenants`."""
        check_limit(limit)
        check_text(after)
        with self._lock:
            return [self._tenants[name].as_record() for name in page(sorted(self._open()), after, limit)]

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        """Return the next page of live accounts, in order of source id. See `Storage.heads`."""
        check_limit(limit)
        check_text(after)
        with self._lock:
            held = self._of(tenant)
            accounts = map(held.live.__getitem__, page(held.source_ids, after, limit))
            return HeadPage.of(map(head_of, accounts))

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among these. See `Storage.load`."""
        check_keys(source_ids)
        with self._lock:
            accounts = self._of(tenant).live
            return {one: accounts[one] for one in source_ids if one in accounts}

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes. See `Storage.find_by_email`."""
        check_keys(email_indexes)
        with self._lock:
            held = self._of(tenant)
            found = {source_id for index in email_indexes for source_id in held.by_email.get(index, ())}
            return [held.live[source_id] for source_id in sorted(found)]

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones, in order of account id. See `Storage.tombstones`."""
        check_limit(limit)
        check_text(after)
        with self._lock:
            held = self._of(tenant)
            return [held.tombstones[one] for one in page(held.ended_ids, after, limit)]

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids. See `Storage.tombstones_of`."""
        check_keys(source_ids)
        with self._lock:
            ended = self._of(tenant).ended_by_source
            return {
                one: max(ended[one], key=lambda stone: (stone.deleted_at, stone.account_id))
                for one in source_ids
                if one in ended
            }

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it. See `Storage.commit`."""
        check_batch(claim, batch)
        with self._lock:
            held = self._of(claim.tenant)
            if (first := held.repeats(batch)) is not None:
                return first
            receipt = held.commit(claim, batch, held.met())
            held.write(batch)
            return receipt

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write documents and add to journals, under no lease. See `Storage.record`."""
        check_record(tenant, documents, appends)
        with self._lock:
            held = self._of(tenant)
            held.record(documents, appends, held.versions())
            held.write_beside(documents, appends)
            self._open()[tenant] = held

    def erase_tenant(self, claim: Claim) -> None:
        """Erase all that is held for the tenant. See `Storage.erase_tenant`."""
        check_claim(claim)
        with self._lock:
            self._open()[claim.tenant] = self._of(claim.tenant).ended(claim)

    # --- journals and documents ---------------------------------------------------------------------------------------

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        """Return the next page of a journal. See `Storage.entries`."""
        check_text(journal)
        check_limit(limit)
        check_position(after)
        with self._lock:
            return self._of(tenant).page_of(journal, after, limit)

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        """Remove a journal's entries up to this position. See `Storage.trim`."""
        check_text(journal)
        check_position(through)
        with self._lock:
            self._of(tenant).trim(journal, through)

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document. See `Storage.document`."""
        check_text(kind, key)
        with self._lock:
            return self._of(tenant).documents.get((kind, key))

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
        check_text(kind, *(after or ()))
        with self._lock:
            held = self._of(tenant).documents
            places = sorted(place for place in held if kind in {None, place[0]})
            return [held[place] for place in page(places, after, limit)]

    # --- life ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of everything that is held. See `Storage.close`."""
        with self._lock:
            self._closed = True
            self._tenants = {}

    def __enter__(self) -> Self:
        """Return the storage itself."""
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the storage."""
        self.close()

    def _open(self) -> dict[str, Held]:
        if self._closed:
            raise refusals.closed()
        return self._tenants

    def _of(self, tenant: str) -> Held:
        check_text(tenant)
        return self._open().get(tenant) or Held(tenant)

    def _brought_in(self, tenant: str) -> Held:
        return self._open().setdefault(tenant, Held(tenant))
