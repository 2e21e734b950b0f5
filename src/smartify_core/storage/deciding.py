"""What every backend decides alike, apart from where it keeps things: leases, refusals and totals, as pure functions.

A backend reads what a write meets, lets this module decide, and writes what was decided, all of it in one transaction
of its own. `MemoryStorage` is made of nothing else. A backend that has faster ways of its own (a key that refuses by
itself, an update that sets the fence) may take only the refusals from here, so that its errors are everybody's. One on
a store that knows keys and bytes only finds more ready-made in `smartify_core.storage.rows`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from attrs import define, evolve, field, frozen

from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Head,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)

from . import refusals
from .checks import check_number, check_position

#: Digests are sums of fingerprints modulo this.
DIGEST_MODULUS: Final = 1 << 128


class Versioned(Protocol):
    """What tells whether a write may replace an account. A `SealedAccount` is one."""

    @property
    def account_id(self) -> str:
        """Its account id."""

    @property
    def version(self) -> int:
        """Its version."""


class LiveAccount(Versioned, Protocol):
    """What a write needs to know of the account that it replaces. A `SealedAccount` is one."""

    @property
    def fingerprint(self) -> bytes:
        """Its fingerprint."""


@frozen(order=False)
class Met:
    """What the writes of a batch meet in the store.

    Args:
        live: The live accounts among the source ids that the batch names, by source id.
        owned: Those account ids of the batch that live accounts have.
        ended: Those account ids of the batch that have a tombstone.
        documents: The versions of the documents that the batch names, by kind and key; absent ones may be left out.
    """

    live: Mapping[str, LiveAccount]
    owned: Container[str]
    ended: Container[str]
    documents: Mapping[tuple[str, str], int]


@define
class TenantState:
    """The numbers of a tenant, which every write changes: to be read before it, and kept after it.

    Attributes:
        name: The tenant.
        fence: The fence of the newest claim.
        expires_at: When that claim expires; ``None`` once it was released.
        revision: How many commits have written accounts.
        due_at: When the tenant is due; ``None`` when it is not scheduled.
        accounts: How many live accounts there are.
        digest: The sum of their fingerprints modulo 2^128.
        positions: The latest position of each journal that was ever added to, the outbox included.
        batch_id: The id of the latest commit. Its receipt tells the revision, which nothing has changed since.
    """

    name: str
    fence: int = 0
    expires_at: datetime | None = None
    revision: int = 0
    due_at: datetime | None = None
    accounts: int = 0
    digest: int = 0
    positions: dict[str, int] = field(factory=dict)
    batch_id: str | None = None

    def as_record(self) -> TenantRecord:
        """Return what the port tells of the tenant."""
        return TenantRecord(
            tenant=self.name,
            fence=self.fence,
            expires_at=self.expires_at,
            revision=self.revision,
            due_at=self.due_at,
            accounts=self.accounts,
            digest=self.digest,
            position=self.positions.get(OUTBOX, 0),
            positions={journal: position for journal, position in self.positions.items() if journal != OUTBOX},
        )

    # --- the lease ----------------------------------------------------------------------------------------------------

    def take(self, now: datetime, ttl: timedelta) -> Claim:
        """Make a new claim. See `Storage.claim`.

        Raises:
            LeaseHeld: Another one runs.
        """
        if self.expires_at is not None and self.expires_at > now:
            raise refusals.lease_held(self.name, self.expires_at)
        self.fence += 1
        self.expires_at = now + ttl
        return Claim(self.name, self.fence, self.expires_at, self.revision, self.due_at)

    def is_due(self, now: datetime) -> bool:
        """Return whether a worker may take the tenant now. See `Storage.claim_due`."""
        return self.due_at is not None and self.due_at <= now and (self.expires_at is None or self.expires_at <= now)

    def holds(self, claim: Claim) -> bool:
        """Return whether a claim is the newest one and was not released."""
        return self.fence == claim.fence and self.expires_at is not None

    def require(self, claim: Claim) -> None:
        """Raise `LeaseLost` unless the claim holds."""
        if not self.holds(claim):
            raise refusals.lease_lost(claim.tenant, claim.fence)

    def renew(self, claim: Claim, now: datetime, ttl: timedelta) -> Claim:
        """Prolong the lease. See `Storage.renew`.

        Raises:
            LeaseLost: The claim does not hold.
        """
        self.require(claim)
        self.expires_at = now + ttl
        return evolve(claim, expires_at=self.expires_at, revision=self.revision)

    def release(self, claim: Claim, due_at: datetime | None) -> bool:
        """Give the lease back where the claim holds, and return whether it did. See `Storage.release`."""
        if not self.holds(claim):
            return False
        self.expires_at = None
        self.due_at = due_at or self.due_at
        return True

    def schedule(self, due_at: datetime | None, *, only_new: bool) -> bool:
        """Set when the tenant is due, and return whether that changed anything. See `Storage.schedule`."""
        if due_at == self.due_at or (only_new and self.due_at is not None):
            return False
        self.due_at = due_at
        return True

    # --- writes -------------------------------------------------------------------------------------------------------

    def repeats(self, batch: Batch) -> Receipt | None:
        """Return the first receipt of a batch that is the tenant's latest, else ``None``."""
        return Receipt(self.revision) if batch.id is not None and batch.id == self.batch_id else None

    def commit(self, claim: Claim, batch: Batch, met: Met) -> Receipt:
        """Decide a batch that is not repeated, as a whole. See `Storage.commit`.

        Afterwards its accounts, tombstones and documents are to be written, and what `entries_of` makes of its appends.

        Raises:
            LeaseLost: The claim does not hold.
            Tombstoned: A write names an account that has ended.
            WriteConflict: An account, a document or a journal is not as expected.
        """
        self.require(claim)
        refuse_tombstoned(self.name, batch.writes, met.ended)
        refuse_conflicts(self.name, batch.writes, met.live, met.owned)
        revision = revision_after(self.revision, grows=bool(batch.writes), least=batch.revision)
        self.record(batch.documents, appends_of(batch), met.documents)
        for write in batch.writes:
            if write.expected_version:
                self._count(met.live[item_of(write).source_id], -1)
            if isinstance(write, Put):
                self._count(write.account, 1)
        self.revision = revision
        self.batch_id = batch.id
        return Receipt(self.revision)

    def record(
        self, documents: Iterable[PutDocument], appends: Sequence[Append], versions: Mapping[tuple[str, str], int]
    ) -> None:
        """Decide documents and appends, as a whole. See `Storage.record`.

        Raises:
            WriteConflict: A document or a journal is not as expected.
        """
        for document in documents:
            if versions.get((document.kind, document.key), 0) != document.expected_version:
                raise refusals.document_conflict(self.name, document.kind, document.key)
        ends = {append.journal: end_of(self.name, append, self.positions.get(append.journal, 0)) for append in appends}
        self.positions.update((journal, end) for journal, end in ends.items() if end)

    def entries_of(self, append: Append) -> list[Entry]:
        """Return the entries that an append, which was decided last of its journal, is to leave."""
        first = self.positions.get(append.journal, 0) - len(append.entries) + 1
        return [Entry(position, content) for position, content in enumerate(append.entries, start=first)]

    def erase(self, claim: Claim) -> None:
        """Decide the end of all that is held for the tenant. See `Storage.erase_tenant`.

        Raises:
            LeaseLost: The claim does not hold.
        """
        self.require(claim)
        self.revision = revision_after(self.revision, grows=True)
        self.expires_at = self.due_at = self.batch_id = None
        self.accounts = self.digest = 0

    def _count(self, account: LiveAccount, sign: int) -> None:
        self.accounts += sign
        self.digest = (self.digest + sign * int.from_bytes(account.fingerprint, "big")) % DIGEST_MODULUS


