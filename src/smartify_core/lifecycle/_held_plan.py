"""A plan that guards stopped: what waits for a person, under a hash that names exactly that. Pure values."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from attrs import astuple, evolve, field, frozen

from smartify_core.errors import PlanExpired, PlanSettled, StalePlan, UsageError

from ._effects import EffectKey

_AGAIN: Final = "Run a sync: what is still called for is held under a new plan."


@enum.unique
class HeldPlanStatus(enum.Enum):
    """What became of a held plan."""

    WAITING = "waiting"
    #: Somebody approved it, and not all of it is done yet.
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"
    #: A later run called for other changes.
    SUPERSEDED = "superseded"


@frozen(order=False)
class HeldChange:
    """One change that waits: what it would do, to which account, on what evidence, and why it is held. Ids only."""

    key: EffectKey
    evidence: str
    reason: str


@frozen(order=False)
class HeldPlan:
    """What a run would not do by itself.

    ``hash`` names exactly these effects on these accounts of this tenant. Kept sealed under the tenant's key.
    """

    tenant: str
    hash: str
    snapshot_id: str
    held_at: datetime
    expires_at: datetime
    changes: tuple[HeldChange, ...] = field(repr=lambda changes: f"<{len(changes)} changes>")
    status: HeldPlanStatus = HeldPlanStatus.WAITING
    decided_by: str | None = field(default=None, repr=False)
    decided_at: datetime | None = None
    decision_reason: str | None = field(default=None, repr=False)

    @property
    def keys(self) -> frozenset[EffectKey]:
        """Return what the plan would do."""
        return frozenset(change.key for change in self.changes)

    def is_undone(self, now: datetime) -> bool:
        """Return whether it waits for a decision, or somebody said no: either way it is not to be done unasked."""
        return self.status in {HeldPlanStatus.WAITING, HeldPlanStatus.REJECTED} and now < self.expires_at

    def is_open(self, now: datetime) -> bool:
        """Return whether somebody may still decide about it, or its approval still holds."""
        return self.status in {HeldPlanStatus.WAITING, HeldPlanStatus.APPROVED} and now < self.expires_at


def hash_of(tenant: str, keys: Iterable[EffectKey]) -> str:
    """Return the content hash (32 hexadecimal digits) of the effects on a tenant's accounts, in whatever order."""
    digest = hashlib.blake2b(digest_size=16, person=b"smartify-held")
    for part in (tenant, *(text for key in sorted(set(keys)) for text in astuple(key))):
        content = part.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def decided(plan: HeldPlan, status: HeldPlanStatus, *, by: str, reason: str, now: datetime) -> HeldPlan:
    """Return the plan with somebody's decision.

    Raises:
        UsageError: ``by`` or ``reason`` is empty.
        PlanExpired: It was held too long ago.
        PlanSettled: It was decided or superseded before. An approval that is not all done may still be taken back.
    """
    if not by.strip() or not reason.strip():
        raise UsageError("a decision needs a name and a reason", cure="Say who decides, and why.")
    revoked = plan.status is HeldPlanStatus.APPROVED and status is HeldPlanStatus.REJECTED
    if plan.status is not HeldPlanStatus.WAITING and not revoked:
        raise PlanSettled(
            f"the held plan was {plan.status.value} already; nothing was written", where=_where(plan), cure=_AGAIN
        )
    require_in_time(plan, now)
    return evolve(plan, status=status, decided_by=by, decided_at=now, decision_reason=reason)


def require_in_time(plan: HeldPlan, now: datetime) -> None:
    """Raise unless the plan may still be decided about, or acted on.

    Raises:
        PlanExpired: It was held too long ago.
    """
    if now >= plan.expires_at:
        raise PlanExpired(
            f"the held plan expired on {plan.expires_at:%Y-%m-%d %H:%M} UTC; nothing was written",
            where=_where(plan),
            cure=_AGAIN,
        )


def require_true(plan: HeldPlan, called_for: Collection[EffectKey]) -> None:
    """Raise unless everything in ``plan`` is still called for.

    Raises:
        StalePlan: Some of it is not.
    """
    if lost := len(plan.keys - set(called_for)):
        raise StalePlan(
            f"{lost} of the plan's {len(plan.keys)} changes are no longer called for; nothing was written",
            where=_where(plan),
            cure=_AGAIN,
        )


def _where(plan: HeldPlan) -> str:
    return f"tenant {plan.tenant}, plan {plan.hash}"
