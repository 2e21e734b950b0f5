"""Parcels for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from smartify_core.policy.breach import Parcel

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def parcel(**other: Any) -> Parcel:
    """Return a parcel to somebody."""
    values: dict[str, Any] = {
        "id": "ntc-0001",
        "attempt": 1,
        "at": AT,
        "address": "privacy@customer.example",
        "kind": "breach.notice.first",
        "subject": "What we know",
        "text": "Something happened.\n",
        "html": "<p>Something happened.</p>\n",
        "locale": "en",
        "payload": {"type": "breach.notice.first", "data": {"incident": "inc-1"}},
    }
    return Parcel(**values | other)
