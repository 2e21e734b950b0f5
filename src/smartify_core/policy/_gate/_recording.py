"""What the trail is told of openings and denials: before anything opens, and without personal data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from smartify_core.errors import AuditUnavailable, Shredded, StorageError, UsageError
from smartify_core.model import SealedAccount
from smartify_core.policy._access._decision import AccessRequest, Decision
from smartify_core.policy._access._facts import is_id
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.policy.audit import AuditRecord, Trail

from ._reading import is_key
from ._reasons import Reasons

#: What a caller may add to the record of an opening: ids, codes and counts.
MoreFacts: TypeAlias = Mapping[str, "str | int | bool | None"]


class Recording:
    """Writes openings and denials into the trail.

    Args:
        trail: The trail.
        reasons: What seals reasons.
    """

    def __init__(self, trail: Trail, reasons: Reasons) -> None:
        self._trail = trail
        self._reasons = reasons

    def opening(self, decision: Decision, accounts: Sequence[SealedAccount], more: MoreFacts) -> None:
        """Keep that these accounts are about to be opened; durable when it returns.

        Raises:
            AuditUnavailable: It cannot be kept.
            Shredded: The one account has ended.
        """
        request = decision.request
        one = accounts[0] if len(accounts) == 1 else None
        try:
            if one is not None:
                reason = self._reasons.about_one(one, request.reason)
            else:
                reason = self._reasons.about_many(request.tenant, request.reason)
        except Shredded:
            raise
        except (StorageError, UsageError) as error:  # a store that is read only refuses the call
            raise AuditUnavailable(
                f"the reason of an opening cannot be kept, so nothing was opened: {error.code} {error.what}",
                where=error.where,
                cure=error.cure,
            ) from None
        self._trail.append(
            AuditRecord(
                "access.granted",
                decision.at,
                request.tenant,
                request.employee,
                tuple(account.account_id for account in accounts),
                {
                    **more,
                    **_asked(request),
                    "grant": decision.grant,
                    "ticket": decision.ticket,
                    "provisions": list(decision.decided_by),
                    "overrides": [f"{one.over}>{one.under}" for one in decision.overrides],
                    "pseudonymous": decision.pseudonymous,
                    "reason": reason,
                    "reason_about": "tenant" if one is None else "subject",
                },
            )
        )

    def denial(self, decision: Decision) -> None:
        """Keep that somebody was refused.

        Raises:
            AuditUnavailable: It cannot be kept.
        """
        request = decision.request
        # Whoever is not on record may have typed anything in place of an id, so that is not kept.
        actor = request.employee if is_id(request.employee) else None
        tenant = request.tenant if is_key(request.tenant) else None
        missing = [one.missing.value for one in decision.shortfalls]
        facts = {**_asked(request), "missing": list(dict.fromkeys(missing))}
        self._trail.append(
            AuditRecord("access.denied", decision.at, tenant, actor, tuple(sorted(request.subjects)), facts)
        )


def _asked(request: AccessRequest) -> dict[str, str | list[str]]:
    """Return what was asked for, by names that exist; another one could be anything and is not kept."""
    return {
        "purpose": request.purpose.value if isinstance(request.purpose, Purpose) else "unknown",
        "fields": sorted(one.value if isinstance(one, PersonalField) else "unknown" for one in request.fields),
    }
