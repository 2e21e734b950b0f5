"""A connection whose every wait takes no more than what is left of an attempt's time."""

from __future__ import annotations

import io
import socket
import ssl
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class Limit(Protocol):
    """The time of one attempt."""

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        ...

    @property
    def left(self) -> float:
        """How many seconds are left, above zero."""
        ...


class Line:
    """A socket as smtplib and http.client use one, whose waits are limited in all and not each by itself.

    The timeout of a socket limits a single wait: who is sent a byte now and then would wait for ever. Here the timeout
    is set anew before each, so that no thread has to watch.

    Args:
        sock: The socket, which is connected.
        limit: The time of the attempt that is made first.
    """

    def __init__(self, sock: socket.socket, limit: Limit) -> None:
        self._sock, self._limit = sock, limit

    @property
    def sock(self) -> socket.socket:
        """The socket itself: with TLS, once the line is secured."""
        return self._sock

    def limited_by(self, limit: Limit) -> None:
        """Give the line, which was kept, to another attempt."""
        self._limit = limit

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Put TLS over the line.

        Raises:
            OSError: Hands cannot be shaken in time, or the certificate is another's. The line is closed.
        """
        plain = self._sock
        try:
            self._allow()
            # Its own timeout limits the whole of a handshake (as of a single read or write), however it dribbles.
            self._sock = context.wrap_socket(plain, server_hostname=host)
        except BaseException:  # an interruption, too, leaves no socket open
            plain.close()
            raise

    def sendall(self, content: ReadableBuffer) -> None:
        """Send all of it.

        Raises:
            OSError: The line broke, or the time is over.
        """
        rest = memoryview(content)
        while rest:
            self._allow()
            rest = rest[self._sock.send(rest) :]

    def read_into(self, buffer: WriteableBuffer) -> int:
        """Read what is there, or wait for it; 0 at the end.

        Raises:
            OSError: The line broke, or the time is over.
        """
        self._allow()
        return self._sock.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader of the line, which stays open when the reader is closed."""
        return io.BufferedReader(_Reading(self))

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _allow(self) -> None:
        if self._limit.is_over:
            raise TimeoutError
        self._sock.settimeout(self._limit.left)


class _Reading(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        return self._line.read_into(buffer)
