"""Rows S5, S6 and S7 of the clause's tests: never sold, no advertising, and vendors that promised the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve
from tests.unit.policy.vendors._making import (
    DAY,
    FIELDS,
    MIDNIGHT,
    NOTICE,
    NOW,
    facts,
    request,
    undertakings,
    vendor,
)

from smartify_core.policy import PROHIBITED, PersonalField, Purpose
from smartify_core.policy.vendors import (
    Announcement,
    Barrier,
    Commitment,
    Consideration,
    ExportForm,
    Vendor,
    decide_export,
)

INSTANT = timedelta(microseconds=1)


def barriers(*vendors: Vendor, now: Any = NOW, **changes: Any) -> set[Barrier]:
    """Return what keeps a request closed."""
    return {one.barrier for one in decide_export(request(**changes), facts(*vendors), now).missing}


def test_an_export_to_who_promised_all_is_open() -> None:
    """A vendor that is bound by everything receives what it may; the decision says until when."""
    decision = decide_export(request(), facts(vendor()), NOW)
    assert decision.allowed
    assert decision.missing == ()
    assert decision.cures == ()
    assert decision.until == MIDNIGHT
    assert decision.explanation() == "Open to mailer until 2031-01-01 00:00:00Z."


@pytest.mark.parametrize("commitment", list(Commitment))
def test_dropping_any_one_commitment_closes(commitment: Commitment) -> None:
    """Six of seven promises are not enough, and the one that is missing is named with its sentence and the cure."""
    others = undertakings(one for one in Commitment if one is not commitment)
    decision = decide_export(request(), facts(vendor(undertakings=others)), NOW)
    assert not decision.allowed
    (gap,) = decision.missing
    assert (gap.barrier, gap.commitment, gap.sentence) == (Barrier.COMMITMENT, commitment, commitment.sentence)
    assert gap.fact == f"commitment/mailer/{commitment.value}"
    assert "never undertook" in gap.detail
    assert decision.cures == (f"Have mailer undertake {commitment.value}, with evidence.",)


@pytest.mark.parametrize("commitment", list(Commitment))
@pytest.mark.parametrize(("offset", "is_open"), [(-INSTANT, True), (INSTANT * 0, False), (INSTANT, False)])
def test_a_contract_ends_at_its_midnight(commitment: Commitment, offset: timedelta, is_open: bool) -> None:
    """A contract until midnight UTC holds a microsecond before it, and not at it."""
    others = undertakings((one for one in Commitment if one is not commitment), ends=MIDNIGHT + 99 * DAY)
    bound = vendor(undertakings=(*others, *undertakings([commitment])))
    decision = decide_export(request(), facts(bound), MIDNIGHT + offset)
    assert decision.allowed is is_open
    if not is_open:
        assert "expired at 2031-01-01T00:00:00+00:00" in decision.explanation()


@pytest.mark.parametrize(("offset", "is_open"), [(-INSTANT, False), (INSTANT * 0, True)])
def test_a_contract_begins_when_it_says(offset: timedelta, is_open: bool) -> None:
    """A commitment counts from its first instant, and not before."""
    begun = NOW - 365 * DAY
    bound = vendor(starts_at=begun - DAY)
    known = facts(bound, announcements={"mailer": Announcement(begun - 99 * DAY)})
    decision = decide_export(request(), known, begun + offset)
    assert decision.allowed is is_open
    assert is_open or {one.detail[-33:] for one in decision.missing} == {f" begins at {begun.isoformat()}"[-33:]}


def test_a_promise_without_evidence_is_none() -> None:
    """What nobody has in writing does not count."""
    decision = decide_export(request(), facts(vendor(undertakings=undertakings(evidence=None))), NOW)
    assert {one.commitment for one in decision.missing} == set(Commitment)
    assert "there is no evidence of it" in decision.explanation()


def test_who_passes_data_on_needs_flow_down() -> None:
    """A sub-vendor without one commitment closes the export, however deep it stands, and is named."""
    cloud = vendor("cloud", undertakings=undertakings(set(Commitment) - {Commitment.NEVER_SOLD}))
    host = vendor("host", sub_vendors=["cloud"])
    decision = decide_export(request(), facts(vendor(sub_vendors=["host"]), host, cloud), NOW)
    assert [one.fact for one in decision.missing] == ["commitment/cloud/never-sold"]


def test_a_sub_vendor_that_nobody_registered_closes() -> None:
    """Passing data on to a stranger is named with who does it."""
    decision = decide_export(request(), facts(vendor(sub_vendors=["stranger"])), NOW)
    (gap,) = decision.missing
    assert (gap.barrier, gap.vendor) == (Barrier.UNREGISTERED, "stranger")
    assert gap.cure == "Register stranger with its commitments, and announce it; or end its part."


def test_a_sub_vendor_is_announced_and_present_too() -> None:
    """Whoever receives the data in the end is a vendor that the customer has to know of."""
    first, cloud = vendor(sub_vendors=["cloud"]), vendor("cloud", ended_at=NOW)
    known = facts(first, cloud)
    untold = evolve(known, announcements={"mailer": known.announcements["mailer"]})
    found = {(one.barrier, one.vendor) for one in decide_export(request(), untold, NOW).missing}
    assert found == {(Barrier.ENDED, "cloud"), (Barrier.NOT_ANNOUNCED, "cloud")}


def test_vendors_that_pass_data_in_a_circle_are_each_looked_at_once() -> None:
    """A circle of sub-vendors ends, and a gap in it is found."""
    one, two = vendor("mailer", sub_vendors=["cloud"]), vendor("cloud", sub_vendors=["mailer"])
    assert decide_export(request(), facts(one, two), NOW).allowed
    lame = evolve(two, undertakings=())
    assert len(decide_export(request(), facts(one, lame), NOW).missing) == len(Commitment)


@pytest.mark.parametrize("given", [Consideration.MONEY, Consideration.OTHER_VALUE, "money", "other value"])
def test_what_is_paid_for_is_sold(given: Any) -> None:
    """Whatever the host gets for the data is a sale, and nobody can allow one."""
    decision = decide_export(request(consideration=given), facts(vendor()), NOW)
    assert not decision.allowed
    (gap,) = decision.missing
    assert (gap.barrier, gap.sentence, gap.cure) == (Barrier.CONSIDERATION, "C15", None)
    assert decision.cures == ()
    assert decision.explanation() == "something is given for the data [C15]. Nobody can allow it."


@pytest.mark.parametrize("given", ["nothing", "", None, "None"])
def test_a_consideration_that_is_not_known_denies(given: Any) -> None:
    """Unknown is not nothing."""
    decision = decide_export(request(consideration=given), facts(vendor()), NOW)
    assert [one.barrier for one in decision.missing] == [Barrier.CONSIDERATION]
    assert decision.cures == ("Say Consideration.NONE where nothing is.",)


@pytest.mark.parametrize("form", [*ExportForm, "hashed", "aggregated", "smelted"])
@pytest.mark.parametrize("affiliated", [False, True])
@pytest.mark.parametrize("purpose", [one for one in Purpose if one in PROHIBITED])
def test_no_form_makes_a_prohibited_purpose_pass(purpose: Purpose, affiliated: bool, form: Any) -> None:
    """Hashed and aggregated addresses are refused for advertising and selling as plain ones are, to everybody."""
    decision = decide_export(request(purpose=purpose, form=form), facts(vendor(affiliated=affiliated)), NOW)
    assert Barrier.PROHIBITED in {one.barrier for one in decision.missing}
    assert decision.cures == ()
    assert ("unaffiliated" in decision.explanation()) is not affiliated


@pytest.mark.parametrize("form", [ExportForm.HASHED, ExportForm.PSEUDONYMOUS, ExportForm.AGGREGATED])
def test_no_form_needs_less(form: ExportForm) -> None:
    """What is hashed or counted needs the same vendor and the same promises as what is plain."""
    assert decide_export(request(form=form), facts(vendor()), NOW).allowed
    assert barriers(form=form) == {Barrier.UNREGISTERED}
    assert barriers(vendor(undertakings=undertakings([Commitment.PROTECTION])), form=form) == {Barrier.COMMITMENT}
    assert barriers(vendor(), form="smelted") == {Barrier.FORM}


def test_a_register_that_allows_advertising_changes_nothing() -> None:
    """Even a vendor whose record was tampered with, so that it may advertise, receives nothing for it."""
    bent = vendor()
    object.__setattr__(bent, "purposes", tuple(Purpose))
    for purpose in PROHIBITED:
        assert barriers(bent, purpose=purpose) == {Barrier.PROHIBITED}


@pytest.mark.parametrize("name", ["mailer", "ada@acme.example", "", "Mailer"])
def test_an_unregistered_recipient_is_refused(name: str) -> None:
    """Whoever is not in the register receives nothing; what is no id of a vendor is not repeated."""
    decision = decide_export(request(vendor=name), facts(), NOW)
    assert [one.barrier for one in decision.missing] == [Barrier.UNREGISTERED]
    assert name == "mailer" or not name or name not in decision.explanation()


@pytest.mark.parametrize(
    "purpose",
    [
        *(one for one in Purpose if one is not Purpose.SERVICE_PROVISION and one not in PROHIBITED),
        "",
        "Service",
        "service-provision",
        "ServiceProvisionX",
    ],
)
def test_a_purpose_is_the_vendors_or_denied(purpose: Any) -> None:
    """Another purpose, a wider or narrower one, a misspelt and an empty one are denied."""
    assert barriers(vendor(), purpose=purpose) == {Barrier.PURPOSE}


def test_purposes_and_fields_may_be_named_by_text() -> None:
    """A DPV name, its IRI and the name of a field say the same as the members."""
    for purpose in ("ServiceProvision", Purpose.SERVICE_PROVISION.iri):
        assert decide_export(request(purpose=purpose, fields=["email"]), facts(vendor()), NOW).allowed


@pytest.mark.parametrize("fields", [["groups"], [*FIELDS, PersonalField.FAMILY_NAME], ["shoe size"]])
def test_fields_beyond_the_vendors_are_named(fields: list[Any]) -> None:
    """One field too many closes the export; leaving it out is the cure, and a stranger's text is not repeated."""
    decision = decide_export(request(fields=fields), facts(vendor()), NOW)
    (gap,) = decision.missing
    assert gap.barrier is Barrier.FIELDS
    assert gap.cure is not None
    assert gap.cure.startswith("Leave out ")
    assert "shoe" not in decision.explanation()


