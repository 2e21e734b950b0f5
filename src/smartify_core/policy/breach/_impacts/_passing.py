"""One pass over the audit trail, forward, from its beginning to where its head was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from attrs import define, field

from smartify_core.errors import RecordInvalid, TrailBroken
from smartify_core.model import LEDGER
from smartify_core.policy.audit import AuditEntry, Trail

from ._instants import Read, brought_back, spanned
from ._matching import (
    COMMUNICATION,
    FIELDS_OF_ACCOUNTS,
    NOBODY,
    Parts,
    entry_of,
    fields_in,
    parts_of,
    plain_entry,
    raw,
    subjects_in,
    text_of,
)
from ._pairs import Pairs
from ._reach import LEADS, OPENINGS, Reach
from ._spans import KeyHistory, Span

_FIELDS: Final = b'"fields":['
_KEPT: Final = b"communication.kept"
_SHREDDED: Final = b"account.shredded"
_OFF_BOARDED: Final = b"tenant.off-boarded"
_CLOCK: Final = b"clock.reset"
_NOTED: Final = frozenset({_SHREDDED, _OFF_BOARDED, b"key.rotated", b"key.retired", b"key.rewrapped", b"key.resealed"})


@define(eq=False)
class Tally:
    """The entries that lead to one tenant for one cause. Instants are as they stand in entries."""

    records: int
    first: bytes
    last: bytes
    fields: int
    accounts: dict[bytes, int]


@define(eq=False)
class Found:
    """What a pass found, tenant by tenant. Tenants have numbers, in the order in which they were met."""

    numbers: dict[bytes, int] = field(factory=dict[bytes, int])
    tallies: dict[tuple[int, int], Tally] = field(factory=dict[tuple[int, int], Tally])
    #: The scopes that reach accounts which the trail says have ended, as bits.
    ended: dict[int, int] = field(factory=dict[int, int])
    gone_at: dict[int, datetime] = field(factory=dict[int, datetime])
    #: To whose people something was said that was kept.
    talked: set[int] = field(factory=set[int])
    #: Everybody who did anything: some names of scopes may be misspelt.
    actors: set[bytes] = field(factory=set[bytes])
    #: The place and the instant of every entry that brought the trail's time back.
    resets: list[tuple[int, bytes]] = field(factory=list[tuple[int, bytes]])

    def number(self, tenant: bytes) -> int:
        """Return the number of a tenant, as it stands in an entry."""
        return self.numbers.setdefault(tenant, len(self.numbers))

    def names(self) -> list[str]:
        """Return the names of the tenants, by their numbers; an empty one for what is nobody's."""
        return ["" if one == NOBODY else text_of(one) for one in self.numbers]


