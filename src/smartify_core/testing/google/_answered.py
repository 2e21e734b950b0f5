"""What the server was asked, for assertions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import overload

from attrs import field, frozen

_KEPT = 200_000


@frozen
class Recorded:
    """One request as it was answered.

    Attributes:
        operation: The API method, as in :class:`Call`; ``unknown`` for a path that the API does not have.
        method: The HTTP method meant.
        path: The path as sent.
        query: The decoded query parameters.
        at: When it came in, by the server's clock.
        status: What it was answered with; 0 when the connection was reset.
        in_flight: How many API requests were being worked on when it came in, itself included.
    """

    operation: str
    method: str
    path: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    at: datetime
    status: int
    in_flight: int


class AnsweredRequests(Sequence[Recorded]):
    """The requests in the order in which they were answered: the newest 200,000 of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Recorded] = deque(maxlen=_KEPT)

    def append(self, entry: Recorded) -> None:
        """Add the newest entry."""
        with self._lock:
            self._entries.append(entry)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def of(self, operation: str) -> list[Recorded]:
        """Return the entries of one API method."""
        return [entry for entry in self if entry.operation == operation]

    def _snapshot(self) -> list[Recorded]:
        with self._lock:
            return list(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Recorded]:
        return iter(self._snapshot())

    @overload
    def __getitem__(self, index: int) -> Recorded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Recorded]: ...
    def __getitem__(self, index: int | slice) -> Recorded | list[Recorded]:
        return self._snapshot()[index]
