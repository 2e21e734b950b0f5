"""What the reference in memory holds for one tenant, and how what was decided is written to it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import TypeVar

from attrs import define, field

from smartify_core.model import Append, Batch, Claim, Document, Entry, Erase, Put, PutDocument, SealedAccount, Tombstone

from .deciding import Met, TenantState, appends_of, document_of, item_of

_Key = TypeVar("_Key", str, tuple[str, str])


@define
class Held(TenantState):
    """All that is held for one tenant, beside its numbers."""

    #: By source id.
    live: dict[str, SealedAccount] = field(factory=dict)
    #: By account id.
    tombstones: dict[str, Tombstone] = field(factory=dict)
    #: The keys of the two above in order. Python orders text by code point, which is the order of its UTF-8 bytes.
    source_ids: list[str] = field(factory=list)
    ended_ids: list[str] = field(factory=list)
    by_email: dict[bytes, set[str]] = field(factory=dict)
    by_account_id: dict[str, str] = field(factory=dict)
    ended_by_source: dict[str, list[Tombstone]] = field(factory=dict)
    #: By the name of the journal.
    entries: dict[str, list[Entry]] = field(factory=dict)
    #: By kind and key.
    documents: dict[tuple[str, str], Document] = field(factory=dict)

    def met(self) -> Met:
        """Return what any batch meets."""
        return Met(self.live, self.by_account_id, self.tombstones, self.versions())

    def versions(self) -> dict[tuple[str, str], int]:
        """Return the versions of the documents."""
        return {place: document.version for place, document in self.documents.items()}

    def write(self, batch: Batch) -> None:
        """Write what was decided of a batch: nothing in here can fail."""
        for write in batch.writes:
            if write.expected_version:
                self._take_out(self.live.pop(item_of(write).source_id))
            if isinstance(write, Put):
                self._put(write.account)
            else:
                self._bury(write.tombstone)
        if any(isinstance(write, Erase) for write in batch.writes):
            self.source_ids = [one for one in self.source_ids if one in self.live]
        self.source_ids.sort()
        self.ended_ids.sort()
        self.write_beside(batch.documents, appends_of(batch))

    def write_beside(self, documents: Iterable[PutDocument], appends: Sequence[Append]) -> None:
        """Write documents and entries that were decided."""
        for write in documents:
            if (document := document_of(write)) is None:
                del self.documents[write.kind, write.key]
            else:
                self.documents[write.kind, write.key] = document
        for append in appends:
            self.entries.setdefault(append.journal, []).extend(self.entries_of(append))

    def page_of(self, journal: str, after: int, limit: int) -> list[Entry]:
        """Return the next page of a journal."""
        entries = self.entries.get(journal, [])
        start = max(0, after + 1 - entries[0].position) if entries else 0
        return entries[start : start + limit]

    def trim(self, journal: str, through: int) -> None:
        """Remove the entries of a journal up to this position."""
        if journal in self.entries:
            self.entries[journal] = [entry for entry in self.entries[journal] if entry.position > through]

    def ended(self, claim: Claim) -> Held:
        """Return what is left when all that is held is erased: the numbers, so that none of them is used again."""
        self.erase(claim)
        return Held(self.name, fence=self.fence, revision=self.revision, positions=self.positions)

    def _put(self, account: SealedAccount) -> None:
        if account.account_id not in self.by_account_id:
            self.source_ids.append(account.source_id)
        self.by_account_id[account.account_id] = account.source_id
        self.live[account.source_id] = account
        self.by_email.setdefault(account.email_index, set()).add(account.source_id)

    def _bury(self, stone: Tombstone) -> None:
        self.by_account_id.pop(stone.account_id, None)
        self.tombstones[stone.account_id] = stone
        self.ended_ids.append(stone.account_id)
        self.ended_by_source.setdefault(stone.source_id, []).append(stone)

    def _take_out(self, account: SealedAccount) -> None:
        sharers = self.by_email[account.email_index]
        sharers.discard(account.source_id)
        if not sharers:
            del self.by_email[account.email_index]


def page(ordered: list[_Key], after: _Key | None, limit: int) -> list[_Key]:
    """Return the ``limit`` keys that come after ``after``."""
    start = 0 if after is None else bisect_right(ordered, after)
    return ordered[start : start + limit]
