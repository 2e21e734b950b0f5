"""A parcel as a mail (RFC 5322), the same byte by byte whenever the same parcel is written. Pure."""

from __future__ import annotations

import re
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from attrs import field, frozen

from smartify_core.policy.breach._notifier import Parcel

from ._mailbox import Mailbox
from ._parts import attachment_part, header_text, multipart, named_mailbox, text_part

#: RFC 5646, section 2.1: letters and digits with hyphens between them.
_language_like: Final = re.compile(r"[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,7}").fullmatch
_id_like: Final = re.compile(r"[A-Za-z0-9_=+-]+(\.[A-Za-z0-9_=+-]+)*").fullmatch
_LONGEST_ID: Final = 64


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
    #: The headers that are the same in every mail, written once.
    ours: str = field(init=False, repr=False, eq=False)

    @ours.default
    def _written_once(self) -> str:
        lines = [f"From: {named_mailbox(self.display, str(self.mailbox))}"]
        if self.reply_to is not None:
            lines.append(f"Reply-To: {self.reply_to}")
        # RFC 3834, section 5: so that nobody's absence is answered to us.
        return "\r\n".join([*lines, "Auto-Submitted: auto-generated", "MIME-Version: 1.0"])

    def named(self, parcel_id: str) -> str:
        """Return the Message-ID of a parcel, the same at every attempt."""
        # An id with characters that none may have there, or too long for a line, stands in it as a hash.
        is_plain = len(parcel_id) <= _LONGEST_ID and _id_like(parcel_id)
        local = parcel_id if is_plain else sha256(parcel_id.encode()).hexdigest()
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
    """Write a parcel as a mail: its texts as alternatives, and what is attached beside them.

    Raises:
        ValueError: Its language is none, or its id is no text: to write it anew would change nothing.
    """
    if not _language_like(parcel.locale):
        raise ValueError("that is no tag of a language")
    message_id = sending.named(parcel.id)
    # No address is folded: half of it could be read by nobody. With 254 octets it fits into a line (998).
    head = "\r\n".join(
        [
            f"Date: {format_datetime(parcel.at)}",
            sending.ours,
            f"To: {recipient}",
            f"Subject: {header_text('Subject', parcel.subject)}",
            f"Message-ID: {message_id}",
            f"Content-Language: {parcel.locale}",
            "",
        ]
    )
    body = multipart(
        "alternative", _bound(parcel, 1), [text_part("plain", parcel.text), text_part("html", parcel.html)]
    )
    if parcel.attachments:
        body = multipart("mixed", _bound(parcel, 0), [body, *(attachment_part(one) for one in parcel.attachments)])
    content = head.encode() + body
    return Mail(sending.mailbox, recipient, content, message_id, sha256(content).hexdigest())


def _bound(parcel: Parcel, number: int) -> str:
    """Draw a bound between parts from the parcel's id: the same every time, and of a shape that no part can hold."""
    return f"=_{sha256(parcel.id.encode()).hexdigest()[:32]}_{number}"
