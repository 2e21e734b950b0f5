"""Ctrl-C and SIGTERM: an exception in the main thread, so that leases are given back and files closed on the way."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, Final, cast

from smartify_core.errors import SmartifyError
from smartify_core.model import Claim
from smartify_core.storage import Storage

_WATCHED: Final = (signal.SIGINT, signal.SIGTERM)
#: A process that stops by a signal reports 128 and the signal's number, as shells do.
_SHELLS_OFFSET: Final = 128
#: After so many seconds at most a thread that waits for signals looks up by itself.
_LONGEST_SLEEP: Final = 1.0


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

    def release(self, claim: Claim, *, due_at: datetime | None = None) -> None:
        """See `Storage.release`."""
        _patience.waiting = True
        try:
            self._storage.release(claim, due_at=due_at)
        finally:
            _patience.end()


def stoppable_storage(storage: Storage) -> Storage:
    """Return the storage as a `StoppableStorage`, which has whatever the storage has."""
    return cast("Storage", StoppableStorage(storage))


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


def until_stopped(
    work: Callable[[threading.Event, threading.Event], None],
    *,
    stop: threading.Event,
    abandon: threading.Event,
    note: Callable[[str], None],
) -> None:
    """Do ``work`` in a thread until it ends, and hand it the signals that come meanwhile as requests.

    The first signal asks it to finish what it is doing, the second to give that up where it can; the third ends the
    process at once.

    Args:
        work: Called with the two events.
        stop: Set by the first signal, or by whoever else wants the work to stop.
        abandon: Set by the second: what is under way is to be given up.
        note: Tells somebody what a signal led to.

    Raises:
        BaseException: What ``work`` raised.
    """
    # A handler may come in the middle of anything, also while a lock is held; putting into this queue needs none.
    happened: queue.SimpleQueue[BaseException | int | None] = queue.SimpleQueue()

    def run() -> None:
        ending: BaseException | None = None
        try:
            work(stop, abandon)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller
            ending = error
        happened.put(ending)

    worker = threading.Thread(target=run, name="smartify-scheduler")
    with _signals_into(happened) as no_more_signals:
        worker.start()
        try:
            while isinstance(ending := _next(happened), int):
                if not stop.is_set():
                    stop.set()
                    note("smartify: stopping: the runs under way are finished first; a second signal gives them up")
                elif not abandon.is_set():
                    abandon.set()
                    no_more_signals()
                    note("smartify: giving up the runs under way; what was committed stays")
        except BaseException:
            stop.set()
            abandon.set()
            raise
        finally:
            worker.join()
    if ending is not None:
        raise ending


def _next(happened: queue.SimpleQueue[BaseException | int | None]) -> BaseException | int | None:
    """Return what happens next. A signal that comes at the very moment of falling asleep wakes nobody by itself."""
    while True:
        try:
            return happened.get(timeout=_LONGEST_SLEEP)
        except queue.Empty:
            continue


@contextmanager
def _signals_into(happened: queue.SimpleQueue[BaseException | int | None]) -> Iterator[Callable[[], None]]:
    """Put the number of each signal into a queue, until the function that is given is called."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in _WATCHED} if in_main_thread else {}

    def no_more() -> None:
        for number in before:
            signal.signal(number, signal.SIG_DFL)

    try:
        for number in before:
            signal.signal(number, lambda number, _: happened.put(int(number)))
        yield no_more
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
