"""Notices over a real mail server."""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from tests._receivers import MailServer, mail_server
from tests.unit.policy.breach.channels._parcels import parcel

from smartify_core.errors import UsageError
from smartify_core.policy.breach import AttemptVerdict, Notifier
from smartify_core.policy.breach.smtp import SmtpNotifier

ACCEPTED, AGAIN, REFUSED = AttemptVerdict.ACCEPTED, AttemptVerdict.TRY_AGAIN, AttemptVerdict.REFUSED
SENDER = "Security <security@vendor.example>"


def notifier(server: MailServer, **other: Any) -> SmtpNotifier:
    """Return the channel that hands its mail to a server."""
    values: dict[str, Any] = {"sender": SENDER, "security": server.encryption, "context": server.trust}
    return SmtpNotifier("localhost", server.port, **values | other)


@pytest.fixture
def server() -> Iterator[MailServer]:
    """Run a mail server in the open."""
    with mail_server() as running:
        yield running


def test_last_word_is_kept(server: MailServer) -> None:
    """The reply to the message itself is kept: its code, its text, and the name that we gave the message."""
    server.always["DATA"] = "250 2.6.0 queued as 4711"
    with notifier(server).opened() as sender:
        reply = sender.send(parcel())
    assert (reply.verdict, reply.code, reply.detail) == (ACCEPTED, "250 2.6.0", "2.6.0 queued as 4711")
    assert reply.reference == "<ntc-0001@vendor.example>"


@pytest.mark.parametrize(
    ("step", "said", "verdict", "code"),
    [
        ("MAIL", "451 4.3.0 later", AGAIN, "451 4.3.0"),
        ("MAIL", "550 5.7.1 not from you", AGAIN, "550 5.7.1"),
        ("MAIL", "421 4.3.2 closing", AGAIN, "421 4.3.2"),
        ("RCPT", "450 4.2.1 greylisted", AGAIN, "450 4.2.1"),
        ("RCPT", "550 5.1.1 nobody", REFUSED, "550 5.1.1"),
        ("RCPT", "550 nobody", REFUSED, "550"),
        ("RCPT", "550 4.1.1 of two minds", REFUSED, "550"),
        ("RCPT", "530 5.7.0 who are you", AGAIN, "530 5.7.0"),
        ("RCPT", "421 4.7.0 too many", AGAIN, "421 4.7.0"),
        ("DATA", "452 4.2.2 full", AGAIN, "452 4.2.2"),
        ("DATA", "554 5.7.1 we take it for spam", REFUSED, "554 5.7.1"),
    ],
)
def test_each_step_says_what_it_means(
    server: MailServer, step: str, said: str, verdict: AttemptVerdict, code: str
) -> None:
    """What is said of recipient or message counts for good; what is said of us does not. The next message goes out."""
    server.replies[step] = deque([said])
    with notifier(server).opened() as sender:
        reply = sender.send(parcel())
        assert (reply.verdict, reply.code) == (verdict, code)
        assert sender.send(parcel(id="ntc-2")).verdict is ACCEPTED
    assert len(server.arrived) == 1


@pytest.mark.parametrize("wrong", [{"locale": "de\r\nBcc: b@x.example"}, {"id": "\ud800"}])
def test_what_cannot_be_written_is_refused(server: MailServer, wrong: dict[str, Any]) -> None:
    """A parcel that makes no mail is a reply like any other, adds no header, and nobody is called."""
    with notifier(server).opened() as sender:
        reply = sender.send(parcel(**wrong))
    assert (reply.verdict, reply.code, server.arrived) == (REFUSED, "message", [])


def test_one_connection_serves_many(server: MailServer) -> None:
    """A sender keeps its connection from one message to the next, also when a recipient was refused between."""
    server.refused["gone@customer.example"] = "550 5.1.1 nobody"
    with notifier(server).opened() as sender:
        for number, address in enumerate(["a@x.example", "gone@customer.example", "b@x.example"]):
            sender.send(parcel(id=f"ntc-{number}", address=address))
    assert len({one.peer for one in server.arrived}) == 1
    assert [one.recipients for one in server.arrived] == [("a@x.example",), ("b@x.example",)]


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_certificate_of_another_is_not_trusted(encryption: str) -> None:
    """A server with somebody else's certificate gets no message, and the attempt is made again."""
    with mail_server(encryption=encryption, name="other.example") as server:
        with notifier(server).opened() as sender:
            reply = sender.send(parcel())
        assert (reply.verdict, reply.code, server.arrived) == (AGAIN, "tls", [])


def test_encryption_is_not_given_up(server: MailServer) -> None:
    """A server that offers no encryption, or somebody who took the offer out, gets no message in the open."""
    with notifier(server, security="starttls").opened() as sender:
        reply = sender.send(parcel())
    assert (reply.verdict, reply.code, server.arrived) == (AGAIN, "starttls", [])


