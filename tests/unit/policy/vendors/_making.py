"""A vendor that lacks nothing, and whatever a test takes from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from smartify_core.policy import PersonalField, Purpose
from smartify_core.policy.vendors import (
    Announcement,
    Commitment,
    Consideration,
    ExportFacts,
    ExportRequest,
    Undertaking,
    Vendor,
)

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
#: The first instant at which the contracts that are made here hold no more: a midnight.
MIDNIGHT = datetime(2031, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NOTICE = timedelta(days=30)
EVIDENCE = "ab" * 32
FIELDS = (PersonalField.EMAIL, PersonalField.GIVEN_NAME)


def undertakings(
    commitments: Iterable[Commitment] = Commitment, *, ends: datetime = MIDNIGHT, evidence: str | None = EVIDENCE
) -> tuple[Undertaking, ...]:
    """Return these commitments, given a year ago."""
    return tuple(Undertaking(one, NOW - 365 * DAY, ends, evidence) for one in commitments)


def vendor(vendor_id: str = "mailer", **changes: Any) -> Vendor:
    """Return a vendor that is bound by everything, with whatever is told otherwise."""
    made: dict[str, Any] = {
        "id": vendor_id,
        "name": f"{vendor_id.title()} Ltd",
        "affiliated": False,
        "purposes": [Purpose.SERVICE_PROVISION],
        "fields": FIELDS,
        "starts_at": NOW - 200 * DAY,
        "undertakings": undertakings(),
    }
    return Vendor(**{**made, **changes})


def facts(*vendors: Vendor, **changes: Any) -> ExportFacts:
    """Return a register of these vendors, all of them announced long ago."""
    made: dict[str, Any] = {
        "vendors": {one.id: one for one in vendors},
        "announcements": {one.id: Announcement(NOW - 100 * DAY) for one in vendors},
        "notice": NOTICE,
    }
    return ExportFacts(**{**made, **changes})


def request(**changes: Any) -> ExportRequest:
    """Return a request that the vendor fulfils, with whatever is told otherwise."""
    made: dict[str, Any] = {
        "vendor": "mailer",
        "tenant": "acme",
        "purpose": Purpose.SERVICE_PROVISION,
        "fields": [PersonalField.EMAIL],
        "consideration": Consideration.NONE,
    }
    return ExportRequest(**{**made, **changes})
