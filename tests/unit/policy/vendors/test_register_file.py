from __future__ import annotations

import hashlib
import json
import tomllib
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.vendors._making import EVIDENCE

from smartify_core.errors import VendorInvalid
from smartify_core.policy import PersonalField, Purpose
from smartify_core.policy.vendors import Commitment, Undertaking, evidence_of, read_register

REGISTER = f"""
[vendors.mailer]
name = "Mailer Ltd"
affiliated = false
purposes = ["ServiceProvision", "https://w3id.org/dpv#PaymentManagement"]
fields = ["email", "given_name"]
starts_at = 2029-06-01T08:00:00+02:00
sub_vendors = ["cloud"]

[[vendors.mailer.undertakings]]
commitments = ["all"]
given_at = 2029-05-01
expires_at = 2031-01-01
evidence = "{EVIDENCE}"

[vendors.cloud]
name = "Cloud plc"
affiliated = true
purposes = []
fields = []
starts_at = 2029-06-01
ended_at = 2032-01-01

[[vendors.cloud.undertakings]]
commitments = ["never-sold", "protection"]
given_at = 2029-05-01
expires_at = 2031-01-01
"""


def plain(value: object) -> str:
    """Return an instant as JSON has it."""
    assert isinstance(value, date)
    return value.isoformat()


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Return a function that reads a text as a register."""

    def reading(text: str | bytes, name: str = "vendors.toml") -> Any:
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_register(file)

    return reading


def test_a_register_says_what_vendors_are(read: Any) -> None:
    """Every key comes out as it was written; a date is its midnight in UTC; "all" is all commitments."""
    mailer, cloud = read(REGISTER)
    assert (mailer.id, mailer.name, mailer.affiliated) == ("mailer", "Mailer Ltd", False)
    assert mailer.purposes == (Purpose.PAYMENT_MANAGEMENT, Purpose.SERVICE_PROVISION)
    assert mailer.fields == (PersonalField.EMAIL, PersonalField.GIVEN_NAME)
    assert mailer.starts_at == datetime(2029, 6, 1, 6, tzinfo=UTC)
    assert mailer.sub_vendors == ("cloud",)
    assert {one.commitment for one in mailer.undertakings} == set(Commitment)
    assert {one.evidence for one in mailer.undertakings} == {EVIDENCE}
    assert cloud.ended_at == datetime(2032, 1, 1, tzinfo=UTC)
    span = datetime(2029, 5, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    assert set(cloud.undertakings) == {Undertaking(Commitment(one), *span) for one in ("never-sold", "protection")}


def test_json_says_the_same(read: Any) -> None:
    """A JSON file of the same shape is the same register."""
    assert read(json.dumps(tomllib.loads(REGISTER), default=plain), "vendors.JSON") == read(REGISTER)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("[vendors.mailer]", "[sellers.x]\n[vendors.mailer]", "vendors.toml"),
        ("[vendors.cloud]", '[vendors."ada@acme.example"]', "vendors"),
        ('["cloud"]', '["clouds"]', "vendors.mailer.sub_vendors"),
        ('name = "Mailer Ltd"\n', "", "vendors.mailer.name"),
        ('name = "Mailer Ltd"', "name = 5", "vendors.mailer.name"),
        ('name = "Mailer Ltd"', 'name = ""', "vendors.mailer (vendor mailer, name)"),
        ("affiliated = false\n", "", "vendors.mailer.affiliated"),
        ("affiliated = false", "affiliated = 0", "vendors.mailer.affiliated"),
        ('"ServiceProvision", ', '"Service", ', "vendors.mailer.purposes"),
        ('"ServiceProvision", ', '"Advertising", ', "vendors.mailer (vendor mailer, purposes)"),
        ('"ServiceProvision", ', "5, ", "vendors.mailer.purposes"),
        ('["email", "given_name"]', '"email"', "vendors.mailer.fields"),
        ('["email", "given_name"]', '["mail"]', "vendors.mailer.fields"),
        ("2029-06-01T08:00:00+02:00", "2029-06-01T08:00:00", "vendors.mailer.starts_at"),
        ("2029-06-01T08:00:00+02:00", '"tomorrow"', "vendors.mailer.starts_at"),
        ("2029-06-01T08:00:00+02:00", "08:00:00", "vendors.mailer.starts_at"),
        ('["all"]', '["most"]', "vendors.mailer.undertakings[0].commitments"),
        ('["all"]', '"all"', "vendors.mailer.undertakings[0].commitments"),
        ("expires_at = 2031-01-01\nev", "expires_at = 2029-05-01\nev", "vendors.mailer.undertakings[0] (undertaking"),
        ("expires_at = 2031-01-01\nev", "ev", "vendors.mailer.undertakings[0].expires_at"),
        (EVIDENCE, "none", "vendors.mailer.undertakings[0] (undertaking"),
        ("evidence =", "proof =", "vendors.mailer.undertakings[0]"),
        ("[[vendors.mailer.undertakings]]", "[vendors.mailer.undertakings]", "vendors.mailer.undertakings"),
        ("ended_at = 2032-01-01", "ended_at = 2032", "vendors.cloud.ended_at"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(read: Any, old: str, new: str, where: str) -> None:
    """A register with one mistake is refused whole, and the error leads to it without quoting what stands there."""
    assert REGISTER.count(old) >= 1
    with pytest.raises(VendorInvalid) as refused:
        read(REGISTER.replace(old, new, 1))
    assert refused.value.where is not None
    assert where in refused.value.where
    assert refused.value.where.startswith("vendors.toml")
    assert refused.value.cure
    assert "@" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vendors.toml", "[vendors"),
        ("vendors.toml", b"\xff\xfe"),
        ("vendors.toml", "vendors = 5"),
        ("vendors.toml", "[vendors]\nmailer = 5"),
        ("vendors.toml", ""),
        ("vendors.json", "{"),
        ("vendors.json", "[]"),
        ("vendors.json", "[" * 100_000),
        ("vendors.json", "5"),
        ("vendors.json", '{"vendors": []}'),
    ],
)
def test_what_is_no_register_is_refused(read: Any, name: str, text: str | bytes) -> None:
    """Half a file, another format and other shapes are refused in words."""
    with pytest.raises(VendorInvalid, match=name):
        read(text, name)


@given(st.binary(max_size=60), st.integers(0, len(REGISTER)))
def test_no_bytes_bring_a_traceback(tmp_path_factory: pytest.TempPathFactory, noise: bytes, place: int) -> None:
    """Whatever is put into a register, it is read or refused by an error of this library."""
    file = tmp_path_factory.mktemp("noise") / "vendors.toml"
    file.write_bytes(REGISTER.encode()[:place] + noise + REGISTER.encode()[place:])
    with suppress(VendorInvalid):
        read_register(file)


def test_evidence_is_the_hash_of_a_file(tmp_path: Path) -> None:
    """The evidence of a contract is its SHA-256; a file that is not there is named."""
    file = tmp_path / "contract.pdf"
    file.write_bytes(b"signed")
    assert evidence_of(file) == hashlib.sha256(b"signed").hexdigest()
    for missing in (tmp_path / "none.pdf", tmp_path):
        with pytest.raises(VendorInvalid, match="cannot be read"):
            evidence_of(missing)
    with pytest.raises(VendorInvalid, match="cannot be read"):
        read_register(tmp_path)
