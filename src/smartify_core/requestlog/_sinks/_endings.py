"""How processes begin and end, for sinks: forks, exits, and SIGTERM.

A pump is told of a fork in the child alone. Before a process ends, every pump writes what it has: at
exit; at the exit of a child of `multiprocessing`, which runs no exit handlers; and at SIGTERM.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType
from typing import Final, Protocol
from weakref import WeakSet

#: How long an exit waits for everything to be written, in seconds.
_PATIENCE: Final = 5.0


class Watched(Protocol):
    """What is told of beginnings and endings."""

    def flush(self, timeout: float) -> bool:
        """Write what waits; return whether all of it is written."""
        ...

    def close(self, timeout: float) -> None:
        """Write what waits, and take no more."""
        ...

    def hurry(self) -> None:
        """Write now, and from now on as soon as there is anything. Called by a signal's handler."""
        ...

    def renew(self) -> None:
        """Begin anew, in the child of a fork."""
        ...


_pumps: WeakSet[Watched] = WeakSet()


class _Process:
    """What is done once in each process."""

    def __init__(self) -> None:
        self.catches_sigterm = False
        self.ending = False
        self.before: object = None  # what SIGTERM did before


_process = _Process()


def watch(pump: Watched, *, on_sigterm: bool) -> None:
    """Have a pump write before its process ends, and be renewed in children of forks."""
    _pumps.add(pump)
    if on_sigterm:
        _catch_sigterm()


def entered(*, on_sigterm: bool) -> None:
    """Look at the ways in which this process may end. Called where the first record of a process was put."""
    if on_sigterm:
        _catch_sigterm()
    # Children of multiprocessing end by os._exit, after their own finalizers.
    children = sys.modules.get("multiprocessing.process")
    if children is not None and children.parent_process() is not None:
        from multiprocessing.util import Finalize  # noqa: PLC0415 - loaded already where it is needed

        Finalize(None, _flush, args=(_PATIENCE,), exitpriority=0)


def _flush(patience: float) -> None:
    deadline = time.monotonic() + patience
    for pump in _living():
        pump.flush(max(0.0, deadline - time.monotonic()))


def _close() -> None:
    deadline = time.monotonic() + _PATIENCE
    for pump in _living():
        pump.close(max(0.0, deadline - time.monotonic()))


def _living() -> Iterable[Watched]:
    return list(_pumps)


# This module is among the first that a host imports, so that it is among the last that exit: exit handlers run in
# reverse order, and may have something to put.
atexit.register(_close)


def _forked() -> None:
    # Servers give their children handlers of their own, so we look again; what ours calls stays as it was copied.
    _process.catches_sigterm = _process.ending = False
    for pump in _living():
        pump.renew()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forked)


# --- SIGTERM ---------------------------------------------------------------------------------------------------------


def _catch_sigterm() -> None:
    """Put ourselves before whatever SIGTERM does now. Only the main thread can, and once is enough.

    gunicorn's workers leave through exit handlers. Those of uvicorn end by the signal itself once their last request is
    answered, and a program without a handler at once: neither runs an exit handler.
    """
    if _process.catches_sigterm or threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)
    if before is _on_sigterm or not (before is signal.SIG_DFL or callable(before)):
        return
    with suppress(ValueError):  # not the main interpreter
        signal.signal(signal.SIGTERM, _on_sigterm)
        _process.catches_sigterm = True
        _process.before = before


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    if _process.ending:
        return  # whoever handled it before us calls us in turn
    _process.ending = True
    try:
        before = _process.before
        if callable(before):
            for pump in _living():
                pump.hurry()
            before(number, frame)
            return
        _flush(_PATIENCE)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
    finally:
        _process.ending = False
