"""The guard of cardinality: how many different names one day may bring."""

from __future__ import annotations

from typing import Final

_DAY: Final = 86_400


class Distinct:
    """Admits so many different names a day. A name that it has admitted stays admitted until a full guard begins anew.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()
        self._day = -1

    def admits(self, name: str, time: int) -> bool:
        """Return whether ``name``, met at ``time`` (seconds since 1970 UTC), is one of those that are told apart."""
        if name in self._names:
            return True
        day = time // _DAY
        if len(self._names) >= self._most:
            if day == self._day:
                return False
            self._names.clear()
        self._day = day
        self._names.add(name)
        return True
