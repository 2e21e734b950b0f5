"""An incident, what it reached, and what happened when. Pure values, strictly checked."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from smartify_core.errors import IncidentClash, IncidentInvalid

from ._vocabulary import Exposure, IncidentState, Nature, ScopeKind

#: The most names that one scope has, and the most scopes of an incident.
MOST_NAMES: Final = 1_000
MOST_SCOPES: Final = 64
#: The most characters that a text about an incident has: a signal, a reason, a note.
LONGEST_TEXT: Final = 4_000
_LONGEST_NAME: Final = 300
_incident_like: Final = re.compile(r"inc-[0-9]{8}-[0-9a-f]{8}").fullmatch


def is_incident_id(text: object) -> bool:
    """Return whether ``text`` can be an incident's id, such as ``inc-20261130-5f3a9c01``."""
    return isinstance(text, str) and _incident_like(text) is not None


def in_utc(instant: object, what: str) -> datetime:
    """Return ``instant`` in UTC.

    Raises:
        IncidentInvalid: It is no instant with a time zone.
    """
    if not isinstance(instant, datetime) or instant.tzinfo is None:
        raise IncidentInvalid(f"{what} is no time with a time zone", where=what, cure="Give an aware datetime.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise IncidentInvalid(f"{what} lies outside the years 1 to 9999", where=what, cure="Correct it.") from None


def checked_text(text: object, what: str) -> str:
    """Return a text about an incident without what is around it.

    Raises:
        IncidentInvalid: It is no text, empty or too long.
    """
    kept = text.strip() if isinstance(text, str) else ""
    if not kept or len(kept) > LONGEST_TEXT:
        raise IncidentInvalid(
            f"{what} is empty or longer than {LONGEST_TEXT:,} characters", where=what, cure="Say it in a few sentences."
        )
    return kept


def _names(values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise IncidentInvalid("the names of a scope are one text, not several", where="scope", cure="Give a list.")
    found = tuple(sorted(set(values)))
    for one in found:
        if not _is_name(one):
            raise IncidentInvalid(
                "a name in a scope is none", where="scope", cure="Give the ids as they are on record."
            )
    if len(found) > MOST_NAMES:
        raise IncidentInvalid(f"a scope has more than {MOST_NAMES:,} names", where="scope", cure="Give several scopes.")
    return found


def _is_name(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_NAME and text.isprintable()


def _is_member(kind: object, of: type[enum.Enum]) -> bool:
    return isinstance(kind, of)  # types are no promise at run time


def _utc_or_none(instant: datetime | None) -> datetime | None:
    return None if instant is None else in_utc(instant, "the window of a scope")


@frozen(order=False)
class BreachScope:
    """One way in which a breach may have reached data. All of its parts hold at once; an incident has several scopes.

    Args:
        kind: What the names are of.
        names: Ids of employees or services, of hosts, of vendors, of wrapping keys, of stores, or of tenants.
        since: From when on; ``None`` where that is not known, and then from the beginning. For a vendor it is when the
            vendor's breach began: what it had received before is in scope too. For a key and a store see ``until``.
        until: The first instant that is out of the window; ``None`` where it is not over. Of a store: when the copy was
            made. Of a key: until when what it wrapped could be copied.
        tenants: Only these tenants, where that much is known; empty for any.
        other_half: For a store, whether the keys are out as well; for a key, whether what it wraps is.
        because: Why ``other_half`` is safe: no customer is left out without a reason.

    Raises:
        IncidentInvalid: A value is misshapen, the window ends before it starts, or something is safe for no reason.
    """

    kind: ScopeKind
    names: tuple[str, ...] = field(converter=_names)
    since: datetime | None = field(default=None, converter=_utc_or_none)
    until: datetime | None = field(default=None, converter=_utc_or_none)
    tenants: tuple[str, ...] = field(default=(), converter=_names)
    other_half: Exposure = Exposure.UNKNOWN
    because: str | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if not (_is_member(self.kind, ScopeKind) and _is_member(self.other_half, Exposure)):
            raise IncidentInvalid(
                "there is no such kind of scope",
                where="scope",
                cure="Name one of: actor, host, vendor, key, store, tenant.",
            )
        if not self.names:
            raise IncidentInvalid(
                f"a scope names no {self.kind.value}",
                where="scope",
                cure="Name at least one; what is unknown is a host or a store.",
            )
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise IncidentInvalid(
                "the window of a scope ends before it starts", where="scope", cure="Give an end after its start."
            )
        if self.other_half is not Exposure.UNKNOWN and self.kind not in {ScopeKind.KEY, ScopeKind.STORE}:
            raise IncidentInvalid("only a key or a store has another half", where="scope", cure="Leave other_half out.")
        if self.other_half is Exposure.SAFE:
            checked_text(self.because, "the reason why keys or ciphertext are safe")


@frozen(order=False)
class PoliceHold:
    """That law enforcement asked for silence for a while. It ends by itself.

    Args:
        until: The first instant at which notices may go out again.
        ordered_by: Which authority, and under what reference.
        by: The id of the employee who put it on record.
        reason: Why, in their words.
        at: When it was put on record.
    """

    until: datetime
    ordered_by: str = field(repr=False)
    by: str
    reason: str = field(repr=False)
    at: datetime


@frozen(order=False)
class Incident:
    """A breach, or what may be one.

    Args:
        id: Its id, such as ``inc-20261130-5f3a9c01``.
        state: Where it stands.
        opened_at: When it came on record.
        opened_by: Who put it there: the id of an employee, or ``canary``.
        signal: What was noticed first, in words.
        first_signal_at: When: the clock of diligence (HIPAA 164.410 counts from when one would have known).
        natures: What was, or may have been, violated.
        scopes: Where it reached, as far as is known.
        scope_revision: Counts how often the scopes were changed, from 1.
        aware_at: When somebody with the authority decided that it is, or may be, a breach; ``None`` until then.
        aware_by: Who decided that.
        confirmed_at: When its impact was confirmed.
        confirmed_by: Who confirmed it.
        closed_at: When it was closed, or dismissed as a near miss.
        closed_by: Who did that.
        hold: The latest police hold.
        past_holds: The holds before it, the first first, each until it ended or the next one took its place.
        events: How many entries its timeline has.
        impact_revision: The latest impact that was computed; 0 for none.
        rounds: How many rounds of notices were queued.
    """

    id: str
    state: IncidentState
    opened_at: datetime
    opened_by: str
    signal: str = field(repr=False)
    first_signal_at: datetime
    natures: tuple[Nature, ...] = (Nature.CONFIDENTIALITY,)
    scopes: tuple[BreachScope, ...] = ()
    scope_revision: int = 1
    aware_at: datetime | None = None
    aware_by: str | None = None
    confirmed_at: datetime | None = None
    confirmed_by: str | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    hold: PoliceHold | None = None
    past_holds: tuple[PoliceHold, ...] = ()
    events: int = 0
    impact_revision: int = 0
    rounds: int = 0

    def is_held(self, now: datetime) -> bool:
        """Return whether a police hold forbids notices at ``now``."""
        return self.hold is not None and now < self.hold.until


def incident_clash(incident: Incident, what: str, cure: str) -> IncidentClash:
    """Return the error that something cannot be done to an incident as it stands."""
    return IncidentClash(what, where=f"incident {incident.id}", cure=cure)


@frozen(order=False)
class TimelineEvent:
    """One entry of an incident's timeline.

    Args:
        number: Which one it is, from 1.
        at: When it came on record.
        by: Who did it.
        kind: What happened: the kind of the trail's entry, such as ``incident.aware``.
        text: Their words, sealed where they are kept; ``None`` where none were needed.
        tenant: Which tenant it is about, if it is about one.
    """

    number: int
    at: datetime
    by: str
    kind: str
    text: str | None = field(default=None, repr=False)
    tenant: str | None = None
