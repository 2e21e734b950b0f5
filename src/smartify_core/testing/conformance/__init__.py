"""Kits that prove a directory source or a storage backend of yours. Needs the extra ``[testing]``.

Subclass a kit in your tests and give it one fixture, ``world``; each test in it is one numbered clause of a contract
(``docs/reference/directory-contract.md``, ``docs/reference/storage-contract.md``, ``docs/reference/sink-contract.md``,
``docs/reference/key-ring-contract.md``, ``docs/reference/notifier-contract.md``).

- `DirectoryConformance` proves a `DirectorySource` through a `DirectoryWorld`; `FakeDirectoryWorld` is one.
- `KeyRingConformance` proves a `KeyRing` through a `KeyRingWorld`, with promises of `KeyRingCapability`.
- `NotifierContract` proves a `Notifier` of breach notices through a `NotifierWorld`, with promises of
  `NotifierCapability`.
- `StorageConformance` proves a `Storage` through a `StorageWorld`, which says by `StorageCapability` what it promises.
- `SinkConformance` proves the `Sink` of a request log through a `SinkWorld`, with promises of `SinkCapability`.
"""

from __future__ import annotations

import pkgutil

try:
    import hypothesis  # noqa: F401 - looked for here, so that what is missing is named
    import pytest
except ImportError:
    from smartify_core.errors import MissingExtra

    raise MissingExtra.named("testing", needed_for="smartify_core.testing.conformance") from None

# Before the clauses are imported, so that a failing one shows the values that it compared.
pytest.register_assert_rewrite(
    *(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__) if not module.name.endswith("_world"))
)

from ._directory_kit import DirectoryConformance  # noqa: E402 - after the rewriting is registered
from ._directory_world import DirectoryWorld  # noqa: E402 - as above
from ._fake_directory_world import FakeDirectoryWorld  # noqa: E402 - as above
from ._key_ring_kit import KeyRingConformance  # noqa: E402 - as above
from ._key_ring_world import KeyRingCapability, KeyRingWorld  # noqa: E402 - as above
from ._notifier_kit import NotifierContract  # noqa: E402 - as above
from ._notifier_world import (  # noqa: E402 - as above
    Arrival,
    NotifierCapability,
    NotifierWorld,
)
from ._sink_kit import SinkConformance  # noqa: E402 - as above
from ._sink_world import SinkCapability, SinkWorld  # noqa: E402 - as above
from ._storage_kit import StorageConformance  # noqa: E402 - as above
from ._storage_world import StorageCapability, StorageWorld  # noqa: E402 - as above

__all__ = [
    "Arrival",
    "DirectoryConformance",
    "DirectoryWorld",
    "FakeDirectoryWorld",
    "KeyRingCapability",
    "KeyRingConformance",
    "KeyRingWorld",
    "NotifierCapability",
    "NotifierContract",
    "NotifierWorld",
    "SinkCapability",
    "SinkConformance",
    "SinkWorld",
    "StorageCapability",
    "StorageConformance",
    "StorageWorld",
]
