"""Real receivers on loopback, for tests of notices: a mail server (aiosmtpd) and a web server that takes webhooks.

They answer what they are told to, remember what arrived, can be silent, dribble, go away and come back.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from attrs import define, field, frozen
from tests._certificates import server_context, trusting_context

LOOPBACK: Final = "127.0.0.1"
#: How long a test waits at most for something that has to happen.
PATIENCE: Final = 20.0


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    listener.listen(64)
    return listener


# --- mail -----------------------------------------------------------------------------------------------------------


@frozen
class Mail:
    """What a mail server took.

    Attributes:
        sender: The envelope's sender.
        recipients: The envelope's recipients.
        content: The message, byte by byte.
        peer: Which connection it came by.
        was_encrypted: Whether that connection was encrypted.
    """

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    peer: object
    was_encrypted: bool = False

    @property
    def message(self) -> EmailMessage:
        """Return the message, parsed."""
        return message_from_bytes(self.content, policy=policy.default)

    def text(self, kind: str = "plain") -> str:
        """Return the text of this kind: ``plain`` or ``html``."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


class _Smtp(SMTP):
    """One connection, which the server can cut."""

    server: MailServer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.server.lines.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.server.lines = {line for line in self.server.lines if not cast("Any", line).is_closing()}


class _Controller(Controller):
    """A thread with the server, on a socket that is bound before it starts: nobody has to guess a free port."""

    def __init__(self, owner: MailServer, **options: Any) -> None:
        self._owner = owner
        self._listener = _listening(owner.port)
        super().__init__(owner, hostname=LOOPBACK, port=self._listener.getsockname()[1], **options)

    def factory(self) -> SMTP:
        made = _Smtp(self.handler, **self.SMTP_kwargs)
        made.server = self._owner
        return made

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listener, ssl=self.ssl_context)


