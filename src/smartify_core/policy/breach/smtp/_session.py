"""A conversation with a mail server: each step with its reply, and no more time or text than it is given."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from typing import Final

from attrs import field, frozen

from smartify_core.policy.breach._notifier import AttemptVerdict, Reply
from smartify_core.policy.breach._reaching import Cutoff

from ._mail import Mail

_OK, _READY, _GO_ON, _CLOSING = 250, 220, 354, 421
#: Refusals for good that blame us and not the recipient (RFC 5321, section 4.2.2; RFC 4954, section 6).
_OURS: Final = frozenset({500, 502, 503, 504, 530, 534, 535, 538, 555})
#: A reply is at most so long in all: RFC 5321, section 4.5.3.1.5, knows 512 octets a line.
_LONGEST_REPLY: Final = 65_536
_DETAIL: Final = 1_000
#: RFC 5321, section 4.2.
_reply_like: Final = re.compile(rb"[2-5][0-9][0-9][ \r\n-]").match
#: RFC 3463, section 2.
_enhanced: Final = re.compile(rb"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])").match


class Failed(Exception):
    """The server did not come so far as to hear of a recipient."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        super().__init__(reply.code)


@frozen(order=False)
class Server:
    """Where mails are handed in, and how.

    Args:
        host: Its name.
        port: Its port.
        security: ``starttls``, ``tls`` or ``none``.
        context: What TLS trusts.
        username: Who we are; ``None`` for nobody.
        password: The password.
        local_hostname: What we call ourselves; ``None`` for an address (RFC 5321, section 4.1.4).
    """

    host: str
    port: int
    security: str
    context: ssl.SSLContext = field(repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    local_hostname: str | None = None


class Session(smtplib.SMTP):
    """smtplib's client, which says what every step was answered.

    Its own ``sendmail`` returns refused recipients as a value that is easily overlooked, and not the last reply.
    """

    def __init__(self, server: Server, cutoff: Cutoff) -> None:
        # Without a name, smtplib asks the resolver for ours, and waits for it.
        super().__init__(local_hostname=server.local_hostname or "localhost", timeout=cutoff.left)
        try:
            self._begin(server, cutoff)
        except BaseException:  # an interruption, too, leaves no connection open
            self.close()
            raise

    def _begin(self, server: Server, cutoff: Cutoff) -> None:
        line = self._line = cutoff.connected(cutoff.resolved(server.host, server.port))
        self.sock = line  # type: ignore[assignment]  # it has the three methods of a socket that smtplib calls
        if server.local_hostname is None:
            self.local_hostname = _literal(line.sock)
        if server.security == "tls":
            line.secure(server.context, server.host)
        _expect(_READY, self.getreply())
        self._greet()
        if server.security == "starttls":
            if not self.has_extn("starttls"):
                # A line that somebody stripped of its offer is never used as it is.
                raise Failed(Reply(AttemptVerdict.TRY_AGAIN, "starttls"))
            _expect(_READY, self.docmd("STARTTLS"))
            self._forget()
            line.secure(server.context, server.host)
            self._greet()
        if server.username is not None:
            self._introduce(server.username, server.password or "")

    def _greet(self) -> None:
        if self.ehlo()[0] != _OK:
            _expect(_OK, self.helo())

    def _forget(self) -> None:
        """Forget what was said in the open, and what was sent on behind it (RFC 3207, section 4.2)."""
        if self.file is not None:
            self.file.close()
        self.file, self.helo_resp, self.ehlo_resp, self.does_esmtp = None, None, None, False
        self.esmtp_features = {}

    def _introduce(self, username: str, password: str) -> None:
        try:
            self.login(username, password)
        except smtplib.SMTPResponseException as error:
            text = error.smtp_error if isinstance(error.smtp_error, bytes) else error.smtp_error.encode()
            raise Failed(replied(AttemptVerdict.TRY_AGAIN, error.smtp_code, text)) from None
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:
            # No way of telling who we are that both know.
            raise Failed(Reply(AttemptVerdict.TRY_AGAIN, "auth")) from None

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, which is no longer than it may be."""
        if self.file is None:
            if self.sock is None:
                raise smtplib.SMTPServerDisconnected("not connected")
            self.file = self.sock.makefile("rb")
        lines: list[bytes] = []
        left = _LONGEST_REPLY
        while left > 0:
            line = self.file.readline(left)
            left -= len(line)
            if not line:
                self.close()
                raise smtplib.SMTPServerDisconnected("the other side closed the connection")
            lines.append(line[4:].strip(b" \t\r\n"))
            if not _reply_like(line):
                break
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        self.close()
        raise Failed(Reply(AttemptVerdict.TRY_AGAIN, "malformed"))

    def is_at_hand(self, cutoff: Cutoff) -> bool:
        """Return whether the server is still there and ready for another message."""
        if self.sock is None:
            return False
        self._line.limited_by(cutoff)
        try:
            return self.docmd("RSET")[0] == _OK
        except (OSError, Failed):
            # It went away meanwhile, as servers do with who says nothing.
            return False

    def hand_in(self, mail: Mail) -> Reply:
        """Hand in one message for one recipient.

        Raises:
            OSError: The connection was lost.
            Failed: The server answers in no known way.
        """
        again = AttemptVerdict.TRY_AGAIN
        options = " SMTPUTF8 BODY=8BITMIME" if mail.recipient.needs_utf8 else ""
        if options and not self.has_extn("smtputf8"):
            return Reply(AttemptVerdict.REFUSED, "smtputf8", reference=mail.message_id)
        self.command_encoding = "utf-8" if options else "ascii"
        code, said = self.docmd("MAIL", f"FROM:<{mail.sender}>{options}")
        if not _is_taken(code):
            # Whom the server does not let send is nobody of the recipient's.
            return replied(again, code, said, mail)
        code, said = self.docmd("RCPT", f"TO:<{mail.recipient}>")
        if not _is_taken(code):
            return replied(_refusal(code), code, said, mail)
        code, said = self.docmd("DATA")
        if code != _GO_ON:
            return replied(_refusal(code), code, said, mail)
        # RFC 5321, section 4.5.2; the other side takes the dots away again. No mail begins with one.
        self.send(mail.content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        code, said = self.getreply()
        verdict = AttemptVerdict.ACCEPTED if _is_taken(code) else _refusal(code)
        return replied(verdict, code, said, mail, was_sent=True)

    def leave(self, cutoff: Cutoff) -> None:
        """Say goodbye, and close the connection whether or not that is heard."""
        try:
            if self.sock is not None:
                self._line.limited_by(cutoff)
                self.docmd("QUIT")
        except (OSError, Failed):
            # It is gone already.
            pass
        finally:
            self.close()


def replied(
    verdict: AttemptVerdict, code: int, said: bytes, mail: Mail | None = None, *, was_sent: bool = False
) -> Reply:
    """Return what a reply of a mail server makes of an attempt."""
    enhanced = _enhanced(said)
    short = f"{code} {enhanced[0].decode()}" if enhanced and enhanced[1] == str(code)[:1].encode() else str(code)
    return Reply(
        verdict,
        short,
        detail=said.decode("utf-8", "replace")[:_DETAIL],
        reference=mail.message_id if mail else None,
        content_sha256=mail.sha256 if mail and was_sent else None,
    )


def is_closing(reply: Reply) -> bool:
    """Return whether the server said that it ends the conversation."""
    return reply.code.startswith(str(_CLOSING))


def _expect(wanted: int, reply: tuple[int, bytes]) -> None:
    if reply[0] != wanted:
        raise Failed(replied(AttemptVerdict.TRY_AGAIN, *reply))


def _is_taken(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004  # the class of replies that say yes


def _refusal(code: int) -> AttemptVerdict:
    is_for_good = 500 <= code < 600 and code not in _OURS  # noqa: PLR2004  # the class of replies that say never
    return AttemptVerdict.REFUSED if is_for_good else AttemptVerdict.TRY_AGAIN


def _literal(sock: socket.socket) -> str:
    """Return our address as a name (RFC 5321, section 4.1.3): whoever has no name of his own gives that."""
    address = sock.getsockname()[0].partition("%")[0]
    return f"[IPv6:{address}]" if sock.family == socket.AF_INET6 else f"[{address}]"
