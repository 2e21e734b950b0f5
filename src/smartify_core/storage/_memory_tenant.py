"""What the reference in memory holds for one tenant, and how a batch is applied to it."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime
from typing import Final

from attrs import define, field

from smartify_core.model import (
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)

from . import _refusals as refusals

_MODULUS: Final = 1 << 128


@define
class Held:
    """All that is held for one tenant. ``expires_at`` is ``None`` while nobody holds the lease."""

    name: str
    fence: int = 0
    expires_at: datetime | None = None
    revision: int = 0
    due_at: datetime | None = None
    digest: int = 0
    accounts: dict[str, SealedAccount] = field(factory=dict)
    tombstones: dict[str, Tombstone] = field(factory=dict)
    #: The keys of the two above in order. Python orders text by code point, which is the order of its UTF-8 bytes.
    source_ids: list[str] = field(factory=list)
    ended_ids: list[str] = field(factory=list)
    by_email: dict[bytes, set[str]] = field(factory=dict)
    by_account_id: dict[str, str] = field(factory=dict)
    ended_by_source: dict[str, list[Tombstone]] = field(factory=dict)
    journal: list[Entry] = field(factory=list)
    position: int = 0
    #: By kind and key.
    documents: dict[tuple[str, str], Document] = field(factory=dict)
    #: The id of the latest commit. Its receipt tells the revision, which nothing has changed since.
    batch_id: str | None = None

    def take(self, now: datetime, until: datetime) -> Claim:
        """Make a new claim until then.

        Raises:
            LeaseHeld: Another one runs.
        """
        if self.expires_at is not None and self.expires_at > now:
            raise refusals.lease_held(self.name, self.expires_at)
        self.fence += 1
        self.expires_at = until
        return Claim(self.name, self.fence, until, self.revision, self.due_at)

    def is_due(self, now: datetime) -> bool:
        """Return whether a worker may take the tenant now."""
        return self.due_at is not None and self.due_at <= now and (self.expires_at is None or self.expires_at <= now)

    def record(self) -> TenantRecord:
        """Return what there is to know of the tenant as a whole."""
        return TenantRecord(
            tenant=self.name,
            fence=self.fence,
            expires_at=self.expires_at,
            revision=self.revision,
            due_at=self.due_at,
            accounts=len(self.accounts),
            digest=self.digest,
            position=self.position,
        )

    def refuse(self, batch: Batch) -> None:
        """Raise when a write of the batch may not be applied.

        Raises:
            Tombstoned: A `Put` names an account that has ended.
            WriteConflict: An account or a document is not as a write expects it.
        """
        self._refuse_tombstoned(batch)
        self._refuse_conflicts(batch)
        for document in batch.documents:
            self.refuse_document(document)

    def refuse_document(self, document: PutDocument) -> None:
        """Raise `WriteConflict` when a document is not at the version that its write expects."""
        there = self.documents.get((document.kind, document.key))
        if (there.version if there else 0) != document.expected_version:
            raise refusals.document_conflict(self.name, document.kind, document.key)

    def apply(self, batch: Batch) -> Receipt:
        """Apply a batch that nothing refuses: nothing in here can fail."""
        for write in batch.writes:
            if isinstance(write, Erase):
                self._erase(write)
            else:
                self._put(write)
        if any(isinstance(write, Erase) for write in batch.writes):
            self.source_ids = [one for one in self.source_ids if one in self.accounts]
        self.source_ids.sort()
        self.ended_ids.sort()
        for document in batch.documents:
            self.write_document(document)
        for content in batch.entries:
            self.position += 1
            self.journal.append(Entry(self.position, content))
        self.revision += bool(batch.writes)
        self.batch_id = batch.id
        return Receipt(self.revision)

    def write_document(self, document: PutDocument) -> None:
        """Write or remove a document that is as expected."""
        place = (document.kind, document.key)
        if document.value is None:
            del self.documents[place]
        else:
            self.documents[place] = Document(*place, document.value, document.expected_version + 1)

    def _refuse_tombstoned(self, batch: Batch) -> None:
        ending = {write.tombstone.account_id for write in batch.writes if isinstance(write, Erase)}
        for write in batch.writes:
            if isinstance(write, Put):
                account_id = write.account.account_id
                if account_id in self.tombstones or account_id in ending:
                    raise refusals.tombstoned(self.name, account_id)

    def _refuse_conflicts(self, batch: Batch) -> None:
        newcomers: set[str] = set()
        for write in batch.writes:
            item = write.account if isinstance(write, Put) else write.tombstone
            live = self.accounts.get(item.source_id)
            found = (live.account_id, live.version) if live is not None else None
            expected = (item.account_id, write.expected_version)
            creates = isinstance(write, Put) and write.expected_version == 0
            if found != (None if creates else expected):
                raise refusals.conflict(self.name, item.source_id)
            # An account id names one account for good.
            if creates and (item.account_id in self.by_account_id or item.account_id in newcomers):
                raise refusals.conflict(self.name, item.source_id)
            newcomers.add(item.account_id)

    def _put(self, write: Put) -> None:
        account = write.account
        if (before := self.accounts.get(account.source_id)) is None:
            self.source_ids.append(account.source_id)
            self.by_account_id[account.account_id] = account.source_id
        else:
            self._take_out(before)
        self.accounts[account.source_id] = account
        self._total(account, 1)
        self.by_email.setdefault(account.email_index, set()).add(account.source_id)

    def _erase(self, write: Erase) -> None:
        stone = write.tombstone
        self._take_out(self.accounts.pop(stone.source_id))
        del self.by_account_id[stone.account_id]
        self.tombstones[stone.account_id] = stone
        self.ended_ids.append(stone.account_id)
        self.ended_by_source.setdefault(stone.source_id, []).append(stone)

    def _take_out(self, account: SealedAccount) -> None:
        self._total(account, -1)
        sharers = self.by_email[account.email_index]
        sharers.discard(account.source_id)
        if not sharers:
            del self.by_email[account.email_index]

    def _total(self, account: SealedAccount, sign: int) -> None:
        self.digest = (self.digest + sign * int.from_bytes(account.fingerprint, "big")) % _MODULUS


def page(ordered: list[str], after: str | None, limit: int) -> list[str]:
    """Return the ``limit`` names that come after ``after``."""
    start = 0 if after is None else bisect_right(ordered, after)
    return ordered[start : start + limit]
