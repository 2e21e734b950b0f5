"""Threads that send: each has an open way out of its own for every channel, and says what came of every message."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from attrs import frozen

from smartify_core.errors import UsageError
from smartify_core.policy._log import log

from ._notifier import AttemptVerdict, Notifier, Parcel, Reply, Sender

_Token = TypeVar("_Token")
#: For how many seconds an instant is used again before the store is asked for the present one.
FRESH_FOR: Final = 1.0


def by_channel(notifiers: Mapping[str, Notifier] | Iterable[Notifier]) -> Mapping[str, Notifier]:
    """Return notifiers by their channels.

    Raises:
        UsageError: Two have one channel, or one is held under another name than its own.
    """
    listed = list(notifiers.values()) if isinstance(notifiers, Mapping) else list(notifiers)
    named = {one.channel: one for one in listed}
    if len(named) != len(listed) or (isinstance(notifiers, Mapping) and set(notifiers) != set(named)):
        raise UsageError(
            "two notifiers have one channel, or one has another name than its channel's",
            where="notifiers",
            cure="Give each channel one notifier.",
        )
    return named


@frozen(eq=False)
class Sending(Generic[_Token]):
    """One message that is to leave.

    Args:
        token: What it is handed back with.
        channel: The channel that it leaves through.
        parcel: Makes it, at the instant that it leaves; ``None`` where it must not leave after all.
        until: From this instant on it must not leave any more: somebody else may have it then.
    """

    token: _Token
    channel: str
    parcel: Callable[[datetime], Parcel | None]
    until: datetime


class Outbound(Generic[_Token]):
    """Threads that send until the context ends.

    Args:
        notifiers: The channels, by name.
        now: What tells the time.
        threads: How many.
        stop: Once it is set, nothing leaves any more.
    """

    def __init__(
        self, notifiers: Mapping[str, Notifier], now: Callable[[], datetime], *, threads: int, stop: threading.Event
    ) -> None:
        self._notifiers = notifiers
        self._now = now
        self._stop = stop
        self._jobs: queue.SimpleQueue[Sending[_Token] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[_Token, Reply | None]] = queue.SimpleQueue()
        self._fresh: tuple[float, datetime] | None = None
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        #: How many messages are out: handed in, and not handed back. Only the one thread that hands in counts.
        self.outstanding = 0

    def __enter__(self) -> Self:
        """Start the threads."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until what is being sent right now was sent; the rest does not leave."""
        self._closed.set()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def submit(self, sending: Sending[_Token]) -> None:
        """Hand in a message."""
        self.outstanding += 1
        self._jobs.put(sending)

    def results(self, *, most: int, linger: float) -> list[tuple[_Token, Reply | None]]:
        """Return what came of messages: of at least one that is out, and of ``most`` where they are quick.

        A message that did not leave has ``None``.

        Args:
            most: The most results.
            linger: For how many seconds more of them are waited for after the first.
        """
        found = [self._results.get()]
        least = monotonic() + linger
        while len(found) < min(most, self.outstanding):
            try:
                found.append(self._results.get(timeout=max(0.0, least - monotonic())))
            except queue.Empty:
                break
        self.outstanding -= len(found)
        return found

    def _work(self) -> None:
        ways = _Ways(self._notifiers)
        while (sending := self._jobs.get()) is not None:
            self._results.put((sending.token, self._attempt(ways, sending)))
        ways.close()

    def _attempt(self, ways: _Ways, sending: Sending[_Token]) -> Reply | None:
        if self._stop.is_set() or self._closed.is_set():
            return None
        try:
            now = self._present()
        except Exception as error:  # noqa: BLE001 - whatever the store has, this message may not leave without a time
            log().warning("the time cannot be told, so nothing is sent", error=type(error).__name__)
            return None
        if now >= sending.until:
            return None
        try:
            parcel = sending.parcel(now)
            return None if parcel is None else ways.to(sending.channel).send(parcel)
        except BaseException as error:  # noqa: BLE001 - whatever a host's notifier raises, whoever waits for it has to hear
            # Neither its message nor its traceback is logged: either may hold an address.
            log().error("a notifier raised", channel=sending.channel, error=type(error).__name__)
            ways.drop(sending.channel)
            return Reply(AttemptVerdict.TRY_AGAIN, f"error:{type(error).__name__}")

    def _present(self) -> datetime:
        """Return the present instant, or the one of a moment ago: asking the store for every message costs more."""
        fresh, ticks = self._fresh, monotonic()
        if fresh is None or ticks - fresh[0] >= FRESH_FOR:
            self._fresh = fresh = (ticks, self._now())
        return fresh[1]


class _Ways:
    """The ways out of one thread, opened when they are first needed."""

    def __init__(self, notifiers: Mapping[str, Notifier]) -> None:
        self._notifiers = notifiers
        self._open: dict[str, tuple[AbstractContextManager[Sender], Sender]] = {}

    def to(self, channel: str) -> Sender:
        """Return the open way through a channel."""
        if channel not in self._open:
            context = self._notifiers[channel].opened()
            self._open[channel] = (context, context.__enter__())  # left when the thread ends
        return self._open[channel][1]

    def drop(self, channel: str) -> None:
        """Close a way out that is in an unknown state: the next message opens another."""
        if (way := self._open.pop(channel, None)) is not None:
            with suppress(Exception):  # what a broken way says on closing tells nobody anything
                way[0].__exit__(None, None, None)

    def close(self) -> None:
        """Close all of them."""
        for channel in list(self._open):
            self.drop(channel)
