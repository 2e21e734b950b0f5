"""What the answer to a request for access has to be, written down slowly: one list after the other, nothing clever.

It is made from what the clause, the docstrings and the glossary say, and shares no line with the library.
"""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from smartify_core.policy import (
    AccessRequest,
    AccessRules,
    Agreement,
    Employee,
    Facts,
    Grant,
    PersonalField,
    PrincipalKind,
    Provision,
    ProvisionEffect,
    Purpose,
    Tenancy,
)

PROHIBITED_NAMES = {"SellDataToThirdParties", "SellInsightsFromData", "Advertising"}
PSEUDONYM_NAMES = {"ImproveExistingProductsAndServices", "ResearchAndDevelopment"}


@frozen(order=False)
class Answer:
    """What is to be answered.

    Args:
        allowed: Whether it is yes.
        missing: The codes that a denial has, whichever grants it speaks of.
        lacking: For each person who needs a grant and has none that fits: the codes that a denial may name, one set of
            them for each grant that no other one beats.
        pseudonymous: Whether pseudonyms are shown.
        until: When the answer is not true any more.
    """

    allowed: bool
    missing: frozenset[str]
    lacking: tuple[frozenset[frozenset[str]], ...] = ()
    pseudonymous: bool = False
    until: datetime | None = None

    def agrees(self, allowed: object, codes: frozenset[str]) -> bool:
        """Return whether a decision says the same."""
        possible = {self.missing}
        for choices in self.lacking:
            possible = {one | choice for one in possible for choice in choices}
        return allowed is self.allowed and codes in possible


def reference(  # noqa: C901, PLR0912, PLR0915  # flat and long, so that it can be read from top to bottom
    request: AccessRequest, facts: Facts, now: datetime, rules: AccessRules
) -> Answer:
    """Return what is to be answered."""
    missing: set[str] = set()
    lacking: list[frozenset[frozenset[str]]] = []
    ends: list[datetime] = []
    identified: list[bool] = []
    purpose = request.purpose.value if isinstance(request.purpose, Purpose) else None
    grantable = purpose is not None and purpose not in PROHIBITED_NAMES
    fields = {one for one in request.fields if isinstance(one, PersonalField)}
    if purpose is None:
        missing.add("purpose-unknown")
    if purpose in PROHIBITED_NAMES:
        missing.add("purpose-prohibited")
    if len(request.fields) == 0:
        missing.add("no-field")
    if len(fields) != len(request.fields):
        missing.add("field-unknown")
    if request.reason.strip() == "":
        missing.add("no-reason")
    if facts.tenancy is None:
        missing.add("tenant-unknown")
    if facts.tenancy is Tenancy.OFF_BOARDED:
        missing.add("tenant-off-boarded")

    who = facts.employee
    known = who is not None and who.id == request.employee
    needing: list[tuple[str, Facts]] = [(request.employee, facts)]
    if who is None or not known:
        missing.add("employee-unknown")
        missing |= agreement_codes(request.employee, facts.agreements, now, ends)
    else:
        missing |= employment_codes(who, now, ends)
        if who.kind is PrincipalKind.CONTRACTOR:
            missing.add("kind-not-employed")
        if who.kind is PrincipalKind.SERVICE:
            owner = facts.owner.employee if facts.owner is not None else None
            answers = owner is not None and owner.id == who.owner and owner.kind is PrincipalKind.EMPLOYEE
            if not answers or owner is None or facts.owner is None:
                missing.add("no-owner")
            else:
                missing |= employment_codes(owner, now, ends)
                missing |= agreement_codes(owner.id, facts.owner.agreements, now, ends)
                needing.append((owner.id, facts.owner))
        else:
            missing |= agreement_codes(request.employee, facts.agreements, now, ends)

    if grantable:
        for name, theirs in needing:
            grants = [
                one
                for one in theirs.grants
                if one.employee == name and one.tenant == request.tenant and one.purpose.value == purpose
            ]
            codes = [grant_codes(one, request, fields, theirs, now, rules) for one in grants]
            good = [one for one, lacks in zip(grants, codes, strict=True) if not lacks]
            if not grants:
                lacking.append(frozenset({frozenset({"no-grant"})}))
            elif not good:
                lacking.append(frozenset(one for one in codes if not any(other < one for other in codes)))
            else:
                showing = [one for one in good if one.identified and purpose in PSEUDONYM_NAMES]
                identified.append(bool(showing))
                ends.append(max(one.expires_at for one in showing or good))
        missing |= provision_codes(request, fields, facts, rules)

    allowed = not missing and not lacking
    return Answer(
        allowed,
        frozenset(missing),
        tuple(lacking),
        allowed and purpose in PSEUDONYM_NAMES and not all(identified),
        min(ends) if allowed else None,
    )


