"""Somebody who may, and all that lets them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve

from smartify_core.policy import (
    ACCOUNT_FIELDS,
    AccessRequest,
    AccessRules,
    Agreement,
    Employee,
    Facts,
    Grant,
    PersonalField,
    PrincipalKind,
    Purpose,
    Tenancy,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RULES = AccessRules()

REQUEST = AccessRequest("e-1", "acme", Purpose.CUSTOMER_CARE, [PersonalField.EMAIL], "she cannot sign in", ["s-1"])
GRANT = Grant(
    id="g-1",
    employee="e-1",
    tenant="acme",
    purpose=Purpose.CUSTOMER_CARE,
    fields=frozenset(ACCOUNT_FIELDS),
    requested_by="e-1",
    requested_at=NOW - HOUR,
    not_before=NOW - HOUR,
    expires_at=NOW + HOUR,
    approved_by="e-2",
    approved_at=NOW - HOUR,
)
EMPLOYEE = Employee("e-1", PrincipalKind.EMPLOYEE, NOW - DAY)
AGREEMENT = Agreement("nda-1", "e-1", NOW - DAY, None, "ab" * 32)
FACTS = Facts(EMPLOYEE, (AGREEMENT,), (GRANT,), Tenancy.ACTIVE)
OWNER = Facts(
    evolve(EMPLOYEE, id="e-9"),
    (evolve(AGREEMENT, id="nda-9", employee="e-9"),),
    (evolve(GRANT, id="g-9", employee="e-9", requested_by="e-9"),),
    Tenancy.ACTIVE,
)
SERVICE = evolve(
    FACTS, employee=Employee("e-1", PrincipalKind.SERVICE, NOW - DAY, None, "e-9"), agreements=(), owner=OWNER
)


def granted(facts: Facts = FACTS, **change: Any) -> Facts:
    """Return facts with their one grant changed."""
    return evolve(facts, grants=(evolve(facts.grants[0], **change),))


def employed(facts: Facts = FACTS, **change: Any) -> Facts:
    """Return facts with the employee changed."""
    assert facts.employee is not None
    return evolve(facts, employee=evolve(facts.employee, **change))


def bound(facts: Facts = FACTS, **change: Any) -> Facts:
    """Return facts with their one agreement changed."""
    return evolve(facts, agreements=(evolve(facts.agreements[0], **change),))


def owned(owner: Facts | None) -> Facts:
    """Return what is known of a service with this owner."""
    return evolve(SERVICE, owner=owner)
