"""The channel ``mail``."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import parseaddr
from typing import Final, Literal

from smartify_core.errors import ContactInvalid, UsageError
from smartify_core.policy.breach._notifier import AttemptVerdict, Parcel, Reply, Sender
from smartify_core.policy.breach._reaching import Cutoff, ascii_domain, reason_of

from ._mail import Sending, written
from ._mailbox import Mailbox
from ._session import Failed, Server, Session, is_closing

#: The port for each way of encrypting (RFC 8314, section 3; RFC 5321, section 4.5.4.2).
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_MOST_PORTS: Final = 65_535
#: RFC 5321, section 4.5.4.1, has a client try for four or five days; a notice is late long before.
_WAITS: Final = tuple(timedelta(minutes=one) for one in (1, 5, 15, 30, 60, 120, 240, 480, 720, 1_440))
_GOODBYE: Final = 2.0


class SmtpNotifier:
    """Sends notices by mail: one message for each recipient, handed to one mail server of the host's.

    The server's certificate is checked, and nothing is said in the open where encryption was asked for. A failed
    connection, a server that is busy or does not let us in: all are tried again. Only what the server says of the
    recipient or of the message refuses for good.

    Args:
        host: The mail server.
        port: Its port; by ``security`` 587, 465 or 25 unless told otherwise.
        sender: Whom notices come from: ``Example Security <security@vendor.example>``.
        username: Who we are to the server, if it asks.
        password: The password.
        security: ``starttls`` and ``tls`` encrypt, ``none`` does not.
        timeout: How long one attempt may take in all.
        context: What TLS trusts; the system's certificates unless told otherwise.
        local_hostname: What we call ourselves; our address unless told otherwise.
        message_domain: The domain of Message-IDs; the sender's unless told otherwise.
        reply_to: Where answers go, if not to the sender.

    Raises:
        UsageError: A value is misshapen, or a password would go over a network in the open.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        sender: str,
        username: str | None = None,
        password: str | None = None,
        security: Literal["starttls", "tls", "none"] = "starttls",
        timeout: timedelta = timedelta(seconds=30),
        context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
        message_domain: str | None = None,
        reply_to: str | None = None,
    ) -> None:
        if security not in _PORTS:
            raise _misused("that is no way of encrypting", "Give starttls, tls or none.")
        if not host or not host.isascii() or not host.isprintable() or " " in host:
            raise _misused("that is no mail server", "Give its name, such as smtp.vendor.example.")
        number = _PORTS[security] if port is None else port
        if not 0 < number <= _MOST_PORTS:
            raise _misused("that is no port", "Give a number from 1 to 65535.")
        if timeout <= timedelta(0):
            raise _misused("an attempt has no time", "Give a timeout above zero.")
        if (username is None) != (password is None):
            raise _misused("of a name and its password there is one", "Give both or neither.")
        if security == "none" and username is not None and not _is_loopback(host):
            raise _misused(
                "a password would go over the network in the open", "Encrypt with starttls or tls, or give no password."
            )
        display, address = parseaddr(sender) if sender.isprintable() else ("", "")
        mailbox = _own(address)
        domain = mailbox.domain if message_domain is None else ascii_domain(message_domain)
        if domain is None:
            raise _misused("that is no domain for names of messages", "Give one of yours, such as vendor.example.")
        if local_hostname is not None and ascii_domain(local_hostname) is None:
            raise _misused("that is no name for this machine", "Give its name in the DNS, or none.")
        self._sending = Sending(display, mailbox, domain, None if reply_to is None else _own(reply_to))
        trust = context or ssl.create_default_context()
        self._server = Server(host, number, security, trust, username, password, local_hostname)
        self._timeout = timeout

    @property
    def channel(self) -> str:
        """``mail``."""
        return "mail"

    @property
    def waits(self) -> tuple[timedelta, ...]:
        """How long to wait after each failed attempt: from a minute to a day, over two days in all."""
        return _WAITS

    def check(self, address: str) -> None:
        """Check that something can be the address of a mailbox, without asking anybody.

        Raises:
            ContactInvalid: It cannot. Never says it.
        """
        Mailbox.of(address)

    @contextmanager
    def opened(self) -> Iterator[Sender]:
        """Open a way out for one thread, which keeps a connection from one message to the next."""
        sender = _SmtpSender(self._server, self._sending, self._timeout.total_seconds())
        try:
            yield sender
        finally:
            sender.close()


class _SmtpSender:
    """One conversation after another with the server, each as long as it lasts."""

    def __init__(self, server: Server, sending: Sending, seconds: float) -> None:
        self._server, self._sending, self._seconds = server, sending, seconds
        self._session: Session | None = None

    def send(self, parcel: Parcel) -> Reply:
        """Make one attempt. See `Sender.send`."""
        try:
            recipient = Mailbox.of(parcel.address)
        except ContactInvalid:
            return Reply(AttemptVerdict.REFUSED, "address")
        try:
            mail = written(parcel, recipient, self._sending)
        except ValueError:
            # A language tag with a line's end in it, say. To try it again would change nothing.
            return Reply(AttemptVerdict.REFUSED, "message")
        cutoff = Cutoff(self._seconds)
        try:
            reply = self._at_hand(cutoff).hand_in(mail)
        except Failed as failed:
            self._drop()
            return failed.reply
        except (OSError, ValueError) as error:
            # smtplib's errors are OSErrors; text that is none of ASCII's is a ValueError.
            self._drop()
            return Reply(AttemptVerdict.TRY_AGAIN, reason_of(error, cutoff), reference=mail.message_id)
        if is_closing(reply):
            self._drop()
        return reply

    def _at_hand(self, cutoff: Cutoff) -> Session:
        """Return the conversation, or a new one where the server ended it meanwhile."""
        if self._session is None or not self._session.is_at_hand(cutoff):
            self._drop()
            self._session = Session(self._server, cutoff)
        return self._session

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        """Take leave of the server, in a moment or without an answer."""
        session, self._session = self._session, None
        if session is not None:
            session.leave(Cutoff(min(_GOODBYE, self._seconds)))


def _own(address: str) -> Mailbox:
    """Read an address of the host's."""
    try:
        mailbox = Mailbox.of(address)
    except ContactInvalid:
        mailbox = None
    if mailbox is None or mailbox.needs_utf8:
        raise _misused("that is no sender", "Give Name <name@vendor.example>, with an address in ASCII.")
    return mailbox


def _is_loopback(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _misused(what: str, cure: str) -> UsageError:
    return UsageError(what, where="SmtpNotifier", cure=cure)
