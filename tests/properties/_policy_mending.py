"""The cure of each thing that a denial names, done to the case: what an administrator would do, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from attrs import evolve
from tests.properties._policy_cases import EVIDENCE, HOUR, NOW, TICK, Case

from smartify_core.policy import (
    AccessRequest,
    Agreement,
    Employee,
    Facts,
    Grant,
    Missing,
    PersonalField,
    PrincipalKind,
    Provision,
    ProvisionEffect,
    Purpose,
    Rulebook,
    Shortfall,
    SourceDocument,
    Tenancy,
)

#: What nothing can be done about, or more than one thing.
NO_CURE = {Missing.PURPOSE_PROHIBITED, Missing.PURPOSE_UNKNOWN, Missing.NO_FIELD}


def mended(case: Case, shortfall: Shortfall) -> Case:
    """Return the case with one cure applied."""
    if shortfall.missing in _OF_GRANTS:
        change = _OF_GRANTS[shortfall.missing]

        def with_grant(facts: Facts) -> Facts:
            return evolve(
                facts, grants=tuple(change(one) if one.id == shortfall.about else one for one in facts.grants)
            )

        return _with_both(case, with_grant)
    return _OF_OTHERS[shortfall.missing](case, shortfall)


def _longer(grant: Grant) -> Grant:
    return evolve(grant, expires_at=NOW + TICK)


def _shorter(grant: Grant) -> Grant:
    return evolve(grant, not_before=min(NOW, grant.expires_at - TICK))


_OF_GRANTS: dict[Missing, Callable[[Grant], Grant]] = {
    Missing.GRANT_NOT_APPROVED: lambda one: evolve(one, approved_by="e-5"),
    Missing.GRANT_SELF_APPROVED: lambda one: evolve(one, approved_by="e-5"),
    Missing.GRANT_NOT_YET: lambda one: evolve(one, not_before=NOW),
    Missing.GRANT_EXPIRED: _longer,
    Missing.GRANT_REVOKED: lambda one: evolve(one, revoked_at=None, requested_at=NOW),
    Missing.GRANT_TOO_LONG: _shorter,
    Missing.GRANT_OTHER_FIELDS: lambda one: evolve(one, fields=frozenset(PersonalField)),
    Missing.GRANT_OTHER_SUBJECTS: lambda one: evolve(one, subjects=frozenset()),
    Missing.TICKET_CLOSED: lambda one: evolve(one, ticket=None),
    Missing.TICKET_UNKNOWN: lambda one: evolve(one, ticket=None),
}


def _with_both(case: Case, change: Callable[[Facts], Facts]) -> Case:
    facts = change(case.facts)
    owner = None if facts.owner is None else change(facts.owner)
    return evolve(case, facts=evolve(facts, owner=owner))


def _with_person(case: Case, who: str, change: Callable[[Employee], Employee]) -> Case:
    def changed(facts: Facts) -> Facts:
        held = facts.employee
        return facts if held is None or held.id != who else evolve(facts, employee=change(held))

    return _with_both(case, changed)


def _with_agreement(case: Case, which: str, change: Callable[[Agreement], Agreement]) -> Case:
    def changed(facts: Facts) -> Facts:
        return evolve(facts, agreements=tuple(change(one) if one.id == which else one for one in facts.agreements))

    return _with_both(case, changed)


def _recorded(case: Case, _: Shortfall) -> Case:
    known = Employee(case.request.employee, PrincipalKind.EMPLOYEE, NOW - HOUR)
    return evolve(case, facts=evolve(case.facts, employee=known))


def _owned(case: Case, shortfall: Shortfall) -> Case:
    """Give a service an owner who has all that an employee needs."""
    service = case.facts.employee
    assert service is not None
    owner = evolve(
        case.facts,
        employee=Employee("e-9", PrincipalKind.EMPLOYEE, NOW - HOUR),
        agreements=(Agreement("nda", "e-9", NOW - HOUR, None, EVIDENCE),),
        grants=(_granted("e-9", case.request),),
        owner=None,
    )
    return evolve(case, facts=evolve(case.facts, employee=evolve(service, owner="e-9"), owner=owner))


def _signed(case: Case, shortfall: Shortfall) -> Case:
    who = shortfall.about

    def changed(facts: Facts) -> Facts:
        if facts is not case.facts and (facts.employee is None or facts.employee.id != who):
            return facts
        return evolve(facts, agreements=(*facts.agreements, Agreement("new", who, NOW, None, EVIDENCE)))

    return _with_both(case, changed)


def _granted(who: str, request: AccessRequest) -> Grant:
    purpose = request.purpose
    assert isinstance(purpose, Purpose)
    return Grant(
        id="g-new",
        employee=who,
        tenant=request.tenant,
        purpose=purpose,
        fields=frozenset(PersonalField),
        requested_by=who,
        requested_at=NOW,
        not_before=NOW,
        expires_at=NOW + timedelta(minutes=1),
        approved_by="e-5",
    )


def _given(case: Case, shortfall: Shortfall) -> Case:
    who = shortfall.what.split()[0]

    def changed(facts: Facts) -> Facts:
        theirs = case.request.employee if facts is case.facts else getattr(facts.employee, "id", None)
        if theirs != who:
            return facts
        return evolve(facts, grants=(*facts.grants, _granted(who, case.request)))

    return _with_both(case, changed)


def _permitting(case: Case, shortfall: Shortfall) -> Case:
    """Have the provision permit what it prohibits; where none speaks of it, add one that permits."""
    which, held = shortfall.about, case.rules.rulebook

    def turned(one: Provision) -> Provision:
        return Provision(one.id, one.source, ProvisionEffect.PERMIT) if one.id == which else one

    new = () if which else (Provision("p-new", SourceDocument.PRIVACY, ProvisionEffect.PERMIT),)
    book = Rulebook((*map(turned, held.provisions), *new), held.ranks)
    return evolve(case, rules=evolve(case.rules, rulebook=book))


def _found_out(case: Case, shortfall: Shortfall) -> Case:
    condition = shortfall.about
    effects = {one.effect for one in case.rules.rulebook.provisions if one.when == condition}
    known = {**case.facts.conditions, condition: effects == {ProvisionEffect.PERMIT}}
    return evolve(case, facts=evolve(case.facts, conditions=known))


def _asked(case: Case, **change: Any) -> Case:
    return evolve(case, request=evolve(case.request, **change))


def _existing(case: Case, _: Shortfall) -> Case:
    return _asked(case, fields=[one for one in case.request.fields if isinstance(one, PersonalField)])


def _tenancy(case: Case, _: Shortfall) -> Case:
    return evolve(case, facts=evolve(case.facts, tenancy=Tenancy.ACTIVE))


_OF_OTHERS: dict[Missing, Callable[[Case, Shortfall], Case]] = {
    Missing.EMPLOYEE_UNKNOWN: _recorded,
    Missing.KIND_NOT_EMPLOYED: lambda case, one: _with_person(
        case, one.about, lambda who: evolve(who, kind=PrincipalKind.EMPLOYEE)
    ),
    Missing.NOT_EMPLOYED_YET: lambda case, one: _with_person(case, one.about, lambda who: evolve(who, since=NOW)),
    Missing.NOT_EMPLOYED_ANY_MORE: lambda case, one: _with_person(case, one.about, lambda who: evolve(who, until=None)),
    Missing.NO_OWNER: _owned,
    Missing.NO_AGREEMENT: _signed,
    Missing.AGREEMENT_NOT_YET: lambda case, one: _with_agreement(case, one.about, lambda nda: evolve(nda, since=NOW)),
    Missing.AGREEMENT_ENDED: lambda case, one: _with_agreement(
        case, one.about, lambda nda: evolve(nda, since=NOW, until=None)
    ),
    Missing.TENANT_UNKNOWN: _tenancy,
    Missing.TENANT_OFF_BOARDED: _tenancy,
    Missing.FIELD_UNKNOWN: _existing,
    Missing.NO_REASON: lambda case, _: _asked(case, reason="words"),
    Missing.NO_GRANT: _given,
    Missing.NOT_PERMITTED: _permitting,
    Missing.CONDITION_UNKNOWN: _found_out,
}
