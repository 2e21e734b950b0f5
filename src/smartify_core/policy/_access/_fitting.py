"""Which agreement binds, which grant fits, and what keeps one from fitting. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from attrs import frozen

from smartify_core.policy._vocabulary import PSEUDONYMOUS, PersonalField

from ._decision import AccessRequest, AccessRules, Missing
from ._facts import Agreement, Employee, Facts, Grant

_UNITS: Final = (
    ("day", timedelta(days=1)),
    ("hour", timedelta(hours=1)),
    ("minute", timedelta(minutes=1)),
    ("second", timedelta(seconds=1)),
)


@frozen(order=False)
class Defect:
    """What keeps a grant from covering a request.

    Args:
        missing: What it is.
        weight: How much it takes to mend it, when the nearest of several grants is looked for.
        what: It in words, that follow after the grant's name.
        cure: What to do.
    """

    missing: Missing
    weight: int
    what: str
    cure: str


def binding(who: str, agreements: tuple[Agreement, ...], now: datetime) -> Agreement | None:
    """Return the agreement that binds somebody for longest from now on."""
    found: Agreement | None = None
    for one in agreements:
        if one.employee == who and one.since <= now and (one.until is None or now < one.until):
            if one.until is None:
                return one
            if found is None or (found.until is not None and found.until < one.until):
                found = one
    return found


def fitting(request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules) -> Grant | None:
    """Return a grant that covers the request now.

    Of several it is one that shows names where the purpose would do with pseudonyms, and of those the one that lasts
    longest; in what order they are known does not matter.
    """
    found: Grant | None = None
    for grant in facts.grants:
        if (
            grant.purpose is request.purpose
            and grant.tenant == request.tenant
            and grant.employee == request.employee
            and request.fields <= grant.fields
            # What most grants that do not fit are: over. Nothing is put in words yet.
            and grant.revoked_at is None
            and grant.not_before <= now < grant.expires_at
            and (found is None or _prevails(grant, found))
            and next(defects(grant, request, facts, now, rules), None) is None
        ):
            found = grant
    return found


def _prevails(one: Grant, other: Grant) -> bool:
    if one.identified is not other.identified and one.purpose in PSEUDONYMOUS:
        return one.identified
    return one.id < other.id if one.expires_at == other.expires_at else other.expires_at < one.expires_at


def defects(grant: Grant, request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules) -> Iterator[Defect]:
    """Yield what keeps a grant of the right employee, tenant and purpose from covering a request."""
    yield from _of_its_life(grant, facts.employee, now)
    yield from _of_its_making(grant, rules)
    if not request.fields <= grant.fields:
        what = f"is for {names(grant.fields)} only"
        yield Defect(Missing.GRANT_OTHER_FIELDS, 2, what, "Ask for those only, or for a new one.")
    if grant.subjects and not (request.subjects and request.subjects <= grant.subjects):
        what = "is for other accounts only"
        yield Defect(Missing.GRANT_OTHER_SUBJECTS, 2, what, "Name the accounts that it is for.")
    if grant.ticket is not None:
        is_open = facts.tickets.get(grant.ticket)
        if is_open is None:
            what = f"is for issue {grant.ticket}, of which nobody knows whether it is open"
            yield Defect(Missing.TICKET_UNKNOWN, 2, what, "Find out, or ask for a grant for another issue.")
        elif not is_open:
            what = f"is for issue {grant.ticket}, which is closed"
            yield Defect(Missing.TICKET_CLOSED, 2, what, "Reopen it, or ask for a new one.")


def _of_its_life(grant: Grant, holder: Employee | None, now: datetime) -> Iterator[Defect]:
    if grant.revoked_at is not None:
        yield Defect(Missing.GRANT_REVOKED, 8, "was revoked", "Ask for a new one.")
    elif (
        holder is not None
        and holder.id == grant.employee
        and holder.returned_at is not None
        and grant.requested_at < holder.returned_at
    ):
        yield Defect(Missing.GRANT_REVOKED, 8, "ended when its holder left", "Ask for a new one.")
    if grant.expires_at <= now:
        yield Defect(Missing.GRANT_EXPIRED, 4, f"expired at {told(grant.expires_at)}", "Ask for a new one.")
    if now < grant.not_before:
        yield Defect(Missing.GRANT_NOT_YET, 1, f"begins at {told(grant.not_before)}", "Wait until then.")


def _of_its_making(grant: Grant, rules: AccessRules) -> Iterator[Defect]:
    longest = rules.longest_emergency if grant.emergency else rules.longest_grant
    if grant.approved_by is None:
        if not grant.emergency:
            yield Defect(Missing.GRANT_NOT_APPROVED, 1, "waits for approval", "Have somebody else approve it.")
    elif grant.approved_by in {grant.requested_by, grant.employee}:
        what = "was approved by whoever asked for it"
        yield Defect(Missing.GRANT_SELF_APPROVED, 2, what, "Have somebody else approve one.")
    if grant.expires_at - grant.not_before > longest:
        yield Defect(Missing.GRANT_TOO_LONG, 4, f"lasts longer than {spelt(longest)}", "Ask for a shorter one.")


def told(instant: datetime) -> str:
    """Return an instant as explanations have it: in UTC, to the second."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(" ", "seconds")[:-6] + "Z"


def spelt(lasts: timedelta) -> str:
    """Return how long something lasts, in the largest unit that tells it exactly."""
    for name, unit in _UNITS:
        number, rest = divmod(lasts, unit)
        if number and not rest:
            return f"{number} {name}" if number == 1 else f"{number} {name}s"
    return str(lasts)


@cache
def names(fields: frozenset[PersonalField]) -> str:
    """Return the names of fields, in order."""
    return ", ".join(sorted(one.value for one in fields))
