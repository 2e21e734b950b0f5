from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from tests.unit.policy.vendors._making import DAY, EVIDENCE, MIDNIGHT, NOW, undertakings, vendor

from smartify_core.errors import VendorInvalid
from smartify_core.policy import PROHIBITED, PersonalField, Purpose
from smartify_core.policy.vendors import Commitment, Undertaking


def test_every_sentence_that_binds_us_binds_a_vendor() -> None:
    """The commitments mirror the promises about people, purposes, sale, advertising and protection, and no other."""
    assert {one.sentence for one in Commitment} == {"C8", "C10", "C13", "C14", "C15", "C16"}
    assert len(Commitment) == 7
    assert len({one.promise for one in Commitment}) == 7
    assert Commitment.of("never-sold", where="here") is Commitment.NEVER_SOLD
    with pytest.raises(VendorInvalid, match=r"no such commitment \(here\)"):
        Commitment.of("mostly-not-sold", where="here")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", ""),
        ("id", "Mailer"),
        ("id", "ada@acme.example"),
        ("id", "x" * 65),
        ("id", "a/b"),
        ("id", "mailer\n"),
        ("id", 7),
        ("name", " "),
        ("name", None),
        ("name", "x" * 201),
        ("affiliated", "yes"),
        ("affiliated", None),
        ("purposes", ["ServiceProvision"]),
        *(("purposes", [one]) for one in sorted(PROHIBITED, key=lambda one: one.value)),
        ("fields", ["email"]),
        ("sub_vendors", "cloud"),
        ("sub_vendors", ["Cloud"]),
        ("sub_vendors", ["mailer"]),
        ("sub_vendors", [f"v{number}" for number in range(65)]),
        ("undertakings", [Undertaking(Commitment.PROTECTION, NOW, NOW + n * DAY) for n in range(1, 66)]),
        ("starts_at", datetime(2030, 1, 1)),  # noqa: DTZ001 - the point
        ("starts_at", date(2030, 1, 1)),
        ("ended_at", datetime(2030, 1, 1)),  # noqa: DTZ001 - the point
        ("starts_at", datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))),
    ],
)
def test_a_misshapen_vendor_is_refused(key: str, value: Any) -> None:
    """What a register cannot hold is refused when the vendor is made, and an id that is none is not repeated."""
    with pytest.raises(VendorInvalid, match="vendor") as refused:
        vendor(**{key: value})
    assert "@" not in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"commitment": "never-sold"},
        {"expires_at": NOW},
        {"expires_at": NOW - DAY},
        {"given_at": None},
        {"evidence": ""},
        {"evidence": "AB" * 32},
        {"evidence": "ab" * 31},
        {"evidence": "ab" * 32 + "\n"},
        {"evidence": 5},
    ],
)
def test_a_misshapen_undertaking_is_refused(wrong: dict[str, Any]) -> None:
    """A promise has a commitment, a beginning, a later end, and evidence that is a SHA-256 where it has any."""
    sound = {"commitment": Commitment.NEVER_SOLD, "given_at": NOW, "expires_at": MIDNIGHT, "evidence": EVIDENCE}
    Undertaking(**sound)  # type: ignore[arg-type]
    with pytest.raises(VendorInvalid, match="undertaking"):
        Undertaking(**{**sound, **wrong})


def test_two_vendors_that_say_the_same_are_equal() -> None:
    """Order, repetition and the zone of an instant make no difference."""
    zone = timezone(timedelta(hours=2))
    one = vendor(purposes=[Purpose.RESEARCH, Purpose.SERVICE_PROVISION], sub_vendors=["a", "b"])
    other = vendor(
        purposes=[Purpose.SERVICE_PROVISION, Purpose.RESEARCH, Purpose.RESEARCH],
        sub_vendors=["b", "a", "a"],
        fields=list(reversed(one.fields)),
        undertakings=reversed(undertakings()),
        starts_at=one.starts_at.astimezone(zone),
    )
    assert one == other
    assert one.starts_at.tzinfo is UTC
    assert one.fields == (PersonalField.EMAIL, PersonalField.GIVEN_NAME)


def test_a_renewal_without_a_gap_is_one_promise() -> None:
    """A promise is kept until the end of its last renewal, and until its own end where a gap follows."""
    first, renewed, later = (
        Undertaking(Commitment.PROTECTION, NOW + begin * DAY, NOW + end * DAY, EVIDENCE)
        for begin, end in ((0, 10), (10, 20), (21, 30))
    )
    held = vendor(undertakings=[first, renewed, later])
    assert held.kept_until(Commitment.PROTECTION, NOW) == NOW + 20 * DAY
    assert held.kept_until(Commitment.PROTECTION, NOW + 20 * DAY) is None
    assert held.kept_until(Commitment.NEVER_SOLD, NOW) is None