def employment_codes(who: Employee, now: datetime, ends: list[datetime]) -> set[str]:
    """Return what is missing of somebody's employment."""
    codes: set[str] = set()
    if now < who.since:
        codes.add("not-employed-yet")
    if who.until is not None:
        ends.append(who.until)
        if now >= who.until:
            codes.add("not-employed-any-more")
    return codes


def agreement_codes(who: str, agreements: tuple[Agreement, ...], now: datetime, ends: list[datetime]) -> set[str]:
    """Return what is missing of somebody's confidentiality."""
    theirs = [one for one in agreements if one.employee == who]
    binding = [one for one in theirs if one.since <= now and not (one.until is not None and one.until <= now)]
    if binding:
        if all(one.until is not None for one in binding):
            ends.append(max(one.until for one in binding if one.until is not None))
        return set()
    if any(one.since > now and not (one.until is not None and one.until <= one.since) for one in theirs):
        return {"agreement-not-yet"}
    return (
        {"agreement-ended"} if any(one.until is not None and one.until <= now for one in theirs) else {"no-agreement"}
    )


def grant_codes(  # noqa: C901, PLR0912  # as above
    grant: Grant, request: AccessRequest, fields: set[PersonalField], facts: Facts, now: datetime, rules: AccessRules
) -> frozenset[str]:
    """Return what keeps one grant from covering a request."""
    codes: set[str] = set()
    holder = facts.employee
    came_back = None if holder is None or holder.id != grant.employee else holder.returned_at
    if grant.revoked_at is not None or (came_back is not None and grant.requested_at < came_back):
        codes.add("grant-revoked")
    if now >= grant.expires_at:
        codes.add("grant-expired")
    if now < grant.not_before:
        codes.add("grant-not-yet")
    if grant.approved_by is None and not grant.emergency:
        codes.add("grant-not-approved")
    if grant.approved_by is not None and grant.approved_by in (grant.employee, grant.requested_by):
        codes.add("grant-self-approved")
    if grant.expires_at - grant.not_before > (rules.longest_emergency if grant.emergency else rules.longest_grant):
        codes.add("grant-too-long")
    for one in fields:
        if one not in grant.fields:
            codes.add("grant-other-fields")
    if grant.subjects:
        if not request.subjects:
            codes.add("grant-other-subjects")
        for subject in request.subjects:
            if subject not in grant.subjects:
                codes.add("grant-other-subjects")
    if grant.ticket is not None:
        state = facts.tickets.get(grant.ticket)
        if state is None:
            codes.add("ticket-unknown")
        if state is False:
            codes.add("ticket-closed")
    return frozenset(codes)


def provision_codes(  # noqa: C901  # as above
    request: AccessRequest, fields: set[PersonalField], facts: Facts, rules: AccessRules
) -> set[str]:
    """Return what the provisions lack for a permission, by the clause's own two and what the host added."""
    everything = set(PersonalField)
    rows: list[tuple[int, bool, str | None]] = []  # rank, whether it permits, the condition
    for one in rules.rulebook.provisions:
        if one.purposes is not None and request.purpose not in one.purposes:
            continue
        if one.tenants is not None and request.tenant not in one.tenants:
            continue
        spoken_of = everything if one.fields is None else set(one.fields)
        permits = one.effect is ProvisionEffect.PERMIT
        if permits and not fields.issubset(spoken_of):
            continue
        if not permits and one.fields is not None and not fields & spoken_of:
            continue
        rows.append((_rank(one, rules), permits, one.when))
    own_rank = next(number for source, number in rules.rulebook.ranks.items() if source.name == "PRIVACY")
    if request.purpose is Purpose.CUSTOMER_CARE or PersonalField.COMMUNICATION not in fields:
        rows.append((own_rank, True, None))

    states = {name: facts.conditions.get(name) for _, _, name in rows if name is not None}
    sure = [(rank, permits) for rank, permits, when in rows if when is None or states[when] is True]
    maybe_yes: list[tuple[int, bool]] = []
    for rank, permits, when in rows:
        if permits and when is not None and states[when] is None:
            maybe_yes.append((rank, True))
    maybe_no = [when for _, permits, when in rows if not permits and when is not None and states[when] is None]
    codes: set[str] = set()
    if maybe_no:
        codes.add("condition-unknown")
    if not _permitted(sure):
        codes.add("condition-unknown" if _permitted(sure + maybe_yes) else "not-permitted")
    return codes


def _permitted(rows: list[tuple[int, bool]]) -> bool:
    for rank in sorted({rank for rank, _ in rows}, reverse=True):
        return all(permits for its, permits in rows if its == rank)
    return False


def _rank(one: Provision, rules: AccessRules) -> int:
    return rules.rulebook.ranks[one.source]
