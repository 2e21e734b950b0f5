"""Reading why something was opened: for whoever may approve grants, and with a record of its own."""

from __future__ import annotations

from smartify_core.errors import AccessDenied, SealBroken, UsageError
from smartify_core.policy._access._decision import Missing
from smartify_core.policy._access._facts import PrincipalKind, is_id
from smartify_core.policy._access._fitting import binding
from smartify_core.policy._records._staff import Staff
from smartify_core.policy.audit import AuditRecord, Trail

from ._reasons import Reasons


class Reviewing:
    """Opens the reasons that the trail holds sealed.

    Args:
        trail: The trail.
        staff: Who is employed.
        reasons: What opens reasons.
    """

    def __init__(self, trail: Trail, staff: Staff, reasons: Reasons) -> None:
        self._trail = trail
        self._staff = staff
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
        self._require(employee)
        told = AuditRecord("reason.read", self._trail.now(), record.tenant, employee, record.subjects, {"entry": place})
        self._trail.append(told)
        return self._reasons.opened(record.tenant, sealed, subject=record.subjects[0] if about == "subject" else None)

    def _require(self, employee: str) -> None:
        now = self._trail.now()
        found = self._staff.get(employee) if is_id(employee) else None
        missing: list[Missing] = []
        if found is None:
            missing.append(Missing.EMPLOYEE_UNKNOWN)
        elif found.employee.kind is not PrincipalKind.EMPLOYEE or not found.employee.may_approve:
            missing.append(Missing.KIND_NOT_EMPLOYED)
        elif not found.employee.is_employed(now):
            missing.append(Missing.NOT_EMPLOYED_ANY_MORE)
        if found is None or binding(employee, found.agreements, now) is None:
            missing.append(Missing.NO_AGREEMENT)
        if not missing:
            return
        codes = tuple(one.value for one in missing)
        actor = employee if is_id(employee) else None
        self._trail.append(AuditRecord("access.denied", now, None, actor, (), {"purpose": "review", "missing": codes}))
        denied = AccessDenied(
            "reasons are read by employees who may approve grants, and are bound by confidentiality",
            where="clause C13, C14",
            cure="Have such a one read it.",
        )
        denied.missing = codes
        raise denied
