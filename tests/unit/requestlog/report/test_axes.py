"""Marks of axes."""

from __future__ import annotations

import pytest
from tests.unit.requestlog.report._engine import DAY, HOUR, MONDAY

from smartify_core.requestlog.report._axes import round_marks, time_ticks
from smartify_core.requestlog.report._calendar import WEEK, Calendar


@pytest.mark.parametrize(
    ("largest", "marks"),
    [
        (0, (0, 1)),
        (1, (0, 1)),
        (3, (0, 1, 2, 3)),
        (7, (0, 2, 4, 6, 8)),
        (38_832, (0, 10_000, 20_000, 30_000, 40_000)),
        (9_999_999, (0, 5_000_000, 10_000_000)),
    ],
)
def test_marks_are_round(largest: int, marks: tuple[int, ...]) -> None:
    """Marks are evenly spaced round numbers, and the last one is above everything."""
    assert round_marks(largest) == marks


@pytest.mark.parametrize(
    ("steps", "length", "first", "texts"),
    [
        (6, HOUR, 0, ["2 Nov", "01:00", "02:00", "03:00", "04:00", "05:00"]),
        (48, HOUR, 0, ["2 Nov", "06:00", "12:00", "18:00", "3 Nov", "06:00", "12:00", "18:00"]),
        (96, HOUR, 0, ["2 Nov", "12:00", "3 Nov", "12:00", "4 Nov", "12:00", "5 Nov", "12:00"]),
        (7, DAY, 0, ["Mon 2", "Tue 3", "Wed 4", "Thu 5", "Fri 6", "Sat 7", "Sun 8"]),
        (30, DAY, 2, ["9 Nov", "16 Nov", "23 Nov", "30 Nov"]),
        (90, DAY, 0, ["15 Nov", "1 Dec", "15 Dec", "1 Jan", "15 Jan"]),
        (200, DAY, 0, ["Dec", "2027", "Feb", "Mar", "Apr", "May"]),
        (20, WEEK, 0, ["Dec", "2027", "Feb", "Mar"]),
    ],
)
def test_marks_of_time(steps: int, length: int, first: int, texts: list[str]) -> None:
    """How long a time is decides what its marks say: hours, days, Mondays, halves of months, months."""
    starts = [MONDAY + first * DAY + step * length for step in range(steps)]
    assert [tick.text for tick in time_ticks(starts, length, Calendar())] == texts


def test_phones_have_every_other_mark() -> None:
    """Where there are more marks than a phone has room for, every other one is left out there."""
    starts = [MONDAY + step * DAY for step in range(7)]
    assert [tick.minor for tick in time_ticks(starts, DAY, Calendar())] == [False, True] * 3 + [False]
    assert not any(tick.minor for tick in time_ticks(starts, DAY, Calendar(), room=7))
