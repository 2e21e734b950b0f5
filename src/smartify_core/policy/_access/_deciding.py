"""The decision itself. Pure.

Everything that a permit needs is a conjunct of it: a fact that is missing denies by being missing. No rule of the form
"deny unless" exists, because with such a rule an unknown fact would let people in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeGuard

from smartify_core.policy._vocabulary import PROHIBITED, PSEUDONYMOUS, PersonalField, Purpose

from ._decision import AccessRequest, AccessRules, Decision, says_something
from ._facts import Facts, PrincipalKind, Tenancy
from ._fitting import binding, fitting
from ._why_not import explained, without_grant

_DEFAULT: Final = AccessRules()
#: Positional, because a decision is made a hundred thousand times a second.
_YES: Final = True


def decide(request: AccessRequest, facts: Facts, now: datetime, *, rules: AccessRules = _DEFAULT) -> Decision:
    """Return whether somebody may see what they ask for, and why, or why not and what would change that.

    Args:
        request: What they ask.
        facts: What is known of them. What is not known denies.
        now: The instant.
        rules: How strict the host is.
    """
    employee, purpose = facts.employee, request.purpose
    if (
        employee is not None
        and employee.id == request.employee
        and employee.kind is PrincipalKind.EMPLOYEE
        and employee.since <= now
        and (employee.until is None or now < employee.until)
        and facts.tenancy is Tenancy.ACTIVE
        and isinstance(purpose, Purpose)
        and purpose not in PROHIBITED
        and request.fields
        and says_something(request.reason)
    ):
        # The way of almost every question, without a list of what is missing.
        agreement = binding(request.employee, facts.agreements, now)
        if agreement is not None and _exist(fields := request.fields):
            ruling = rules.rulebook.rule(purpose, fields, request.tenant, facts.conditions)
            grant = fitting(request, facts, now, rules)
            if grant is None:
                return without_grant(request, facts, now, rules, ruling)
            if ruling.permitted:
                until = grant.expires_at
                if employee.until is not None and employee.until < until:
                    until = employee.until
                if agreement.until is not None and agreement.until < until:
                    until = agreement.until
                pseudonymous = purpose in PSEUDONYMOUS and not grant.identified
                return Decision(
                    request,
                    now,
                    _YES,
                    grant.id,
                    ruling.decided_by,
                    ruling.overrides,
                    (),
                    pseudonymous,
                    until,
                    grant.ticket,
                )
    return explained(request, facts, now, rules)


def _exist(fields: frozenset[PersonalField | str]) -> TypeGuard[frozenset[PersonalField]]:
    return all(type(one) is PersonalField for one in fields)
