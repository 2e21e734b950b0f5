"""Where policy keeps what it knows: under a name of its own in the host's store, beside the tenants."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from smartify_core.model import LEDGER

__all__ = ["LEDGER", "is_key", "utc_now"]

_LONGEST: Final = 900


def utc_now() -> datetime:
    """Return the present instant by the machine's clock, aware and in UTC: the clock where none is handed in."""
    return datetime.now(UTC)


def is_key(text: object) -> bool:
    """Return whether something may be looked up in a store at all."""
    return isinstance(text, str) and 0 < len(text.encode("utf-8", "surrogatepass")) <= _LONGEST and text.isprintable()
