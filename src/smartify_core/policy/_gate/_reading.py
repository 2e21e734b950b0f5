"""The facts of a decision, read anew for each: nothing of them is kept, so that nothing can be out of date."""

from __future__ import annotations

from typing import Final

from smartify_core.model import LEDGER, TENANT_STANDING
from smartify_core.policy._access._decision import AccessRequest, AccessRules
from smartify_core.policy._access._facts import Employee, Facts, Grant, PrincipalKind, Tenancy
from smartify_core.policy._records._circumstances import Circumstances
from smartify_core.policy._records._grants import Grants
from smartify_core.policy._records._staff import Staff
from smartify_core.storage import Storage


class Reading:
    """Reads what a decision is made from.

    Args:
        storage: Where accounts are.
        staff: Who is employed.
        grants: What they were granted.
        circumstances: What grants and provisions depend on.
        rules: How strict the host is.
    """

    def __init__(
        self, storage: Storage, staff: Staff, grants: Grants, circumstances: Circumstances, rules: AccessRules
    ) -> None:
        self._storage = storage
        self._staff = staff
        self._grants = grants
        self._circumstances = circumstances
        self._conditions = rules.rulebook.conditions()

    def facts(self, request: AccessRequest) -> Facts:
        """Return what is known of whoever asks. Raises what reading the store does: then nothing is decided."""
        who, tenant = request.employee, request.tenant
        tenancy = self._tenancy(tenant)
        conditions = self._circumstances.conditions(tenant, self._conditions) if self._conditions else {}
        record = self._staff.get(who) if is_key(who) else None
        if record is None:
            return Facts(tenancy=tenancy, conditions=conditions)
        owner: Facts | None = None
        employee: Employee = record.employee
        if employee.kind is PrincipalKind.SERVICE and employee.owner is not None:
            owning = self._staff.get(employee.owner)
            if owning is not None:
                granted = self._grants.of(employee.owner, tenant)
                owner = Facts(owning.employee, owning.agreements, granted, tenancy, self._tickets(granted), conditions)
        granted = self._grants.of(who, tenant)
        return Facts(employee, record.agreements, granted, tenancy, self._tickets(granted), conditions, owner)

    def _tickets(self, grants: tuple[Grant, ...]) -> dict[str, bool | None]:
        return dict(self._circumstances.tickets({one.ticket for one in grants if one.ticket is not None}))

    def _tenancy(self, tenant: str) -> Tenancy | None:
        if not is_key(tenant) or tenant == LEDGER:
            return None
        if self._storage.document(LEDGER, TENANT_STANDING, tenant) is not None:
            return Tenancy.OFF_BOARDED
        known = self._storage.tenant(tenant)
        return Tenancy.ACTIVE if known.revision or known.accounts else None


def is_key(text: object) -> bool:
    """Return whether something may be looked up in a store at all."""
    return isinstance(text, str) and 0 < len(text.encode("utf-8", "surrogatepass")) <= _LONGEST and text.isprintable()


_LONGEST: Final = 900
