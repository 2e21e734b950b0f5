"""Group commit: callers that arrive while a commit is under way share the next one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class _Seat(Generic[_Item]):
    """One caller in the line."""

    __slots__ = ("gate", "item", "leads")

    def __init__(self, item: _Item) -> None:
        self.item = item
        #: Held until there is something to tell the caller.
        self.gate = threading.Lock()
        self.gate.acquire()
        self.leads = False


class Line(Generic[_Item]):
    """A line of callers. The one in front commits for as many of those behind as fit together.

    Args:
        commit: Commits items together and notes on each of them what came of it.
        fitting: Returns how many of these items, from the first on, can be committed together: at least one.
    """

    def __init__(self, commit: Callable[[Sequence[_Item]], None], fitting: Callable[[Sequence[_Item]], int]) -> None:
        self._commit = commit
        self._fitting = fitting
        #: Guards the three below it, for moments only.
        self._mutex = threading.Lock()
        self._seats: deque[_Seat[_Item]] = deque()
        self._busy = False

    def pass_through(self, item: _Item) -> None:
        """Return when a commit that the item was part of has ended; raise what stopped the commit that we led."""
        seat = _Seat(item)
        with self._mutex:
            self._seats.append(seat)
            seat.leads, self._busy = not self._busy, True
        try:
            if not seat.leads:
                seat.gate.acquire()
        except BaseException:  # interrupted while it waited: nobody else may wait for this seat
            self._leave(seat)
            raise
        if seat.leads:
            self._lead(seat)

    def _lead(self, own: _Seat[_Item]) -> None:
        # Whoever leads is the first of all that wait.
        together: list[_Seat[_Item]] = []
        try:
            with self._mutex:
                number = self._fitting([seat.item for seat in self._seats])
                together = [self._seats.popleft() for _ in range(number)]
            self._commit([seat.item for seat in together])
        finally:
            with self._mutex:
                self._hand_on()
            for seat in together:
                if seat is not own:
                    seat.gate.release()

    def _leave(self, seat: _Seat[_Item]) -> None:
        """Take a caller out of the line who waits no longer. One whose commit is under way has left it already."""
        with self._mutex:
            if seat in self._seats:
                self._seats.remove(seat)
            if seat.leads:
                self._hand_on()

    def _hand_on(self) -> None:
        """Have the first in the line lead, if there is one."""
        self._busy = bool(self._seats)
        if self._seats:
            self._seats[0].leads = True
            self._seats[0].gate.release()
