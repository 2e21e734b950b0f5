"""A key ring that lives as long as the process: for tests, demos and stores that are lost at exit anyway."""

from __future__ import annotations

from collections.abc import Callable

from ._root_secrets import RootKeyRing, RootSecrets


class MemoryKeyRing(RootKeyRing):
    """Random keys, made when the ring is made and lost with it. Implements `RotatingKeyRing`."""

    def __init__(self) -> None:
        super().__init__(RootSecrets.fresh())

    def rotate(self) -> None:
        """Add a key that wraps from now on. What was wrapped before still opens."""
        self._take(self._secrets.with_new_wrapping())

    def retire(self, key_id: str, *, uses: Callable[[str], int]) -> None:
        """Take a key out. See `FileKeyRing.retire`."""
        self._take(self._secrets.without(key_id, uses))

    def __repr__(self) -> str:
        """Return the kind of the ring, and nothing of its keys."""
        return "MemoryKeyRing()"
