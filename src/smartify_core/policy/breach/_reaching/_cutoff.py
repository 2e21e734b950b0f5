"""A limit to the time that an attempt takes in all, whatever the other side does."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from http.client import HTTPException, RemoteDisconnected
from smtplib import SMTPServerDisconnected
from time import monotonic
from types import TracebackType
from typing import Final, Self, TypeAlias

#: What `socket.getaddrinfo` says of an address: its family, and where to connect to.
Place: TypeAlias = tuple[socket.AddressFamily, tuple[object, ...]]
_LEAST: Final = 0.001


class Cutoff:
    """Ends what goes on over a socket when its time is over.

    The timeout of a socket limits a single wait: who is sent a byte now and then would wait for ever.

    Args:
        seconds: How long it may take in all.
    """

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self._lock = threading.Lock()
        self._sock: socket.socket | None = None
        self._is_over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self._is_over or monotonic() >= self._end

    @property
    def left(self) -> float:
        """How many seconds are left; a moment at least, since none at all would mean not to wait."""
        return max(_LEAST, self._end - monotonic())

    def __enter__(self) -> Self:
        """Let the time run."""
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the time: what is kept open is not cut any more."""
        self._timer.cancel()
        with self._lock:
            self._sock = None

    def watch(self, sock: socket.socket) -> None:
        """Make this the socket that is cut when the time is over, instead of any other."""
        with self._lock:
            self._sock = sock
            if self._is_over:
                _end(sock)

    def resolved(self, host: str, port: int) -> list[Place]:
        """Return where a name leads to. The system's resolver has no limit, so it is asked beside.

        Raises:
            OSError: It leads nowhere (`socket.gaierror`), or nobody said so in time (`TimeoutError`).
        """
        answer: list[Place] = []
        failure: list[OSError] = []

        def ask() -> None:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                answer.extend((family, place) for family, _, _, _, place in found)
            except OSError as error:
                failure.append(error)
            except UnicodeError:
                failure.append(socket.gaierror(socket.EAI_NONAME, "no name"))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self.left)
        if failure:
            raise failure[0]
        if not answer:
            raise TimeoutError
        return answer

    def connected(self, places: list[Place]) -> socket.socket:
        """Return a socket that leads to the first of some places where somebody answers. It is watched.

        Raises:
            OSError: Nobody answers anywhere.
        """
        last: OSError = TimeoutError()
        for number, (family, place) in enumerate(places):
            sock = socket.socket(family, socket.SOCK_STREAM)
            # Each has its share of what is left: a place that swallows everything does not use up the others' time.
            sock.settimeout(self.left / (len(places) - number))
            try:
                sock.connect(place)
            except OSError as error:
                sock.close()
                last = error
                continue
            sock.settimeout(self.left)
            # A request is written in two pieces. Without this the second one waits for the other side to acknowledge
            # the first, which takes it 40 milliseconds (RFC 9293, section 3.7.4); http.client does the same.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.watch(sock)
            return sock
        raise last

    def secured(self, sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        """Return the socket with TLS over it. It is watched while hands are shaken, too.

        Raises:
            OSError: They cannot be shaken, or the certificate is another's.
        """
        # Hands are shaken afterwards: to wrap a socket takes it away from whoever watches it.
        secure = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        try:
            self.watch(secure)
            secure.do_handshake()
        except BaseException:
            secure.close()
            raise
        return secure

    def _cut(self) -> None:
        with self._lock:
            self._is_over = True
            if self._sock is not None:
                _end(self._sock)


def _end(sock: socket.socket) -> None:
    """End a connection under whoever waits for it."""
    with suppress(OSError):
        # The plain socket's own way: that of one with TLS throws away what the waiting thread stands on.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def reason_of(error: Exception, cutoff: Cutoff) -> str:
    """Return the short and impersonal form of why an attempt failed."""
    if cutoff.is_over or isinstance(error, TimeoutError):
        return "timeout"
    for kinds, reason in _REASONS:
        if isinstance(error, kinds):
            return reason
    return "malformed"


_REASONS: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((socket.gaierror,), "dns"),
    ((ssl.SSLError,), "tls"),
    ((SMTPServerDisconnected, RemoteDisconnected, ConnectionResetError, BrokenPipeError), "closed"),
    ((HTTPException,), "malformed"),
    ((OSError,), "unreachable"),
)
