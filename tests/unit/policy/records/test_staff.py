from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.unit.policy.records.conftest import Vendor

from smartify_core.errors import RecordClash, UnknownRecord, UsageError
from smartify_core.policy import PrincipalKind, Purpose

EVIDENCE = "cd" * 32
DAY = timedelta(days=1)


@pytest.mark.parametrize("name", ["ada@acme.example", "Ada Lovelace", "", "-x", "é", "x" * 129, "a/b", None, 7])
def test_what_is_no_id_is_refused(vendor: Vendor, name: Any) -> None:
    """An address, a name and whatever else is no id is refused in every place that takes one, and not quoted."""
    policy, grant = vendor.policy, vendor.grant(approved=False)
    wanted: dict[str, Any] = {
        "tenant": "acme",
        "purpose": Purpose.CUSTOMER_CARE,
        "fields": grant.fields,
        "reason": "words",
        "lasts": DAY,
    }
    size = policy.trail.size
    for call in (
        lambda: policy.staff.add(name, by="admin"),
        lambda: policy.staff.add("e-9", by=name),
        lambda: policy.staff.add("s-9", by="admin", kind=PrincipalKind.SERVICE, owner=name),
        lambda: policy.staff.leave("e-1", by=name),
        lambda: policy.staff.bind("e-1", agreement=name, evidence=EVIDENCE, by="admin"),
        lambda: policy.staff.bind("e-1", agreement="n", evidence=EVIDENCE, by=name),
        lambda: policy.staff.unbind("e-1", agreement="nda-e-1", by=name),
        lambda: policy.grants.request(name, **wanted),
        lambda: policy.grants.request("e-1", **wanted, subjects=[name]),
        lambda: policy.grants.approve(grant.id, by=name),
        lambda: policy.grants.revoke(grant.id, by=name),
        lambda: policy.circumstances.close(name, by="e-1"),
        lambda: policy.circumstances.reopen("T-1", by=name),
        lambda: policy.circumstances.state("acme", name, holds=True, by="e-1"),
        lambda: policy.circumstances.state("acme", "audited", holds=True, by=name),
    ):
        with pytest.raises(UsageError) as error:
            call()
        assert not name or str(name) not in str(error.value) or len(str(name)) < 2
    assert policy.trail.size == size


@pytest.mark.parametrize("instant", [datetime(2030, 1, 1), "2030-01-01", 7])  # noqa: DTZ001  # that is what is refused
def test_an_instant_has_a_zone(vendor: Vendor, instant: Any) -> None:
    """An instant without a time zone, or none at all, is refused before anything is written."""
    policy = vendor.policy
    size = policy.trail.size
    for call in (
        lambda: policy.staff.add("e-9", by="admin", since=instant),
        lambda: policy.staff.leave("e-1", by="admin", at=instant),
        lambda: policy.staff.bind("e-1", agreement="n", evidence=EVIDENCE, by="admin", since=instant),
        lambda: policy.staff.bind("e-1", agreement="n", evidence=EVIDENCE, by="admin", until=instant),
        lambda: policy.staff.unbind("e-1", agreement="nda-e-1", by="admin", at=instant),
        lambda: vendor.grant(approved=False, not_before=instant),
    ):
        with pytest.raises(UsageError, match="no instant with a time zone"):
            call()
    assert policy.trail.size == size


def test_instants_are_kept_in_utc(vendor: Vendor) -> None:
    """An instant of another zone is the same instant on record."""
    east = timezone(timedelta(hours=2))
    added = vendor.policy.staff.add("e-9", by="admin", since=datetime(2030, 1, 1, 2, tzinfo=east))
    assert (added.since, added.since.tzinfo) == (datetime(2030, 1, 1, tzinfo=UTC), UTC)
    far = datetime.max.replace(tzinfo=timezone(-timedelta(hours=2)))
    with pytest.raises(UsageError):
        vendor.policy.staff.leave("e-9", by="admin", at=far)


def test_nobody_is_added_twice_and_whoever_is_back_is_added_anew(vendor: Vendor) -> None:
    """Somebody on record is not added again until they have left; then their agreements are still theirs."""
    staff = vendor.policy.staff
    with pytest.raises(RecordClash):
        staff.add("e-1", by="admin")
    staff.leave("e-1", by="admin", at=vendor.clock() + DAY)
    with pytest.raises(RecordClash):
        staff.add("e-1", by="admin")
    vendor.clock.advance(DAY)
    staff.add("e-1", by="admin", may_approve=True)
    held = staff.get("e-1")
    assert held is not None
    assert (held.employee.until, held.employee.may_approve) == (None, True)
    assert [one.id for one in held.agreements] == ["nda-e-1"]


def test_whoever_has_left_leaves_no_later(vendor: Vendor) -> None:
    """Being told again that somebody left does not bring the time between back; an earlier instant corrects it."""
    staff = vendor.policy.staff
    left = staff.leave("e-1", by="admin").until
    assert left is not None
    vendor.clock.advance(DAY)
    for at in (None, left + DAY, left + 10 * DAY):
        with pytest.raises(RecordClash):
            staff.leave("e-1", by="admin", at=at)
    assert staff.leave("e-1", by="admin", at=left - DAY).until == left - DAY


