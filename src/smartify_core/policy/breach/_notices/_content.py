"""What one tenant is told: what the host stated, and for the rest what follows from the tenant's own impact. Pure.

Laws of this file:

1. Whatever is neither stated nor follows from facts is unknown yet: nothing is made up.
2. Of the impact only the one tenant's own part is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

from attrs import frozen

from smartify_core.policy.breach._answers import Certainty, NoticeField, Stated, Statement, unknown_yet
from smartify_core.policy.breach._dossier import Dossier
from smartify_core.policy.breach._impact import TenantImpact
from smartify_core.policy.breach._incident import BreachScope, Incident
from smartify_core.policy.breach._rules import BreachRules
from smartify_core.policy.breach._vocabulary import Exposure, Outcome, Phase, ScopeKind

from ._words import Words

#: Through these data was reached as the host's own programs see it: in the clear.
_IN_THE_CLEAR: Final = frozenset({ScopeKind.ACTOR, ScopeKind.HOST, ScopeKind.VENDOR, ScopeKind.TENANT})


@frozen(order=False)
class Case:
    """What all notices of one round have in common.

    Args:
        incident: The incident. It is known to be one, or may be.
        scopes: What its impact was computed from.
        statement: What is stated of it.
        rules: What the host promises.
        now: When the notices are written.
        vendors: The names of vendors by their ids.
        heard: What customers heard before, and what was said of their times.
    """

    incident: Incident
    scopes: tuple[BreachScope, ...]
    statement: Statement
    rules: BreachRules
    now: datetime
    vendors: Mapping[str, str]
    heard: Dossier

    @property
    def aware_at(self) -> datetime:
        """Since when it is known; nobody is told of what is not."""
        return self.incident.aware_at or self.now


@frozen(order=False)
class Addressee:
    """What is particular to one tenant's notice.

    Args:
        impact: What the incident may have done to its data.
        phase: Which notice it is.
        annex: Whether a list of its people goes with it.
        missed: Why it was not told earlier: for each deadline that the notice misses the reason that is on record, or
            ``None``.
        next_at: By when the next notice comes; ``None`` where this is the last one.
    """

    impact: TenantImpact
    phase: Phase
    annex: bool = False
    missed: tuple[str | None, ...] = ()
    next_at: datetime | None = None


def answers_of(case: Case, addressee: Addressee, words: Words) -> Mapping[NoticeField, Stated]:
    """Return what one tenant is told: an answer for every field."""
    found: dict[NoticeField, Stated] = {}
    stated_of = case.statement.answers
    for what, value, derive in _ASKED:
        stated = stated_of.get(value)
        if stated is None or (what is NoticeField.INDIVIDUALS and addressee.annex):
            stated = unknown_yet() if derive is None else derive(case, addressee, words)
        found[what] = stated
    return found


def correction_of(case: Case, addressee: Addressee, words: Words) -> Mapping[NoticeField, Stated]:
    """Return what a tenant is told that is not affected any more: where it can ask, if anybody said so."""
    stated = case.statement.answer(NoticeField.CONTACT_POINT) or _contact(case, addressee, words)
    return {NoticeField.CONTACT_POINT: stated} if stated.certainty is Certainty.KNOWN else {}


def open_fields(answers: Mapping[NoticeField, Stated]) -> tuple[str, ...]:
    """Return the values of what is not known yet, in order."""
    return tuple(what.value for what, answer in answers.items() if answer.certainty is Certainty.UNKNOWN_YET)


def breach_period(case: Case, impact: TenantImpact) -> tuple[datetime, datetime] | None:
    """Return from when until when data of a tenant may have been reached; ``None`` where one of both is not known.

    The trail says so, where something in it leads there; otherwise the windows of the scopes that lead there do.
    """
    if impact.first_at is not None and impact.last_at is not None:
        return impact.first_at, impact.last_at
    windows = [(one.since, one.until) for one in _scopes(case, impact)]
    since = [begin for begin, _ in windows if begin is not None]
    until = [end for _, end in windows if end is not None]
    if not windows or len(since) != len(windows) or len(until) != len(windows):
        return None
    return min(since), max(until)


def _scopes(case: Case, impact: TenantImpact) -> list[BreachScope]:
    return [case.scopes[place] for place in impact.scopes if 0 <= place < len(case.scopes)]


def _said(text: str) -> Stated:
    # Not by `known`: what follows from facts may be longer than what somebody may type.
    return Stated(Certainty.KNOWN, text)


def _listed(items: Iterable[str]) -> str:
    return "; ".join(items)


def _nature(case: Case, _: Addressee, words: Words) -> Stated:
    natures = [words.say(f"nature_{one.value}") for one in case.incident.natures]
    return _said(f"{_listed(natures)}.") if natures else unknown_yet()


def _period(case: Case, addressee: Addressee, words: Words) -> Stated:
    found = breach_period(case, addressee.impact)
    if found is None:
        return unknown_yet()
    since, until = map(words.instant, found)
    if since == until:  # to the minute, as people read it
        return _said(words.say("period_at", time=since))
    return _said(words.say("period_between", since=since, until=until))


def _discovered(case: Case, _: Addressee, words: Words) -> Stated:
    signal, aware = words.instant(case.incident.first_signal_at), words.instant(case.aware_at)
    return _said(words.say("discovered_at", signal=signal, aware=aware))


def _categories(_: Case, addressee: Addressee, words: Words) -> Stated:
    fields = addressee.impact.fields
    named = [words.messages.get(f"personal_{one}", one) for one in fields]
    return _said(f"{_listed(named)}.") if named else unknown_yet()


def _subjects(_: Case, addressee: Addressee, words: Words) -> Stated:
    number = addressee.impact.subjects
    if number == 1:
        return _said(words.say("subjects_one"))
    return _said(words.say("subjects_about", number=number)) if number else unknown_yet()


def _records(_: Case, addressee: Addressee, words: Words) -> Stated:
    impact = addressee.impact
    if impact.records:
        one = impact.records == 1
        return _said(words.say("records_access") if one else words.say("records_accesses", number=impact.records))
    if impact.subjects == 1:
        return _said(words.say("records_one"))
    return _said(words.say("records_each", number=impact.subjects)) if impact.subjects else unknown_yet()


def _individuals(_: Case, addressee: Addressee, words: Words) -> Stated:
    if addressee.annex:
        return _said(words.say("individuals_annex"))
    number = addressee.impact.subjects
    return _said(words.say("individuals_on_request", number=number)) if number else unknown_yet()


def _protection(case: Case, addressee: Addressee, words: Words) -> Stated:
    if addressee.impact.outcome is Outcome.CIPHERTEXT_ONLY:
        return _said(words.say("protection_ciphertext"))
    scopes = _scopes(case, addressee.impact)
    if any(one.kind in _IN_THE_CLEAR for one in scopes):
        return _said(words.say("protection_readable"))
    if scopes and all(one.other_half is Exposure.EXPOSED for one in scopes):
        return _said(words.say("protection_exposed"))
    return unknown_yet()


def _contact(case: Case, _: Addressee, __: Words) -> Stated:
    point = case.rules.contact_point.strip()
    return _said(point) if point else unknown_yet()


def _next_update(_: Case, addressee: Addressee, words: Words) -> Stated:
    at = addressee.next_at
    if at is None:
        return Stated(Certainty.NOT_APPLICABLE, words.say("next_update_none"))
    return _said(words.say("next_update_by", time=words.instant(at)))


def _delay(_: Case, addressee: Addressee, words: Words) -> Stated:
    if not addressee.missed:
        return Stated(Certainty.NOT_APPLICABLE, words.say("delay_none"))
    reasons = tuple(dict.fromkeys(one for one in addressee.missed if one is not None))
    # That it is late is no secret: it stays open until somebody has said why of every delay (GDPR 33(1)).
    return unknown_yet() if None in addressee.missed else _said("\n".join(reasons))


def _vendor(case: Case, addressee: Addressee, words: Words) -> Stated:
    vendors = addressee.impact.vendors
    if not vendors:
        return Stated(Certainty.NOT_APPLICABLE, words.say("vendor_none"))
    return _said(f"{_listed(case.vendors.get(one, one) for one in vendors)}.")


_DERIVED: Final[Mapping[NoticeField, Callable[[Case, Addressee, Words], Stated]]] = {
    NoticeField.NATURE: _nature,
    NoticeField.BREACH_PERIOD: _period,
    NoticeField.DISCOVERED: _discovered,
    NoticeField.DATA_CATEGORIES: _categories,
    NoticeField.SUBJECTS: _subjects,
    NoticeField.RECORDS: _records,
    NoticeField.INDIVIDUALS: _individuals,
    NoticeField.PROTECTION: _protection,
    NoticeField.CONTACT_POINT: _contact,
    NoticeField.NEXT_UPDATE: _next_update,
    NoticeField.DELAY_REASON: _delay,
    NoticeField.VENDOR: _vendor,
}
#: What is asked, by its value, and what it follows from: looked up once, and not for every notice.
_ASKED: Final = tuple((what, what.value, _DERIVED.get(what)) for what in NoticeField)
