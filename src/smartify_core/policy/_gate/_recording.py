"""What the trail is told of openings and denials: before anything opens, and without personal data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Final, TypeAlias

from smartify_core.model import SealedAccount
from smartify_core.policy._access._decision import AccessRequest, Decision, Missing
from smartify_core.policy._access._facts import is_id
from smartify_core.policy._ledger import is_key
from smartify_core.policy._log import log
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._vocabulary import PersonalField, Purpose
from smartify_core.policy.audit import AuditRecord, Trail

#: What a caller may add to the record of an opening: ids, codes and counts.
MoreFacts: TypeAlias = Mapping[str, "str | int | bool | None"]
#: What is shown each opening and each denial, once it is on record.
ShownRecord: TypeAlias = Callable[[AuditRecord], None]

#: The kinds of entries that change no fact of a decision.
_CHANGING_NOTHING: Final = frozenset(
    {
        "access.granted",
        "access.denied",
        "access.stopped",
        "access.missed",
        "reason.read",
        "export.granted",
        "trail.opened",
    }
)
#: More entries than these are not looked at: deciding anew is quicker.
_MOST_LOOKED_AT: Final = 32
#: The most subjects that a denial names; how many were asked about it says besides.
_MOST_SUBJECTS: Final = 100


class Recording:
    """Writes openings and denials into the trail.

    Args:
        trail: The trail.
        reasons: What seals reasons.
        watch: What is shown each record when it is kept. What it raises is logged, and opens and closes nothing.
    """

    def __init__(self, trail: Trail, reasons: Reasons, watch: ShownRecord | None = None) -> None:
        self._trail = trail
        self._reasons = reasons
        self._watch = watch

    def opening(self, decision: Decision, accounts: Sequence[SealedAccount], more: MoreFacts) -> int:
        """Keep that these accounts are about to be opened; durable when it returns. Returns the place of the entry.

        Raises:
            AuditUnavailable: It cannot be kept.
            Shredded: The one account has ended.
        """
        request = decision.request
        one = accounts[0] if len(accounts) == 1 else None
        if one is not None:
            reason = self._reasons.about_one(one, request.reason)
        else:
            reason = self._reasons.about_many(request.tenant, request.reason)
        return self._keep(
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

    def has_changed(self, since: int, place: int) -> bool:
        """Return whether an entry from one place to before another may have changed the facts of a decision.

        Every change of facts is an entry. Openings and denials, of which many are made at once, change none.
        """
        if place - since > _MOST_LOOKED_AT:
            return True
        between = islice(self._trail.entries(after=since - 1 if since else None), place - since)
        return any(entry.record.kind not in _CHANGING_NOTHING for entry in between)

    def denial(self, decision: Decision) -> None:
        """Keep that somebody was refused.

        Raises:
            AuditUnavailable: It cannot be kept.
        """
        request = decision.request
        # Whoever is not on record may have typed anything in place of an id, so that is not kept.
        actor = request.employee if is_id(request.employee) else None
        missing = list(dict.fromkeys(one.missing for one in decision.shortfalls))
        # A tenant that the store does not know may be a name as well.
        is_known = Missing.TENANT_UNKNOWN not in missing and is_key(request.tenant)
        subjects = sorted(one for one in request.subjects if is_id(one))
        facts = {
            **_asked(request),
            "missing": [one.value for one in missing],
            "asked_about": len(request.subjects),
        }
        tenant = request.tenant if is_known else None
        self._keep(AuditRecord("access.denied", decision.at, tenant, actor, tuple(subjects[:_MOST_SUBJECTS]), facts))

    def stopped(self, decision: Decision, accounts: Sequence[SealedAccount]) -> None:
        """Keep that what was recorded just before was not opened: what had allowed it was gone by then.

        Raises:
            AuditUnavailable: It cannot be kept.
        """
        request = decision.request
        subjects = tuple(account.account_id for account in accounts)
        missing = [one.missing.value for one in decision.shortfalls]
        facts = {**_asked(request), "missing": list(dict.fromkeys(missing))}
        self._keep(AuditRecord("access.stopped", decision.at, request.tenant, request.employee, subjects, facts))

    def missed(self, decision: Decision) -> None:
        """Keep that somebody looked for a person who is not there.

        Raises:
            AuditUnavailable: It cannot be kept.
        """
        request = decision.request
        facts = {**_asked(request), "grant": decision.grant}
        self._keep(AuditRecord("access.missed", decision.at, request.tenant, request.employee, (), facts))

    def _keep(self, record: AuditRecord) -> int:
        """Keep a record and show it to whoever watches. Returns its place. Raises `AuditUnavailable`."""
        (place,) = self._trail.append(record)
        if self._watch is not None:
            try:
                self._watch(record)
            except Exception as error:  # noqa: BLE001 - the decoys look at it, in a store that may be away: they keep nobody from working
                log().warning("a watch failed", error=type(error).__name__, place=place)
        return place


def _asked(request: AccessRequest) -> dict[str, str | list[str]]:
    """Return what was asked for, by names that exist; another one could be anything and is not kept."""
    return {
        "purpose": request.purpose.value if isinstance(request.purpose, Purpose) else "unknown",
        "fields": sorted({one.value if isinstance(one, PersonalField) else "unknown" for one in request.fields}),
    }
