"""Shredding: what has ended is gone everywhere, is on record, and stays gone after a restore.

- `Shredder` writes the receipts of ended accounts, off-boards tenants, and guards against older stores.
- `EndingsFile` is the register of endings that the host keeps outside of the store's backups.
- `check_restored` is that guard alone, for whoever opens a store and needs nothing else of it.
- `LegalHolds` forbid for a while that somebody's account ends.
"""

from __future__ import annotations

from ._endings_file import Ending, EndingsFile, EndingsHead
from ._register import check_restored
from ._shredder import Reshredded, Shredder
from ._standing_below import LegalHolds, TenantStanding

__all__ = [
    "Ending",
    "EndingsFile",
    "EndingsHead",
    "LegalHolds",
    "Reshredded",
    "Shredder",
    "TenantStanding",
    "check_restored",
]
