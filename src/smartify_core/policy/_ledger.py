"""Where policy keeps what it knows: under a name of its own in the host's store, beside the tenants."""

from __future__ import annotations

from datetime import UTC, datetime

from smartify_core.model import LEDGER

__all__ = ["LEDGER", "utc_now"]


def utc_now() -> datetime:
    """Return the present instant by the machine's clock, aware and in UTC: the clock where none is handed in."""
    return datetime.now(UTC)
