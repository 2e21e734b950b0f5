"""Ctrl-C and SIGTERM: an exception in the main thread, so that leases are given back and files closed on the way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_WATCHED: Final = (signal.SIGINT, signal.SIGTERM)
#: A process that stops by a signal reports 128 and the signal's number, as shells do.
_SHELLS_OFFSET: Final = 128


class Stopped(BaseException):  # no Exception: nothing that catches errors may go on after it
    """Someone asked the process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = _SHELLS_OFFSET + number


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