def test_name_and_password() -> None:
    """We say who we are where we are asked; a wrong password is our fault, and nobody's refusal."""
    with mail_server(encryption="starttls", password="right") as server:  # a throw-away server's
        with notifier(server, username="vendor", password="right").opened() as sender:  # as above
            assert sender.send(parcel()).verdict is ACCEPTED
        with notifier(server, username="vendor", password="wrong").opened() as sender:  # as above
            reply = sender.send(parcel())
        assert (reply.verdict, reply.code) == (AGAIN, "535 5.7.8")
        assert set(server.logins) == {"vendor"}


def test_mailboxes_in_other_scripts() -> None:
    """A mailbox in another script is written to where the server can, and is refused for good where it cannot."""
    there = parcel(address="grüße@bücher.example")
    with mail_server() as server, notifier(server).opened() as sender:
        reply = sender.send(there)
        assert (reply.verdict, reply.code) == (REFUSED, "smtputf8")
    with mail_server(smtputf8=True) as server, notifier(server).opened() as sender:
        assert sender.send(there).verdict is ACCEPTED
        assert sender.send(parcel(id="ntc-2")).verdict is ACCEPTED
        assert [one.recipients for one in server.arrived] == [
            ("grüße@xn--bcher-kva.example",),
            ("privacy@customer.example",),
        ]


@contextmanager
def _speaking(*lines: bytes, endless: bytes = b"") -> Iterator[int]:
    """Run a server that says some lines to whoever connects, and goes on with one for ever."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        try:
            line, _ = listener.accept()
            with line:
                for one in lines:
                    line.sendall(one)
                    if line.recv(4096) == b"":
                        return
                while endless:
                    line.sendall(endless)
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join(20)


@pytest.mark.parametrize(
    ("lines", "endless", "code"),
    [
        ((b"220 hello\r\n",), b"250-x" * 1_000 + b"\r\n", "malformed"),
        ((b"HTTP/1.1 400 Bad Request\r\n",), b"", "malformed"),
        ((b"554 5.3.2 not today\r\n",), b"", "554 5.3.2"),
        ((b"220 hello\r\n", b"250 x\r\n", b"abc\r\n"), b"", "malformed"),
        ((b"220 hello\r\n", b"250 x\r\n"), b"", "closed"),
    ],
)
def test_servers_that_are_none(lines: tuple[bytes, ...], endless: bytes, code: str) -> None:
    """Whoever talks nonsense, or without end, is tried again later."""
    with _speaking(*lines, endless=endless) as port:
        with SmtpNotifier("127.0.0.1", port, sender=SENDER, security="none").opened() as sender:
            reply = sender.send(parcel())
        assert (reply.verdict, reply.code) == (AGAIN, code)


def test_what_follows_the_change_to_tls_is_forgotten() -> None:
    """What somebody sent in the open behind the server's yes to encryption is not taken for the server's."""
    hello = b"250-x\r\n250 STARTTLS\r\n"
    with _speaking(b"220 hello\r\n", hello, b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n") as port:
        with SmtpNotifier("127.0.0.1", port, sender=SENDER, timeout=timedelta(seconds=5)).opened() as sender:
            reply = sender.send(parcel())
        assert (reply.verdict, reply.code) == (AGAIN, "tls")


def test_names_that_lead_nowhere() -> None:
    """A server whose name nobody knows is tried again later."""
    with SmtpNotifier("mail.invalid", sender=SENDER, timeout=timedelta(seconds=20)).opened() as sender:
        reply = sender.send(parcel())
    assert reply.verdict is AGAIN
    assert reply.code in {"dns", "timeout"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"security": "ssl"},
        {"port": 0},
        {"port": 65_536},
        {"timeout": timedelta(0)},
        {"username": "u"},
        {"username": "u", "password": "p", "security": "none"},
        {"sender": "nobody"},
        {"sender": "grüße@vendor.example"},
        {"sender": "a@vendor.example\r\nBcc: b@x.example"},
        {"message_domain": "a b"},
        {"local_hostname": "a b"},
        {"reply_to": "x"},
        {"host": ""},
        {"host": "a\r\nb"},
    ],
)
def test_wrong_settings_are_told(wrong: dict[str, Any]) -> None:
    """A setting that cannot be meant is an error at once, and no password goes over a network in the open."""
    with pytest.raises(UsageError):
        SmtpNotifier(**{"host": "smtp.vendor.example", "sender": SENDER} | wrong)


def test_it_is_a_notifier_that_shows_nothing(server: MailServer, caplog: pytest.LogCaptureFixture) -> None:
    """It is what the port asks for, says nothing of anybody in a log, and may use a password on its own machine."""
    made = notifier(server, username="u", password="hunter2")  # a throw-away one
    assert isinstance(made, Notifier)
    with caplog.at_level(logging.DEBUG), made.opened() as sender:
        reply = sender.send(parcel())
    assert reply.code == "auth"
    assert "hunter2" not in repr(made) + repr(sender) + repr(vars(made))
    assert "customer.example" not in caplog.text
