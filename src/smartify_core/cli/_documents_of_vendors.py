"""What the commands of vendors print as JSON, as plain values. Pure. ``docs/reference/cli.md`` promises the shapes."""

from __future__ import annotations

from datetime import datetime

from smartify_core.policy.vendors import Commitment, Duty, ExportDecision, Lapse, Vendor

from ._documents import Document


def of_vendor(vendor: Vendor, now: datetime) -> Document:
    """Return a vendor with its checklist: until when each commitment holds."""
    return {
        "id": vendor.id,
        "name": vendor.name,
        "affiliated": vendor.affiliated,
        "purposes": [one.value for one in vendor.purposes],
        "fields": [one.value for one in vendor.fields],
        "sub_vendors": list(vendor.sub_vendors),
        "starts_at": vendor.starts_at.isoformat(),
        "ended_at": _instant(vendor.ended_at),
        "ended": vendor.has_ended(now),
        "commitments": {one.value: _instant(vendor.kept_until(one, now)) for one in Commitment},
    }


def of_duty(duty: Duty) -> Document:
    """Return a customer who has to be told."""
    return {
        "vendor": duty.vendor,
        "tenant": duty.tenant,
        "until": duty.until.isoformat(),
        "overdue": duty.overdue,
    }


def of_lapse(lapse: Lapse) -> Document:
    """Return a promise that does not hold for long enough."""
    return {"vendor": lapse.vendor, "commitment": lapse.commitment.value, "ends_at": _instant(lapse.ends_at)}


def of_export_decision(decision: ExportDecision) -> Document:
    """Return whether an export is open, and what is missing."""
    return {
        "allowed": decision.allowed,
        "at": decision.decided_at.isoformat(),
        "until": _instant(decision.until),
        "missing": [
            {"code": one.fact, "clause": one.sentence, "what": one.detail, "cure": one.cure} for one in decision.missing
        ],
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