@define(eq=False)
class MailServer:
    """A mail server in a thread. It takes everything, until it is told otherwise.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        arrived: What it took, in order.
        refused: What it answers to RCPT for some addresses: ``{"gone@x.example": "550 5.1.1 no such user"}``.
        replies: What it answers next at a step (``"MAIL"``, ``"RCPT"``, ``"DATA"``), one after another.
        always: What it answers at a step every time.
        logins: The names by which somebody logged in.
    """

    port: int = 0
    encryption: str = "none"
    smtputf8: bool = False
    password: str | None = None
    name: str = "localhost"
    arrived: list[Mail] = field(factory=list)
    refused: dict[str, str] = field(factory=dict)
    replies: dict[str, deque[str]] = field(factory=dict)
    always: dict[str, str] = field(factory=dict)
    logins: list[str] = field(factory=list)
    lines: set[asyncio.BaseTransport] = field(factory=set)
    dribbles: bool = False
    _silent: asyncio.Future[None] | None = None
    _controller: _Controller | None = None
    _news: threading.Condition = field(factory=threading.Condition)

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client needs to trust its certificate."""
        return trusting_context(self.name)

    # --- steering ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen: at first where there is room, then always there."""
        options: dict[str, Any] = {"enable_SMTPUTF8": self.smtputf8, "ident": "test"}
        if self.encryption == "starttls":
            options |= {"tls_context": server_context(self.name), "require_starttls": True}
        if self.encryption == "tls":
            options |= {"ssl_context": server_context(self.name)}
        if self.password is not None:
            # Where aiosmtpd does not know of the encryption, it warns of whoever insists on a password.
            is_known = self.encryption == "starttls"
            options |= {"authenticator": self._knows, "auth_required": is_known, "auth_require_tls": is_known}
        self._controller = _Controller(self, **options)
        self._controller.start()
        self.port = self._controller.port

    def stop(self) -> None:
        """Go away: nobody listens there any more, and every connection is cut."""
        if self._controller is not None:
            self.drop()
            self._controller.stop()
            self._controller, self._silent = None, None

    def restart(self) -> None:
        """Go away and come back at the same place."""
        self.stop()
        self.start()

    def drop(self) -> None:
        """Cut every connection, as a server does that has waited for long enough."""
        assert self._controller is not None
        self._in_loop(self._drop)

    def fall_silent(self) -> None:
        """Answer nothing any more to a message, until `speak` is called."""
        self._in_loop(self._hush)

    def dribble(self) -> None:
        """Answer a message with one line after another that says that more is to come, and never to the end."""
        self.dribbles = True

    def speak(self) -> None:
        """End the silence."""
        self._in_loop(self._unhush)

    def wait_for(self, count: int) -> list[Mail]:
        """Return what arrived as soon as there are so many."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.arrived) >= count, PATIENCE), "the mail did not arrive"
            return list(self.arrived)

    def _in_loop(self, call: Any) -> None:
        assert self._controller is not None
        done = threading.Event()

        def run() -> None:
            call()
            done.set()

        self._controller.loop.call_soon_threadsafe(run)
        assert done.wait(PATIENCE)

    def _drop(self) -> None:
        for line in self.lines:
            cast("Any", line).abort()
        self.lines = set()

    def _hush(self) -> None:
        assert self._controller is not None
        self._silent = self._controller.loop.create_future()

    def _unhush(self) -> None:
        if self._silent is not None and not self._silent.done():
            self._silent.set_result(None)
        self._silent = None

    # --- what aiosmtpd calls ----------------------------------------------------------------------------------------

    def _knows(self, _s: Any, _session: Any, _envelope: Any, _mechanism: str, said: LoginPassword) -> AuthResult:
        is_known = said.password.decode() == self.password
        self.logins.append(said.login.decode())
        return AuthResult(success=is_known, handled=is_known)

    def _said(self, step: str) -> str | None:
        waiting = self.replies.get(step)
        return waiting.popleft() if waiting else self.always.get(step)

    async def handle_MAIL(  # noqa: N802  # the name is aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (said := self._said("MAIL")) is not None:
            return said
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  # as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self.refused.get(address) or self._said("RCPT")
        if said is not None:
            return said
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # as above
        if self._silent is not None:
            await self._silent
        while self.dribbles:
            # A line now and then: enough that no single wait is ever too long.
            await server.push("250-not yet")
            await asyncio.sleep(0.01)
        if (said := self._said("DATA")) is not None:
            return said
        sender, recipients = str(envelope.mail_from), tuple(envelope.rcpt_tos)
        content = envelope.content
        assert isinstance(content, bytes)
        is_encrypted = session.ssl is not None or self.encryption == "tls"
        with self._news:
            self.arrived.append(Mail(sender, recipients, content, session.peer, is_encrypted))
            self._news.notify_all()
        return f"250 2.0.0 queued as {len(self.arrived)}"


@contextmanager
def mail_server(
    *, encryption: str = "none", smtputf8: bool = False, password: str | None = None, name: str = "localhost"
) -> Iterator[MailServer]:
    """Run a mail server: ``encryption`` is ``none``, ``starttls`` or ``tls``; ``name`` is its certificate's."""
    server = MailServer(encryption=encryption, smtputf8=smtputf8, password=password, name=name)
    server.start()
    try:
        yield server
    finally:
        server.stop()


# --- webhooks -------------------------------------------------------------------------------------------------------


@frozen
class Answer:
    """What a web server answers.

    Attributes:
        status: The status.
        headers: Its headers.
        body: Its body.
        way: ``whole``; ``dribble`` for a byte at a time, without end; ``silent`` for nothing at all, until it is
            released; ``cut`` for a connection that is closed instead.
    """

    status: int = 204
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b""
    way: str = "whole"


