"""Where sealed accounts live: the `Storage` port. Its adapters are ``storage.memory`` and ``storage.sqlite``."""

from __future__ import annotations

from ._maintained import Finding, Maintained
from ._storage import KEYS_AT_ONCE, Storage

__all__ = ["KEYS_AT_ONCE", "Finding", "Maintained", "Storage"]
