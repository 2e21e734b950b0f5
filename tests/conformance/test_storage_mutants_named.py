"""The ways in which storage goes wrong most often: each is caught, and it is known by which clauses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs
import pytest
from tests.conformance.test_storage_mutants import whole

from smartify_core.errors import StorageUnavailable, Tombstoned, WriteConflict
from smartify_core.model import (
    OUTBOX,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    HeadPage,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
)
from smartify_core.storage import KEYS_AT_ONCE, Storage, refusals
from smartify_core.storage.deciding import end_of
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing.conformance import StorageWorld

BrokenBy = Callable[[Callable[[], StorageWorld], Collection[str]], set[str]]
#: See ``test_storage_mutants.py``.
NETS = {"ST-54", "ST-55", "ST-57"}

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve


class MutantWorld(StorageWorld):
    """The world of one mutant."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def open(self) -> Storage:
        """Return the mutant."""
        return self.storage


class ForgetsTombstones(MemoryStorage):
    """Removes an account and leaves nothing."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        receipt = super().commit(claim, batch)
        held = self._of(claim.tenant)
        held.tombstones.clear()
        held.ended_ids.clear()
        held.ended_by_source.clear()
        return receipt


class IgnoresTheFence(MemoryStorage):
    """Lets whoever has any claim of the tenant write."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        held = self._of(claim.tenant)
        newest = evolve(claim, fence=held.fence)
        held.expires_at = held.expires_at or claim.expires_at
        return super().commit(newest, batch)


class CommitsHalf(MemoryStorage):
    """Writes account after account until one is refused."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except (WriteConflict, Tombstoned):
            for write in batch.writes:
                super().commit(claim, Batch((write,)))
            raise


class LosesAnEvent(MemoryStorage):
    """Takes an entry without bytes for none."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, entries=tuple(one for one in batch.entries if one)))


class ReordersEvents(MemoryStorage):
    """Keeps the entries of a batch in order of what they hold."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(claim, evolve(batch, entries=tuple(sorted(batch.entries))))


class LeaksATransaction(MemoryStorage):
    """Leaves a transaction open when a document is not as expected, and the next writer finds the store locked."""

    open = False

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        if self.open:
            self.open = False
            raise StorageUnavailable("a mutant is locked")
        try:
            return super().commit(claim, batch)
        except WriteConflict:
            self.open = bool(batch.documents)
            raise


class LeaksHalfABatch(MemoryStorage):
    """Leaves a transaction open when a batch is refused, and the next commit makes its accounts durable, too."""

    leaked: tuple[Put, ...] = ()

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        leaked, self.leaked = self.leaked, ()
        for write in leaked:
            try:
                super().commit(claim, Batch((write,)))
            except (WriteConflict, Tombstoned):
                continue
        try:
            return super().commit(claim, batch)
        except WriteConflict:
            if batch.documents:
                self.leaked = tuple(one for one in batch.writes if isinstance(one, Put))
            raise


class ScansAsInserted(MemoryStorage):
    """Tells heads in the order in which they were first written."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        found = super().heads(tenant, after=after, limit=limit)
        order = list(self._of(tenant).live)
        return HeadPage.of(sorted(found, key=lambda head: order.index(head.source_id)))


class SwallowsConflicts(MemoryStorage):
    """Answers a document that is not as expected as if it had been written."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Any] = ()) -> None:
        try:
            super().record(tenant, documents=documents, appends=appends)
        except WriteConflict:
            if appends:
                raise


class OverwritesConflicts(MemoryStorage):
    """Lets the last writer of an account win."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        live = self._of(claim.tenant).live
        writes = [
            Put(evolve(one.account, version=there.version + 1), there.version)
            if isinstance(one, Put)
            and one.expected_version
            and (there := live.get(one.account.source_id))
            and there.account_id == one.account.account_id
            else one
            for one in batch.writes
        ]
        return super().commit(claim, evolve(batch, writes=tuple(writes)))


class Resurrects(MemoryStorage):
    """Writes an account that ended as if it had never been."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        held = self._of(claim.tenant)
        for write in batch.writes:
            if isinstance(write, Put) and len(batch.writes) == 1:
                held.tombstones.pop(write.account.account_id, None)
        return super().commit(claim, batch)


class PagesOffByOne(MemoryStorage):
    """Begins a page of the journal one entry too late."""

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        return super().entries(tenant, journal=journal, after=after + 1 if after > 0 else after, limit=limit)


class ReadsStale(MemoryStorage):
    """Remembers what it has loaded, and does not forget it when it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._cache: dict[tuple[str, str], SealedAccount] = {}

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        found = super().load(tenant, source_ids)
        return {one: self._cache.setdefault((tenant, one), account) for one, account in found.items()}