def test_no_field_is_no_export() -> None:
    """A request that names no field is missing a fact."""
    assert barriers(vendor(), fields=[]) == {Barrier.FIELDS}


@pytest.mark.parametrize(
    ("told", "barrier"),
    [
        (None, Barrier.NOT_ANNOUNCED),
        (Announcement(NOW + INSTANT, agreed=True), Barrier.NOT_ANNOUNCED),
        (Announcement(NOW - NOTICE + INSTANT), Barrier.NOTICE_RUNNING),
        (Announcement(NOW - NOTICE), None),
        (Announcement(NOW, agreed=True), None),
        (Announcement(NOW - 99 * DAY, objected_at=NOW), Barrier.OBJECTED),
        (Announcement(NOW - 99 * DAY, agreed=True, objected_at=NOW), Barrier.OBJECTED),
    ],
)
def test_a_customer_is_told_a_notice_period_ahead(told: Announcement | None, barrier: Barrier | None) -> None:
    """Exports open when a whole notice period is over or the customer agreed, and close while it objects."""
    known = facts(vendor(), announcements={} if told is None else {"mailer": told})
    found = [one.barrier for one in decide_export(request(), known, NOW).missing]
    assert found == ([] if barrier is None else [barrier])


@pytest.mark.parametrize(("offset", "found"), [(-INSTANT, {Barrier.NOT_STARTED}), (INSTANT * 0, set[Barrier]())])
def test_a_vendor_begins_when_it_was_announced_to(offset: timedelta, found: set[Barrier]) -> None:
    """Before the instant that customers were told, a vendor receives nothing."""
    assert barriers(vendor(starts_at=NOW), now=NOW + offset) == found


@pytest.mark.parametrize(("offset", "found"), [(-INSTANT, set[Barrier]()), (INSTANT * 0, {Barrier.ENDED})])
def test_a_vendor_that_ended_receives_nothing(offset: timedelta, found: set[Barrier]) -> None:
    """The end counts from its instant; a decision before it says that it rests on it."""
    ending = vendor(ended_at=NOW)
    assert barriers(ending, now=NOW + offset) == found
    if not found:
        assert decide_export(request(), facts(ending), NOW + offset).until == NOW


def test_all_that_is_missing_is_named_at_once() -> None:
    """A denial is complete, so that nobody mends one thing after the other; the gravest stands first."""
    decision = decide_export(
        request(purpose="Advertising", consideration="money", fields=[PersonalField.GROUPS]),
        facts(vendor(undertakings=()), announcements={}),
        NOW,
    )
    found = [one.barrier for one in decision.missing]
    assert found[:3] == [Barrier.PROHIBITED, Barrier.CONSIDERATION, Barrier.FIELDS]
    assert found[3:] == [Barrier.COMMITMENT] * len(Commitment) + [Barrier.NOT_ANNOUNCED]
