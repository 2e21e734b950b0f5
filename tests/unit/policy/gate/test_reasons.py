from __future__ import annotations

import pytest

from smartify_core.errors import AccessDenied, UsageError

from .conftest import ADA, Vendor


def test_whoever_may_approve_reads_why(vendor: Vendor) -> None:
    """An approver who is bound reads a reason in words, about one person or many, and that is recorded."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    asked = vendor.ask(reason="the monthly list")
    del asked["source_id"]
    with vendor.policy.gate.view(**asked) as view:
        assert len(list(view)) == 2
    last = vendor.policy.trail.size - 1
    assert vendor.policy.gate.reason("e-2", last - 1) == "she cannot sign in"
    assert vendor.policy.gate.reason("e-2", last) == "the monthly list"
    assert vendor.kinds()[-2:] == ["reason.read"] * 2


def test_a_reason_goes_with_the_person(vendor: Vendor) -> None:
    """Once the person is deleted their reason opens for nobody, and the trail holds the entry as before."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    place = vendor.policy.trail.size - 1
    before = vendor.policy.trail.entry(place)
    vendor.directory.delete(ADA)
    vendor.sync()
    assert vendor.policy.gate.reason("e-2", place) is None
    assert vendor.policy.trail.entry(place) == before


@pytest.mark.parametrize("who", ["e-1", "e-3", "stranger", "ada@acme.example"])
def test_others_read_no_reason(vendor: Vendor, who: str) -> None:
    """Whoever may not approve, and whoever is not on record, reads no reason; the attempt is recorded."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    with pytest.raises(AccessDenied):
        vendor.policy.gate.reason(who, vendor.policy.trail.size - 1)
    assert vendor.kinds()[-1] == "access.denied"


def test_an_approver_who_left_or_is_not_bound_reads_none(vendor: Vendor) -> None:
    """Approving is not enough: the reader is employed and bound at that moment."""
    vendor.grant()
    vendor.policy.gate.open(**vendor.ask())
    place = vendor.policy.trail.size - 1
    vendor.policy.staff.unbind("e-2", agreement="nda-e-2", by="admin")
    with pytest.raises(AccessDenied):
        vendor.policy.gate.reason("e-2", place)
    vendor.policy.staff.bind("e-2", agreement="nda-new", evidence="cd" * 32, by="admin")
    vendor.policy.staff.leave("e-2", by="admin")
    with pytest.raises(AccessDenied):
        vendor.policy.gate.reason("e-2", place)


def test_other_entries_have_no_reason(vendor: Vendor) -> None:
    """An entry of another kind has no reason to read, and there is none beyond the end."""
    for place in (0, 10_000):
        with pytest.raises(UsageError):
            vendor.policy.gate.reason("e-2", place)
