from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.unit.policy.gate.conftest import ADA, EVIDENCE
from tests.unit.policy.records.conftest import Vendor

from smartify_core.errors import AccessDenied, GrantInvalid, RecordClash, UnknownRecord
from smartify_core.model import LEDGER
from smartify_core.policy import LONGEST_REASON, PROHIBITED, Grant, PersonalField, PrincipalKind, Purpose

DAY = timedelta(days=1)
EMERGENCY: dict[str, Any] = {
    "tenant": "acme",
    "purpose": Purpose.CUSTOMER_CARE,
    "fields": [PersonalField.EMAIL],
    "reason": "the site is down",
}


@pytest.mark.parametrize(
    "change",
    [
        *[{"purpose": purpose} for purpose in sorted(PROHIBITED, key=lambda one: one.value)],
        {"purpose": "ServiceProvision"},
        {"purpose": "Marketing"},
        {"fields": []},
        {"fields": ["email"]},
        {"fields": [PersonalField.EMAIL, "shoe_size"]},
        {"reason": ""},
        {"reason": " \t"},
        {"reason": 7},
        {"reason": "x" * (LONGEST_REASON + 1)},
        {"lasts": timedelta(0)},
        {"lasts": -DAY},
        {"lasts": timedelta(days=30, microseconds=1)},
        {"tenant": ""},
        {"tenant": LEDGER},
        {"not_before": datetime.fromisoformat("9999-12-31T12:00:00+00:00")},
    ],
    ids=str,
)
def test_what_cannot_be_granted_cannot_be_asked_for(vendor: Vendor, change: dict[str, Any]) -> None:
    """Prohibited and unknown purposes and fields, no reason, a long time and no tenant are refused and not recorded."""
    size = vendor.policy.trail.size
    with pytest.raises(GrantInvalid):
        vendor.grant(approved=False, **change)
    if not {"lasts", "not_before"} & change.keys():
        with pytest.raises(GrantInvalid):
            vendor.policy.grants.break_glass("e-1", **{**EMERGENCY, **change})
    assert vendor.policy.trail.size == size


def test_the_longest_grant_is_granted(vendor: Vendor) -> None:
    """A grant may last as long as the rules say, to the microsecond, and a stranger gets none."""
    grant = vendor.grant(lasts=timedelta(days=30))
    assert grant.expires_at - grant.not_before == timedelta(days=30)
    with pytest.raises(UnknownRecord):
        vendor.grant(employee="e-404")


def test_only_another_who_may_approves(vendor: Vendor) -> None:
    """The requester, the beneficiary, whoever may not, has left, is unbound or unknown, and services do not approve."""
    staff, grants = vendor.policy.staff, vendor.policy.grants
    for name in ("left", "unbound", "ended", "late", "contractor"):
        kind = PrincipalKind.CONTRACTOR if name == "contractor" else PrincipalKind.EMPLOYEE
        staff.add(name, by="admin", may_approve=True, kind=kind)
        if name != "unbound":
            since = vendor.clock() + DAY if name == "late" else None
            staff.bind(name, agreement="nda", evidence=EVIDENCE, by="admin", since=since)
    staff.leave("left", by="admin")
    staff.unbind("ended", agreement="nda", by="admin")
    staff.add("service", by="admin", kind=PrincipalKind.SERVICE, owner="e-3", may_approve=True)
    staff.bind("service", agreement="nda", evidence=EVIDENCE, by="admin")
    grant = vendor.grant(approved=False, by="e-2")
    for by in ("e-1", "e-2", "e-3", "e-404", "left", "unbound", "ended", "late", "contractor", "service"):
        with pytest.raises(GrantInvalid) as error:
            grants.approve(grant.id, by=by)
        assert error.value.cure
    assert grants.get(grant.id) == grant
    assert grants.approve(vendor.grant(approved=False).id, by="e-2").approved_by == "e-2"


def test_the_owner_of_a_service_does_not_approve_what_it_gets_or_asks_for(vendor: Vendor) -> None:
    """Whoever answers for a service approves neither its grants nor those that it asks for."""
    staff, grants = vendor.policy.staff, vendor.policy.grants
    staff.add("s-1", by="admin", kind=PrincipalKind.SERVICE, owner="e-2")
    for grant in (vendor.grant(approved=False, employee="s-1"), vendor.grant(approved=False, by="s-1")):
        with pytest.raises(GrantInvalid):
            grants.approve(grant.id, by="e-2")


def test_a_grant_is_decided_about_once(vendor: Vendor) -> None:
    """What is approved, revoked, over or an emergency is not approved; what is revoked is not revoked again."""
    grants = vendor.policy.grants
    revoked = vendor.grant(approved=False)
    grants.revoke(revoked.id, by="e-3")
    over = vendor.grant(approved=False, lasts=timedelta(microseconds=1))
    vendor.clock.advance(timedelta(microseconds=1))
    emergency = grants.break_glass("e-1", **EMERGENCY)
    for grant in (vendor.grant(), revoked, over, emergency):
        with pytest.raises(RecordClash):
            grants.approve(grant.id, by="e-2")
    with pytest.raises(RecordClash):
        grants.revoke(revoked.id, by="e-3")
    for call in (grants.approve, grants.revoke, grants.review):
        with pytest.raises(UnknownRecord):
            call("g-404", by="e-2")


