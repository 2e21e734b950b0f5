"""Events, notes and lines for logs that tests write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

Item = dict[str, Any] | bytes

#: Monday, 5 January 2026, 00:00 UTC.
MONDAY = 1_767_571_200
HOUR, DAY = 3_600, 86_400
FILE = "requests-20260105T000000Z-7-1.jsonl"


def event(**changes: Any) -> dict[str, Any]:
    """Return the items of an event; None takes a key away."""
    items: dict[str, Any] = {
        "v": 1,
        "time": MONDAY,
        "feature": "/orders/{id}",
        "method": "GET",
        "status": 200,
        "ms": 10,
        "ip": "203.0.113.0/24",
        "browser": "Firefox",
        "version": 140,
        "os": "Linux",
        "device": "desktop",
        "language": "en",
    }
    return {name: value for name, value in (items | changes).items() if value is not None}


def from_networks(number: int, **changes: Any) -> list[dict[str, Any]]:
    """Return events that differ in their networks, one from each."""
    return [event(ip=f"198.51.{at}.0/24", **changes) for at in range(number)]


def note(kind: str, count: int, time: int = MONDAY) -> dict[str, Any]:
    """Return the items of a note."""
    return {"v": 1, "time": time, "note": kind, "count": count}


def text(items: Iterable[dict[str, Any] | bytes]) -> bytes:
    """Return lines; bytes are written as they are."""
    return b"".join(
        one if isinstance(one, bytes) else json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in items
    )
