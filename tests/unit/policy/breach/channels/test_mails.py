"""How a parcel is written as a mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.policy.breach.channels._parcels import parcel

from smartify_core.policy.breach import Attachment, Parcel
from smartify_core.policy.breach.smtp._mail import Mail, Sending, written
from smartify_core.policy.breach.smtp._mailbox import Mailbox

SENDER = Mailbox.of("security@vendor.example")


def mail(one: Parcel, **other: Any) -> tuple[Mail, EmailMessage]:
    """Write a parcel, and read it as a receiver does."""
    sending = Sending("Vendor, Security", SENDER, "vendor.example", **other)
    found = written(one, Mailbox.of(one.address), sending)
    return found, message_from_bytes(found.content, policy=policy.default)


def test_headers_say_what_they_must() -> None:
    """A mail says who sends what to whom, in which language, when, by which name, and that no machine need answer."""
    found, message = mail(parcel(locale="de"), reply_to=Mailbox.of("dpo@vendor.example"))
    assert message["From"] == '"Vendor, Security" <security@vendor.example>'
    assert message["To"] == "privacy@customer.example"
    assert message["Reply-To"] == "dpo@vendor.example"
    assert message["Date"] == "Wed, 04 Mar 2026 05:06:07 +0000"
    assert message["Message-ID"] == found.message_id == "<ntc-0001@vendor.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert message.get_content_type() == "multipart/alternative"
    assert not [name for name in message if name.lower().startswith("x-")]
    assert found.sha256 == sha256(found.content).hexdigest()


def test_attachments_arrive() -> None:
    """What is attached arrives byte by byte beside the texts, under its name and type."""
    annex = Attachment("Personen – Liste.p7m", "application/pkcs7-mime; smime-type=enveloped-data", bytes(range(256)))
    nested = Attachment("a\r\nb", "message/rfc822", b"Subject: x\r\n\r\nx")
    _, message = mail(parcel(attachments=(annex, nested)))
    assert message.get_content_type() == "multipart/mixed"
    first, second = list(message.iter_attachments())
    assert first.get_filename() == annex.name
    assert first.get_content_type() == "application/pkcs7-mime"
    assert first["Content-Type"].params["smime-type"] == "enveloped-data"
    assert first.get_payload(decode=True) == annex.content
    assert second.get_content_type() == "application/octet-stream"
    assert message.get_body(("plain",)) is not None
    assert message["Content-Language"] == "en"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300),
)
def test_whatever_is_said_fits_on_the_line(text: str, subject: str) -> None:
    """Any text goes as ASCII in lines that no server cuts, cannot add a header, and is the same every time."""
    one = parcel(text=text, html=text, subject=subject)
    found, message = mail(one)
    assert found.content.isascii()
    assert all(len(line) <= 998 and b"\r" not in line and b"\n" not in line for line in found.content.split(b"\r\n"))
    assert message["Subject"].split() == subject.split()
    assert set(message.keys()) == {
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Auto-Submitted",
        "Content-Language",
        "MIME-Version",
        "Content-Type",
    }
    assert mail(one)[0] == found


@pytest.mark.parametrize("parcel_id", ["x" * 500, "a b", "ü", "<>", "a@b", ".."])
def test_odd_ids_make_sound_names(parcel_id: str) -> None:
    """An id that cannot stand in a Message-ID stands in it as a hash."""
    found, message = mail(parcel(id=parcel_id))
    assert found.message_id == f"<{sha256(parcel_id.encode()).hexdigest()}@vendor.example>" == message["Message-ID"]


def test_long_addresses_are_not_folded() -> None:
    """An address that does not fit into a line of 78 stays in one piece."""
    address = "x" * 64 + "@" + ".".join(["y" * 60, "z" * 60, "example"])
    found, message = mail(parcel(address=address))
    assert f"To: {address}\r\n".encode() in found.content
    assert message["To"] == address


def test_other_scripts_are_written_in_utf8() -> None:
    """A mailbox in another script stands in the header as it is (RFC 6532), and only then."""
    found, _ = mail(parcel(address="grüße@customer.example"))
    assert "To: grüße@customer.example\r\n".encode() in found.content
