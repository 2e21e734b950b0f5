"""Why not, and what would change it: every conjunct of a permit looked at, also after one is missing. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Final

from attrs import evolve

from smartify_core.policy._vocabulary import PROHIBITED, PSEUDONYMOUS, PersonalField, Purpose

from ._decision import AccessRequest, AccessRules, Decision, Missing, Shortfall, says_something
from ._facts import Agreement, Employee, Facts, Grant, PrincipalKind, Tenancy, is_id
from ._fitting import Defect, binding, defects, fitting, names, told
from ._provisions import Ruling

#: How somebody is called who has not named themselves by an id.
_SOMEBODY: Final = "whoever asks"
_NO: Final = False


def explained(request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules) -> Decision:
    """Return the decision with every conjunct looked at, also after one is missing."""
    missing = [*_of_request(request), *_of_tenant(request.tenant, facts.tenancy)]
    bounds: list[datetime] = []
    known = _existing(request)
    asked = request if len(known) == len(request.fields) else evolve(request, fields=known)
    grant: Grant | None = None
    who = _named(request.employee)
    missing += _of_person(request.employee, facts.employee, now, bounds)
    behind: Grant | None = None
    service = facts.employee
    if service is not None and service.id == request.employee and service.kind is PrincipalKind.SERVICE:
        behind, more = _of_owner(service, asked, facts, now, rules, bounds)
        missing += more
    else:
        service = None
        missing += _of_agreements(request.employee, who, facts.agreements, now, bounds)
    if isinstance(request.purpose, Purpose) and request.purpose not in PROHIBITED:
        grant, more = _of_grants(asked, facts, now, rules)
        missing += more
        if grant is not None:
            bounds.append(grant.expires_at)
        ruling = rules.rulebook.rule(request.purpose, known, request.tenant, facts.conditions)
        if not ruling.permitted:
            missing += _of_ruling(ruling)
        decided_by, overrides = ruling.decided_by, ruling.overrides
        # A service sees no more than who answers for it.
        shown = (grant,) if service is None else (grant, behind)
        pseudonymous = request.purpose in PSEUDONYMOUS and not all(one is not None and one.identified for one in shown)
    else:
        decided_by, overrides, pseudonymous = (), (), False
    allowed = not missing
    return Decision(
        request=request,
        at=now,
        allowed=allowed,
        grant=grant.id if allowed and grant is not None else None,
        decided_by=decided_by,
        overrides=overrides,
        shortfalls=tuple(missing),
        pseudonymous=allowed and pseudonymous,
        valid_until=min(bounds) if allowed else None,
        ticket=grant.ticket if allowed and grant is not None else None,
    )


def without_grant(request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules, ruling: Ruling) -> Decision:
    """Return the denial of a request that lacks a grant, and perhaps a permission, but nothing else."""
    missing = _lacking(request, facts, now, rules)
    if not ruling.permitted:
        missing += _of_ruling(ruling)
    return Decision(request, now, _NO, None, ruling.decided_by, ruling.overrides, tuple(missing))


def _of_request(request: AccessRequest) -> Iterator[Shortfall]:
    if isinstance(request.purpose, str):
        yield Shortfall(
            Missing.PURPOSE_UNKNOWN,
            "C8",
            "There is no such purpose",
            f"{_nearest([request.purpose], _PURPOSES)}Name one of: {', '.join(dict.fromkeys(_PURPOSES.values()))}.",
        )
    elif request.purpose in PROHIBITED:
        clause = "C16" if request.purpose is Purpose.ADVERTISING else "C15"
        yield Shortfall(
            Missing.PURPOSE_PROHIBITED,
            clause,
            f"{request.purpose.value} is prohibited, and nobody can grant it",
            "No change allows it.",
            request.purpose.value,
        )
    if not request.fields:
        yield Shortfall(Missing.NO_FIELD, "C13", "No field is asked for", "Name the fields that are needed.")
    if unknown := sorted(one for one in request.fields if isinstance(one, str)):
        yield Shortfall(
            Missing.FIELD_UNKNOWN,
            "C13",
            "There is no such field",
            f"{_nearest(unknown, _FIELDS)}Name some of: {', '.join(one.value for one in PersonalField)}.",
        )
    if not says_something(request.reason):
        yield Shortfall(Missing.NO_REASON, "C13", "No reason is given", "Say in a few words what it is needed for.")


def _of_tenant(tenant: str, tenancy: Tenancy | None) -> Iterator[Shortfall]:
    if tenancy is None:
        yield Shortfall(
            Missing.TENANT_UNKNOWN, "C13", "The store knows no such tenant", "Check its name, or sync it first."
        )
    elif tenancy is Tenancy.OFF_BOARDED:
        yield Shortfall(Missing.TENANT_OFF_BOARDED, "C13", "The tenant is off-boarded", "No change allows it.", tenant)


def _of_person(who: str, employee: Employee | None, now: datetime, bounds: list[datetime]) -> Iterator[Shortfall]:
    if employee is None or employee.id != who:
        yield Shortfall(
            Missing.EMPLOYEE_UNKNOWN,
            "C13",
            f"{_at_first(who)} is not on record as an employee",
            "Put them on record with: smartify employee add.",
            who if is_id(who) else "",
        )
        return
    if employee.kind is PrincipalKind.CONTRACTOR:
        yield Shortfall(
            Missing.KIND_NOT_EMPLOYED,
            "C13",
            f"{who} is no employee but a {employee.kind.value}",
            "Have an employee do it.",
            who,
        )
    if now < employee.since:
        yield Shortfall(
            Missing.NOT_EMPLOYED_YET,
            "C13",
            f"{who} begins at {told(employee.since)}",
            "Wait until then.",
            who,
        )
    if employee.until is not None:
        bounds.append(employee.until)
        if employee.until <= now:
            yield Shortfall(
                Missing.NOT_EMPLOYED_ANY_MORE,
                "C13",
                f"{who} left at {told(employee.until)}",
                "Have somebody do it who is employed.",
                who,
            )


def _of_agreements(
    employee: str, who: str, agreements: tuple[Agreement, ...], now: datetime, bounds: list[datetime]
) -> Iterator[Shortfall]:
    if (agreement := binding(employee, agreements, now)) is not None:
        if agreement.until is not None:
            bounds.append(agreement.until)
        return
    theirs = [one for one in agreements if one.employee == employee]
    ended = [(one.until, one.id) for one in theirs if one.until is not None and one.until <= now]
    # One that was taken back before it began never comes.
    coming = [(one.since, one.id) for one in theirs if one.since > now and (one.until is None or one.until > one.since)]
    if coming:
        since, which = min(coming)
        yield Shortfall(
            Missing.AGREEMENT_NOT_YET,
            "C14",
            f"The confidentiality agreement {which} binds {who} from {told(since)} on",
            "Wait until then.",
            which,
        )
    elif ended:
        until, which = max(ended)
        yield Shortfall(
            Missing.AGREEMENT_ENDED,
            "C14",
            f"The confidentiality agreement {which} of {who} ended at {told(until)}",
            "Have them sign a confidentiality agreement, and record it with: smartify employee bind.",
            which,
        )
    else:
        yield Shortfall(
            Missing.NO_AGREEMENT,
            "C14",
            f"No confidentiality agreement of {who} is on record",
            "Have them sign a confidentiality agreement, and record it with: smartify employee bind.",
            who,
        )


def _of_owner(  # noqa: PLR0917  # one more than what every part of an explanation is told
    service: Employee,
    request: AccessRequest,
    facts: Facts,
    now: datetime,
    rules: AccessRules,
    bounds: list[datetime],
) -> tuple[Grant | None, list[Shortfall]]:
    """Return the grant of the employee who answers for a service, or what they would lack if they asked themselves."""
    owner = facts.owner
    if service.owner is None or owner is None or owner.employee is None:
        cure = "Name an employee with: smartify employee add --kind service --owner E."
        what = f"Nobody answers for the service {service.id}"
        return None, [Shortfall(Missing.NO_OWNER, "C13", what, cure, service.id)]
    who = owner.employee.id
    if owner.employee.kind is not PrincipalKind.EMPLOYEE or who != service.owner:
        what = f"Whoever answers for {service.id} is no employee"
        return None, [Shortfall(Missing.NO_OWNER, "C13", what, "Name an employee.", service.id)]
    missing = [
        *_of_person(who, owner.employee, now, bounds),
        *_of_agreements(who, who, owner.agreements, now, bounds),
    ]
    if not isinstance(request.purpose, Purpose) or request.purpose in PROHIBITED:
        return None, missing
    grant, more = _of_grants(evolve(request, employee=who), owner, now, rules)
    if grant is not None:
        bounds.append(grant.expires_at)
    return grant, missing + more


def _of_grants(
    request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules
) -> tuple[Grant | None, list[Shortfall]]:
    """Return a grant that fits, or what the nearest one lacks. The fields asked for are those that exist."""
    if request.fields and (fits := fitting(request, facts, now, rules)) is not None:
        return fits, []
    return None, _lacking(request, facts, now, rules)


def _lacking(request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules) -> list[Shortfall]:
    """Return what the nearest grant lacks, where none fits."""
    nearest: list[tuple[int, str, Grant, list[Defect]]] = []
    for grant in facts.grants:
        if grant.purpose is request.purpose and grant.employee == request.employee and grant.tenant == request.tenant:
            found = list(defects(grant, request, facts, now, rules))
            nearest.append((sum([one.weight for one in found]), grant.id, grant, found))
    if nearest:
        _, _, grant, found = min(nearest, key=itemgetter(0, 1))
        return [Shortfall(one.missing, "C13", f"Grant {grant.id} {one.what}", one.cure, grant.id) for one in found]
    purpose = request.purpose.value if isinstance(request.purpose, Purpose) else ""
    wanted = names(_existing(request)) or "the fields that are needed"
    what = f"{_at_first(request.employee)} has no grant for {purpose} in this tenant"
    cure = f"Ask for a grant of {wanted} with: smartify grant request."
    return [Shortfall(Missing.NO_GRANT, "C13", what, cure, request.tenant if is_id(request.tenant) else "")]


def _of_ruling(ruling: Ruling) -> Iterator[Shortfall]:
    for condition in ruling.unknown:
        what = f"Nobody can tell whether the condition {condition} holds"
        yield Shortfall(Missing.CONDITION_UNKNOWN, "C17", what, "Record whether it does.", condition)
    if ruling.certain:
        cure = "Only a provision of a higher rank can permit it."
        for provision in ruling.decided_by:
            yield Shortfall(Missing.NOT_PERMITTED, "C17", f"Provision {provision} prohibits it", cure, provision)
        if not ruling.decided_by:
            what = "No provision permits these fields for this purpose"
            yield Shortfall(Missing.NOT_PERMITTED, "C8", what, "No change allows it.")


def _at_first(employee: str) -> str:
    return employee if is_id(employee) else _SOMEBODY.capitalize()


def _named(employee: str) -> str:
    return employee if is_id(employee) else _SOMEBODY


#: What can be meant, by the ways of writing it: as DPV does, and in lower-case words with hyphens.
_PURPOSES: Final = {
    spelt: one.value
    for one in Purpose
    if one not in PROHIBITED
    for spelt in (one.value, "".join(f"-{part.lower()}" if part.isupper() else part for part in one.value)[1:])
}
_FIELDS: Final = {one.value: one.value for one in PersonalField}


def _nearest(given: Iterable[str], names: Mapping[str, str]) -> str:
    """Return a hint at what was meant. What was given is not repeated: it may be anything."""
    near = [names[found] for one in given for found in difflib.get_close_matches(one, names, n=1)]
    return f"Did you mean {' and '.join(dict.fromkeys(near))}? " if near else ""


def _existing(request: AccessRequest) -> frozenset[PersonalField]:
    return frozenset([one for one in request.fields if isinstance(one, PersonalField)])
