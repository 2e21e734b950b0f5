"""The need to know once more, in Cedar: somebody else's engine decides the same cases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import cedarpy
from tests.properties._policy_cases import Case

from smartify_core.policy import Agreement, Employee, Facts, Grant, PersonalField, Purpose, Tenancy

#: The agreement is a conjunct: without one in the context the permit does not apply.
POLICY = """
permit(principal, action == Action::"open", resource)
when {
    principal has kind && principal.kind == "employee" &&
    principal.since <= context.now && (!(principal has until) || context.now < principal.until) &&
    context has agreement && context.agreement.employee == principal.id &&
    context.agreement.since <= context.now &&
    (!(context.agreement has until) || context.now < context.agreement.until) &&
    context has grant && context.grant.employee == principal.id && context.grant.tenant == context.tenant &&
    context.grant.purpose == context.purpose && context.grant.fields.containsAll(context.fields) &&
    !context.fields.isEmpty() && context.hasReason &&
    context.grant.notBefore <= context.now && context.now < context.grant.expires &&
    context.grant.lasts <= context.longest && !context.grant.revoked &&
    (!(principal has returned) || principal.returned <= context.grant.requested) &&
    (context.grant.emergency || context.grant has approver) &&
    (!(context.grant has approver) ||
        (context.grant.approver != context.grant.requester && context.grant.approver != principal.id)) &&
    (context.grant.subjects.isEmpty() ||
        (!context.subjects.isEmpty() && context.grant.subjects.containsAll(context.subjects))) &&
    (!(context.grant has ticket) || (context has ticketOpen && context.ticketOpen)) &&
    resource has standing && resource.standing == "active" &&
    (context.purpose == "CommunicationForCustomerCare" || !context.fields.contains("communication"))
};
forbid(principal, action, resource)
when { ["SellDataToThirdParties", "SellInsightsFromData", "Advertising"].contains(context.purpose) };
"""
PARSED = cedarpy.PolicySet.from_str(POLICY)


def allows(one: Case) -> bool:
    """Return whether Cedar lets in with any agreement and any grant of the case; clause provisions only."""
    facts = one.facts
    return any(
        is_allowed(one, facts, facts.employee, agreement, grant)
        for agreement in (facts.agreements or (None,))
        for grant in (facts.grants or (None,))
    )


def is_allowed(
    one: Case, facts: Facts, employee: Employee | None, agreement: Agreement | None, grant: Grant | None
) -> bool:
    """Return what Cedar says with one agreement and one grant put into the context."""
    result = cedarpy.is_authorized(cedar_request(one, facts, agreement, grant), PARSED, entities(one, facts, employee))
    return bool(result.allowed)


def cedar_request(one: Case, facts: Facts, agreement: Agreement | None, grant: Grant | None) -> dict[str, Any]:
    """Return a request as Cedar takes it."""
    asked, purpose = one.request, one.request.purpose
    context: dict[str, Any] = {
        "now": 0,
        "tenant": asked.tenant,
        "purpose": purpose.value if isinstance(purpose, Purpose) else "unknown",
        "fields": [field.value if isinstance(field, PersonalField) else "unknown" for field in asked.fields],
        "subjects": sorted(asked.subjects),
        "hasReason": bool(asked.reason.strip()),
    }
    if agreement is not None:
        context["agreement"] = {"employee": agreement.employee, "since": micro(one, agreement.since)}
        if agreement.until is not None:
            context["agreement"]["until"] = micro(one, agreement.until)
    if grant is not None:
        rules = one.rules
        longest = rules.longest_emergency if grant.emergency else rules.longest_grant
        context["longest"] = longest // one.now.resolution
        context["grant"] = {
            "employee": grant.employee,
            "tenant": grant.tenant,
            "purpose": grant.purpose.value,
            "fields": sorted(field.value for field in grant.fields),
            "subjects": sorted(grant.subjects),
            "notBefore": micro(one, grant.not_before),
            "expires": micro(one, grant.expires_at),
            "lasts": (grant.expires_at - grant.not_before) // one.now.resolution,
            "emergency": grant.emergency,
            "revoked": grant.revoked_at is not None,
            "requested": micro(one, grant.requested_at),
            "requester": grant.requested_by,
        }
        if grant.approved_by is not None:
            context["grant"]["approver"] = grant.approved_by
        if grant.ticket is not None:
            context["grant"]["ticket"] = grant.ticket
            is_open = facts.tickets.get(grant.ticket)
            if is_open is not None:
                context["ticketOpen"] = is_open
    return {
        "principal": f'Employee::"{asked.employee}"',
        "action": 'Action::"open"',
        "resource": f'Tenant::"{asked.tenant}"',
        "context": context,
    }


def entities(one: Case, facts: Facts, employee: Employee | None) -> list[dict[str, Any]]:
    """Return what Cedar may know of people and tenants."""
    known: list[dict[str, Any]] = []
    if employee is not None:
        attributes: dict[str, Any] = {
            "id": employee.id,
            "kind": employee.kind.value,
            "since": micro(one, employee.since),
        }
        if employee.until is not None:
            attributes["until"] = micro(one, employee.until)
        if employee.returned_at is not None:
            attributes["returned"] = micro(one, employee.returned_at)
        known.append(_entity("Employee", employee.id, attributes))
    if facts.tenancy is not None:
        standing = "active" if facts.tenancy is Tenancy.ACTIVE else "off-boarded"
        known.append(_entity("Tenant", one.request.tenant, {"standing": standing}))
    return known


def micro(one: Case, instant: datetime) -> int:
    """Return an instant in microseconds from the case's own."""
    return (instant - one.now) // one.now.resolution


def _entity(kind: str, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": []}
