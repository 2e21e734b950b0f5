"""The facts of a decision, read anew for each: nothing of them is kept, so that nothing can be out of date."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from smartify_core.model import LEDGER, TENANT_STANDING
from smartify_core.policy._access._decision import AccessRequest, AccessRules
from smartify_core.policy._access._facts import Employee, Facts, Grant, PrincipalKind, Tenancy
from smartify_core.policy._ledger import is_key
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

    def facts(self, request: AccessRequest, now: Callable[[], datetime]) -> Facts:
        """Return what is known of whoever asks; ``now`` tells which grants are over, whose issues are not asked for.

        Raises what reading the store does: then nothing is decided.
        """
        who, tenant = request.employee, request.tenant
        tenancy = self._tenancy(tenant)
        conditions = self._circumstances.conditions(tenant, self._conditions) if self._conditions else {}
        record = self._staff.get(who) if is_key(who) else None
        if record is None:
            return Facts(tenancy=tenancy, conditions=conditions)
        granted = self._grants.of(who, tenant)
        owner: Facts | None = None
        employee: Employee = record.employee
        if employee.kind is PrincipalKind.SERVICE and employee.owner is not None:
            owning = self._staff.get(employee.owner)
            if owning is not None:
                theirs = self._grants.of(employee.owner, tenant)
                tickets = self._tickets(request, now, granted, theirs)
                owner = Facts(owning.employee, owning.agreements, theirs, tenancy, tickets, conditions)
        tickets = self._tickets(request, now, granted) if owner is None else owner.tickets
        return Facts(employee, record.agreements, granted, tenancy, tickets, conditions, owner)

    def _tickets(
        self, request: AccessRequest, now: Callable[[], datetime], *grants: tuple[Grant, ...]
    ) -> Mapping[str, bool | None]:
        """Ask for the issues that may matter: of each one's grants for the purpose that stand, of all where none does.

        A grant that is over or revoked opens nothing, whatever becomes of its issue: for the explanation of a denial
        it does what is on record of that.
        """
        of_purpose = [[one for one in some if one.purpose is request.purpose] for some in grants]
        named = {one.ticket for some in of_purpose for one in some if one.ticket is not None}
        if not named:
            return {}
        at, asked = now(), set[str]()
        for some in of_purpose:
            standing = [one for one in some if one.revoked_at is None and at < one.expires_at]
            asked.update(one.ticket for one in standing or some if one.ticket is not None)
        others = named - asked
        return {**self._circumstances.recorded(others), **self._circumstances.tickets(sorted(asked))}

    def _tenancy(self, tenant: str) -> Tenancy | None:
        if not is_key(tenant) or tenant == LEDGER:
            return None
        if self._storage.document(LEDGER, TENANT_STANDING, tenant) is not None:
            return Tenancy.OFF_BOARDED
        known = self._storage.tenant(tenant)
        return Tenancy.ACTIVE if known.revision or known.accounts else None
