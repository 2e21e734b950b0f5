"""The hours of a week: when people are there, and when nobody is. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from ._calendar import Calendar

#: Below this, a day of the week was met too seldom to speak of a habit.
_WHOLE_WEEK: Final = 7


def by_weekday(
    hours: Mapping[tuple[int, int], tuple[int, int]], calendar: Calendar
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return requests and errors by weekday (0 for Monday) and hour.

    Args:
        hours: Requests and errors by when a day begins and the hour.
        calendar: The days to go by.
    """
    found: dict[tuple[int, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for (day, hour), (requests, errors) in sorted(hours.items()):
        key = calendar.at(day).weekday(), hour
        before = found[key]
        found[key] = before[0] + requests, before[1] + errors
    return dict(found)


def quietest(hours: Mapping[tuple[int, int], tuple[int, int]], calendar: Calendar, days: int) -> tuple[int, int] | None:
    """Return the weekday and hour in which the fewest requests come in, of those that every week has.

    Args:
        hours: Requests and errors by when a day begins and the hour.
        calendar: The days to go by.
        days: How many days the period has. In less than a week there is no habit, and the answer is None.
    """
    if days < _WHOLE_WEEK or not hours:
        return None
    found = by_weekday(hours, calendar)
    return min(
        ((day, hour) for day in range(7) for hour in range(24)), key=lambda key: (found.get(key, (0, 0))[0], key)
    )
