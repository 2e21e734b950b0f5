"""The port through which notices leave: one channel, such as mail."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias, runtime_checkable

from attrs import field, frozen

#: What a machine reads of a notice: JSON's values, nothing else.
Payload: TypeAlias = "Mapping[str, object]"


@enum.unique
class AttemptVerdict(enum.Enum):
    """What came of one attempt."""

    #: The recipient's server took it and answers for it.
    ACCEPTED = "accepted"
    #: It may succeed later: nobody there, too busy, too slow, a wrong certificate.
    TRY_AGAIN = "try-again"
    #: This recipient will not be reached this way, however often it is tried.
    REFUSED = "refused"
    #: The recipient says that it is not there any more, and wants nothing more.
    GONE = "gone"


@frozen(order=False)
class Attachment:
    """A file that goes with a notice.

    Args:
        name: Its file name.
        type: Its media type.
        content: Its bytes.
    """

    name: str
    type: str
    content: bytes = field(repr=False)


@frozen(order=False)
class Parcel:
    """One message to one recipient.

    Args:
        id: The same in every attempt at it: receivers know a repeat by it. Printable ASCII without spaces.
        attempt: Which attempt it is, from 1.
        at: When this attempt is made.
        address: Where it goes: one recipient.
        kind: ``breach.notice.first``, ``…update``, ``…final``, or ``breach.rehearsal``.
        subject: Its subject, for people.
        text: Its text, for people.
        html: The same for those who read HTML.
        locale: Its language.
        payload: The same for machines: small, and without a person's name.
        attachments: What goes with it.
        key_id: Which signing key, where the channel signs.
    """

    id: str
    attempt: int
    at: datetime
    address: str = field(repr=False)
    kind: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    locale: str
    payload: Payload = field(repr=False)
    attachments: tuple[Attachment, ...] = ()
    key_id: str | None = None


@frozen(order=False)
class RehearsalMessage:
    """The message of an exercise, marked as one in every form.

    Args:
        locale: The language that it is written in.
        subject: Its subject.
        text: Its text.
        html: The same as HTML.
        payload: The same for machines.
    """

    locale: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    payload: Payload = field(repr=False, hash=False)


@frozen(order=False)
class Reply:
    """What came of an attempt, and the evidence of it.

    Args:
        verdict: What came of it.
        code: The short form of the answer, impersonal: ``250``, ``550 5.1.1``, ``http 410``, ``dns``, ``tls``,
            ``timeout``.
        detail: What the other side said, as far as it said something, cut to 1,000 characters. May hold an address.
        retry_after: How long the other side wants to be left alone.
        reference: What it called the message, or how we named it to it: a Message-ID.
        content_sha256: The SHA-256 of what was sent as it went over the wire, in hexadecimal digits.
    """

    verdict: AttemptVerdict
    code: str
    detail: str | None = field(default=None, repr=False)
    retry_after: timedelta | None = None
    reference: str | None = None
    content_sha256: str | None = None


class Sender(Protocol):
    """An open way out, for one thread. It may keep a connection from one message to the next."""

    def send(self, parcel: Parcel) -> Reply:
        """Make one attempt, and say what came of it. Failures are values: it raises nothing for them.

        It returns in bounded time, whatever the other side does.
        """
        ...


@runtime_checkable
class Notifier(Protocol):
    """A channel that notices leave through. Threads may share it; each opens its own `Sender`."""

    @property
    def channel(self) -> str:
        """Its name, by which contacts name it: lower-case letters, digits and hyphens."""
        ...

    @property
    def waits(self) -> tuple[timedelta, ...]:
        """How long to wait after each failed attempt before the next; after one more than these it has failed."""
        ...

    def check(self, address: str) -> None:
        """Check that something can be an address of this channel, without asking anybody.

        Raises:
            ContactInvalid: It cannot. Never says the address.
        """
        ...

    def opened(self) -> AbstractContextManager[Sender]:
        """Return an open way out for one thread, which is closed with the context."""
        ...
