from __future__ import annotations

from datetime import timedelta

import pytest

from smartify_core.errors import GrantInvalid, UsageError
from smartify_core.model import LEDGER, TENANT_STANDING, PutDocument
from smartify_core.policy import Grant, GrantState, Missing

from .conftest import ADA, Vendor


def test_a_grant_stands_as_it_would_open(vendor: Vendor) -> None:
    """A grant is live if and only if it opens something now; otherwise its state says in which way it does not."""
    grants, gate = vendor.policy.grants, vendor.policy.gate

    def state(grant: Grant) -> GrantState:
        return gate.standing(grants.get(grant.id)).state

    waiting = vendor.grant(approved=False)
    coming = vendor.grant(not_before=vendor.clock() + timedelta(hours=2))
    live, other = vendor.grant(ticket="T-1"), vendor.grant()
    assert [state(one) for one in (waiting, coming, live, other)] == ["waiting", "not begun", "live", "live"]
    grants.revoke(other.id, by="e-2")
    assert state(other) is GrantState.REVOKED
    vendor.policy.circumstances.close("T-1", by="e-2")
    assert gate.standing(grants.get(live.id)).missing == (Missing.TICKET_CLOSED,)
    assert state(live) is GrantState.OPENS_NOTHING
    vendor.clock.advance(timedelta(days=2))
    assert [state(one) for one in (waiting, live)] == ["expired", "expired"]


def test_a_grant_of_somebody_who_left_opens_nothing(vendor: Vendor) -> None:
    """Leaving, coming back, an ended agreement and an off-boarded tenant each leave a grant that opens nothing."""
    grant = vendor.grant()
    gate, staff = vendor.policy.gate, vendor.policy.staff
    staff.leave("e-1", by="admin")
    assert gate.standing(grant).missing == (Missing.NOT_EMPLOYED_ANY_MORE,)
    vendor.clock.advance(timedelta(seconds=1))
    staff.add("e-1", by="admin")
    assert gate.standing(grant).missing == (Missing.GRANT_REVOKED,)
    assert gate.standing(grant).state is GrantState.OPENS_NOTHING
    another = vendor.grant()
    vendor.storage.record(LEDGER, documents=[PutDocument(TENANT_STANDING, "acme", b"x", 0)])
    assert gate.standing(another).missing == (Missing.TENANT_OFF_BOARDED,)


def test_the_holder_of_a_grant_does_not_reopen_its_issue(vendor: Vendor) -> None:
    """An issue that was closed is opened again by somebody who has no grant for it."""
    vendor.grant(ticket="T-1")
    vendor.policy.circumstances.close("T-1", by="e-3")
    with pytest.raises(GrantInvalid):
        vendor.policy.circumstances.reopen("T-1", by="e-1")
    vendor.policy.circumstances.reopen("T-1", by="e-3")
    assert vendor.policy.circumstances.tickets(["T-1"]) == {"T-1": True}


def test_nobody_puts_themselves_on_record(vendor: Vendor) -> None:
    """That somebody is employed, may approve, or is bound, another one says."""
    staff = vendor.policy.staff
    with pytest.raises(UsageError):
        staff.add("mallory", by="mallory", may_approve=True)
    staff.add("mallory", by="admin")
    with pytest.raises(UsageError):
        staff.bind("mallory", agreement="nda", evidence="ab" * 32, by="mallory")


def test_why_somebody_is_held_is_read(vendor: Vendor) -> None:
    """The reason of a legal hold comes back in words to an approver, of one person and of a whole customer."""
    holds = vendor.policy.holds
    for source_id, reason in ((ADA.source_id, "a lawsuit"), (None, "an audit")):
        holds.place("acme", source_id, by="e-3", reason=reason)
        assert vendor.policy.gate.reason("e-2", vendor.policy.trail.size - 1) == reason
