"""The port where sealed accounts live. The author of a backend begins here.

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

        A `Put` writes the account given: over the version before its own, or over nothing. An `Erase` removes the live
        account, so that its key, indexes and payload are gone from the store's bytes where the backend can promise
        that, and keeps the tombstone for good; one that expects version 0 writes the tombstone only. Entries are
        appended to the outbox, documents and other journals written as by `record`. The revision afterwards is
        ``batch.revision`` where that is more than it would be otherwise. A batch with the id of the tenant's latest
        commit is not applied again and gets the first receipt, whatever has become of the claim.

        Raises:
            LeaseLost: The claim's fence is not the tenant's newest, or the claim was released. An expired claim that
                nobody took over may still write.
            WriteConflict: A live account, a document or a journal is not as expected (it is absent, at another version
                or position, or the account has another account id).
            Tombstoned: A `Put` names an account id that has a tombstone, or gets one in the same batch; or an `Erase`
                of an account that this store never held names one that has.
            UsageError: The batch is misshapen: it names a source id twice, or a tenant that is not the claim's, or
                holds what no account can have (clause ``ST-24``).
        """

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Write or remove documents and add to journals, under no lease: all or nothing.

        Raises:
            WriteConflict: A document is not at ``expected_version``, or is absent; or the latest entry of a journal
                is not at ``expected_position``.
        """

    def erase_tenant(self, claim: Claim) -> None:
        """Erase all that is held for the claim's tenant, take it off the schedule and release the claim.

        Accounts, tombstones, documents and the entries of all journals go, accounts as by `Erase`. The tenant's name
        stays, and its numbers do, so that nothing from before is ever taken for something new: fence, positions, and
        the revision, to which this adds one.

        Raises:
            LeaseLost: As for `commit`.
        """

    # --- journals and documents ---------------------------------------------------------------------------------------

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        """Return the next page of a journal beyond position ``after``, in ascending order of position.

        A page shorter than ``limit`` is the last one. Entries that were trimmed away are absent.
        """

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        """Remove a journal's entries up to and including ``through``. Their positions are not used again."""

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        """Return a document, or ``None``."""

    def documents(
        self,
        tenant: str,
        kind: str | None = None,
        *,
        after: tuple[str, str] | None = None,
        limit: int = KEYS_AT_ONCE,
    ) -> Sequence[Document]:
        """Return the next page of a tenant's documents, or of those of one kind, beyond the kind and key of ``after``.

        They stand in bytewise order of kind, then of key; a page shorter than ``limit`` is the last one.
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