def test_breaking_glass_is_loud_and_short(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """An emergency opens at once; it is a warning, a record of its own kind and a call, and lasts an hour at most."""
    called: list[Grant] = []
    policy = vendor.policy_of(vendor.storage, on_emergency=called.append)
    with caplog.at_level(logging.WARNING, "smartify_core.policy"):
        grant = policy.grants.break_glass("e-1", **EMERGENCY)
    (warning,) = caplog.records
    assert (warning.levelno, warning.getMessage()) == (logging.WARNING, "glass broken")
    assert (warning.__dict__["employee"], warning.__dict__["grant"]) == ("e-1", grant.id)
    assert "the site is down" not in str(warning.__dict__)
    assert called == [grant]
    assert vendor.kinds()[-1] == "grant.emergency"
    assert grant.expires_at - grant.not_before == timedelta(hours=1)
    assert policy.gate.open(**vendor.ask()).email == ADA.email
    with pytest.raises(GrantInvalid):
        policy.grants.break_glass("e-1", **EMERGENCY, lasts=timedelta(hours=1, microseconds=1))
    vendor.clock.advance(timedelta(hours=1))
    with pytest.raises(AccessDenied):
        policy.gate.open(**vendor.ask())


def test_a_pager_that_fails_takes_the_grant_from_nobody(vendor: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    """What the host's own callback raises is an error in the log, without its text; the grant is there all the same."""

    def fail(grant: Grant) -> None:
        raise RuntimeError("Ada Lovelace")

    grant = vendor.policy_of(vendor.storage, on_emergency=fail).grants.break_glass("e-1", **EMERGENCY)
    assert vendor.policy.grants.get(grant.id) == grant
    assert [one.levelno for one in caplog.records] == [logging.WARNING, logging.ERROR]
    assert "Lovelace" not in caplog.text


def test_glass_is_broken_by_the_employed_and_bound_only(vendor: Vendor) -> None:
    """An emergency does without approval, and needs everything else."""
    vendor.policy.staff.unbind("e-1", agreement="nda-e-1", by="admin")
    vendor.policy.grants.break_glass("e-1", **EMERGENCY)
    with pytest.raises(AccessDenied) as error:
        vendor.policy.gate.open(**vendor.ask())
    assert error.value.missing == ("agreement-ended",)


def test_an_emergency_is_reviewed_by_another_and_once(vendor: Vendor) -> None:
    """Whoever broke the glass does not review it; somebody else who may approve does, once."""
    grants = vendor.policy.grants
    grant = grants.break_glass("e-1", **EMERGENCY)
    for by in ("e-1", "e-3"):
        with pytest.raises(GrantInvalid):
            grants.review(grant.id, by=by)
    assert grants.review(grant.id, by="e-2").reviewed_by == "e-2"
    for other in (grant, vendor.grant()):
        with pytest.raises(RecordClash):
            grants.review(other.id, by="e-2")


def test_what_is_long_over_is_kept_apart_and_found(vendor: Vendor) -> None:
    """Grants that have been over for a month are moved out of the way by the next one, and are still found."""
    grants = vendor.policy.grants
    expired, revoked, emergency = vendor.grant(), vendor.grant(lasts=30 * DAY), grants.break_glass("e-1", **EMERGENCY)
    revoked = grants.revoke(revoked.id, by="e-3")
    elsewhere = vendor.grant(tenant="globex")
    vendor.clock.advance(timedelta(days=31, microseconds=1))
    fresh = vendor.grant()
    assert set(grants.of("e-1", "acme")) == {emergency, fresh}
    assert set(grants.all()) == {emergency, fresh, elsewhere}
    assert set(grants.all(also_past=True)) == {expired, revoked, emergency, fresh, elsewhere}
    assert (grants.get(expired.id), grants.get(revoked.id)) == (expired, revoked)
    with pytest.raises(UnknownRecord):
        grants.revoke(expired.id, by="e-3")
    reviewed = grants.review(emergency.id, by="e-2")
    newest = vendor.grant()
    assert set(grants.of("e-1", "acme")) == {fresh, newest}
    assert grants.get(emergency.id) == reviewed


def test_one_persons_grants_are_found_by_person_and_tenant(vendor: Vendor) -> None:
    """What was granted to one employee for one tenant is neither another's nor for a tenant whose name begins alike."""
    mine = vendor.grant()
    vendor.policy.staff.add("e-11", by="admin")
    others = {
        vendor.grant(employee="e-11"),
        vendor.grant(tenant="acme/g"),
        vendor.grant(tenant="acme2"),
        vendor.grant(tenant="globex"),
    }
    assert vendor.policy.grants.of("e-1", "acme") == (mine,)
    assert set(vendor.policy.grants.all()) == {mine, *others}


@pytest.mark.parametrize(
    "change",
    [
        {"lasts": 3600},
        {"fields": None},
        {"fields": [["email"]]},
        {"subjects": "abc"},
        {"subjects": 7},
        {"tenant": 7},
        {"tenant": "a" * 901},
        {"subjects": ["b" * 32], "source_id": ADA.source_id},
    ],
    ids=str,
)
def test_values_of_other_types_are_refused_at_the_door(vendor: Vendor, change: dict[str, Any]) -> None:
    """What is no duration, list or name at all is refused with the library's own error, before anything is written."""
    size = vendor.policy.trail.size
    short = {"lasts": timedelta(minutes=1), **change}
    for ask in (
        partial(vendor.grant, approved=False, **short),
        partial(vendor.policy.grants.break_glass, "e-1", **{**EMERGENCY, **short}),
    ):
        with pytest.raises(GrantInvalid):
            ask()
    assert vendor.policy.trail.size == size
