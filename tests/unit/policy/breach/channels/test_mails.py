"""How a parcel is written as a mail."""

from __future__ import annotations

import re
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
from smartify_core.policy.breach.smtp._parts import one_line

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


LETTERS = st.characters(exclude_categories=["Cs"])
#: What mails are full of: other scripts, letters of several code points, what looks like an encoded word, lines' ends.
TEXTS = st.lists(
    st.one_of(
        st.text(LETTERS, max_size=60),
        st.sampled_from(
            ["\r\n", "\n", "\r", ".", "..\n", "=?utf-8?q?x?=", "=\n", " \n", "\t\n", "ü" * 70, "東京 ", "--=_0"]
        ),
        st.sampled_from(["x" * 200, "From me\n", "\r\nBcc: b@x.example\r\n\r\n", '"', "\\", "%41", "'", "👩‍🚒"]),
    ),
    max_size=8,
).map("".join)
CONTENTS = st.binary(max_size=300)


def as_sent(text: str) -> str:
    """Return a text as it arrives: without control characters, in lines that all end."""
    lines = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ", text).replace("\r\n", "\n").replace("\r", "\n")
    return lines.removesuffix("\n") + "\n"


@given(TEXTS, TEXTS, TEXTS, st.lists(st.tuples(TEXTS, CONTENTS), max_size=2), TEXTS)
def test_every_part_is_read_back(
    subject: str, text: str, html: str, files: list[tuple[str, bytes]], display: str
) -> None:
    """A reader of mail that knows nothing of us finds each part as it was given, and no other part or header."""
    attachments = tuple(Attachment(name, "application/json", content) for name, content in files)
    display_line = one_line(display)
    one = parcel(subject=subject, text=text, html=html, attachments=attachments)
    found = written(one, Mailbox.of(one.address), Sending(display, SENDER, "vendor.example"))
    assert found == written(one, Mailbox.of(one.address), Sending(display, SENDER, "vendor.example"))
    assert found.content.isascii()
    assert all(len(line) <= 78 and not {13, 10} & set(line) for line in found.content.split(b"\r\n"))
    message = message_from_bytes(found.content, policy=policy.default)
    assert not [part.defects for part in message.walk() if part.defects]
    assert len(set(map(str.lower, message.keys()))) == len(message.keys()) == 9
    assert message["Subject"].split() == one_line(subject).split()
    assert (message["From"].addresses[0].addr_spec, len(message["From"].addresses)) == (str(SENDER), 1)
    # Between encoded words Python's reader leaves a space in names, which RFC 2047, section 6.2, says is none.
    shown = message["From"].addresses[0].display_name
    assert "".join(shown.split()) == "".join(display_line.split())
    assert len(display_line.encode()) > 39 or shown.split() == display_line.split()
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    assert [body.get_payload(decode=True) for body in bodies if body is not None] == [
        as_sent(one).replace("\n", "\r\n").encode() for one in (text, html)
    ]
    arrived = list(message.iter_attachments()) if attachments else []
    assert [(one.get_content_type(), one.get_payload(decode=True)) for one in arrived] == [
        ("application/json", content) for _, content in files
    ]
    # As the header has it: get_filename() takes quotation marks for the header's own.
    names = [one["Content-Disposition"].params["filename"] for one in arrived]
    assert [name.split() for name in names] == [one_line(name).split() for name, _ in files]


def test_no_text_holds_a_bound() -> None:
    """A text that is the bound between its own parts, which can be guessed from the id, does not end its part."""
    bound = mail(parcel())[1].get_boundary()
    text = f"--{bound}\n\nEvil.\n--{bound}--\n"
    _, message = mail(parcel(text=text, html=text))
    assert message.get_boundary() == bound
    assert [part.get_content().replace("\r\n", "\n") for part in message.iter_parts()] == [text, text]


@pytest.mark.parametrize("locale", ["", "de\r\nBcc: b@x.example", "de,en", "-", "x" * 9, "ü"])
def test_odd_languages_make_no_mail(locale: str) -> None:
    """What is no tag of a language is written into no header."""
    with pytest.raises(ValueError, match="language"):
        mail(parcel(locale=locale))


@pytest.mark.parametrize(
    "kind", ["", "x", "a/b/c", "text/plain\r\nBcc: b@x.example", "message/rfc822", "multipart/mixed"]
)
def test_odd_types_are_plain_bytes(kind: str) -> None:
    """An attachment of a type that is none, or that would have to be read as a mail, goes as bytes."""
    _, message = mail(parcel(attachments=(Attachment("a", kind, b"x"),)))
    (arrived,) = message.iter_attachments()
    assert (arrived.get_content_type(), arrived.get_payload(decode=True)) == ("application/octet-stream", b"x")
    assert "Bcc" not in message


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
