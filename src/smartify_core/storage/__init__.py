"""Where sealed accounts live: the `Storage` port.

- Stores, each chosen by importing it: ``storage.memory``, ``storage.sqlite``, ``storage.postgresql``; by URL:
  ``storage.url``.
- For those who look after a store: ``storage.moving`` copies any into any, ``storage.soundness`` checks any.
- For authors of a backend: ``storage.checks`` of what is handed over, ``storage.deciding`` of what a write may do and
  ``storage.refusals`` of what it may not, ``storage.rows`` for stores that know keys and bytes, and ``storage.walks``
  through whole tenants.
"""

from __future__ import annotations

from ._maintained import Finding, Maintained
from ._storage import KEYS_AT_ONCE, Storage

__all__ = ["KEYS_AT_ONCE", "Finding", "Maintained", "Storage"]