def item_of(write: Put | Erase) -> SealedAccount | Tombstone:
    """Return the account or the tombstone that a write leaves."""
    return write.account if isinstance(write, Put) else write.tombstone


def replaces(write: Put | Erase, found: Versioned | None) -> bool:
    """Return whether a write that expects a version meets the account that it expects."""
    return found is not None and (found.account_id, found.version) == (
        item_of(write).account_id,
        write.expected_version,
    )


def head_of(account: SealedAccount) -> Head:
    """Return what `Storage.heads` tells of an account."""
    return Head(account.source_id, account.fingerprint, account.state, account.version, account.inactive_reason)


def document_of(write: PutDocument) -> Document | None:
    """Return the document that a write leaves, ``None`` where it removes one."""
    if write.value is None:
        return None
    return Document(write.kind, write.key, write.value, write.expected_version + 1)


def end_of(tenant: str, append: Append, position: int) -> int:
    """Return the position of a journal after an append, which begins so many entries before it.

    Args:
        tenant: The tenant.
        append: The append.
        position: The journal's position before it; 0 for one that never had an entry.

    Raises:
        WriteConflict: The journal is not at the position that is expected.
        UsageError: There are no positions left.
    """
    if position and append.expected_position not in {None, position}:
        raise refusals.journal_conflict(tenant, append.journal)
    end = (position or append.expected_position or 0) + len(append.entries)
    check_position(end)
    return end


