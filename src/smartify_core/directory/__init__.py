"""Where identities come from: the `DirectorySource` port.

Its adapters are ``directory.google`` and ``directory.jsonl``. For authors of sources of their own: `SnapshotLife` keeps
the rules that every snapshot has, `expand` says who is in which group by whatever path, `name_part` and `is_address`
decide what counts as a name and an address.
"""

from __future__ import annotations

from ._address import is_address
from ._expansion import Expansion, GroupMembers, expand
from ._name_part import name_part
from ._reading import Findings, SnapshotLife
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
    no_single_read,
)

__all__ = [
    "Capability",
    "Certificate",
    "DirectorySource",
    "Expansion",
    "Findings",
    "Gone",
    "GroupMembers",
    "Listing",
    "Presence",
    "Present",
    "Reject",
    "Snapshot",
    "SnapshotLife",
    "Uncertain",
    "expand",
    "is_address",
    "name_part",
    "no_single_read",
]
