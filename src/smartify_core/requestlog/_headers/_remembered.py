"""Answers that were found before: a bounded memory that floods of new questions do not wash out."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Answer = TypeVar("_Answer")


class Remembered(Generic[_Key, _Answer]):
    """Answers by key; what is asked for again stays, what is asked for once soon goes.

    An answer is on trial first, in a small place of its own. Asked for a second time, it moves to those that were used
    of late; when these are full they become the older ones, and of the older ones those stay that are asked for again
    before the place is full once more. Whoever sends a new question every time therefore pushes out what is on trial,
    and nothing else.

    Several threads may use it at once: each step is one operation of a dictionary, and the worst that two of them can
    do to one another is to forget an answer, which is then found anew.

    Args:
        room: The most answers that were used of late; there may be as many older ones, and a quarter of it on trial.

    Attributes:
        of_late: The answers that were used of late: who has no time to call `get` looks here first. It is a new one
            each time it is full.
    """

    __slots__ = ("_older", "_on_trial", "_room", "of_late")

    def __init__(self, room: int) -> None:
        self._room = room
        self.of_late: dict[_Key, _Answer] = {}
        self._older: dict[_Key, _Answer] = {}
        self._on_trial: dict[_Key, _Answer] = {}

    def get(self, key: _Key) -> _Answer | None:
        """Return what was kept under ``key``, or None."""
        found = self.of_late.get(key)
        return self._renewed(key) if found is None else found

    def keep(self, key: _Key, answer: _Answer) -> None:
        """Keep an answer, on trial."""
        if len(self._on_trial) >= max(1, self._room // 4):
            self._on_trial = {}
        self._on_trial[key] = answer

    def _renewed(self, key: _Key) -> _Answer | None:
        found = self._older.get(key)
        if found is None:
            found = self._on_trial.pop(key, None)
        if found is not None:
            if len(self.of_late) >= self._room:
                self._older, self.of_late = self.of_late, {}
            self.of_late[key] = found
        return found

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self.of_late) + len(self._older) + len(self._on_trial)