def test_an_agreement_is_not_made_longer_by_ending_it(vendor: Vendor) -> None:
    """An agreement ends when the paper says, or sooner."""
    staff, now = vendor.policy.staff, vendor.clock()
    staff.bind("e-1", agreement="short", evidence=EVIDENCE, by="admin", until=now + DAY)
    with pytest.raises(RecordClash):
        staff.unbind("e-1", agreement="short", by="admin", at=now + 2 * DAY)
    vendor.clock.advance(2 * DAY)
    with pytest.raises(RecordClash):
        staff.unbind("e-1", agreement="short", by="admin")
    assert staff.unbind("e-1", agreement="short", by="admin", at=now).until == now


def test_agreements_stand_in_order_and_once(vendor: Vendor) -> None:
    """Agreements are kept in order of beginning; an id is used once, and one that ends before it begins is refused."""
    staff, now = vendor.policy.staff, vendor.clock()
    staff.bind("e-1", agreement="early", evidence=EVIDENCE, by="admin", since=now - DAY, until=now)
    held = staff.get("e-1")
    assert held is not None
    assert [one.id for one in held.agreements] == ["early", "nda-e-1"]
    with pytest.raises(RecordClash):
        staff.bind("e-1", agreement="early", evidence=EVIDENCE, by="admin")
    for until in (now, now - DAY):
        with pytest.raises(UsageError):
            staff.bind("e-1", agreement="n", evidence=EVIDENCE, by="admin", until=until)


@pytest.mark.parametrize("evidence", ["", "ab", "AB" * 32, "g" * 64, b"ab" * 32, None])
def test_the_evidence_is_a_digest(vendor: Vendor, evidence: Any) -> None:
    """An agreement without the SHA-256 of its paper is not put on record."""
    with pytest.raises(UsageError, match="evidence"):
        vendor.policy.staff.bind("e-1", agreement="n", evidence=evidence, by="admin")


def test_a_service_has_an_owner_and_nobody_else_has(vendor: Vendor) -> None:
    """A service without an owner is refused, and so is an employee or a contractor with one."""
    staff = vendor.policy.staff
    with pytest.raises(UsageError):
        staff.add("s-1", by="admin", kind=PrincipalKind.SERVICE)
    for kind in (PrincipalKind.EMPLOYEE, PrincipalKind.CONTRACTOR):
        with pytest.raises(UsageError):
            staff.add("e-9", by="admin", kind=kind, owner="e-1")
    assert staff.add("s-1", by="admin", kind=PrincipalKind.SERVICE, owner="e-1").owner == "e-1"


def test_the_unknown_is_named_so(vendor: Vendor) -> None:
    """What is not on record cannot be changed, and the error says that it is not there."""
    staff = vendor.policy.staff
    for call in (
        lambda: staff.leave("e-404", by="admin"),
        lambda: staff.bind("e-404", agreement="n", evidence=EVIDENCE, by="admin"),
        lambda: staff.unbind("e-404", agreement="n", by="admin"),
        lambda: staff.unbind("e-1", agreement="n", by="admin"),
    ):
        with pytest.raises(UnknownRecord):
            call()
    assert staff.get("e-404") is None
    assert [one.employee.id for one in staff.all()] == ["e-1", "e-2", "e-3"]


def test_a_tracker_that_cannot_tell_leaves_it_unknown(vendor: Vendor) -> None:
    """An answer that is no truth value, and whatever the host's tracker raises, is taken for "nobody can tell"."""

    def fail(ticket: str) -> bool:
        raise LookupError(ticket)

    answers: list[Any] = [lambda _: None, lambda _: "yes", lambda _: 1, fail]
    for answer in answers:
        policy = vendor.policy_of(vendor.storage, ticket_is_open=answer)
        assert policy.circumstances.tickets(["T-1"]) == {"T-1": None}
    policy = vendor.policy_of(vendor.storage, ticket_is_open=lambda ticket: ticket == "T-1")
    assert policy.circumstances.tickets(["T-1", "T-2"]) == {"T-1": True, "T-2": False}
    policy.circumstances.close("T-1", by="e-1")
    assert policy.circumstances.tickets(["T-1"]) == {"T-1": False}


def test_conditions_are_a_tenants_own(vendor: Vendor) -> None:
    """A condition that was stated for one tenant says nothing of another."""
    held = vendor.policy.circumstances
    held.state("acme", "audited", holds=True, by="e-1")
    held.state("acme", "audited", holds=False, by="e-1")
    assert held.conditions("acme", ["audited", "other"]) == {"audited": False, "other": None}
    assert held.conditions("globex", ["audited"]) == {"audited": None}
    with pytest.raises(UsageError):
        held.state("", "audited", holds=True, by="e-1")


@pytest.mark.parametrize("kind", ["service", "employee", None, 7])
def test_a_kind_is_a_member_of_the_list(vendor: Vendor, kind: Any) -> None:
    """The word for a kind is none of the list: it is refused with the library's own error, and nothing is written."""
    size = vendor.policy.trail.size
    with pytest.raises(UsageError, match="kind"):
        vendor.policy.staff.add("job-1", by="admin", kind=kind, owner="e-1")
    assert vendor.policy.trail.size == size
