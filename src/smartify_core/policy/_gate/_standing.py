"""How a grant stands: whether it would open anything now, and if not, why."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Final

from attrs import evolve, frozen

from smartify_core.policy._access._decision import AccessRequest, Decision, Missing
from smartify_core.policy._access._facts import Facts, Grant


@enum.unique
class GrantState(enum.StrEnum):
    """Where a grant stands in its life. The value is its word in JSON and on the command line."""

    WAITING = "waiting"
    NOT_BEGUN = "not begun"
    LIVE = "live"
    #: It would be live, but for something outside of it: its holder left, its issue is closed, the tenant is gone.
    OPENS_NOTHING = "opens nothing"
    EXPIRED = "expired"
    REVOKED = "revoked"


@frozen(order=False)
class GrantStanding:
    """How a grant stands.

    Args:
        state: Where it is in its life.
        missing: What keeps it from opening anything now.
    """

    state: GrantState
    missing: tuple[Missing, ...] = ()


def standing_of(
    grant: Grant, facts_of: Callable[[AccessRequest], Facts], decided: Callable[[AccessRequest, Facts], Decision]
) -> GrantStanding:
    """Return how a grant stands: what is decided when its holder asks for just what it grants, with it alone."""
    why = "to see how it stands"
    request = AccessRequest(grant.employee, grant.tenant, grant.purpose, grant.fields, why, grant.subjects)
    decision = decided(request, evolve(facts_of(request), grants=(grant,)))
    missing = tuple(dict.fromkeys(one.missing for one in decision.shortfalls))
    if grant.revoked_at is not None:
        return GrantStanding(GrantState.REVOKED, missing)
    for code, state in _STATES.items():
        if code in missing:
            return GrantStanding(state, missing)
    return GrantStanding(GrantState.LIVE if decision.allowed else GrantState.OPENS_NOTHING, missing)


_STATES: Final = {
    Missing.GRANT_EXPIRED: GrantState.EXPIRED,
    Missing.GRANT_NOT_APPROVED: GrantState.WAITING,
    Missing.GRANT_NOT_YET: GrantState.NOT_BEGUN,
}
