"""Reading why something was opened: for whoever may approve grants, and with a record of its own."""

from __future__ import annotations

from smartify_core.errors import SealBroken, UsageError
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._records._reviewers import Reviewers
from smartify_core.policy._records._staff import Staff
from smartify_core.policy.audit import AuditRecord, Trail


class Reviewing:
    """Opens the reasons that the trail holds sealed.

    Args:
        trail: The trail.
        staff: Who is employed.
        reasons: What opens reasons.
    """

    def __init__(self, trail: Trail, staff: Staff, reasons: Reasons) -> None:
        self._trail = trail
        self._reviewers = Reviewers(trail, staff)
        self._reasons = reasons

    def reason(self, employee: str, place: int) -> str | None:
        """Return a reason in words; see `Gate.reason`."""
        entry = self._trail.entry(place)
        record = entry.record
        sealed, about = record.facts.get("reason"), record.facts.get("reason_about")
        if not isinstance(sealed, str) or record.tenant is None:
            raise UsageError(
                "the entry holds no reason", where=f"entry {place}", cure="Name one of kind access.granted."
            )
        if about == "subject" and len(record.subjects) != 1:
            raise SealBroken("the entry does not say whom its reason is about", where=f"entry {place}")
        self._reviewers.require(employee)
        told = AuditRecord("reason.read", self._trail.now(), record.tenant, employee, record.subjects, {"entry": place})
        self._trail.append(told)
        return self._reasons.opened(record.tenant, sealed, subject=record.subjects[0] if about == "subject" else None)
