"""Where the marks of axes stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import evolve, frozen

from ._calendar import DAY, HOUR, Calendar

_EACH_DAY: Final = 10
_EACH_MONDAY: Final = 62
_EACH_FORTNIGHT: Final = 130
#: More marks than this get in each other's way on a phone: every other one is left out there.
_ROOM_ON_A_PHONE: Final = 6


@frozen
class Tick:
    """A mark of the time axis: at which step, what it says, and whether a phone has no room for it."""

    step: int
    text: str
    minor: bool = False


def round_marks(largest: int, most: int = 4) -> tuple[int, ...]:
    """Return round numbers from 0 to at least ``largest``, evenly spaced and at most ``most`` of them above 0."""
    if largest <= 0:
        return (0, 1)
    size = 1
    while True:
        for factor in (1, 2, 5):
            step = size * factor
            if step * most >= largest:
                return tuple(range(0, step * (-(-largest // step)) + 1, step))
        size *= 10


def time_ticks(
    starts: Sequence[int], length: int, calendar: Calendar, room: int = _ROOM_ON_A_PHONE
) -> tuple[Tick, ...]:
    """Return the marks of a time axis.

    Args:
        starts: When each step begins, in seconds since the epoch, in order.
        length: How long a step is, in seconds.
        calendar: The days and hours to go by.
        room: How many marks a phone has room for.
    """
    if length <= HOUR:
        ticks = _hours(starts, calendar)
    elif length > DAY or len(starts) > _EACH_FORTNIGHT:
        ticks = _months(starts, calendar)
    elif len(starts) <= _EACH_DAY:
        ticks = [Tick(step, calendar.weekday(at)) for step, at in enumerate(starts)]
    elif len(starts) <= _EACH_MONDAY:
        ticks = [Tick(step, calendar.short(at)) for step, at in enumerate(starts) if calendar.at(at).weekday() == 0]
    else:
        ticks = [Tick(step, calendar.short(at)) for step, at in enumerate(starts) if calendar.at(at).day in {1, 15}]
    crowded = len(ticks) > room
    return tuple(evolve(one, minor=crowded and number % 2 == 1) for number, one in enumerate(ticks))


def _hours(starts: Sequence[int], calendar: Calendar) -> list[Tick]:
    every = next(hours for hours in (1, 3, 6, 12, 24) if hours == 24 or len(starts) / hours <= 12)  # noqa: PLR2004 - hours of a day, marks of an axis
    ticks = []
    for step, at in enumerate(starts):
        when = calendar.at(at)
        if when.hour % every == 0:
            ticks.append(Tick(step, calendar.short(at) if when.hour == 0 else f"{when:%H:%M}"))
    return ticks


def _months(starts: Sequence[int], calendar: Calendar) -> list[Tick]:
    months = [calendar.at(at).month for at in starts]
    return [
        Tick(step, calendar.month(starts[step]))
        for step in range(len(starts))
        if (months[step] != months[step - 1] if step else calendar.at(starts[0]).day == 1)
    ]
