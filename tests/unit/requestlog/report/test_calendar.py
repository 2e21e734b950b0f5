"""Days and hours at an offset, whatever the machine's own are."""

from __future__ import annotations

import pytest
from tests.unit.requestlog.report._engine import DAY, HOUR, MONDAY

from smartify_core.requestlog.report._calendar import WEEK, Calendar

AT = MONDAY + 23 * HOUR + 30 * 60


@pytest.mark.parametrize(
    ("offset", "name", "day", "midnight"),
    [
        (0, "UTC", "Mon 2 Nov", MONDAY),
        (60, "UTC+01:00", "Tue 3 Nov", MONDAY + 23 * HOUR),
        (-210, "UTC−03:30", "Mon 2 Nov", MONDAY + 210 * 60),
        (345, "UTC+05:45", "Tue 3 Nov", MONDAY + DAY - 345 * 60),
    ],
)
def test_days_begin_at_the_offsets_midnight(offset: int, name: str, day: str, midnight: int) -> None:
    """An instant late in the day is on the next day further east."""
    calendar = Calendar(offset)
    assert (calendar.name, calendar.day(AT), calendar.midnight(AT)) == (name, day, midnight)
    assert calendar.at(calendar.midnight(AT)).hour == 0
    assert calendar.at(calendar.hour_of(AT)).minute == 0
    assert calendar.at(calendar.monday(AT)).weekday() == 0
    assert AT - calendar.monday(AT) < WEEK


@pytest.mark.parametrize(
    ("since", "until", "told"),
    [
        (MONDAY, MONDAY + DAY, "2 November 2026"),
        (MONDAY, MONDAY + 28 * DAY, "2 to 29 November 2026"),
        (MONDAY, MONDAY + 40 * DAY, "2 November to 11 December 2026"),
        (MONDAY, MONDAY + 90 * DAY, "2 November 2026 to 30 January 2027"),
        (MONDAY, MONDAY, "2 November 2026"),
    ],
)
def test_spans_say_no_more_than_they_must(since: int, until: int, told: str) -> None:
    """Month and year are told once where they are the same; the end is the last day, not the one after it."""
    assert Calendar().span(since, until) == told


def test_moments() -> None:
    """Instants are told as far as they have to be."""
    calendar = Calendar(60)
    assert calendar.moment(AT) == "3 Nov 2026, 00:30"
    assert calendar.recent(AT, AT + DAY) == "3 Nov, 00:30"
    assert calendar.recent(AT, AT + 90 * DAY) == "3 Nov 2026, 00:30"
    assert calendar.hour(MONDAY) == "Mon 2 Nov, 01:00 to 02:00"
    assert calendar.iso(AT) == "2026-11-03T00:30:00+01:00"
    assert (calendar.month(AT), calendar.month(AT + 60 * DAY)) == ("Nov", "2027")
    assert [calendar.is_weekend(MONDAY + day * DAY) for day in range(7)] == [False] * 5 + [True] * 2
