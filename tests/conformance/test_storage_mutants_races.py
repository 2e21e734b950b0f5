"""Backends in a file that do in several transactions what must be one: caught by the clauses on several at once."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.conformance.test_storage_mutants_sqlite import NETS, FileWorld

from smartify_core.errors import LeaseHeld, LeaseLost
from smartify_core.model import OUTBOX, Append, Batch, Claim, PutDocument, Receipt
from smartify_core.storage.checks import check_due, check_lease, check_limit, check_time
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing.conformance import StorageWorld

BrokenBy = Callable[[Callable[[], StorageWorld], Collection[str]], set[str]]

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve
#: What each mutant is caught by.
CAUGHT: dict[type[SQLiteStorage], str] = {}


def caught_by(clauses: str) -> Callable[[type[SQLiteStorage]], type[SQLiteStorage]]:
    """Enter a mutant under the clauses that catch it, and no others."""

    def enter(mutant: type[SQLiteStorage]) -> type[SQLiteStorage]:
        CAUGHT[mutant] = clauses
        return mutant

    return enter


def breaks(clause: str) -> Callable[[type[SQLiteStorage]], type[SQLiteStorage]]:
    """Enter a mutant under the one clause that it breaks."""
    return caught_by(clause)


def _let_others_in() -> None:
    """Give time to others, where there are any, between one transaction and the next."""
    if threading.active_count() > 1 or multiprocessing.parent_process() is not None:
        threading.Event().wait(0.02)


class _Looking(SQLiteStorage):
    """Looks at the lease in one transaction, and writes under whatever lease there is in the next."""

    def _looked_at(self, claim: Claim) -> Claim:
        if not self._is_newest(claim):
            return claim
        _let_others_in()
        return evolve(claim, fence=self.tenant(claim.tenant).fence)  # type: ignore[no-any-return]  # attrs.evolve of an Any

    def _is_newest(self, claim: Claim) -> bool:
        record = self.tenant(claim.tenant)
        return record.fence == claim.fence and record.expires_at is not None


@breaks("ST-58")
class CommitsUnderAnotherFence(_Looking):
    """Applies the batch of a worker who has been overtaken since it was found to be the newest."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        return super().commit(self._looked_at(claim), batch)


@breaks("ST-58")
class RenewsAnotherLease(_Looking):
    """Gives the lease of whoever took over the expiry that the one before asked for."""

    def renew(self, claim: Claim, *, now: datetime, ttl: timedelta) -> Claim:
        try:
            renewed = super().renew(self._looked_at(claim), now=now, ttl=ttl)
        except LeaseLost:
            # It was released meanwhile.
            return super().renew(claim, now=now, ttl=ttl)
        return evolve(renewed, fence=claim.fence)  # type: ignore[no-any-return]  # as above


@breaks("ST-58")
class ReleasesAnotherLease(_Looking):
    """Frees the lease of whoever took over."""

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        super().release(self._looked_at(claim), due_at=due_at)


@breaks("ST-58")
class ErasesUnderAnotherFence(_Looking):
    """Erases a tenant that somebody else has claimed since."""

    def erase_tenant(self, claim: Claim) -> None:
        super().erase_tenant(self._looked_at(claim))


class _InTwo(SQLiteStorage):
    """Commits a part of a batch without an id first, and the rest in a transaction of its own."""

    first = "writes"

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        part = getattr(batch, self.first)
        rest = evolve(batch, **{self.first: ()})
        if batch.id is not None or not part or rest == Batch() or not self._would_do(claim, batch):
            return super().commit(claim, batch)
        super().commit(claim, evolve(Batch(), **{self.first: part}))
        _let_others_in()
        return super().commit(claim, rest)

    def _would_do(self, claim: Claim, batch: Batch) -> bool:
        """Tell whether neither part is refused, as far as the clauses ask."""
        record = self.tenant(claim.tenant)
        fits = all(
            (there.version if (there := self.document(claim.tenant, one.kind, one.key)) else 0) == one.expected_version
            for one in batch.documents
        )
        expected = [one for one in batch.appends if one.expected_position is not None]
        return fits and not expected and record.fence == claim.fence and not self._odd(claim, batch)

    def _odd(self, claim: Claim, batch: Batch) -> bool:
        """Tell whether a write of the batch may be refused."""
        return not claim.tenant.endswith(" a") or batch.revision > 0


@caught_by("ST-27 ST-52")
class CommitsAccountsFirst(_InTwo):
    """Writes the accounts of a batch before what tells of them."""


@caught_by("ST-27 ST-52")
class CommitsEntriesFirst(_InTwo):
    """Tells of what is written before it is."""

    first = "entries"


