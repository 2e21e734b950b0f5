"""Counting what happens in any number of threads, and in the children of a fork."""

from __future__ import annotations

import os
import threading


class Tally:
    """A count that any number of threads add to. In the child of a fork it begins at nothing: the rest is the parent's.

    For what is rare: each step takes a lock, for as long as an addition takes.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        # One that the same thread may take twice: a signal's handler may count as well.
        self._lock = threading.RLock()
        self._count = 0

    def _look(self) -> None:
        if os.getpid() != self._pid:
            self._begin()  # the lock, too, may have been taken when the process was forked

    def add(self) -> None:
        """Count one more."""
        self._look()
        with self._lock:
            self._count += 1

    def take(self) -> int:
        """Return the count, and begin anew."""
        self._look()
        with self._lock:
            count, self._count = self._count, 0
        return count

    @property
    def count(self) -> int:
        """The count."""
        self._look()
        return self._count
