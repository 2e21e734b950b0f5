"""A limit to the time that an attempt takes in all, whatever the other side does."""

from __future__ import annotations

import socket
import ssl
import threading
from http.client import HTTPException, RemoteDisconnected
from smtplib import SMTPServerDisconnected
from time import monotonic
from typing import Final, TypeAlias

from ._line import Line

#: What `socket.getaddrinfo` says of an address: its family, and where to connect to.
Place: TypeAlias = tuple[socket.AddressFamily, tuple[object, ...]]
_LEAST: Final = 0.001


class Cutoff:
    """The time that one attempt may take in all, of which every single wait takes what is left.

    Args:
        seconds: How long it may take in all.
    """

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return monotonic() >= self._end

    @property
    def left(self) -> float:
        """How many seconds are left; a moment at least, since none at all would mean not to wait."""
        return max(_LEAST, self._end - monotonic())

    def resolved(self, host: str, port: int) -> list[Place]:
        """Return where a name leads to.

        The system's resolver has no limit, so it is asked in a thread of its own, which ends when the resolver answers.

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

    def connected(self, places: list[Place]) -> Line:
        """Return a line to the first of some places where somebody answers.

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
            # What is written in two pieces would wait for the other side to acknowledge the first, which takes it 40
            # milliseconds (RFC 9293, section 3.7.4); http.client does the same.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Line(sock, self)
        raise last


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
