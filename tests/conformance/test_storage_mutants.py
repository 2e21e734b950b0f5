"""Backends in memory that are broken in one way each: proof that every clause can fail, and that it alone does."""

from __future__ import annotations

import functools
import inspect
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from smartify_core.errors import LeaseHeld, StorageUnavailable, Tombstoned, UsageError, WriteConflict
from smartify_core.model import (
    OUTBOX,
    AccountState,
    Append,
    Batch,
    Claim,
    Document,
    Entry,
    Erase,
    HeadPage,
    Put,
    PutDocument,
    Receipt,
    SealedAccount,
    TenantRecord,
    Tombstone,
)
from smartify_core.storage import KEYS_AT_ONCE, Storage
from smartify_core.storage._memory_tenant import Held
from smartify_core.storage.checks import check_claim, check_lease, check_text
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing.conformance import StorageWorld

MUTANTS: list[tuple[str, type[MemoryStorage]]] = []

#: Compare whatever is asked with the reference, so they catch what others break; the memory of a scan is measured in
#: seconds, and no mutant but its own has anything to do with it. The mutants of these three are run against all.
NETS = {"ST-54", "ST-55", "ST-57"}

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve


#: Runs the kit on fresh worlds, without the clauses named, and returns the numbers of those that fail.
BrokenBy = Callable[[Callable[[], StorageWorld], Collection[str]], set[str]]


def _let_others_look() -> None:
    """Give time to other threads, where there are any: plenty, for a machine that has much else to do."""
    if threading.active_count() > 1:
        threading.Event().wait(0.1)


class MutantWorld(StorageWorld):
    """The world of one mutant."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def open(self) -> Storage:
        """Return the mutant."""
        return self.storage


#: Those whose mutants do in several steps what must be one.
AT_ONCE = {"ST-26", "ST-27", "ST-33"}


def whole(kind: type[MemoryStorage]) -> type[MemoryStorage]:
    """Have all that a mutant does of its own happen at once, so that nobody who looks on sees it in the middle."""
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and name in vars(Storage) and not name.startswith("_"):
            setattr(kind, name, _at_once(method))
    return kind


def _at_once(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: MemoryStorage, *given: Any, **named: Any) -> Any:
        with self._lock:
            return method(self, *given, **named)

    return call


def breaks(clause: str) -> Callable[[type[MemoryStorage]], type[MemoryStorage]]:
    """Enter a mutant under the one clause that it breaks."""

    def enter(mutant: type[MemoryStorage]) -> type[MemoryStorage]:
        MUTANTS.append((clause, mutant if clause in AT_ONCE else whole(mutant)))
        return mutant

    return enter


@breaks("ST-01")
class SkipsAFence(MemoryStorage):
    """Counts fences by two."""

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        taken = super().claim(tenant, now=now, ttl=ttl)
        self._tenants[tenant].fence += 1
        return attrs.evolve(taken, fence=taken.fence + 1)


@breaks("ST-02")
class LetsGoLate(MemoryStorage):
    """Holds a lease on for the instant at which it expires."""

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        held = self._tenants.get(tenant)
        if held is not None and held.expires_at == now:
            raise LeaseHeld("a mutant says no")
        return super().claim(tenant, now=now, ttl=ttl)


@breaks("ST-03")
class AnybodyReleases(MemoryStorage):
    """Lets an overtaken claim release the newer one's lease."""

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        check_claim(claim)
        held = self._open().get(claim.tenant)
        super().release(attrs.evolve(claim, fence=held.fence) if held and not due_at else claim, due_at=due_at)


@breaks("ST-04")
class RenewsInWordsOnly(MemoryStorage):
    """Answers a renewal and forgets it."""

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        check_claim(claim)
        held = self._of(claim.tenant)
        held.require(claim)
        before = held.expires_at
        renewed = super().renew(claim, now=now, ttl=ttl)
        held.expires_at = before
        return renewed


@breaks("ST-05")
class NeedsToKnowATenant(MemoryStorage):
    """Has no answer about tenants it never heard of."""

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        check_text(tenant)
        if tenant not in self._open():
            raise StorageUnavailable("a mutant knows no such tenant")
        return super().tombstones(tenant, after=after, limit=limit)


@breaks("ST-06")
class StripsZeros(MemoryStorage):
    """Takes payloads for text and cuts zeros off their ends."""

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        found = super().load(tenant, source_ids)
        return {key: attrs.evolve(one, payload=one.payload.rstrip(b"\0")) for key, one in found.items()}


