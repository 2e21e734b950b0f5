"""A parcel as a mail (RFC 5322), the same byte by byte whenever the same parcel is written."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from attrs import field, frozen

from smartify_core.policy.breach._notifier import Attachment, Parcel

from ._mailbox import Mailbox

_type_like: Final = re.compile(r"([a-z0-9][a-z0-9.+-]*)/([a-z0-9][a-z0-9.+-]*)").fullmatch
#: What a text holds besides letters and what parts lines; no mail may carry it as it is.
_controls: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: RFC 5322, section 2.1.1: the length of a line that should not, and that which must not be exceeded.
_LINE, _LONGEST_LINE = 78, 998
#: The longest name of a header whose value must not be folded.
_NAME: Final = len("Message-ID: ")


@frozen(order=False)
class Sending:
    """Who sends, and how messages are named.

    Args:
        display: The name that people see as the sender's; may be empty.
        mailbox: The sender's address, which is the envelope's too.
        domain: The domain of Message-IDs.
        reply_to: Where answers go, if elsewhere.
    """

    display: str
    mailbox: Mailbox
    domain: str
    reply_to: Mailbox | None = None

    def named(self, parcel_id: str) -> str:
        """Return the Message-ID of a parcel, the same at every attempt."""
        # An id with characters that none may have there, or too long for a line, stands in it as a hash.
        plain = re.fullmatch(r"[A-Za-z0-9_=+-]+(\.[A-Za-z0-9_=+-]+)*", parcel_id)
        local = parcel_id if plain and len(parcel_id) <= 64 else sha256(parcel_id.encode()).hexdigest()  # noqa: PLR2004
        return f"<{local}@{self.domain}>"


@frozen(order=False)
class Mail:
    """What is handed to a mail server.

    Args:
        sender: The envelope's sender.
        recipient: The envelope's recipient.
        content: The message.
        message_id: Its Message-ID.
        sha256: The SHA-256 of the message: of every byte that the other side keeps of it.
    """

    sender: Mailbox = field(repr=False)
    recipient: Mailbox = field(repr=False)
    content: bytes = field(repr=False)
    message_id: str
    sha256: str


def written(parcel: Parcel, recipient: Mailbox, sending: Sending) -> Mail:
    """Write a parcel as a mail: its texts as alternatives, and what is attached beside them."""
    message_id = sending.named(parcel.id)
    policy = _policy(recipient, sending, message_id)
    message = EmailMessage(SMTP.clone(cte_type="7bit"))
    message["Date"] = format_datetime(parcel.at)
    message["From"] = _address(sending.mailbox, sending.display)
    message["To"] = _address(recipient)
    if sending.reply_to is not None:
        message["Reply-To"] = _address(sending.reply_to)
    message["Subject"] = " ".join(_clean(parcel.subject).split())
    message["Message-ID"] = message_id
    # RFC 3834, section 5: so that nobody's absence is answered to us.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_clean(parcel.text))
    message.add_alternative(_clean(parcel.html), subtype="html")
    for attachment in parcel.attachments:
        _attach(message, attachment)
    # At the end: until then, what is said of the content moves into the part that holds it.
    message["Content-Language"] = parcel.locale
    _bound(message, parcel)
    content = message.as_bytes(policy=policy)
    content = content if content.endswith(b"\r\n") else content + b"\r\n"
    return Mail(sending.mailbox, recipient, content, message_id, sha256(content).hexdigest())


def _policy(recipient: Mailbox, sending: Sending, message_id: str) -> EmailPolicy[EmailMessage]:
    """Return how the message is written: in short lines, unless an address does not fit into one."""
    # What does not fit would be folded within the address, which nobody could read.
    whole = max(len(str(recipient)), len(str(sending.mailbox)), len(message_id), len(str(sending.reply_to or "")))
    length = _LINE if whole + _NAME <= _LINE else _LONGEST_LINE
    return SMTP.clone(cte_type="7bit", utf8=recipient.needs_utf8, max_line_length=length)


def _address(mailbox: Mailbox, display: str = "") -> Address:
    return Address(display_name=display, username=mailbox.local, domain=mailbox.domain)


def _clean(text: str) -> str:
    """Return a text without what no mail may carry."""
    return _controls.sub(" ", text.encode("utf-8", "replace").decode("utf-8"))


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    kind, _, rest = attachment.type.partition(";")
    found = _type_like(kind.strip().lower())
    # A message or a multipart would have to be 7-bit as it is: what comes as such goes as plain bytes.
    main, sub = (
        found.groups() if found and found[1] not in {"message", "multipart"} else ("application", "octet-stream")
    )
    pairs = (one.partition("=") for one in rest.split(";") if "=" in one)
    message.add_attachment(
        attachment.content,
        maintype=main,
        subtype=sub,
        filename=" ".join(_clean(attachment.name).split()),
        params={name.strip(): " ".join(_clean(value).split()).strip('"') for name, _, value in pairs},
    )


def _bound(message: EmailMessage, parcel: Parcel) -> None:
    """Draw the bounds between parts from the content, so that they are no part of it and the same every time."""
    parts = [parcel.id, parcel.text, parcel.html, *(one.name for one in parcel.attachments)]
    drawn = sha256("\0".join(parts).encode("utf-8", "replace"))
    for attachment in parcel.attachments:
        drawn.update(attachment.content)
    for number, part in enumerate(one for one in message.walk() if one.is_multipart()):
        part.set_boundary(f"=_{drawn.hexdigest()[:32]}_{number}")