def revision_after(revision: int, *, grows: bool, least: int = 0) -> int:
    """Return a tenant's revision after a write.

    Args:
        revision: The one before.
        grows: Whether the write counts.
        least: What it is to be at least. See `Batch.revision`.

    Raises:
        UsageError: There are no revisions left.
    """
    after = max(least, revision + grows)
    check_number("a revision", after)
    return after


def appends_of(batch: Batch) -> tuple[Append, ...]:
    """Return all that a batch appends, to the outbox first."""
    return (Append(OUTBOX, batch.entries), *batch.appends) if batch.entries else batch.appends


def latest(one: Tombstone | None, other: Tombstone) -> Tombstone:
    """Return which of two tombstones of a source id `Storage.tombstones_of` tells."""
    if one is None or (one.deleted_at, one.account_id) < (other.deleted_at, other.account_id):
        return other
    return one


def refuse_tombstoned(tenant: str, writes: Sequence[Put | Erase], ended: Container[str]) -> None:
    """Raise `Tombstoned` for the first write that would revive an account, or end one that has ended elsewhere.

    Args:
        tenant: The tenant.
        writes: The writes of one batch.
        ended: Those account ids of the batch that have a tombstone.
    """
    ending = {write.tombstone.account_id for write in writes if isinstance(write, Erase)}
    for write in writes:
        account_id = item_of(write).account_id
        if isinstance(write, Put):
            refused = account_id in ended or account_id in ending
        else:
            # One that is erased at a version is live here, and its account id is nobody else's.
            refused = not write.expected_version and account_id in ended
        if refused:
            raise refusals.tombstoned(tenant, account_id)


def refuse_conflicts(
    tenant: str, writes: Sequence[Put | Erase], live: Mapping[str, Versioned], owned: Container[str]
) -> None:
    """Raise `WriteConflict` for the first write that the accounts which are there do not allow.

    Args:
        tenant: The tenant.
        writes: The writes of one batch.
        live: The live accounts among the source ids of the writes, by source id.
        owned: Those account ids of the writes that live accounts have.
    """
    newcomers: set[str] = set()
    for write in writes:
        item = item_of(write)
        found = live.get(item.source_id)
        if write.expected_version:
            fits = replaces(write, found)
        else:
            # An account id names one account for good; one that comes as a tombstone leaves who is there alone.
            known = item.account_id in owned or item.account_id in newcomers
            fits = not known and (found is None or isinstance(write, Erase))
            newcomers.add(item.account_id)
        if not fits:
            raise refusals.conflict(tenant, item.source_id)
