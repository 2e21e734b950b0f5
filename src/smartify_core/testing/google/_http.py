"""HTTP/1.1 over sockets: reading requests, framing answers, and the ways in which a connection can fail."""

from __future__ import annotations

import selectors
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from smartify_core.testing.google._answers import Answer, gzip, html_answer
from smartify_core.testing.google._calls import Request
from smartify_core.testing.google._service import Outcome

_LONGEST_LINE = 65_536
_MOST_HEADERS = 200
_LONGEST_BODY = 64 * 1024 * 1024
_DRIPS = 10
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
#: Headers on every answer of the real API.
_ALWAYS = (
    "Vary: Origin\r\nVary: X-Origin\r\nVary: Referer\r\nServer: ESF\r\nCache-Control: private\r\n"
    "X-XSS-Protection: 0\r\nX-Frame-Options: SAMEORIGIN\r\nX-Content-Type-Options: nosniff\r\n"
)


class BadRequest(Exception):
    """The bytes are no HTTP request that this server takes; the status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Listener(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Accepts connections and serves each in a thread of its own, until :meth:`close_all`.

    Lean on purpose: the standard library's HTTP handler spends more time on parsing headers than this whole server on
    answering.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    timeout = 0  # a client that hung up between select and accept is nothing to wait for

    def __init__(self, port: int, handle: Callable[[Request], Outcome], wait: Callable[[float], object]) -> None:
        self.handle_call = handle
        self.wait = wait
        self._open: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._closing = False
        super().__init__(("127.0.0.1", port), _Connection)
        self._wake, self._woken = socket.socketpair()

    def serve(self) -> None:
        """Accept connections until :meth:`close_all`. Waits on a socket of its own too, so that it ends at once."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while not any(key.fileobj is self._woken for key, _ in selector.select()):
                self.handle_request()

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as typeshed has it
        """Serve one connection and keep book of it."""
        with self._guard:
            self._open[request] = threading.current_thread()
            refused = self._closing
        try:
            if not refused:
                self.finish_request(request, client_address)
        except OSError:
            pass  # the other side went away; nothing to answer
        finally:
            with self._guard:
                self._open.pop(request, None)
            self.shutdown_request(request)

    def close_all(self, accepting: threading.Thread) -> None:
        """End ``accepting``, which runs :meth:`serve`, and every connection; wait for all the threads."""
        self._wake.send(b"!")
        accepting.join()
        self.server_close()
        self._wake.close()
        self._woken.close()
        with self._guard:
            self._closing = True
            threads = list(self._open.values())
            for connection in self._open:
                _quietly(lambda it=connection: it.shutdown(socket.SHUT_RDWR))  # type: ignore[misc]  # mypy cannot infer a default of a lambda
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=10)


class _Connection(socketserver.StreamRequestHandler):
    """One client's connection: request after request until either side has had enough."""

    disable_nagle_algorithm = True
    rbufsize = 65_536
    wbufsize = 0
    server: Listener

    def handle(self) -> None:
        going_on = True
        while going_on:
            try:
                request, going_on = self._read()
            except BadRequest as bad:
                self._send(html_answer(bad.status, "Error (Bad Request)!!1"), keep=False, gzip_ok=False, head=False)
                return
            if request is None:
                return
            outcome = self.server.handle_call(request)
            gzip_ok = "gzip" in request.headers.get("accept-encoding", "")
            if outcome.delivery == "whole":
                self._send(outcome.answer, keep=going_on, gzip_ok=gzip_ok, head=request.method == "HEAD")
            else:
                going_on = self._spoil(outcome) and going_on

    # --- reading ----------------------------------------------------------------------------------------------------

    def _read(self) -> tuple[Request | None, bool]:
        """Return the next request (``None`` at the end of the stream) and whether the connection may stay open."""
        line = self._line()
        if not line:
            return None, False
        words = line.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
            raise BadRequest(400)
        method, target, version = words
        headers: dict[str, str] = {}
        while line := self._line().rstrip(b"\r\n"):
            name, separator, value = line.decode("latin-1").partition(":")
            if not separator or len(headers) >= _MOST_HEADERS:
                raise BadRequest(400)
            headers[name.strip().lower()] = value.strip()
        keep = headers.get("connection", "keep-alive" if version != "HTTP/1.0" else "close").lower() != "close"
        return Request(method, target, headers, self._body(headers)), keep

    def _line(self) -> bytes:
        line = self.rfile.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise BadRequest(414)
        return line

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise BadRequest(411)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > _LONGEST_BODY:
            raise BadRequest(400)
        if headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.rfile.read(int(length)) if int(length) else b""

    # --- answering --------------------------------------------------------------------------------------------------

    def _send(self, answer: Answer, *, keep: bool, gzip_ok: bool, head: bool) -> None:
        """Send an answer: chunked and compressed to whoever takes gzip, as Google does; else plain with its length."""
        lines = _head(answer, keep=keep)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            self.wfile.write(f"{lines}\r\n".encode("latin-1"))
            return
        if gzip_ok and answer.body:
            body = answer.gzipped if answer.gzipped is not None else gzip(answer.body)
            lines += "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
            framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            lines += f"Content-Length: {len(answer.body)}\r\n\r\n"
            framed = answer.body
        self.wfile.write(lines.encode("latin-1") + (b"" if head else framed))

    def _spoil(self, outcome: Outcome) -> bool:
        """Send an answer in one of the broken ways; return whether the connection is still good."""
        answer = outcome.answer
        if outcome.delivery == "reset":
            # Lingering for zero seconds makes close() send RST in place of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return False
        lines = _head(answer, keep=outcome.delivery == "drip") + f"Content-Length: {len(answer.body)}\r\n\r\n"
        if outcome.delivery == "cut":
            self.wfile.write(lines.encode("latin-1") + answer.body[: len(answer.body) // 2])
            return False
        self.wfile.write(lines.encode("latin-1"))
        size = max(1, -(-len(answer.body) // _DRIPS))
        for start in range(0, len(answer.body), size):
            self.server.wait(outcome.drip / _DRIPS)
            self.wfile.write(answer.body[start : start + size])
        return True


def _head(answer: Answer, *, keep: bool) -> str:
    """Return the status line and headers, without those that frame the body."""
    own = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
    closing = "" if keep else "Connection: close\r\n"
    return (
        f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, 'Unknown')}\r\nContent-Type: {answer.content_type}\r\n"
        f"{_ALWAYS}Date: {formatdate(usegmt=True)}\r\n{own}{closing}"
    )


def _quietly(action: Callable[[], object]) -> None:
    with suppress(OSError):
        action()
