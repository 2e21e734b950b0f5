"""Who may read the reasons of others: employees who may approve grants, and are bound."""

from __future__ import annotations

from smartify_core.errors import AccessDenied
from smartify_core.policy._access._decision import Missing
from smartify_core.policy._access._facts import PrincipalKind, is_id
from smartify_core.policy._access._fitting import binding
from smartify_core.policy.audit import AuditRecord, Trail

from ._staff import Staff


class Reviewers:
    """Lets in who may read reasons.

    Args:
        trail: What records whoever is refused.
        staff: Who is employed.
    """

    def __init__(self, trail: Trail, staff: Staff) -> None:
        self._trail = trail
        self._staff = staff

    def require(self, employee: str) -> None:
        """Raise unless somebody may read reasons.

        Raises:
            AccessDenied: They may not; the denial is recorded.
            AuditUnavailable: They may not, and that cannot be recorded.
        """
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
