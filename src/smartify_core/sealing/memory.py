"""A key ring that lives as long as the process: for tests, demos and stores that are lost at exit anyway."""

from __future__ import annotations

from ._root_secrets import RootKeyRing, RootSecrets


class MemoryKeyRing(RootKeyRing):
    """Random keys, made when the ring is made and lost with it. Implements `KeyRing`."""

    def __init__(self) -> None:
        super().__init__(RootSecrets.fresh())

    def __repr__(self) -> str:
        """Return the kind of the ring, and nothing of its keys."""
        return "MemoryKeyRing()"