class Passing:
    """Reads the trail once, and notes what is in scope.

    Args:
        trail: The trail.
        reach: What is in scope, as far as the trail was read.
        spans: The scopes that reach whatever lived at a time.
        history: Where entries about keys are noted.
        pairs: Where accounts are noted.
    """

    def __init__(self, trail: Trail, reach: Reach, spans: tuple[Span, ...], history: KeyHistory, pairs: Pairs) -> None:
        self._trail = trail
        self._reach = reach
        self._spans = spans
        self._history = history
        self._pairs = pairs
        self._fields: dict[bytes, int] = {}
        self.found = Found()
        self._tallies = self.found.tallies

    def run(self, size: int, resets: Sequence[tuple[int, bytes]] = ()) -> Found:  # noqa: C901 # a million times: no call too many
        """Read the first ``size`` entries.

        Args:
            size: How many.
            resets: Where the trail's time was brought back, and to when, where an earlier pass has found that.

        Raises:
            TrailBroken: One of them is missing, or is none.
            StorageError: The store could not be read.
        """
        found, numbers, cause_of, note = self.found, self.found.numbers, self._reach.cause, self._note
        actors, entries = found.actors, self._entries(size)
        if self._reach.has_end:
            entries = brought_back(spanned(entries), resets) if resets else spanned(entries)
        for place, content, parts, lower in entries:
            actor, at, _, kind, _, tenant, writer = parts
            number = numbers.get(tenant)
            if number is None:
                number = numbers[tenant] = len(numbers)
            if actor not in actors:
                actors.add(actor)
            if kind in OPENINGS:
                cause = cause_of(parts, lower)
                if cause is not None:
                    note(number, cause, parts)
                if kind == _KEPT:
                    found.talked.add(number)
            elif kind in LEADS:
                self._reach.lead(_parsed(content, place).record, at=at, lower=lower, writer=writer)
            elif kind == _CLOCK:
                found.resets.append((place, at))
            elif kind in _NOTED:
                self._noted(number, kind, _parsed(content, place))
        return found

    def _entries(self, size: int) -> Iterator[Read]:
        place = 0
        for stored in islice(self._trail.contents(), size):
            content = stored.content
            plain = plain_entry(content)
            try:
                parts: Parts = plain.groups() if plain is not None else parts_of(content)  # type: ignore[assignment] # seven groups
            except ValueError:
                raise _broken(place, "an entry of the audit trail is not valid") from None
            if stored.position != place + 1:
                raise _broken(place, "an entry of the audit trail is missing")
            yield place, content, parts, parts[1]
            place += 1
        if place < size:
            raise _broken(place, "an entry of the audit trail is missing")

    def _note(self, tenant: int, cause: int, parts: Parts) -> None:  # noqa: C901 # a million times: no call too many
        _, at, facts, kind, subjects, _, _ = parts
        start = facts.find(_FIELDS)
        part = facts[start : facts.find(b"]", start) + 1] if start >= 0 else b""
        fields = self._fields.get(part)
        if fields is None:
            fields = self._fields[part] = fields_in(part)
        if kind == _KEPT:
            fields = COMMUNICATION
        tally = self._tallies.get((tenant, cause))
        if tally is None:
            group = self._pairs.group(tenant, cause)
            tally = self._tallies[tenant, cause] = Tally(1, at, at, fields, group)
        else:
            tally.records += 1
            # Almost always later than what was before; a clock that was brought back makes the exception.
            if at > tally.last:
                tally.last = at
            elif at < tally.first:
                tally.first = at
            if fields != tally.fields:
                tally.fields |= fields
        accounts = tally.accounts
        # One account that was noted before, as most are, is found as it stands there.
        before = accounts.get(subjects)
        if before is not None and (before == fields or before | fields == before):
            return
        for one in subjects_in(subjects):
            before = accounts.get(one)
            if before is None:
                accounts[one] = fields
                self._pairs.grew()
            elif before | fields != before:
                accounts[one] = before | fields

    def _noted(self, tenant: int, kind: bytes, entry: AuditEntry) -> None:
        record = entry.record
        if kind == _OFF_BOARDED:
            self.found.gone_at[tenant] = record.at
        elif kind != _SHREDDED:
            self._history.note(record)
        elif self._spans and record.tenant is not None:
            began, ended = _instant(record.facts.get("created_at")), _instant(record.facts.get("ended_at"))
            bits = 0
            for span in self._spans:
                if (not span.tenants or record.tenant in span.tenants) and span.meets(began, ended):
                    bits |= span.bit
            if bits:
                self.found.ended[tenant] = self.found.ended.get(tenant, 0) | bits
                fields = FIELDS_OF_ACCOUNTS | (COMMUNICATION if record.facts.get("communications") else 0)
                for subject in record.subjects:
                    self._pairs.add(tenant, raw(subject), self._reach.cause_of(bits), fields)


def _parsed(content: bytes, place: int) -> AuditEntry:
    try:
        return entry_of(content)
    except RecordInvalid:
        raise _broken(place, "an entry of the audit trail is not valid") from None


def is_tenant(part: bytes) -> bool:
    """Return whether a part of an entry names a tenant: not nobody, and not policy itself."""
    return part not in {NOBODY, raw(LEDGER)}


def _instant(fact: object) -> datetime | None:
    try:
        return datetime.fromisoformat(fact) if isinstance(fact, str) else None
    except ValueError:
        return None


def _broken(place: int, what: str) -> TrailBroken:
    return TrailBroken(what, where=f"entry {place}", cure="Keep the store as it is, and verify the trail.")
