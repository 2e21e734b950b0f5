"""Where identities come from: the `DirectorySource` port.

Its adapters are ``directory.google`` and ``directory.jsonl``.
"""

from __future__ import annotations

from ._source import (
    Capability,
    Certificate,
    DirectorySource,
    Gone,
    Listing,
    Presence,
    Present,
    Reject,
    Snapshot,
    Uncertain,
)

__all__ = [
    "Capability",
    "Certificate",
    "DirectorySource",
    "Gone",
    "Listing",
    "Presence",
    "Present",
    "Reject",
    "Snapshot",
    "Uncertain",
]
