"""Hours, days and weeks by a clock that is some minutes off UTC, in whole numbers. SQL. Pure."""

from __future__ import annotations

from typing import Final

HOUR: Final = 3_600
DAY: Final = 86_400
WEEK: Final = 604_800
#: Added before a remainder is taken, so that it is of a number above zero: whole weeks, and more than any offset.
_ABOVE_ZERO: Final = WEEK


def start_of(step: int, time: str, offset: int) -> str:
    """Return the SQL for when the hour, day or week of a time began.

    Weeks begin on Mondays. 1970 began on a Thursday.

    Args:
        step: `HOUR`, `DAY` or `WEEK`.
        time: The column, in seconds since 1970 UTC.
        offset: Minutes that the clock is ahead of UTC.
    """
    ahead = offset * 60 + _ABOVE_ZERO + (3 * DAY if step == WEEK else 0)
    return f"({time} - ({time} + {ahead}) % {step})"


def cell_day(offset: int) -> str:
    """Return the SQL for the day, by our clock, of a cell of a day: that in which the cell's noon lies."""
    return start_of(DAY, f"(start + {DAY // 2})", offset)
