"""The clock that is used where none is handed in."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant by the machine's clock, aware and in UTC."""
    return datetime.now(UTC)