class SortsByTheBeginning(MemoryStorage):
    """Compares a thousand characters of an id, and leaves the rest as it was inserted."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        inserted = list(self._of(tenant).live)
        found = super().heads(tenant, after=after, limit=limit)
        return HeadPage.of(sorted(found, key=lambda one: (one.source_id[:1_000], inserted.index(one.source_id))))


class TakesABeginningForAnIndex(MemoryStorage):
    """Finds whoever has an index that begins with the one given, as a range of keys does."""

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        super().find_by_email(tenant, email_indexes)
        known = self._of(tenant).by_email
        return super().find_by_email(tenant, [one for one in known if one.startswith(tuple(email_indexes))])


class LooksUpAndThenLoads(MemoryStorage):
    """Finds who has an address, and loads them a moment later, when they may have another."""

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        found = super().find_by_email(tenant, email_indexes)
        threading.Event().wait(0.005)
        later = super().load(tenant, [one.source_id for one in found])
        return [later[one.source_id] for one in found if one.source_id in later]


class CutsLongIds(MemoryStorage):
    """Cuts an id that is too long, as some databases do without a word."""

    def document(self, tenant: str, kind: str, key: str) -> Document | None:
        return super().document(tenant, kind, key.encode("utf-8", "surrogatepass")[:2000].decode("utf-8", "ignore"))


class CountsWithoutAnEnd(MemoryStorage):
    """Takes a position that has no place in 64 bits."""

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        return super().entries(tenant, journal=journal, after=min(after, 2**63 - 1), limit=limit)


class LooksAtDocumentsFirst(MemoryStorage):
    """Tells the conflict of a document before that of an account."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except WriteConflict:
            versions = self._of(claim.tenant).versions()
            for one in batch.documents:
                if versions.get((one.kind, one.key), 0) != one.expected_version:
                    raise refusals.document_conflict(claim.tenant, one.kind, one.key) from None
            raise


class LooksAtJournalsFirst(MemoryStorage):
    """Tells the conflict of a journal before that of a document."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        try:
            super().record(tenant, documents=documents, appends=appends)
        except WriteConflict:
            for one in appends:
                end_of(tenant, one, self._of(tenant).positions.get(one.journal, 0))
            raise


#: What each is caught by. Those that keep erased bytes are in ``test_storage_mutants_sqlite.py``: they need bytes.
CAUGHT: Mapping[type[MemoryStorage], str] = {
    ForgetsTombstones: "ST-06 ST-08 ST-09 ST-12 ST-14 ST-19 ST-20 ST-21 ST-22 ST-25 ST-50 ST-60",
    IgnoresTheFence: "ST-16 ST-24 ST-25 ST-46 ST-58",
    CommitsHalf: "ST-19 ST-20 ST-23 ST-25 ST-42",
    LosesAnEvent: "ST-38",
    ReordersEvents: "ST-38",
    LeaksATransaction: "ST-25 ST-42",
    LeaksHalfABatch: "ST-42",
    ScansAsInserted: "ST-08",
    SwallowsConflicts: "ST-41",
    OverwritesConflicts: "ST-18 ST-60",
    Resurrects: "ST-20 ST-50",
    PagesOffByOne: "ST-39 ST-60",
    ReadsStale: "ST-06 ST-59",
    SortsByTheBeginning: "ST-08",
    TakesABeginningForAnIndex: "ST-11",
    LooksUpAndThenLoads: "ST-27 ST-60",
    CutsLongIds: "ST-24",
    CountsWithoutAnEnd: "ST-24",
    LooksAtDocumentsFirst: "ST-25",
    LooksAtJournalsFirst: "ST-25",
}


for mutant in CAUGHT:
    if mutant is not LooksUpAndThenLoads:
        whole(mutant)


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_a_common_mistake_is_caught(kind: type[MemoryStorage], broken_by: BrokenBy) -> None:
    """Each of the common mistakes fails the clauses that are about it, and no others."""
    assert sorted(broken_by(lambda: MutantWorld(kind()), NETS)) == CAUGHT[kind].split()
