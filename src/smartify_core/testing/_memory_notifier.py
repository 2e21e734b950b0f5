"""A channel that leads nowhere: it remembers what it was given, and answers what it is told to."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from typing import Final

from smartify_core.errors import ContactInvalid
from smartify_core.policy.breach import AttemptVerdict, Parcel, Reply, Sender

_LONGEST: Final = 320
_WAITS: Final = tuple(timedelta(minutes=one) for one in (1, 5, 30))
#: The short form of the answer where a test gave only the verdict.
_CODES: Final = {
    AttemptVerdict.ACCEPTED: "taken",
    AttemptVerdict.TRY_AGAIN: "busy",
    AttemptVerdict.REFUSED: "refused",
    AttemptVerdict.GONE: "gone",
}


class MemoryNotifier:
    """A `Notifier` for tests. Threads may share it.

    Args:
        channel: What it is called.
        waits: How long to wait after each failed attempt.

    Attributes:
        attempts: Every parcel that was tried, in order.
        arrived: Those that were accepted.
        opened_count: How many senders were opened.
    """

    def __init__(self, channel: str = "memory", *, waits: Sequence[timedelta] = _WAITS) -> None:
        self._channel, self._waits = channel, tuple(waits)
        self._lock = threading.Lock()
        self._next: deque[Reply] = deque()
        self._always: dict[str | None, Reply] = {}
        self.attempts: list[Parcel] = []
        self.arrived: list[Parcel] = []
        self.opened_count: int = 0

    @property
    def channel(self) -> str:
        """What it is called."""
        return self._channel

    @property
    def waits(self) -> tuple[timedelta, ...]:
        """How long to wait after each failed attempt."""
        return self._waits

    def answer(self, *replies: Reply | AttemptVerdict) -> None:
        """Answer these next, one after another, whoever is written to."""
        with self._lock:
            self._next.extend(_whole(one) for one in replies)

    def answer_always(self, reply: Reply | AttemptVerdict, *, address: str | None = None) -> None:
        """Answer this to an address from now on, or to every one that nothing else was said of."""
        with self._lock:
            self._always[address] = _whole(reply)

    def check(self, address: str) -> None:
        """Check that something can be an address: 1 to 320 printable characters without spaces.

        Raises:
            ContactInvalid: It cannot. Never says it.
        """
        text: object = address
        if not isinstance(text, str) or not 0 < len(text) <= _LONGEST or not text.isprintable() or " " in text:
            raise ContactInvalid(
                "that is no address", where="MemoryNotifier", cure="Give 1 to 320 printable characters without spaces."
            )

    @contextmanager
    def opened(self) -> Iterator[Sender]:
        """Open a way out for one thread."""
        with self._lock:
            self.opened_count += 1
        yield _MemorySender(self)

    def take(self, parcel: Parcel) -> Reply:
        """Make one attempt. See `Sender.send`."""
        try:
            self.check(parcel.address)
        except ContactInvalid:
            return Reply(AttemptVerdict.REFUSED, "address")
        with self._lock:
            self.attempts.append(parcel)
            if self._next:
                reply = self._next.popleft()
            else:
                reply = self._always.get(parcel.address) or self._always.get(None) or _whole(AttemptVerdict.ACCEPTED)
            if reply.verdict is not AttemptVerdict.ACCEPTED:
                return reply
            self.arrived.append(parcel)
        return Reply(
            reply.verdict,
            reply.code,
            detail=reply.detail,
            reference=reply.reference or parcel.id,
            content_sha256=reply.content_sha256 or parcel_digest(parcel),
        )


class _MemorySender:
    """One way out."""

    def __init__(self, notifier: MemoryNotifier) -> None:
        self._notifier = notifier

    def send(self, parcel: Parcel) -> Reply:
        """Make one attempt. See `Sender.send`."""
        return self._notifier.take(parcel)


def parcel_digest(parcel: Parcel) -> str:
    """Return the SHA-256 of what a parcel says, in hexadecimal digits."""
    said = [parcel.id, parcel.subject, parcel.text, parcel.html, json.dumps(parcel.payload, sort_keys=True)]
    return sha256(json.dumps(said).encode()).hexdigest()


def _whole(reply: Reply | AttemptVerdict) -> Reply:
    return reply if isinstance(reply, Reply) else Reply(reply, _CODES[reply])
