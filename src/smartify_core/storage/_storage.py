"""The port where sealed accounts live. Everything that the author of a backend must read is here.

Rules that everything below serves (numbered clauses with their tests: ``docs/reference/storage-contract.md``):

1. A backend holds ids, states, times and opaque bytes. It never sees a name or an email.
2. `Storage.commit` is the only write of accounts: all of a batch or nothing of it, under the newest claim of the
   tenant only.
3. Order is bytewise: source ids ascend by their UTF-8 bytes, whatever locale the host has.
4. No foreign exception leaves a method: what a driver raises is translated into a `StorageError`.

Methods may be called from several threads, and several processes may hold the same durable store open at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Protocol, Self, runtime_checkable

from smartify_core.model import (
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

#: The most keys that one keyed call takes, and the largest page that one scan call answers.
KEYS_AT_ONCE: Final = 1000


@runtime_checkable
class Storage(Protocol):
    """Where sealed accounts live. Times are aware UTC and come from the caller: a backend reads no clock."""

    # --- the right to write ----------------------------------------------------------------------------------------

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """Take the tenant's lease until ``now + ttl``.

        The fence grows by one with each claim, and survives release and reopening.

        Raises:
            LeaseHeld: Another claim has neither been released nor expired (``expires_at > now``).
        """

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        """Take the leases of up to ``limit`` tenants that are due (``due_at <= now``) and that nobody holds.

        The longest due come first, among equals in bytewise order of tenant. Each is claimed as by `claim`; of two
        workers who ask at once no tenant goes to both. ``limit`` is 1 to `KEYS_AT_ONCE`.
        """

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease and return the claim with its new expiry and the tenant's present revision.

        Raises:
            LeaseLost: A newer claim was made, or this one was released.
        """

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """Give the lease back. Does nothing when the claim is no longer the newest, or was released before.

        Args:
            claim: The claim.
            due_at: When the tenant is due next. Without it, when it is due stays as it is.
        """

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        """Set when each of these tenants (at most `KEYS_AT_ONCE`) is due; ``None`` takes one off the schedule.

        All or nothing. Needs no lease, and disturbs nobody who holds one.

        Args:
            due: The instants, by tenant.
            only_new: Leave tenants as they are that are scheduled already.
        """

    # --- reading ------------------------------------------------------------------------------------------------------

    def tenant(self, tenant: str) -> TenantRecord:
        """Return what the store knows of the tenant as a whole: always as the latest commit left it."""

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        """Return the next page of all tenants ever claimed, scheduled or written, in bytewise order of their names.

        A page shorter than ``limit`` is the last one.
        """

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        """Return the next page of live accounts whose source id comes after ``after``, in bytewise order of source id.

        A page shorter than ``limit`` is the last one. ``limit`` is 1 to `KEYS_AT_ONCE`. `HeadPage.of` makes a page of
        heads that are at hand.
        """

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        """Return the live accounts among ``source_ids`` (at most `KEYS_AT_ONCE`), by source id.

        Unknown ones are absent.
        """

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        """Return the live accounts that carry one of these email indexes (at most `KEYS_AT_ONCE`).

        They stand in bytewise order of source id.
        """

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        """Return the next page of tombstones whose account id comes after ``after``.

        They stand in bytewise order of account id; a page shorter than ``limit`` is the last one.
        """

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        """Return the latest tombstone of each of these source ids (at most `KEYS_AT_ONCE`); those without are absent.

        The latest is the one with the greatest ``deleted_at``, then the greatest account id.
        """

    # --- writing ------------------------------------------------------------------------------------------------------

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        """Apply the whole batch or nothing of it; one that writes accounts adds one to the tenant's revision.

        A `Put` writes the account given (its ``version`` is ``expected_version + 1``). An `Erase` removes the live
        account, so that its key, indexes and payload are gone from the store's bytes where the backend can promise
        that, and keeps the tombstone for good. Entries are appended to the journal, documents written as by
        `put_document`. A batch with the id of the tenant's latest commit is not applied again and gets the first
        receipt, whatever has become of the claim.

        Raises:
            LeaseLost: The claim's fence is not the tenant's newest, or the claim was released. An expired claim that
                nobody took over may still write.
            WriteConflict: A live account or a document is not at ``expected_version`` (or is absent, or the account
                has another account id).
            Tombstoned: A `Put` names an account id that has a tombstone, or gets one in the same batch.
            UsageError: The batch is misshapen: it names a source id twice, or a tenant that is not the claim's, or
                holds what no account can have (clause ``ST-24``).
        """

    # --- the journal, and documents -------------------------------------------------------------------------------

    def entries(self, tenant: str, *, after: int = 0, limit: int = KEYS_AT_ONCE) -> Sequence[Entry]:
        """Return the next page of the tenant's journal beyond position ``after``, in ascending order of position.

        A page shorter than ``limit`` is the last one. Entries that were trimmed away are absent.
        """

    def trim(self, tenant: str, *, through: int) -> None:
        """Remove the entries up to and including position ``through``. Their positions are not used again."""

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document, or ``None``."""

    def documents(
        self, tenant: str, kind: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Document]:
        """Return the next page of a tenant's documents of one kind, in bytewise order of key.

        A page shorter than ``limit`` is the last one.
        """

    def put_document(self, tenant: str, document: PutDocument) -> None:
        """Write or remove one document, under no lease.

        Raises:
            WriteConflict: The document is not at ``expected_version``, or is absent.
        """

    # --- life ---------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of files and connections.

        Closing twice is harmless; any other call afterwards raises `StorageUnavailable`.
        """

    def __enter__(self) -> Self:
        """Return the storage itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the storage."""
