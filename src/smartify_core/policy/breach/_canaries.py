"""Canaries: decoys whose use opens a suspected incident by itself, however it came about."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Final

from attrs import evolve, field, frozen

from smartify_core.errors import IncidentInvalid, UsageError
from smartify_core.model import PutDocument
from smartify_core.policy._access._facts import check_id
from smartify_core.policy._ledger import LEDGER, is_key
from smartify_core.policy._log import log
from smartify_core.policy._records._anew import begun_anew
from smartify_core.policy._shelf import Shelf
from smartify_core.policy.audit import AuditEntry, AuditRecord, Trail
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

from ._decoys import LONGEST_NOTE, MOST_DECOYS, Decoy, Decoyed, DecoyKind, Decoys
from ._incident import BreachScope, Incident
from ._places import CANARY
from ._recorded import Recorded
from ._vocabulary import ScopeKind

#: Who opens an incident when a decoy was touched.
CANARY_ACTOR: Final = "canary"
_DECOYS: Final = "decoys"
_CURSOR: Final = "cursor"
#: A small document beside the decoys, written with them: its version tells whether they changed.
_REVISION: Final = "revision"
#: The most entries in which touches are put together into one entry of a timeline.
_TOGETHER: Final = 10_000


@frozen(order=False)
class _Cursor:
    """How far the trail was looked at.

    Args:
        looked_at: How many of its entries.
        open: The incidents that touches opened and that are not over, by the actor; ``""`` for one that is not known.
    """

    looked_at: int = 0
    open: Mapping[str, str] = field(factory=dict[str, str], hash=False)


@frozen(order=False)
class _Revision:
    """Counts how often the decoys were changed."""

    number: int


@frozen(order=False)
class _Touches:
    """What one actor touched, entry after entry."""

    first: AuditEntry
    last: AuditEntry
    entries: int
    kinds: frozenset[DecoyKind]

    def and_then(self, entry: AuditEntry, kinds: frozenset[DecoyKind]) -> _Touches:
        """Return it with one more entry."""
        return _Touches(self.first, entry, self.entries + 1, self.kinds | kinds)


class Canaries:
    """Plants decoys, and finds in the audit trail who touched one. Threads and processes may share the store.

    A decoy is an account that nobody has a reason to open, a grant that nobody has a reason to use, or an employee who
    never does anything. Whoever touches one has found it by looking around, and that *may* be a breach: enough for a
    suspected incident, which a person then looks at. A page of a list that holds a decoy counts: keep decoys out of
    tenants of which lists are shown.

    The trail is told that a decoy was planted, of which kind, and never which.

    Args:
        storage: Where they are kept: sealed, in one document.
        sealer: What seals it.
        trail: Where touches are looked for, and what every change is recorded in.
    """

    def __init__(self, storage: Storage, sealer: Sealer, trail: Trail) -> None:
        self._storage = storage
        self._trail = trail
        self._recorded = Recorded(storage, sealer, trail)
        self._decoys = Shelf(storage, sealer, CANARY, Decoys)
        self._cursors = Shelf(storage, sealer, CANARY, _Cursor)
        self._revisions = Shelf(storage, sealer, CANARY, _Revision)
        #: What `noticed` remembers: the decoys, and the version of `_REVISION` that they are of at least.
        self._known: tuple[int, Decoyed] = (-1, Decoyed())
        self._lock = Lock()

    # --- planting -----------------------------------------------------------------------------------------------------

    def plant_subject(self, tenant: str, account_id: str, *, by: str, note: str = "") -> Decoy:
        """Make an account a decoy: whoever opens it from now on, or tries to, opens an incident.

        Args:
            tenant: Whose account it is.
            account_id: Its id: that of an account that belongs to nobody.
            by: Who plants it.
            note: What it is for; it is kept sealed.

        Returns:
            The decoy. One that is planted already stays as it is, and nothing is recorded.

        Raises:
            UsageError: An id is none, the note is too long, or there are 2,000 decoys. Never says which id.
            AuditUnavailable: It could not be recorded, and so was not done.
            WriteConflict: Others were faster again and again.
        """
        if not is_key(tenant):
            raise _refused("the tenant of a decoy is none", "Give the tenant's name as the store has it.")
        return self._plant(DecoyKind.SUBJECT, tenant, account_id, by, note)

    def plant_grant(self, grant_id: str, *, by: str, note: str = "") -> Decoy:
        """Make a grant a decoy: whoever opens anything by it, or exports, opens an incident.

        Take one that was granted to an employee who is a decoy too, and plant it after it was approved.
        Arguments, result and errors are those of `plant_subject`.
        """
        return self._plant(DecoyKind.GRANT, None, grant_id, by, note)

    def plant_employee(self, employee_id: str, *, by: str, note: str = "") -> Decoy:
        """Make an employee or service a decoy: whatever is asked for in its name, and denied or not, opens an incident.

        Arguments, result and errors are those of `plant_subject`.
        """
        return self._plant(DecoyKind.EMPLOYEE, None, employee_id, by, note)

    def all(self) -> tuple[Decoy, ...]:
        """Return every decoy. Raises what `Shelf.get` does."""
        return self._read()[0].all

    def remove(self, decoy: Decoy, *, by: str) -> bool:
        """Let something be a decoy no more, after what was touched until now was looked at.

        Args:
            decoy: One of `all`.
            by: Who removes it.

        Returns:
            Whether it was one.

        Raises:
            UsageError: ``by`` is no id.
            AuditUnavailable: It could not be recorded, and so was not done.
            WriteConflict: Others were faster again and again.
        """
        check_id("by", by)
        self.look()
        return self._remove(decoy, by)

    @begun_anew
    def _remove(self, decoy: Decoy, by: str) -> bool:
        kept, version = self._read()
        left = tuple(one for one in kept.all if one.place != decoy.place)
        if len(left) == len(kept.all):
            return False
        self._trail.append(
            AuditRecord(
                "canary.removed",
                self._trail.now(),
                actor=by,
                facts={"decoy": decoy.kind.value, "decoys": len(left)},
            ),
            documents=self._written(Decoys(left), version),
        )
        return True

    @begun_anew
    def _plant(self, kind: DecoyKind, tenant: str | None, id_: str, by: str, note: str) -> Decoy:
        check_id("by", by)
        check_id("the id of a decoy", id_)
        if len(note) > LONGEST_NOTE:
            raise _refused(f"the note on a decoy is longer than {LONGEST_NOTE} characters", "Say it shorter.")
        kept, version = self._read()
        size, now = self._trail.size, self._trail.now()
        decoy = Decoy(kind, id_, tenant, now, by, size, note)
        if (there := next((one for one in kept.all if one.place == decoy.place), None)) is not None:
            return there
        if len(kept.all) >= MOST_DECOYS:
            raise _refused(f"there are {MOST_DECOYS:,} decoys", "Remove some first.")
        documents = self._written(Decoys((*kept.all, decoy)), version)
        if not kept.all:
            # Nothing was to be looked for until now.
            cursor, over = self._cursor()
            documents.append(self._cursors.put(_CURSOR, evolve(cursor, looked_at=size), over=over))
        self._trail.append(
            AuditRecord("canary.planted", now, actor=by, facts={"decoy": kind.value, "decoys": len(kept.all) + 1}),
            documents=documents,
        )
        return decoy

    # --- looking ------------------------------------------------------------------------------------------------------

    def noticed(self, record: AuditRecord) -> None:
        """Look at once where a record touches a decoy: what a gate is given, which calls it for every opening.

        It reads one small document for each. What it raises loses nothing: `look` finds the touch later.

        Args:
            record: What the gate has just recorded.

        Raises:
            StorageError: The store could not be read.
        """
        if self._present().touched(record):
            self.look()

    def look(self) -> tuple[Incident, ...]:
        """Look at what is new in the audit trail, and open a suspected incident for whoever touched a decoy.

        A touch by an actor whom an incident of a canary is open for becomes an entry of its timeline. How far it has
        looked is kept in the same step as the incident: each touch is told of once, whatever crashes and whoever else
        looks at the same time. Call it every minute or so: it finds what `noticed` missed.

        Returns:
            The incidents that were opened or added to by this call.

        Raises:
            AuditUnavailable: An incident could not be recorded, and so was not opened; look again.
            TrailBroken: What is there is no entry.
            StorageError: The store could not be read.
        """
        found: list[Incident] = []
        while (incident := self._one()) is not None:
            found.append(incident)
        return tuple({one.id: one for one in found}.values())

    @begun_anew
    def _one(self) -> Incident | None:
        """Tell of the next touches by one actor; ``None`` where there are none up to the end of the trail."""
        decoyed = Decoyed(self._read()[0].all)
        cursor, version = self._cursor()
        if not decoyed:
            return None
        touches, looked_at = self._next(decoyed, cursor.looked_at)
        moved = evolve(cursor, looked_at=looked_at)
        if touches is not None:
            return self._told(touches, moved, version)
        if looked_at > cursor.looked_at:
            self._storage.record(LEDGER, documents=[self._cursors.put(_CURSOR, moved, over=version)])
        return None

    def _next(self, decoyed: Decoyed, start: int) -> tuple[_Touches | None, int]:
        """Return the next touches by one actor, and how many entries were looked at by then."""
        touches: _Touches | None = None
        place = start
        for stored in self._trail.contents(after=start - 1 if start else None):
            here = stored.position - 1
            if touches is not None and here - touches.first.place >= _TOGETHER:
                break
            if decoyed.may_touch(stored.content):
                entry = self._trail.entry(here)
                kinds = decoyed.touched(entry.record, here)
                if kinds and touches is not None and touches.first.record.actor != entry.record.actor:
                    break  # somebody else's is told of next
                if kinds:
                    touches = _Touches(entry, entry, 1, kinds) if touches is None else touches.and_then(entry, kinds)
            place = here + 1
        return touches, place

    def _told(self, touches: _Touches, cursor: _Cursor, version: int) -> Incident:
        """Open an incident, or add to the one that is open, in one step with how far the trail was looked at."""
        actor = touches.first.record.actor
        now = self._trail.now()
        text = _in_words(touches)
        incident, over = self._open_one(cursor.open.get(actor or ""))
        if incident is None:
            others = {who: one for who, one in cursor.open.items() if self._open_one(one)[0] is not None}

            def remembered(opened: str) -> list[PutDocument]:
                noted = evolve(cursor, open={**others, actor or "": opened})
                return [self._cursors.put(_CURSOR, noted, over=version)]

            kept = self._recorded.opened(
                by=CANARY_ACTOR,
                at=now,
                signal=text,
                first_signal_at=touches.first.record.at,
                scopes=_scopes(actor),
                documents=remembered,
            )
            log().warning("decoy touched", incident=kept.id)
            return kept
        put = self._cursors.put(_CURSOR, cursor, over=version)
        return self._recorded.change(
            incident, over, "canary.touched", by=CANARY_ACTOR, at=now, text=text, documents=[put]
        )

    def _open_one(self, incident_id: str | None) -> tuple[Incident | None, int]:
        """Return an incident that is not over, and the version of its document."""
        if incident_id is None:
            return None, 0
        incident, version = self._recorded.get(incident_id)
        return (None, 0) if incident.state.is_over else (incident, version)

    # --- what is kept -------------------------------------------------------------------------------------------------

    def _read(self) -> tuple[Decoys, int]:
        kept, version = self._decoys.get(_DECOYS)
        return (Decoys() if kept is None else kept), version

    def _cursor(self) -> tuple[_Cursor, int]:
        kept, version = self._cursors.get(_CURSOR)
        return (_Cursor() if kept is None else kept), version

    def _written(self, decoys: Decoys, over: int) -> list[PutDocument]:
        """Return the writes that keep the decoys, and that they were changed."""
        _, version = self._revisions.get(_REVISION)
        return [
            self._decoys.put(_DECOYS, decoys, over=over),
            self._revisions.put(_REVISION, _Revision(version + 1), over=version),
        ]

    def _present(self) -> Decoyed:
        """Return the decoys as they are, read anew only where they were changed."""
        document = self._storage.document(LEDGER, CANARY, _REVISION)
        version = 0 if document is None else document.version
        known, decoyed = self._known
        if known == version:
            return decoyed
        with self._lock:
            # The version was read before the decoys: they are never older than it.
            self._known = version, Decoyed(self._read()[0].all if version else ())
            return self._known[1]


def _scopes(actor: str | None) -> tuple[BreachScope, ...]:
    """Return whatever was opened as the actor, since ever: nobody knows yet since when somebody else acts as them."""
    if actor is None:
        return ()
    try:
        return (BreachScope(ScopeKind.ACTOR, (actor,)),)
    except IncidentInvalid:
        return ()  # a text that cannot be a name in a scope; the entries are named in the signal


def _in_words(touches: _Touches) -> str:
    """Return what was touched, for people: it is kept sealed, as it leads to the decoys."""
    kinds = " and ".join(sorted(f"a decoy {one.value}" for one in touches.kinds))
    first, last = touches.first, touches.last
    if touches.entries == 1:
        where = f"entry {first.place} of the audit trail ({first.record.kind})"
    else:
        where = f"{touches.entries} entries of the audit trail, {first.place} to {last.place}"
    return f"Somebody touched {kinds}: {where}. Narrow the scope when it is known from when on."


def _refused(what: str, cure: str) -> UsageError:
    return UsageError(what, where="decoy", cure=cure)
