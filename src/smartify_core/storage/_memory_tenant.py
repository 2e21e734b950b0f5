"""What the reference in memory holds for one tenant, and how a batch is applied to it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from attrs import define, field

from smartify_core.model import (
    OUTBOX,
    Append,
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

from . import refusals

_MODULUS: Final = 1 << 128
_Key = TypeVar("_Key", str, tuple[str, str])


@define
class Journal:
    """One journal: the entries that are left, and the position of the latest there ever was."""

    entries: list[Entry] = field(factory=list)
    position: int = 0

    def append(self, contents: Iterable[bytes]) -> None:
        """Add these to the end."""
        for content in contents:
            self.position += 1
            self.entries.append(Entry(self.position, content))

    def page(self, after: int, limit: int) -> list[Entry]:
        """Return the next page beyond ``after``."""
        start = max(0, after + 1 - self.entries[0].position) if self.entries else 0
        return self.entries[start : start + limit]

    def trim(self, through: int) -> None:
        """Remove what there is up to this position."""
        self.entries = [entry for entry in self.entries if entry.position > through]


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
    journals: dict[str, Journal] = field(factory=dict)
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
            position=self.journal(OUTBOX).position,
            positions={name: one.position for name, one in self.journals.items() if name != OUTBOX},
        )

    def journal(self, name: str) -> Journal:
        """Return a journal: an empty one where there is none of that name."""
        return self.journals.get(name) or Journal()

    def refuse(self, batch: Batch) -> None:
        """Raise when a write of the batch may not be applied.

        Raises:
            Tombstoned: A `Put` names an account that has ended.
            WriteConflict: An account or a document is not as a write expects it.
        """
        self._refuse_tombstoned(batch)
        self._refuse_conflicts(batch)
        self.refuse_beside(batch.documents, batch.appends)

    def refuse_beside(self, documents: Sequence[PutDocument], appends: Sequence[Append]) -> None:
        """Raise `WriteConflict` when a document or a journal is not as its write expects it."""
        for document in documents:
            there = self.documents.get((document.kind, document.key))
            if (there.version if there else 0) != document.expected_version:
                raise refusals.document_conflict(self.name, document.kind, document.key)
        for append in appends:
            position = self.journal(append.journal).position
            if position and append.expected_position not in {None, position}:
                raise refusals.journal_conflict(self.name, append.journal)

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
        self.write_beside(batch.documents, (Append(OUTBOX, batch.entries), *batch.appends))
        self.revision = max(batch.revision, self.revision + bool(batch.writes))
        self.batch_id = batch.id
        return Receipt(self.revision)

    def write_beside(self, documents: Sequence[PutDocument], appends: Sequence[Append]) -> None:
        """Write documents and add to journals that are as expected."""
        for document in documents:
            place = (document.kind, document.key)
            if document.value is None:
                del self.documents[place]
            else:
                self.documents[place] = Document(*place, document.value, document.expected_version + 1)
        for append in appends:
            journal = self.journals.setdefault(append.journal, Journal())
            journal.position = journal.position or append.expected_position or 0
            journal.append(append.entries)
            if not journal.position:  # nothing was added to what never had anything
                del self.journals[append.journal]

    def ended(self) -> Held:
        """Return what is left when all that is held is erased: the numbers, so that none of them is used again."""
        journals = {name: Journal(position=one.position) for name, one in self.journals.items()}
        return Held(self.name, fence=self.fence, revision=self.revision + 1, journals=journals)

    def _refuse_tombstoned(self, batch: Batch) -> None:
        ending = {write.tombstone.account_id for write in batch.writes if isinstance(write, Erase)}
        for write in batch.writes:
            account_id = (write.account if isinstance(write, Put) else write.tombstone).account_id
            if isinstance(write, Put):
                ended = account_id in self.tombstones or account_id in ending
            else:
                ended = not write.expected_version and account_id in self.tombstones
            if ended:
                raise refusals.tombstoned(self.name, account_id)

    def _refuse_conflicts(self, batch: Batch) -> None:
        newcomers: set[str] = set()
        for write in batch.writes:
            item = write.account if isinstance(write, Put) else write.tombstone
            live = self.accounts.get(item.source_id)
            if write.expected_version:
                fits = live is not None and (live.account_id, live.version) == (item.account_id, write.expected_version)
            else:
                # An account id names one account for good; one that comes as a tombstone leaves who is there alone.
                known = item.account_id in self.by_account_id or item.account_id in newcomers
                fits = not known and (live is None or isinstance(write, Erase))
                newcomers.add(item.account_id)
            if not fits:
                raise refusals.conflict(self.name, item.source_id)

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
        if write.expected_version:
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


def page(ordered: list[_Key], after: _Key | None, limit: int) -> list[_Key]:
    """Return the ``limit`` keys that come after ``after``."""
    start = 0 if after is None else bisect_right(ordered, after)
    return ordered[start : start + limit]
