"""Numbers with what they count. Pure."""

from __future__ import annotations


def numbered(number: int, what: str) -> str:
    """Return a number and what it counts, as in ``1 account`` and ``2,000 entries``."""
    many = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{number:,} {what if number == 1 else many}"


def are(number: int) -> str:
    """Return the verb that goes with a number of things."""
    return "is" if number == 1 else "are"