@breaks("ST-07")
class AnswersTwice(MemoryStorage):
    """Returns an account once for each time its index is named."""

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        found = super().find_by_email(tenant, email_indexes)
        return [one for one in found for _ in range(list(email_indexes).count(one.email_index))]


@breaks("ST-08")
class SortsAsUtf16(MemoryStorage):
    """Orders ids as languages with 16-bit characters do."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        found = super().heads(tenant, after=after, limit=limit)
        return HeadPage.of(sorted(found, key=lambda head: head.source_id.encode("utf-16-be")))


@breaks("ST-09")
class RepeatsTheLast(MemoryStorage):
    """Begins a page with the entry that the page before ended with."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        first = [head for head in super().heads(tenant) if head.source_id == after and limit > 1]
        return HeadPage.of([*first, *super().heads(tenant, after=after, limit=limit)][:limit])


@breaks("ST-10")
class HeadsAreActive(MemoryStorage):
    """Says of every account that it is active."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        found = super().heads(tenant, after=after, limit=limit)
        return HeadPage.of(attrs.evolve(head, state=AccountState.ACTIVE) for head in found)


@breaks("ST-11")
class ComparesMostOfAnIndex(MemoryStorage):
    """Looks at the first bytes of an index only."""

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        starts = {index[:15] for index in email_indexes}
        alike = [index for index in self._of(tenant).by_email if index[:15] in starts]
        super().find_by_email(tenant, email_indexes)
        return super().find_by_email(tenant, alike)


@breaks("ST-12")
class ForgetsLaterTombstones(MemoryStorage):
    """Tells the first tombstone of a person."""

    def tombstones_of(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, Tombstone]:
        found = super().tombstones_of(tenant, source_ids)
        return {source_id: self._of(tenant).ended_by_source[source_id][0] for source_id in found}


@breaks("ST-13")
class OneLeaseForAll(MemoryStorage):
    """Lets other tenants' leases keep the workers of one out."""

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        taken = super().claim(tenant, now=now, ttl=ttl)
        if tenant == "umbrella" and any(held.expires_at for name, held in self._open().items() if name != tenant):
            raise LeaseHeld("a mutant says no")
        return taken


@breaks("ST-14")
class ServesAnyPage(MemoryStorage):
    """Cuts a page that is too large instead of refusing it."""

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        return super().tombstones(tenant, after=after, limit=min(limit, KEYS_AT_ONCE))


@breaks("ST-15")
class EmptyBatchesCount(MemoryStorage):
    """Adds to the revision when a batch has no accounts."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        receipt = super().commit(claim, batch)
        if batch.writes or batch.id:
            return receipt
        held = self._of(claim.tenant)
        held.revision += 1
        return Receipt(held.revision)


@breaks("ST-16")
class ReleasedClaimsWrite(MemoryStorage):
    """Compares fences and forgets that a claim may have been released."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        held = self._of(claim.tenant)
        if held.fence == claim.fence and held.expires_at is None and held.live:
            held.expires_at = claim.expires_at
        return super().commit(claim, batch)


@breaks("ST-17")
class ReadsAClock(MemoryStorage):
    """Refuses claims that have expired by its own clock, which stands at 2010."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        if claim.expires_at < datetime(2010, 1, 1, tzinfo=UTC):
            raise StorageUnavailable("a mutant finds the claim too old")
        return super().commit(claim, batch)


@breaks("ST-17")
class LetsGoByItsClock(MemoryStorage):
    """Takes a lease for expired when its length has passed by a clock of its own."""

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        self._let_go(tenant)
        taken = super().claim(tenant, now=now, ttl=ttl)
        self._ends = {**getattr(self, "_ends", {}), tenant: time.monotonic() + ttl.total_seconds()}
        return taken

    def _let_go(self, tenant: str) -> None:
        if time.monotonic() > getattr(self, "_ends", {}).get(tenant, math.inf) and tenant in self._open():
            self._tenants[tenant].expires_at = None


@breaks("ST-18")
class ErasesAnyVersion(MemoryStorage):
    """Does not look at the version that an Erase expects."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        live = self._of(claim.tenant).live
        writes = [
            attrs.evolve(one, expected_version=live[one.tombstone.source_id].version)
            if isinstance(one, Erase) and one.tombstone.source_id in live and one.expected_version
            else one
            for one in batch.writes
        ]
        return super().commit(claim, evolve(batch, writes=tuple(writes)))


