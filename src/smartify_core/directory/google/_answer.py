"""Answers that come to an end: in time, and before they fill the memory."""

from __future__ import annotations

import http.client
import io
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: More than any answer of the API has: a page of 500 people takes a fifth of a megabyte.
_MOST_BYTES = 256 << 20


def bounded_response(seconds: float) -> type[http.client.HTTPResponse]:
    """Return a kind of response that gives up when it takes longer than ``seconds``, or has no end.

    A connection's timeout is about silence only: whoever sends a byte a minute is never silent for long.
    """

    class BoundedResponse(http.client.HTTPResponse):
        def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - handed on
            super().__init__(*args, **kwargs)
            self.fp = io.BufferedReader(_Bounded(self.fp.detach(), seconds))

    return BoundedResponse


class _Bounded(io.RawIOBase):
    """What comes from a socket, for so many seconds."""

    def __init__(self, raw: io.RawIOBase, seconds: float) -> None:
        self._raw = raw
        self._until = time.monotonic() + seconds
        self._left = _MOST_BYTES

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        if time.monotonic() > self._until:
            raise TimeoutError
        count = self._raw.readinto(buffer)
        self._left -= count or 0
        if self._left < 0:
            raise ConnectionAbortedError
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
