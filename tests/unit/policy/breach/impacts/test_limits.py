"""An impact says what it does not know."""

from __future__ import annotations

from datetime import UTC, datetime

from smartify_core.policy.breach import BreachScope, ScopeKind
from smartify_core.policy.breach._impacts._limits import Doubts


def test_an_incident_without_scopes_says_so() -> None:
    """That nobody is affected where nothing is in scope is no finding, and the limits say that."""
    assert Doubts(()).told()[0].startswith("Nothing is in scope, so nobody can be affected")


def test_a_scope_of_tenants_says_what_it_looks_at() -> None:
    """Of tenants only openings through the gate count: whoever means more is told to name a host or a store."""
    told = Doubts((BreachScope(ScopeKind.TENANT, ("acme",)),)).told()
    assert any("name a host or a store" in one for one in told)


def test_a_window_with_a_beginning_says_what_it_leaves_out() -> None:
    """What was opened before the window and looked at within it is named as not in scope; without one it is not."""
    since = datetime(2026, 11, 1, tzinfo=UTC)
    told = Doubts((BreachScope(ScopeKind.ACTOR, ("e-1",), since=since),)).told()
    assert any("let the window begin earlier" in one for one in told)
    told = Doubts((BreachScope(ScopeKind.ACTOR, ("e-1",), until=since),)).told()
    assert not any("let the window begin earlier" in one for one in told)