@breaks("ST-19")
class KeepsUpdatesOfRefusedBatches(MemoryStorage):
    """Applies the updates of a batch before it finds that another write of it is refused."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except (WriteConflict, Tombstoned):
            held = self._of(claim.tenant)
            for write in batch.writes:
                if isinstance(write, Put) and write.expected_version and write.account.source_id in held.live:
                    try:
                        super().commit(claim, Batch((write,)))
                    except (WriteConflict, Tombstoned):
                        continue
                    held.revision -= 1
            raise


@breaks("ST-20")
class LateUpdatesRevive(MemoryStorage):
    """Writes an update of an ended account as if it were new."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except Tombstoned:
            held = self._of(claim.tenant)
            (write, *more) = batch.writes
            if more or not isinstance(write, Put) or not write.expected_version:
                raise
            held.tombstones.pop(write.account.account_id, None)
            return super().commit(claim, Batch((Put(evolve(write.account, version=1), 0),)))


@breaks("ST-21")
class FindsTheDeparted(MemoryStorage):
    """Still finds an erased account by its address."""

    departed: tuple[SealedAccount, ...] = ()

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        before = dict(self._of(claim.tenant).live)
        receipt = super().commit(claim, batch)
        ended = [before.get(one.tombstone.source_id) for one in batch.writes if isinstance(one, Erase)]
        self.departed = (*self.departed, *(one for one in ended if one is not None))
        return receipt

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        found = list(super().find_by_email(tenant, email_indexes))
        gone = [one for one in self.departed if one.tenant == tenant and one.email_index in email_indexes]
        return found or gone


@breaks("ST-22")
class ReturnersLoseTheirTombstone(MemoryStorage):
    """Drops a person's tombstones when they come back."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        receipt = super().commit(claim, batch)
        held = self._of(claim.tenant)
        for write in batch.writes:
            if isinstance(write, Put):
                for left in held.ended_by_source.pop(write.account.source_id, []):
                    del held.tombstones[left.account_id]
                    held.ended_ids.remove(left.account_id)
        return receipt


@breaks("ST-23")
class SharesAccountIds(MemoryStorage):
    """Lets two people have one account."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        held = self._of(claim.tenant)
        kept = held.by_account_id
        fresh = all(
            isinstance(one, Put) and not one.expected_version and one.account.source_id not in held.live
            for one in batch.writes
        )
        if not fresh:
            return super().commit(claim, batch)
        held.by_account_id = {}
        try:
            return super().commit(claim, batch)
        finally:
            held.by_account_id = {**kept, **held.by_account_id}


