"""Where policy keeps what it knows: under a name of its own in the host's store, beside the tenants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

#: The name under which a store holds the audit trail, employees, grants and vendors. The tenants of a configuration
#: cannot have it (they have no colon), and it outlives every tenant that is off-boarded.
LEDGER: Final = "smartify:policy"


def utc_now() -> datetime:
    """Return the present instant by the machine's clock, aware and in UTC: the clock where none is handed in."""
    return datetime.now(UTC)
