"""The names of features that are told apart, and the guard that folds the rest."""

from __future__ import annotations

from typing import Final

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._names import OTHER, UNMATCHED
from smartify_core.requestlog._event._parts import Feature

from ._distinct import Distinct
from ._routes import Routes

FOLDED: Final = Feature(OTHER)
NOT_MATCHED: Final = Feature(UNMATCHED)


class Features:
    """Turns the names that frameworks and hosts hand over into features; each distinct one is checked once a day.

    A name that looks like a value, or comes after the most that are told apart in a day, folds into ``(other)``. So a
    framework that hands over paths by mistake fills no log with them.

    Args:
        allowed: All names that a feature may have; None for any.
        most: How many are told apart in a day.
    """

    def __init__(self, allowed: frozenset[str] | None, most: int) -> None:
        self._allowed = allowed
        self._most = most
        self._distinct = Distinct(most)
        #: Every name of the day. Read without a lock: at worst two threads check the same name.
        self.known: dict[str | None, Feature] = {None: NOT_MATCHED, UNMATCHED: NOT_MATCHED}
        self.routes = Routes()
        for name in allowed or ():
            self.routes.learn(name)

    def named(self, name: str | None, time: int) -> Feature:
        """Return the feature called ``name`` of a request at ``time`` (seconds since 1970)."""
        found = self.known.get(name)
        return self._first(name, time) if found is None else found

    def _first(self, name: str | None, time: int) -> Feature:
        if self._allowed is not None and name not in self._allowed:
            return FOLDED
        try:
            feature = Feature(name)  # type: ignore[arg-type] # which checks that it is a text
        except UsageError:
            return FOLDED
        if not self._distinct.admits(feature.name, time):
            return FOLDED
        if len(self.known) > self._most + 1:
            # The guard began anew, and so do we.
            self.known = {None: NOT_MATCHED, UNMATCHED: NOT_MATCHED}
        self.known[feature.name] = feature
        self.routes.learn(feature.name)
        return feature