@breaks("ST-24")
class SortsHalfACharacter(MemoryStorage):
    """Takes an id that is no text for one that comes last."""

    def tombstones(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[Tombstone]:
        if after is not None and "\ud83d" in after:
            return []
        return super().tombstones(tenant, after=after, limit=limit)


@breaks("ST-25")
class LooksAtTheLeaseFirst(MemoryStorage):
    """Tells an overtaken worker that its claim is lost before it tells it that the batch makes no sense."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except UsageError:
            held = self._of(claim.tenant)
            if claim.fence < held.fence:
                held.require(claim)
            raise


@breaks("ST-26")
class ChecksAndThenActs(MemoryStorage):
    """Lets threads run between looking at a lease and taking it."""

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        held = self._open().get(tenant)
        if held is not None and held.expires_at is not None and held.expires_at > now:
            raise LeaseHeld("a mutant says no")
        _let_others_look()
        with self._lock:
            if held is not None or tenant in self._tenants:
                self._tenants[tenant].expires_at = None
            return super().claim(tenant, now=now, ttl=ttl)


@breaks("ST-27")
class ReadsInTwoSteps(MemoryStorage):
    """Loads accounts one after the other while others write."""

    def load(self, tenant: str, source_ids: Sequence[str]) -> Mapping[str, SealedAccount]:
        if len(source_ids) != 2:
            return super().load(tenant, source_ids)
        found = dict(super().load(tenant, source_ids[:1]))
        threading.Event().wait(0.005)
        return {**found, **super().load(tenant, source_ids[1:])}


@breaks("ST-28")
class AnswersWhenClosed(MemoryStorage):
    """Takes a closed store for an empty one."""

    def tenant(self, tenant: str) -> TenantRecord:
        return TenantRecord(tenant) if self._closed else super().tenant(tenant)


@breaks("ST-31")
class AnswersByName(MemoryStorage):
    """Tells what was claimed in order of names, whichever waits the longest."""

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        return sorted(super().claim_due(now=now, ttl=ttl, limit=limit), key=lambda claim: claim.tenant)


@breaks("ST-32")
class ExpiredLeasesStay(MemoryStorage):
    """Never takes over from a worker who died."""

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        check_lease(now, ttl)
        expired = [held for held in self._open().values() if held.expires_at is not None and held.expires_at <= now]
        waiting = [(held, held.due_at) for held in expired]
        for held in expired:
            held.due_at = None
        taken = super().claim_due(now=now, ttl=ttl, limit=limit)
        for held, due_at in waiting:
            held.due_at = due_at
        return taken


@breaks("ST-33")
class LooksAndThenTakes(MemoryStorage):
    """Lets threads run between looking at what is due and taking it."""

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        seen = [(held.due_at, name) for name, held in list(self._open().items()) if held.is_due(now)]
        _let_others_look()
        with self._lock:
            for _, name in sorted(seen)[:limit]:
                self._tenants[name].expires_at = None
            return super().claim_due(now=now, ttl=ttl, limit=limit)


@breaks("ST-34")
class AnybodySaysWhatIsNext(MemoryStorage):
    """Lets an overtaken claim say when the tenant is due."""

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        super().release(claim, due_at=due_at)
        if due_at is not None and claim.tenant == "acme":  # those who race, in ST-58, have other names
            self._of(claim.tenant).due_at = due_at


@breaks("ST-35")
class OnlyNewIsIgnored(MemoryStorage):
    """Schedules anew who is scheduled already, when several are enrolled at a time."""

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        super().schedule(due, only_new=only_new and len(due) == 1)


@breaks("ST-36")
class TellsTheClaimedOnly(MemoryStorage):
    """Leaves out tenants that no worker has claimed but that have documents."""

    def tenants(self, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> Sequence[TenantRecord]:
        found = super().tenants(after=after, limit=limit)
        return [one for one in found if one.fence or not self._of(one.tenant).documents]


@breaks("ST-37")
class UpdatesAddUp(MemoryStorage):
    """Forgets to take the fingerprint that an update replaces out of the digest."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        held = self._of(claim.tenant)
        before = dict(held.live)
        receipt = super().commit(claim, batch)
        for write in batch.writes:
            if isinstance(write, Put) and write.expected_version:
                held.digest += int.from_bytes(before[write.account.source_id].fingerprint, "big")
        return receipt


@breaks("ST-38")
class RefusalsTakePositions(MemoryStorage):
    """Numbers the entries of a batch before it is refused."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except WriteConflict:
            if not batch.documents:
                positions = self._of(claim.tenant).positions
                positions[OUTBOX] = positions.get(OUTBOX, 0) + len(batch.entries)
            raise


@breaks("ST-39")
class RepeatsAnEntry(MemoryStorage):
    """Begins a page of the journal with the entry that the page before ended with."""

    def entries(
        self, tenant: str, *, journal: str = OUTBOX, after: int = 0, limit: int = KEYS_AT_ONCE
    ) -> Sequence[Entry]:
        return super().entries(tenant, journal=journal, after=after - 1 if 0 < after < 100 else after, limit=limit)


@breaks("ST-40")
class PositionsAreUsedAgain(MemoryStorage):
    """Counts from the latest entry that is left, where somebody trimmed beyond the end."""

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        super().trim(tenant, journal=journal, through=through)
        positions = self._of(tenant).positions
        if through > positions.get(journal, 0):
            positions.pop(journal, None)


@breaks("ST-41")
class RemovesAnyVersion(MemoryStorage):
    """Removes a document whatever its version."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        held = self._of(tenant).documents
        documents = [
            attrs.evolve(one, expected_version=there.version)
            if (there := held.get((one.kind, one.key))) and one.value is None and one.expected_version
            else one
            for one in documents
        ]
        super().record(tenant, documents=documents, appends=appends)


@breaks("ST-42")
class DocumentsDoNotRefuse(MemoryStorage):
    """Commits the accounts although a document of the batch is refused."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except WriteConflict:
            if batch.documents:
                with suppress(WriteConflict):
                    super().commit(claim, attrs.evolve(batch, documents=()))
            raise


@breaks("ST-43")
class SortsKeysAsUtf16(MemoryStorage):
    """Orders documents as languages with 16-bit characters do."""

    def documents(
        self,
        tenant: str,
        kind: str | None = None,
        *,
        after: tuple[str, str] | None = None,
        limit: int = KEYS_AT_ONCE,
    ) -> Sequence[Document]:
        found = super().documents(tenant, kind, after=after, limit=limit)
        return sorted(found, key=lambda document: (document.kind, document.key.encode("utf-16-be")))


@breaks("ST-44")
class RepeatsNeedTheClaim(MemoryStorage):
    """Does not answer a repetition once the claim is lost."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        if batch.id == "first":
            self._of(claim.tenant).require(claim)
        return super().commit(claim, batch)


@breaks("ST-45")
class RefusalsAreRemembered(MemoryStorage):
    """Takes a batch that was refused for one that was applied."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        try:
            return super().commit(claim, batch)
        except WriteConflict:
            self._of(claim.tenant).batch_id = batch.id
            raise


@breaks("ST-46")
class ErasedTenantsBeginAnew(MemoryStorage):
    """Forgets a tenant that is erased, and the numbers that were used with it."""

    def erase_tenant(self, claim: Claim) -> None:
        super().erase_tenant(claim)
        if claim.tenant == "acme":  # as above
            self._tenants[claim.tenant] = Held(claim.tenant)


@breaks("ST-47")
class JournalsMeet(MemoryStorage):
    """Takes names of journals that differ in case for the same, as many a database does."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        low = {one.journal.lower(): attrs.evolve(one, journal=one.journal.lower()) for one in appends}
        if len(low) < len(appends) and len({one.journal for one in appends}) == len(appends):
            for one in appends:
                self.record(tenant, appends=[one])
            return
        super().record(tenant, documents=documents, appends=list(low.values()) if len(low) == len(appends) else appends)


@breaks("ST-48")
class EmptyJournalsTakeAnything(MemoryStorage):
    """Takes a journal whose entries were trimmed for one that was never appended to."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        held = self._of(tenant)
        free = [
            attrs.evolve(one, expected_position=None)
            if held.positions.get(one.journal)
            and not held.entries.get(one.journal)
            and (one.expected_position or 0) >= 0
            else one
            for one in appends
        ]
        super().record(tenant, documents=documents, appends=free)


@breaks("ST-49")
class RecordsTheDocumentsFirst(MemoryStorage):
    """Keeps the documents of a record whose appends are refused."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        try:
            super().record(tenant, documents=documents, appends=appends)
        except WriteConflict:
            if documents and appends:
                super().record(tenant, documents=documents)
            raise


@breaks("ST-50")
class RevisionsAreItsOwn(MemoryStorage):
    """Does not take a revision from a batch, unless it is beyond all that it has itself."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(
            claim, evolve(batch, revision=batch.revision if batch.revision > 1000 else min(batch.revision, 0))
        )


@breaks("ST-54")
class ReadsEverything(MemoryStorage):
    """Reads all accounts and returns a page of them."""

    def heads(self, tenant: str, *, after: str | None = None, limit: int = KEYS_AT_ONCE) -> HeadPage:
        everything = [(one.source_id, one.version) for one in self._of(tenant).live.values()]
        assert len(everything) >= 0
        return super().heads(tenant, after=after, limit=limit)


@breaks("ST-55")
class TakesZerosForNothing(MemoryStorage):
    """Finds nobody by an index that is all zeros."""

    def find_by_email(self, tenant: str, email_indexes: Sequence[bytes]) -> Sequence[SealedAccount]:
        found = super().find_by_email(tenant, email_indexes)
        return [one for one in found if any(one.email_index)]


@breaks("ST-57")
class TakesAKindForWords(MemoryStorage):
    """Finds no documents of a kind that has a space in it."""

    def documents(
        self,
        tenant: str,
        kind: str | None = None,
        *,
        after: tuple[str, str] | None = None,
        limit: int = KEYS_AT_ONCE,
    ) -> Sequence[Document]:
        found = super().documents(tenant, kind, after=after, limit=limit)
        return [] if kind is not None and " " in kind else found


@pytest.mark.parametrize(("clause", "kind"), MUTANTS)
def test_a_mutant_fails_its_clause_and_no_other(clause: str, kind: type[MemoryStorage], broken_by: BrokenBy) -> None:
    """Each broken backend in memory is caught by exactly the clause that it breaks."""
    left_out = () if clause in NETS else NETS
    assert broken_by(lambda: MutantWorld(kind()), left_out) == {clause}


def test_what_is_sound_breaks_nothing(broken_by: BrokenBy) -> None:
    """The reference itself keeps every clause in this run: what a mutant breaks is the mutant's doing."""
    assert broken_by(lambda: MutantWorld(MemoryStorage()), ()) == set()