@frozen
class Posted:
    """What a web server was sent.

    Attributes:
        method: The method.
        path: The path.
        headers: The headers, with lower-case names.
        body: The body.
        peer: Which connection it came by.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    peer: object

    @property
    def payload(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)

    @property
    def id(self) -> str:
        """Return the message's id."""
        return self.headers["webhook-id"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle(self) -> None:
        # Whoever is cut off while it writes has nothing to say about it.
        with suppress(OSError):
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        owner = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = owner.take(Posted(self.command, self.path, headers, body, self.client_address))
        if answer.way == "silent":
            owner.released.wait(PATIENCE)
        if answer.way in {"silent", "cut"}:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.way == "dribble":
            self.close_connection = True
            self.flush_headers()
            self.wfile.write(b"X-Slow: ")
            self.wfile.flush()
            # A byte now and then: enough that no single wait is ever too long.
            while not owner.released.wait(0.01):
                self.wfile.write(b"x")
            return
        if answer.status not in {204, 304} and "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815  # the names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: HttpReceiver

    def __init__(self, owner: HttpReceiver) -> None:
        self.owner = owner
        self.lines: set[socket.socket] = set()
        self._context = server_context(owner.name) if owner.tls else None
        super().__init__((LOOPBACK, owner.port), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = _listening(owner.port)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.owner.connections += 1
        # In the thread of this connection, so that a handshake that hangs holds nobody else up.
        line = self._context.wrap_socket(request, server_side=True) if self._context else request
        self.lines.add(line)
        try:
            super().finish_request(line, client_address)
        finally:
            self.lines.discard(line)
            if line is not request:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that does not like our certificate is what a test is about."""


@define(eq=False)
class HttpReceiver:
    """A web server in a thread. It takes everything with 204, until it is told otherwise.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        arrived: What it was sent, in order, whatever it answered.
        accepted: What it answered with 2xx.
        answers: What it answers next, one after another.
        always: What it answers otherwise.
        connections: How many connections were made.
        released: Set when it is to be silent no longer.
    """

    tls: bool = False
    name: str = "localhost"
    port: int = 0
    arrived: list[Posted] = field(factory=list)
    accepted: list[Posted] = field(factory=list)
    answers: deque[Answer] = field(factory=deque)
    always: Answer = field(factory=Answer)
    connections: int = 0
    released: threading.Event = field(factory=threading.Event)
    _running: tuple[_Server, threading.Thread] | None = None
    _news: threading.Condition = field(factory=threading.Condition)

    @property
    def url(self) -> str:
        """Return where webhooks are taken."""
        return f"https://localhost:{self.port}/hook" if self.tls else f"http://{LOOPBACK}:{self.port}/hook"

    @property
    def trust(self) -> ssl.SSLContext:
        """What a client needs to trust its certificate."""
        return trusting_context(self.name)

    def start(self) -> None:
        """Listen: at first where there is room, then always there."""
        server = _Server(self)
        self.port, self.released = server.server_port, threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        self._running = server, thread

    def stop(self) -> None:
        """Go away: nobody listens there any more, and every connection is cut."""
        if self._running is not None:
            server, thread = self._running
            self._running = None
            self.released.set()
            server.shutdown()
            self._cut(server)
            server.server_close()
            thread.join()

    def restart(self) -> None:
        """Go away and come back at the same place."""
        self.stop()
        self.start()

    def drop(self) -> None:
        """Cut every connection, as a server does that has waited for long enough."""
        assert self._running is not None
        self._cut(self._running[0])

    def _cut(self, server: _Server) -> None:
        for line in tuple(server.lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def take(self, posted: Posted) -> Answer:
        """Remember what was sent, and return what is answered."""
        with self._news:
            answer = self.answers.popleft() if self.answers else self.always
            self.arrived.append(posted)
            if answer.way == "whole" and 200 <= answer.status < 300:
                self.accepted.append(posted)
            self._news.notify_all()
        return answer

    def wait_for(self, count: int) -> list[Posted]:
        """Return what was sent as soon as there is so much."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.arrived) >= count, PATIENCE), "the webhook did not arrive"
            return list(self.arrived)


@contextmanager
def http_receiver(*, tls: bool = False, name: str = "localhost") -> Iterator[HttpReceiver]:
    """Run a receiver of webhooks; ``name`` is its certificate's."""
    receiver = HttpReceiver(tls=tls, name=name)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()
