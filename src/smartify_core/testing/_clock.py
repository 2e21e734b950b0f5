"""Time that a test turns by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class ManualClock:
    """A clock that stands still until it is told to move. Call it for the time, as any ``Clock``.

    Args:
        start: The first instant: an aware datetime, or an ISO 8601 text (UTC where it names no offset).
    """

    def __init__(self, start: datetime | str = "2030-01-01") -> None:
        instant = datetime.fromisoformat(start) if isinstance(start, str) else start
        self._now = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)

    def __call__(self) -> datetime:
        """Return the instant at which the clock stands (aware, UTC)."""
        return self._now

    def advance(self, step: timedelta | None = None, **parts: float) -> datetime:
        """Move the clock by ``step``, or by ``timedelta`` keywords such as ``days=1``, and return the new instant.

        A negative step moves it backwards, as clocks of real machines sometimes do.
        """
        self._now += step if step is not None else timedelta(**parts)
        return self._now
