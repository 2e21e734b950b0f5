"""Whether need-to-know is still that: grants that nobody uses, or that allow more than anybody uses. Pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from attrs import frozen

from smartify_core.policy._vocabulary import PersonalField

from ._facts import Employee, Grant
from ._fitting import names

_UNUSED_AFTER: Final = timedelta(days=7)


@enum.unique
class Concern(enum.Enum):
    """What is to be looked at. The value is its code in JSON."""

    UNUSED = "unused"
    WIDER_THAN_USED = "wider-than-used"
    SELF_APPROVED = "self-approved"
    EMERGENCY_NOT_REVIEWED = "emergency-not-reviewed"
    HOLDER_GONE = "holder-gone"
    PROVISION_OVERRIDDEN = "provision-overridden"


@frozen(order=False)
class HygieneFinding:
    """Something that a reviewer should look at.

    Args:
        concern: What it is.
        grant: The grant that it is about.
        what: It in words, with ids only.
        cure: What would do.
    """

    concern: Concern
    grant: str
    what: str
    cure: str


@frozen(order=False)
class Use:
    """How a grant was used, as the audit trail tells.

    Args:
        times: How many openings there were.
        last: When the last one was.
        fields: The fields that were opened.
        overrides: Which provisions prevailed over which, as ``over>under``.
    """

    times: int
    last: datetime
    fields: frozenset[PersonalField]
    overrides: frozenset[str] = frozenset()


def hygiene(
    grants: Iterable[Grant],
    uses: Mapping[str, Use],
    staff: Mapping[str, Employee],
    now: datetime,
    *,
    unused_after: timedelta = _UNUSED_AFTER,
) -> Iterator[HygieneFinding]:
    """Yield what a reviewer should look at.

    Args:
        grants: The grants, those too that are over.
        uses: How they were used, by id.
        staff: Who is on record, by id.
        now: The instant.
        unused_after: For how long a live grant may go unused.
    """
    for grant in grants:
        use = uses.get(grant.id)
        if grant.emergency and grant.reviewed_by is None:
            yield HygieneFinding(
                Concern.EMERGENCY_NOT_REVIEWED,
                grant.id,
                f"{grant.employee} took it in an emergency, and nobody has looked at it since",
                "Have somebody else look at it: smartify grant review.",
            )
        if grant.approved_by is not None and grant.approved_by in {grant.employee, grant.requested_by}:
            yield HygieneFinding(
                Concern.SELF_APPROVED,
                grant.id,
                f"{grant.approved_by} asked for it and approved it",
                "It opens nothing. Revoke it, and have somebody else approve a new one.",
            )
        if use is not None and use.overrides:
            yield HygieneFinding(
                Concern.PROVISION_OVERRIDDEN,
                grant.id,
                f"it was used where one provision prevailed over another: {', '.join(sorted(use.overrides))}",
                "Check that both provisions say what they should.",
            )
        if grant.approved_by is not None and grant.revoked_at is None and grant.not_before <= now < grant.expires_at:
            yield from _of_live(grant, use, staff.get(grant.employee), now, unused_after)


def _of_live(
    grant: Grant, use: Use | None, holder: Employee | None, now: datetime, unused_after: timedelta
) -> Iterator[HygieneFinding]:
    if holder is None or not holder.is_employed(now):
        yield HygieneFinding(
            Concern.HOLDER_GONE, grant.id, f"{grant.employee} is not employed any more", "It opens nothing. Revoke it."
        )
    last = grant.not_before if use is None else use.last
    if now - last >= unused_after:
        yield HygieneFinding(
            Concern.UNUSED,
            grant.id,
            f"{grant.employee} has not used it since {last:%Y-%m-%d}",
            "Revoke it; a new one can be asked for when it is needed.",
        )
    elif use is not None and (never := grant.fields - use.fields):
        yield HygieneFinding(
            Concern.WIDER_THAN_USED,
            grant.id,
            f"{names(never)} never opened by it",
            f"One for {names(use.fields)} would do.",
        )
