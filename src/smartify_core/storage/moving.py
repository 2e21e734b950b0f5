"""Copying a whole store into another, from any backend to any: the way a store moves.

A copy is made through the port alone, a tenant at a time, under the leases of both stores. It may be cut short anywhere
and is finished by being started again: what is there already and equal is left. Whatever is there and differs is left
too, and its tenant refused. At the end of each tenant both stores are read once more and compared; a document in the
target says for so long that the copy is unfinished, which a check of the store tells.

What a copy has that the original has: accounts with their versions, tombstones, journals with their positions, also
where they were trimmed, documents, and when tenants are due. The versions of documents begin at 1 again, the revision
may be greater, and leases and fences are the copy's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from itertools import islice, takewhile, zip_longest
from typing import Any, Final, TypeVar

from attrs import define, evolve, field, frozen

from smartify_core.errors import LeaseHeld, SmartifyError, StorageError, StoreDiffers, UsageError
from smartify_core.model import OUTBOX, Append, Batch, Claim, PutDocument, TenantRecord

from . import refusals
from ._contents import KINDS, UNFINISHED, Kind, position_of, side_by_side
from ._storage import KEYS_AT_ONCE, Storage
from .checks import check_lease
from .walks import every_entry, every_tenant

_Item = TypeVar("_Item")

#: How long a lease of a copy lasts unless renewed: whoever starts again after a crash waits no longer than this.
DEFAULT_LEASE: Final = timedelta(minutes=2)
_RENEWALS_PER_LEASE: Final = 4


@frozen(order=False)
class CopiedTenant:
    """What became of one tenant.

    Args:
        tenant: The tenant.
        accounts: How many live accounts the copy has, every one compared with the source's.
        tombstones: How many tombstones.
        entries: How many entries of journals.
        documents: How many documents.
        written: How much of all this was written now; the rest was there.
        error: Why the tenant was not copied whole; ``None`` for one that was. What had been written stays.
    """

    tenant: str
    accounts: int = 0
    tombstones: int = 0
    entries: int = 0
    documents: int = 0
    written: int = 0
    error: SmartifyError | None = None


@frozen(order=False)
class CopyProgress:
    """How far a copy has come.

    Args:
        tenant: The tenant that is worked on.
        stage: ``looking`` at what is there, ``writing``, or ``comparing``.
        done: How many accounts, tombstones, entries and documents this stage has gone through.
    """

    tenant: str
    stage: str
    done: int


def copy_storage(
    source: Storage,
    target: Storage,
    *,
    now: Callable[[], datetime],
    lease: timedelta = DEFAULT_LEASE,
    on_progress: Callable[[CopyProgress], None] | None = None,
) -> Sequence[CopiedTenant]:
    """Copy all tenants of a store into another one, and compare the two.

    Of the source only the leases are taken, so that no run writes meanwhile; they are given back. Stop the consumers of
    events too, and whoever else writes under no lease: what they change meanwhile is noticed by the comparison only.

    Args:
        source: What is copied.
        target: Where it is copied to: empty, or what an earlier copy of the same source has left.
        now: Tells the time, aware.
        lease: How long the leases last that are taken; they are renewed in time.
        on_progress: Called now and then with how far it has come.

    Returns:
        What became of each tenant, in order. One that a worker holds (`LeaseHeld`), whose target holds something else
        (`StoreDiffers`) or does not take an id of it (`UsageError`), or of which something is damaged (`StorageBroken`)
        is left, and does not stop the others.

    Raises:
        StorageUnavailable: One of the stores cannot be reached. Start again when it can.
        StorageBusy: Likewise.
        StorageBroken: One of them was closed, or its tenants cannot be listed.
        UsageError: One of the stores was opened for reading only, or the lease makes no sense.
    """
    check_lease(now(), lease)
    for storage in (source, target):
        # Writes nothing, and is refused where nothing can be written.
        storage.schedule({})
    told = on_progress or (lambda _: None)
    made = [
        _Move(source, target, record.tenant, now, lease, told).make()
        for record in every_tenant(source, with_ledger=True)
    ]
    return tuple(_with_what_came_later(source, target, made))


def _with_what_came_later(source: Storage, target: Storage, made: Sequence[CopiedTenant]) -> Iterator[CopiedTenant]:
    """Yield what became of each tenant, after a last look at who was written to while others were copied."""
    results = {one.tenant: one for one in made}
    for record in every_tenant(source, with_ledger=True):
        result = results.pop(record.tenant, None)
        if result is None:
            yield CopiedTenant(record.tenant, error=_moved_on(record.tenant, "it came into being"))
        elif result.error is None and _sum_of(record) != _sum_of(target.tenant(record.tenant)):
            yield evolve(result, error=_moved_on(record.tenant, "it was written to"))
        else:
            yield result
    yield from results.values()


def _sum_of(record: TenantRecord) -> object:
    return record.accounts, record.digest, record.position, record.positions


def _moved_on(tenant: str, what: str) -> StoreDiffers:
    return StoreDiffers(
        f"{what} in the source while others were copied",
        where=f"tenant {tenant}",
        cure="Stop the workers of the source, and copy again.",
    )


@define
class _Move:
    """The copy of one tenant."""

    _source: Storage
    _target: Storage
    _tenant: str
    _now: Callable[[], datetime]
    _lease: timedelta
    _on_progress: Callable[[CopyProgress], None]
    _claims: list[tuple[Storage, Claim]] = field(factory=list)
    _renew_at: datetime = field(init=False)
    _written: int = 0

    def make(self) -> CopiedTenant:
        try:
            with self._leases():
                record = self._source.tenant(self._tenant)
                self._require_finished()
                self._require_like(record)
                self._mark(unfinished=True)
                self._write(record)
                counts = self._compare()
                self._mark(unfinished=False)
        except (StorageError, UsageError) as error:
            if refusals.cannot_be_reached(error):
                raise
            return CopiedTenant(self._tenant, written=self._written, error=error)
        return evolve(counts, written=self._written)

    @contextmanager
    def _leases(self) -> Iterator[None]:
        try:
            for storage, name in ((self._source, "source"), (self._target, "target")):
                try:
                    claim = storage.claim(self._tenant, now=self._now(), ttl=self._lease)
                except LeaseHeld as error:
                    raise LeaseHeld(error.what, where=f"{error.where}, in the {name}", cure=error.cure) from None
                self._claims.append((storage, claim))
            self._renew_at = self._now() + self._lease / _RENEWALS_PER_LEASE
            yield
        except BaseException:
            # What stopped it is what matters; a lease that cannot be given back expires by itself.
            with suppress(StorageError):
                self._give_back()
            raise
        self._give_back()

    def _give_back(self) -> None:
        while self._claims:
            storage, claim = self._claims.pop()
            storage.release(claim)

    def go_on(self, stage: str, done: int) -> None:
        """Tell how far it is, and keep the leases."""
        self._on_progress(CopyProgress(self._tenant, stage, done))
        if self._now() >= self._renew_at:
            now = self._now()
            self._claims = [
                (storage, storage.renew(claim, now=now, ttl=self._lease)) for storage, claim in self._claims
            ]
            self._renew_at = now + self._lease / _RENEWALS_PER_LEASE

    # --- whether it is finished ---------------------------------------------------------------------------------------

    def _require_finished(self) -> None:
        """Raise when the source is itself a copy that was not finished."""
        if self._source.document(self._tenant, *UNFINISHED) is not None:
            raise StoreDiffers(
                "the source has an unfinished copy of the tenant",
                where=f"tenant {self._tenant}",
                cure="Finish that copy first: copy into this store once more from where it came.",
            )

    def _mark(self, *, unfinished: bool) -> None:
        """Write down in the target that the copy is unfinished, or that it is not so any more."""
        there = self._target.document(self._tenant, *UNFINISHED)
        if unfinished is (there is None):
            value, version = (b"", 0) if there is None else (None, there.version)
            self._commit(Batch(documents=(PutDocument(*UNFINISHED, value, version),)), 0)

    # --- looking ------------------------------------------------------------------------------------------------------

    def _require_like(self, record: TenantRecord) -> None:
        """Raise unless all that the target holds of the tenant is the source's: nothing has been written then."""
        there = self._target.tenant(self._tenant)
        stage = _Stage(self, "looking")
        for kind in KINDS:
            for one, other in stage.pairs(kind, beyond=False):
                if other is not None and (one is None or kind.content(one) != kind.content(other)):
                    raise self._holds_other(kind.place(other))
        for journal in sorted({OUTBOX, *record.positions, *there.positions}):
            if not self._is_beginning(journal, position_of(there, journal), position_of(record, journal), stage):
                raise self._holds_other(f"journal {journal}")

    def _is_beginning(self, journal: str, ends: int, position: int, stage: _Stage) -> bool:
        """Return whether the target's journal, which ends there, is the first part of the source's."""
        if not ends or ends > position:
            return not ends
        ours = takewhile(lambda entry: entry.position <= ends, every_entry(self._source, self._tenant, journal))
        theirs = every_entry(self._target, self._tenant, journal)
        if any(one != other for one, other in stage.counted(zip_longest(ours, theirs))):
            return False
        follows = next(every_entry(self._source, self._tenant, journal, after=ends), None)
        return ends == position if follows is None else follows.position == ends + 1

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self, record: TenantRecord) -> None:
        stage = _Stage(self, "writing")
        for kind in KINDS:
            lacking = (one for one, other in stage.pairs(kind) if other is None)
            for some in _in_batches(lacking, kind.at_once):
                for batch in kind.batches(some):
                    self._commit(batch, len(batch.writes) + len(batch.documents))
        for journal in (OUTBOX, *sorted(record.positions)):
            self._write_journal(journal, position_of(record, journal), stage)
        self._commit(Batch(revision=record.revision), 0)
        if self._target.tenant(self._tenant).due_at != record.due_at:
            self._target.schedule({self._tenant: record.due_at})

    def _write_journal(self, journal: str, position: int, stage: _Stage) -> None:
        ends = position_of(self._target.tenant(self._tenant), journal)
        for some in _in_batches(
            stage.counted(every_entry(self._source, self._tenant, journal, after=ends)), KEYS_AT_ONCE
        ):
            ends = some[-1].position
            # The first entry may come after others that were trimmed: it keeps its position.
            append = Append(journal, tuple(entry.content for entry in some), some[0].position - 1)
            self._commit(Batch(appends=(append,)), len(some))
        if not ends and position:
            self._commit(Batch(appends=(Append(journal, (), position),)), 0)

    def _commit(self, batch: Batch, items: int) -> None:
        _, claim = self._claims[-1]
        self._target.commit(claim, batch)
        self._written += items

    # --- comparing ----------------------------------------------------------------------------------------------------

    def _compare(self) -> CopiedTenant:
        """Read both stores from beginning to end, and return how much there is of each kind."""
        ours, theirs = self._source.tenant(self._tenant), self._target.tenant(self._tenant)
        for name in ("accounts", "digest", "position", "positions", "due_at"):
            if getattr(ours, name) != getattr(theirs, name):
                raise self._came_out_other(f"{name.replace('_', ' ')} of the tenant")
        if theirs.revision < ours.revision:
            raise self._came_out_other("revision of the tenant")
        stage = _Stage(self, "comparing")
        counts = Counter[str]()
        for kind in KINDS:
            for one, other in stage.pairs(kind):
                if one is None or other is None or kind.content(one) != kind.content(other):
                    raise self._came_out_other(kind.place(other if one is None else one))
                counts[kind.name] += 1
        for journal in (OUTBOX, *ours.positions):
            both = zip_longest(*(every_entry(one, self._tenant, journal) for one in (self._source, self._target)))
            for entry, other in stage.counted(both):
                if entry != other:
                    raise self._came_out_other(f"journal {journal}")
                counts["entries"] += 1
        return CopiedTenant(
            self._tenant, counts["accounts"], counts["tombstones"], counts["entries"], counts["documents"]
        )

    def _holds_other(self, place: str) -> StoreDiffers:
        return StoreDiffers(
            "the target holds something else of the tenant; it was left as it is",
            where=f"tenant {self._tenant}, {place}",
            cure="Copy into a store that has nothing of this tenant.",
        )

    def _came_out_other(self, place: str) -> StoreDiffers:
        return StoreDiffers(
            "the copy is not as the source is",
            where=f"tenant {self._tenant}, {place}",
            cure="Stop whatever writes to either store, and copy into one that has nothing of this tenant.",
        )


@define
class _Stage:
    """One way through a tenant: counts what it comes by."""

    _move: _Move
    _name: str
    _done: int = 0

    def pairs(self, kind: Kind, *, beyond: bool = True) -> Iterator[tuple[Any, Any]]:
        """Yield what the stores have of a kind, side by side."""
        ours, theirs = (kind.each(one, self._move._tenant) for one in (self._move._source, self._move._target))  # noqa: SLF001 - of this file
        return self.counted(side_by_side(ours, theirs, kind.key, beyond=beyond))

    def counted(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """Yield the items, and tell of them now and then."""
        for item in items:
            yield item
            self._done += 1
            if self._done % KEYS_AT_ONCE == 0:
                self._move.go_on(self._name, self._done)
        self._move.go_on(self._name, self._done)


def _in_batches(items: Iterable[_Item], size: int) -> Iterator[Sequence[_Item]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