@caught_by("ST-27 ST-52")
class CommitsDocumentsFirst(_InTwo):
    """Writes the documents of a batch before the rest."""

    first = "documents"


@caught_by("ST-27 ST-52")
class CommitsAppendsFirst(_InTwo):
    """Adds to other journals before the rest."""

    first = "appends"


@caught_by("ST-27 ST-52")
class ErasesOneAfterTheOther(_Looking):
    """Removes the documents of a tenant, and then the tenant."""

    def erase_tenant(self, claim: Claim) -> None:
        if self._is_newest(claim):
            for there in self.documents(claim.tenant):
                self.record(claim.tenant, documents=(PutDocument(there.kind, there.key, None, there.version),))
                _let_others_in()
        super().erase_tenant(claim)


@caught_by("ST-27 ST-52")
class SchedulesOneAfterTheOther(SQLiteStorage):
    """Sets each due time in a transaction of its own."""

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        check_due(due)
        if not due:
            super().schedule(due, only_new=only_new)
        for number, (tenant, time) in enumerate(due.items()):
            if number and len(due) == 2:
                _let_others_in()
            super().schedule({tenant: time}, only_new=only_new)


@caught_by("ST-27 ST-33 ST-51 ST-58 ST-59")
class ReleasesAndThenSchedules(_Looking):
    """Gives the lease back before it says when the tenant is due next: others take it for due, or have it by then."""

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        newest = self._is_newest(claim)
        if due_at is not None:
            check_time(due_at)
        super().release(claim)
        if newest and due_at is not None:
            _let_others_in()
            super().schedule({claim.tenant: due_at})


@breaks("ST-59")
class ComparesAndThenAppends(SQLiteStorage):
    """Looks at the position of a journal, and appends wherever it stands a moment later."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        record = self.tenant(tenant)
        positions = {**record.positions, OUTBOX: record.position}
        if any(one.expected_position and one.expected_position == positions.get(one.journal) for one in appends):
            _let_others_in()
            appends = [
                evolve(one, expected_position=None) if one.expected_position == positions.get(one.journal) else one
                for one in appends
            ]
        super().record(tenant, documents=documents, appends=appends)


@breaks("ST-59")
class LooksAndThenEnrols(SQLiteStorage):
    """Looks who is scheduled, and schedules the others a moment later."""

    def schedule(self, due: Mapping[str, datetime | None], *, only_new: bool = False) -> None:
        check_due(due)
        if only_new:
            due = {tenant: time for tenant, time in due.items() if self.tenant(tenant).due_at is None}
            _let_others_in()
        super().schedule(due)


@caught_by("ST-51 ST-59")
class LooksAndThenWrites(SQLiteStorage):
    """Looks at the version of a document, and writes over whichever is there a moment later."""

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        if len(documents) == 1 and documents[0].value is not None and not appends:
            (one,) = documents
            if self._version(tenant, one) == one.expected_version >= 0:
                _let_others_in()
                documents = [evolve(one, expected_version=self._version(tenant, one))]
        super().record(tenant, documents=documents, appends=appends)

    def _version(self, tenant: str, one: PutDocument) -> int:
        there = self.document(tenant, one.kind, one.key)
        return there.version if there else 0


@caught_by("ST-33 ST-51 ST-59")
class LooksAndThenClaims(SQLiteStorage):
    """Looks who is due, and claims them one by one, although one may have been served and be due later by then."""

    def claim_due(self, *, now: datetime, ttl: timedelta, limit: int) -> Sequence[Claim]:
        check_limit(limit)
        check_lease(now, ttl)
        due, page = [], self.tenants()
        while page:
            due += [(one.due_at, one.tenant) for one in page if one.due_at and one.due_at <= now]
            page = self.tenants(after=page[-1].tenant)
        taken: list[Claim] = []
        _let_others_in()
        for _, tenant in sorted(due):
            if len(taken) == limit:
                break
            try:
                taken.append(super().claim(tenant, now=now, ttl=ttl))
            except LeaseHeld:
                continue
        return taken


@pytest.mark.parametrize("kind", CAUGHT, ids=lambda kind: kind.__name__)
def test_what_is_done_in_several_transactions_is_caught(
    kind: type[SQLiteStorage], broken_by: BrokenBy, tmp_path: Path
) -> None:
    """Each backend that does in several transactions what must be one fails the clauses on that, and no others."""
    numbers = iter(range(1000))
    assert sorted(broken_by(lambda: FileWorld(tmp_path / str(next(numbers)), kind), NETS)) == CAUGHT[kind].split()
