"""What the commands of policy print as JSON, as plain values. Pure. ``docs/reference/cli.md`` promises the shapes."""

from __future__ import annotations

from datetime import datetime

from smartify_core.policy import Decision, Grant, GrantStanding, HygieneFinding, StaffRecord

from ._documents import Document


def of_employee(record: StaffRecord, now: datetime) -> Document:
    """Return what is on record about an employee."""
    employee = record.employee
    return {
        "id": employee.id,
        "kind": employee.kind.value,
        "since": employee.since.isoformat(),
        "until": _instant(employee.until),
        "owner": employee.owner,
        "may_approve": employee.may_approve,
        "employed": employee.is_employed(now),
        "bound": any(one.binds(now) for one in record.agreements),
        "agreements": [
            {
                "id": one.id,
                "since": one.since.isoformat(),
                "until": _instant(one.until),
                "evidence": one.evidence,
                "binds": one.binds(now),
            }
            for one in record.agreements
        ],
    }


def of_grant(grant: Grant, standing: GrantStanding) -> Document:
    """Return a grant, without its reason: that opens only for whoever may read it."""
    return {
        "id": grant.id,
        "state": standing.state.value,
        "missing": [one.value for one in standing.missing],
        "employee": grant.employee,
        "tenant": grant.tenant,
        "purpose": grant.purpose.value,
        "fields": sorted(one.value for one in grant.fields),
        "subjects": sorted(grant.subjects),
        "identified": grant.identified,
        "ticket": grant.ticket,
        "emergency": grant.emergency,
        "requested_by": grant.requested_by,
        "requested_at": grant.requested_at.isoformat(),
        "not_before": grant.not_before.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "approved_by": grant.approved_by,
        "approved_at": _instant(grant.approved_at),
        "revoked_by": grant.revoked_by,
        "revoked_at": _instant(grant.revoked_at),
        "reviewed_by": grant.reviewed_by,
    }


def of_decision(decision: Decision) -> Document:
    """Return a decision with its reasons."""
    return {
        "allowed": decision.allowed,
        "at": decision.at.isoformat(),
        "grant": decision.grant,
        "valid_until": _instant(decision.valid_until),
        "pseudonymous": decision.pseudonymous,
        "provisions": list(decision.decided_by),
        "overrides": [{"over": one.over, "under": one.under} for one in decision.overrides],
        "missing": [
            {
                "code": one.missing.value,
                "clause": one.clause,
                "what": one.what,
                "cure": one.cure,
                "about": one.about or None,
            }
            for one in decision.shortfalls
        ],
    }


def of_finding(finding: HygieneFinding) -> Document:
    """Return something that a reviewer should look at."""
    return {
        "concern": finding.concern.value,
        "grant": finding.grant,
        "what": finding.what,
        "cure": finding.cure,
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
