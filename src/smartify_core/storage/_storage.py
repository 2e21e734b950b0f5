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

from smartify_core.model import Batch, Claim, Head, Receipt, SealedAccount, Tombstone

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

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease and return the claim with its new expiry and the tenant's present revision.

        Raises:
            LeaseLost: A newer claim was made, or this one was released.
        """

    def release(self, claim: Claim) -> None:
        """Give the lease back. Does nothing when the claim is no longer the newest, or was released before."""

    # --- reading ------------------------------------------------------------------------------------------------------

    def revision(self, tenant: str) -> int:
        """Return how many commits the tenant has seen; 0 for one never heard of."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Head]:
        """Return the next page of live accounts whose source id comes after ``after``, in bytewise order of source id.

        A page shorter than ``limit`` is the last one. ``limit`` is 1 to `KEYS_AT_ONCE`.
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
        """Apply the whole batch or nothing of it, and add one to the tenant's revision.

        A `Put` writes the account given (its ``version`` is ``expected_version + 1``). An `Erase` removes the live
        account, so that its key, indexes and payload are gone from the store's bytes where the backend can promise
        that, and keeps the tombstone for good.

        Raises:
            LeaseLost: The claim's fence is not the tenant's newest, or the claim was released. An expired claim that
                nobody took over may still write.
            WriteConflict: A live account is not at ``expected_version`` (or is absent, or has another account id).
            Tombstoned: A `Put` names an account id that has a tombstone, or gets one in the same batch.
            UsageError: The batch is misshapen: it names a source id twice, or a tenant that is not the claim's, or
                holds what no account can have (clause ``ST-24``).
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
