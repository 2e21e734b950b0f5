"""The time of an attempt holds at every step, and nothing is left of it afterwards."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from tests._receivers import http_receiver, mail_server
from tests.unit.policy.breach.channels._parcels import parcel

from smartify_core.policy.breach import AttemptVerdict
from smartify_core.policy.breach._reaching import Cutoff, Line
from smartify_core.policy.breach.smtp import SmtpNotifier
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier

ACCEPTED, AGAIN = AttemptVerdict.ACCEPTED, AttemptVerdict.TRY_AGAIN
LITTLE = timedelta(milliseconds=300)
SENDER = "security@vendor.example"


@contextmanager
def _stalling(before: tuple[bytes, ...], drop: bytes, *, reads: bool = True) -> Iterator[int]:
    """Run a server that answers some lines, and from then on a drop at a time, until the client has gone.

    Args:
        before: What it answers, first of itself and then to whatever it reads.
        drop: What it says then, again and again; nothing at all where it is empty.
        reads: Whether it still reads then.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            line, _ = listener.accept()
            with line:
                for number, one in enumerate(before):
                    if number and not line.recv(65_536):
                        return
                    line.sendall(one)
                while not ended.wait(0.02):
                    if drop:
                        line.sendall(drop)
                    if reads:
                        line.setblocking(False)
                        with suppress(BlockingIOError):
                            line.recv(64)
                        line.setblocking(True)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ended.set()
        listener.close()
        thread.join(20)


GREETED = (b"220 x\r\n", b"250 x\r\n")
#: The first bytes of a handshake's record that says that it is long (RFC 8446, section 5.1).
RECORD = b"\x16\x03\x03\x3f\xff"


@pytest.mark.parametrize(
    ("security", "before", "drop"),
    [
        ("none", (), b""),
        ("none", (), b"2"),
        ("none", GREETED[:1], b"250-x\r\n"),
        ("none", (*GREETED, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"), b""),
        ("none", (*GREETED, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"), b"2"),
        ("tls", (), b""),
        ("tls", (RECORD,), b"\0"),
        ("starttls", (b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n", RECORD), b"\0"),
    ],
    ids=["silent", "greeting", "hello", "data-silent", "data-dribbled", "tls-silent", "tls-dribbled", "starttls"],
)
def test_no_step_of_mail_takes_longer(security: str, before: tuple[bytes, ...], drop: bytes) -> None:
    """Wherever in a conversation a mail server falls silent or dribbles, the attempt ends by its own time."""
    with _stalling(before, drop) as port:
        made = SmtpNotifier("127.0.0.1", port, sender=SENDER, security=security, timeout=LITTLE)  # type: ignore[arg-type]  # one of the three
        with made.opened() as sender:
            reply = sender.send(parcel())
    assert (reply.verdict, reply.code) == (AGAIN, "timeout")


@pytest.mark.parametrize(
    ("scheme", "before", "drop"),
    [
        ("http", (b"",), b""),
        ("http", (b"", b"HTTP/1.1 200 OK\r\n"), b"x: y\r\n"),
        ("http", (b"", b"HTTP/1.1 100 Continue\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("https", (RECORD,), b"\0"),
    ],
    ids=["silent", "headers", "continue", "tls"],
)
def test_no_step_of_a_webhook_takes_longer(scheme: str, before: tuple[bytes, ...], drop: bytes) -> None:
    """Wherever a web server falls silent or dribbles, the attempt ends."""
    with _stalling(before, drop) as port:
        made = WebhookNotifier({"k": WebhookKey.generate()}, allow_private=True, allow_http=True, timeout=LITTLE)
        with made.opened() as sender:
            reply = sender.send(parcel(address=f"{scheme}://127.0.0.1:{port}/hook"))
    # Headers that never end may become too many before the time is over.
    assert reply.verdict is AGAIN
    assert reply.code in {"timeout", "malformed"}


def test_who_does_not_read_is_given_up() -> None:
    """A server that takes in nothing of a long message is given up."""
    before = (*GREETED, b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
    with _stalling(before, b"", reads=False) as port:
        made = SmtpNotifier("127.0.0.1", port, sender=SENDER, security="none", timeout=LITTLE)
        with made.opened() as sender:
            reply = sender.send(parcel(text="x" * 20_000_000))
    assert (reply.verdict, reply.code) == (AGAIN, "timeout")


def test_a_line_is_closed_when_hands_cannot_be_shaken() -> None:
    """The socket under a line that could not be secured is closed."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b"nonsense, and no handshake\r\n")
    line = Line(ours, Cutoff(20))
    with pytest.raises(ssl.SSLError):
        line.secure(ssl.create_default_context(), "x.example")
    theirs.close()
    assert ours.fileno() == -1


def _mails() -> Iterator[Callable[[], AttemptVerdict]]:
    with mail_server() as server:
        made = SmtpNotifier("127.0.0.1", server.port, sender=SENDER, security="none")
        with made.opened() as sender:
            yield lambda: sender.send(parcel()).verdict


def _webhooks() -> Iterator[Callable[[], AttemptVerdict]]:
    with http_receiver() as server:
        made = WebhookNotifier({"k": WebhookKey.generate()}, allow_private=True, allow_http=True)
        with made.opened() as sender:
            yield lambda: sender.send(parcel(address=server.url)).verdict


@pytest.mark.parametrize("channel", [_mails, _webhooks])
def test_no_thread_is_started_for_an_attempt(
    channel: Callable[[], Iterator[Callable[[], AttemptVerdict]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a kept connection nothing runs beside an attempt, and so nothing is left after it or lost by a fork."""
    with contextmanager(channel)() as send:
        assert send() is ACCEPTED
        started: list[str] = []
        start = threading.Thread.start

        def noted(thread: threading.Thread) -> None:
            # The receivers of these tests have threads of their own, which are not started by whoever sends.
            if threading.current_thread() is threading.main_thread():
                started.append(thread.name)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", noted)
        assert send() is ACCEPTED
        assert started == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_notifier_survives_a_fork() -> None:
    """A notifier that was used before a fork sends, with a limit of its own, in the process that came of it."""
    with mail_server() as server, _stalling((), b"2") as port:
        here = SmtpNotifier("127.0.0.1", server.port, sender=SENDER, security="none")
        there = SmtpNotifier("127.0.0.1", port, sender=SENDER, security="none", timeout=LITTLE)
        with here.opened() as sender:
            assert sender.send(parcel()).verdict is ACCEPTED
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with here.opened() as sender, there.opened() as other:
                    both = sender.send(parcel(id="ntc-2")).verdict, other.send(parcel()).code
                code = 0 if both == (ACCEPTED, "timeout") else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(server.arrived) == 2
