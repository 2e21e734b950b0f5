"""The audit trail in a host's store."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from attrs import define, frozen

from smartify_core.errors import (
    AuditUnavailable,
    ClockNotAhead,
    ClockWentBackwards,
    SmartifyError,
    StorageError,
    StorageUnavailable,
    TrailBroken,
    UsageError,
    WriteConflict,
)
from smartify_core.model import Append, Clock, PutDocument
from smartify_core.policy._ledger import LEDGER, utc_now
from smartify_core.storage import Storage
from smartify_core.storage.checks import check_record
from smartify_core.storage.refusals import document_conflict

from ._entries import CLOCK_RESET, AuditRecord, instant, pieces_of, written
from ._group import Line
from ._reading import Reading
from ._state import ENTRIES, HEAD, KINDS, NODES, TAIL, Tail, TrailHead, nodes_of, tail_key
from ._state import refused_document as _refused_document

#: How many records one commit has at most, unless one caller brings more.
_MOST_TOGETHER: Final = 1_000
#: How far the trail may be ahead of a clock: more than clocks of hosts differ by, and less than a grant lasts.
_AHEAD_AT_MOST: Final = timedelta(days=1)
#: How often a commit is tried while other processes get on.
_ATTEMPTS: Final = 1_000
#: Of how many tenants an open trail remembers where their entries end.
_TAILS_KEPT: Final = 10_000
#: The kind of the entry that says on which host an open trail writes.
_OPENED: Final = "trail.opened"
_LONGEST_HOST: Final = 300


@define(eq=False)
class _Wish:
    """What one caller wants to be kept, and what came of it."""

    records: tuple[AuditRecord, ...]
    #: What the entries are made of: whoever leads the commit has the less to do.
    pieces: tuple[tuple[str, str, str], ...]
    documents: tuple[PutDocument, ...]
    places: tuple[int, ...] | None = None
    error: SmartifyError | None = None


@define(eq=False)
class _Known:
    """What an open trail remembers of the store: true for as long as nobody else has written."""

    head: TrailHead
    version: int
    #: The tails that were met, with the versions of their documents.
    tails: dict[str, tuple[Tail, int]]

    def after(self, draft: _Draft) -> _Known:
        """Return what is known once a draft is kept that was made with this."""
        self.tails.update((tenant, (tail, version + 1)) for tenant, (tail, version) in draft.tails.items())
        # The ones that were met first go first.
        for tenant in list(islice(self.tails, max(0, len(self.tails) - _TAILS_KEPT))):
            del self.tails[tenant]
        return _Known(draft.head, self.version + 1, self.tails)


@frozen(order=False)
class _Draft:
    """A commit that is ready to be made."""

    wishes: Sequence[_Wish]
    places: Sequence[tuple[int, ...]]
    known: _Known
    #: What is known once it is kept.
    head: TrailHead
    tails: Mapping[str, tuple[Tail, int]]
    documents: tuple[PutDocument, ...]
    entries: tuple[bytes, ...]
    nodes: tuple[bytes, ...]


class _Pen:
    """What one process writes with. A process that was forked has one of its own, with locks that nobody holds."""

    def __init__(self, commit: Callable[[_Pen, Sequence[_Wish]], None]) -> None:
        self.writer = os.urandom(4).hex()
        self.known: _Known | None = None
        #: Whether the trail says on which host this is, or nobody wants it to.
        self.is_told = False
        self.line: Line[_Wish] = Line(lambda wishes: commit(self, wishes), _fitting)


class Trail(Reading):
    """The audit trail of one store: append-only, with a Merkle tree over it. Threads and processes may share it.

    Every entry is written under the expectation that nothing was added since the head was read, all of a commit or
    nothing of it: a trail cannot fork. Callers that arrive while a commit is under way share the next one.

    Args:
        storage: Where it is.
        clock: What `now` reads.
        host: The name of the host that this runs on. With it, the first commit of each process begins with an entry
            that says which host its entries come from (``trail.opened``): who a host that was taken over may have
            reached is asked by that name. Give no name of a person.

    Raises:
        UsageError: ``host`` is no name.
    """

    def __init__(self, storage: Storage, *, clock: Clock = utc_now, host: str | None = None) -> None:
        if host is not None and not _is_host(host):
            raise UsageError(
                "that is no name of a host",
                where="host",
                cure=f"Give up to {_LONGEST_HOST} printable characters, or none.",
            )
        super().__init__(storage)
        self._clock = clock
        self._host = host
        #: By process id.
        self._pens: dict[int, _Pen] = {}

    def append(self, *records: AuditRecord, documents: Sequence[PutDocument] = ()) -> tuple[int, ...]:
        """Keep records, and write documents of policy with them: all or nothing. On the disk when it returns.

        An instant before that of the latest entry is raised to it, so that time never runs back in a trail.

        Args:
            records: What happened, in this order.
            documents: Documents of `LEDGER` that are written in the same step.

        Returns:
            The places of the records in the trail.

        Raises:
            AuditUnavailable: The store cannot keep them now. The message says so where it may have kept them.
            WriteConflict: One of the documents is not at the version that it is expected at; nothing was written.
            RecordInvalid: A record is too long.
            UsageError: A document is misshapen, or of a kind that the trail keeps for itself.
        """
        if not records:
            raise UsageError("nothing is appended", where="Trail.append", cure="Give at least one record.")
        check_record(LEDGER, documents, ())
        if any(put.kind in KINDS for put in documents):
            raise _refused_document()
        if any(record.kind == CLOCK_RESET for record in records):
            raise UsageError("an entry of this kind is the trail's own", where="Trail.append", cure="Call reset_clock.")
        if any(record.kind == _OPENED for record in records):
            raise UsageError("an entry of this kind is the trail's own", where="Trail.append", cure="Name the host.")
        return self._append(records, documents)

    def _append(self, records: Sequence[AuditRecord], documents: Sequence[PutDocument]) -> tuple[int, ...]:
        wish = _Wish(tuple(records), tuple(map(pieces_of, records)), tuple(documents))
        self._pen().line.pass_through(wish)
        if wish.error is not None:
            raise wish.error
        if wish.places is None:
            raise _in_doubt()
        return wish.places

    def now(self) -> datetime:
        """Return the present instant by the clock, but none before the latest entry, whichever process wrote it.

        So a clock that was set back, or that of another host, brings nothing back that has ended on record.

        Raises:
            StorageError: The store cannot tell.
            TrailBroken: The store holds something else in place of the head.
            ClockWentBackwards: The latest entry is more than a day ahead of the clock: one of the two is wrong, and
                until somebody has found out which nothing is decided.
        """
        at, clock = self.head().at, self._clock()
        if at - clock > _AHEAD_AT_MOST:
            raise ClockWentBackwards(
                f"the audit trail goes on {at:%Y-%m-%d %H:%M}Z, far ahead of this host's clock",
                where="audit trail",
                cure="Correct this clock. If another one ran ahead, bring the trail back: smartify audit reset-clock.",
            )
        return max(clock, at)

    def reset_clock(self, *, by: str) -> datetime:
        """Bring the trail's time back to this host's clock, after another one ran ahead; return where it had been.

        That it was done, by whom and from when is an entry itself: the only one that may bear an earlier instant than
        the one in front of it. Make sure first that this clock is right.

        Args:
            by: Who says so.

        Raises:
            ClockNotAhead: The trail is not ahead of this clock.
            AuditUnavailable: It could not be recorded, and so was not done.
        """
        at, clock = self.head().at, self._clock()
        if at <= clock:
            raise ClockNotAhead(
                "the audit trail is not ahead of this host's clock", where="audit trail", cure="Nothing is to be done."
            )
        self._append([AuditRecord(CLOCK_RESET, clock, actor=by, facts={"was": instant(at)})], ())
        return at

    def _pen(self) -> _Pen:
        number = os.getpid()
        pen = self._pens.get(number)
        return self._pens.setdefault(number, _Pen(self._commit)) if pen is None else pen

    # --- one commit, by the caller who leads --------------------------------------------------------------------------

    def _commit(self, pen: _Pen, wishes: Sequence[_Wish]) -> None:
        """Keep what several callers want, and note on each wish what came of it."""
        if self._host is not None and not pen.is_told:
            wishes = [self._opened(pen, wishes[0], self._host), *wishes]
        try:
            for _ in range(_ATTEMPTS):
                draft = self._drafted(pen, wishes)
                if self._kept(pen, draft):
                    pen.is_told = True
                    return
                wishes = self._without_conflicts(pen, draft)
                if all(wish.records[0].kind == _OPENED for wish in wishes):
                    return  # nobody is left who wants anything, but for the trail itself
            raise _unavailable("other processes have written to it all the time")
        except SmartifyError as error:
            pen.known = None
            for wish in wishes:
                wish.error = _as_unavailable(error)

    @staticmethod
    def _opened(pen: _Pen, first: _Wish, host: str) -> _Wish:
        """Return the wish that says which host a pen writes on, in front of the first one that it writes."""
        record = AuditRecord(_OPENED, first.records[0].at, facts={"host": host, "writer": pen.writer})
        return _Wish((record,), (pieces_of(record),), ())

    def _drafted(self, pen: _Pen, wishes: Sequence[_Wish]) -> _Draft:
        known = pen.known or self._look(pen)
        size, at, tails = known.head.frontier.size, known.head.at, dict[str, tuple[Tail, int]]()
        unknown = {record.tenant for wish in wishes for record in wish.records} - known.tails.keys()
        found = self._tails_within([tenant for tenant in unknown if tenant is not None], known)
        entries: list[bytes] = []
        places: list[tuple[int, ...]] = []
        for wish in wishes:
            first = size
            for record, pieces in zip(wish.records, wish.pieces, strict=True):
                at = record.at if record.kind == CLOCK_RESET else max(at, record.at)
                number = previous = None
                if (tenant := record.tenant) is not None:
                    tail, version = tails.get(tenant) or known.tails.get(tenant) or found[tenant]
                    number, previous = tail.number + 1, tail.last
                    tails[tenant] = (Tail(number, size), version)
                entries.append(written(pieces, at=at, place=size, number=number, previous=previous, writer=pen.writer))
                size += 1
            places.append(tuple(range(first, size)))
        frontier, made = known.head.frontier.append(*entries)
        head = TrailHead(frontier, at)
        documents = (
            PutDocument(*HEAD, head.content, known.version),
            *(PutDocument(TAIL, tail_key(tenant), tail.content, version) for tenant, (tail, version) in tails.items()),
            *(put for wish in wishes for put in wish.documents),
        )
        nodes = tuple(node.hash for node in made)
        return _Draft(wishes, places, known, head, tails, documents, tuple(entries), nodes)

    def _tails_within(self, tenants: Sequence[str], known: _Known) -> Mapping[str, tuple[Tail, int]]:
        """Return where the entries of tenants end, each with the version of the document that says so.

        Raises:
            TrailBroken: One names an entry that the trail does not have, or more entries than the trail has.
        """
        found = self._tails(tenants)
        for tail, _ in found.values():
            self._check_within(tail, known)
        return found

    def _check_within(self, tail: Tail, known: _Known) -> None:
        """Raise `TrailBroken` where a tail names an entry that the trail does not have, or more than it has."""
        if tail.last is not None and (tail.last >= known.head.frontier.size or tail.number > tail.last + 1):
            size = self.size
            if tail.last >= size or tail.number > tail.last + 1:
                raise TrailBroken(
                    "the end of a tenant's entries is said to be where the trail has none",
                    where="audit trail",
                    cure="Keep the store as it is, verify the whole trail, and find out who had access to it.",
                )
            # Another process got on since the head was read: what is drafted will be refused, and drafted anew.

    def _kept(self, pen: _Pen, draft: _Draft) -> bool:
        """Write a draft; return whether it is kept, and otherwise somebody else has written.

        Raises:
            StorageError: The store cannot keep it; nothing was kept.
            AuditUnavailable: The store cannot tell whether it has kept it.
        """
        before = draft.known.head.frontier.size
        appends = (Append(ENTRIES, draft.entries, before), Append(NODES, draft.nodes, nodes_of(before)))
        pen.known = None
        try:
            self._storage.record(LEDGER, documents=draft.documents, appends=appends)
        except WriteConflict:
            return False
        except StorageUnavailable:
            if not self._settled(draft):
                raise
        except BaseException:
            # Somebody interrupted the caller who led; the others want to know all the same.
            with suppress(SmartifyError):
                if self._settled(draft):
                    _tell(draft)
            raise
        else:
            pen.known = draft.known.after(draft)
        _tell(draft)
        return True

    def _settled(self, draft: _Draft) -> bool:
        """Find out whether a commit whose answer was lost was kept, in a way that it cannot still be later on.

        The head is written again as it was. That succeeds only if nothing was kept, and then what is still under way
        meets another version than it expects.
        """
        try:
            present = self._storage.document(LEDGER, *HEAD)
            version = 0 if present is None else present.version
            if version == draft.known.version:
                again = TrailHead().content if present is None else present.value
                try:
                    self._storage.record(LEDGER, documents=[PutDocument(*HEAD, again, version)])
                except WriteConflict:
                    pass
                except StorageUnavailable:
                    if self._version(draft.documents[0]) == version:
                        raise _unavailable("its store takes no writes, and holds nothing of it") from None
                    raise
                else:
                    return False
            page = self._storage.entries(LEDGER, journal=ENTRIES, after=draft.known.head.frontier.size, limit=1)
        except StorageError:
            raise _in_doubt() from None
        # Who wrote it stands in each entry.
        return bool(page) and page[0].content == draft.entries[0]

    def _without_conflicts(self, pen: _Pen, draft: _Draft) -> list[_Wish]:
        """Return the wishes of a refused commit that can still be kept; the others are told that they cannot."""
        left: list[_Wish] = []
        for wish in draft.wishes:
            wrong = next((put for put in wish.documents if self._version(put) != put.expected_version), None)
            if wrong is None:
                left.append(wish)
            else:
                wish.error = document_conflict(LEDGER, wrong.kind, wrong.key)
        if len(left) == len(draft.wishes) and self._look(pen).version == draft.known.version:
            raise _unavailable("its head does not agree with its entries", cure="Verify the trail.")
        return left

    def _version(self, put: PutDocument) -> int:
        present = self._storage.document(LEDGER, put.kind, put.key)
        return 0 if present is None else present.version

    def _look(self, pen: _Pen) -> _Known:
        present = self._storage.document(LEDGER, *HEAD)
        pen.known = (
            _Known(TrailHead(), 0, {})
            if present is None
            else _Known(TrailHead.of_content(present.value), present.version, {})
        )
        return pen.known


def _is_host(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= _LONGEST_HOST and name.isprintable()


def _fitting(wishes: Sequence[_Wish]) -> int:
    """Return how many wishes one commit can keep: it may name no document twice."""
    named: set[tuple[str, str]] = set()
    records = 0
    for number, wish in enumerate(wishes):
        theirs = {(put.kind, put.key) for put in wish.documents}
        records += len(wish.records)
        if number and (records > _MOST_TOGETHER or named & theirs):
            return number
        named |= theirs
    return len(wishes)


def _tell(draft: _Draft) -> None:
    for wish, places in zip(draft.wishes, draft.places, strict=True):
        wish.places = places


def _as_unavailable(error: SmartifyError) -> AuditUnavailable:
    if isinstance(error, AuditUnavailable):
        return AuditUnavailable(error.what, where=error.where, cure=error.cure)
    return AuditUnavailable(
        f"the audit trail cannot keep a record, and nothing was kept: {error.code} {error.what}",
        where=error.where,
        cure=error.cure,
    )


def _unavailable(why: str, *, cure: str = "Try again.") -> AuditUnavailable:
    return AuditUnavailable(f"the audit trail cannot keep a record, and nothing was kept: {why}", cure=cure)


def _in_doubt() -> AuditUnavailable:
    return AuditUnavailable(
        "the store did not say whether it kept a record of the audit trail, and cannot be asked",
        cure="Look for the record in the trail when the store is back, before you write it again.",
    )
