"""Ctrl-C and SIGTERM: an exception in the main thread, so that leases are given back and files closed on the way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, Final

from smartify_core.errors import SmartifyError
from smartify_core.model import Claim
from smartify_core.storage import Storage

_WATCHED: Final = (signal.SIGINT, signal.SIGTERM)
#: A process that stops by a signal reports 128 and the signal's number, as shells do.
_SHELLS_OFFSET: Final = 128


class Stopped(BaseException):  # no Exception: nothing that catches errors may go on after it
    """Someone asked the process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = _SHELLS_OFFSET + number


class _Patience:
    """Whether a stop must wait, and which one does. One for the process, as its signal handlers are."""

    waiting = False
    number: int | None = None

    def end(self) -> None:
        """Wait no longer, and stop now if that was asked for meanwhile.

        Raises:
            Stopped: It was.
        """
        self.waiting = False
        number, self.number = self.number, None
        if number is not None:
            raise Stopped(number)


_patience: Final = _Patience()


class StoppableStorage:
    """A storage in which no stop falls between a lease and whoever must give it back.

    A stop that comes while a lease is being taken is obeyed at the next call, when its holder is ready to give it back;
    one that comes while a lease is being given back, once that is done.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the storage has
        """Return what the storage has under this name, after a stop that was put off."""
        _patience.end()
        return getattr(self._storage, name)

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        """See `Storage.claim`."""
        _patience.end()
        _patience.waiting = True
        try:
            return self._storage.claim(tenant, now=now, ttl=ttl)
        except SmartifyError:
            _patience.end()
            raise

    def release(self, claim: Claim) -> None:
        """See `Storage.release`."""
        _patience.waiting = True
        try:
            self._storage.release(claim)
        finally:
            _patience.end()


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` at the first of these signals.

    The second one changes nothing, because some terminals and wrappers send each signal twice and the first is being
    obeyed. The third ends the process at once: the store is sound even then, only its lease has to run out.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = 0

    def stop(number: int, _: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received == 1 and _patience.waiting:
            _patience.number = number
            return
        if received == 1:
            raise Stopped(number)
        for watched in _WATCHED:
            signal.signal(watched, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in _WATCHED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
