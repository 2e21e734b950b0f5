"""Times of the request log as the command line says them: days, hours before now, offsets from UTC. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import click
from attrs import frozen

_back = re.compile(r"([1-9][0-9]{0,4})([wdh])").fullmatch
_offset = re.compile(r"([+-])([0-9]{2}):([0-5][0-9])").fullmatch
_DAYS: Final = {"w": 7, "d": 1}
#: The epoch was a Thursday.
_WEEKDAYS: Final = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")
#: No place on Earth is further from UTC.
_FURTHEST: Final = 14 * 60


@frozen(order=False)
class When:
    """A moment as it was said: a day or an instant, or so many days or hours up to now.

    Args:
        instant: The day or the instant; naive where no offset was said.
        days: So many days, today included.
        hours: So many hours, the present one included.
    """

    instant: datetime | None = None
    days: int = 0
    hours: int = 0

    def at(self, now: datetime, offset: int) -> datetime:
        """Return the instant.

        Args:
            now: The present instant, aware.
            offset: Minutes that days and hours are ahead of UTC.

        Raises:
            OverflowError: It lies before all calendars.
        """
        zone = timezone(timedelta(minutes=offset))
        if self.instant is not None:
            return self.instant if self.instant.tzinfo is not None else self.instant.replace(tzinfo=zone)
        there = now.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        if self.days:
            return there.replace(hour=0) - timedelta(days=self.days - 1)
        return there - timedelta(hours=self.hours - 1)


@frozen(order=False)
class LogPeriod:
    """Which log, and which time of it.

    Args:
        directory: Where it is; the configured directory when None.
        since: Where the time begins; with the log when None.
        until: Where it ends; with the log when None.
        offset: Minutes that days and hours are ahead of UTC.
    """

    directory: Path | None = None
    since: When | None = None
    until: When | None = None
    offset: int = 0


def as_when(_: click.Context, __: click.Parameter, value: str | None) -> When | None:
    """Return the moment that a text names: a callback of options."""
    if value is None:
        return None
    if (found := _back(value)) is not None:
        number, unit = int(found[1]), found[2]
        return When(hours=number) if unit == "h" else When(days=number * _DAYS[unit])
    try:
        return When(datetime.fromisoformat(value))
    except (ValueError, OverflowError):
        raise click.BadParameter("Write a day or time such as 2030-01-31T12:00, or 7d, 4w or 12h.") from None


def as_offset(_: click.Context, __: click.Parameter, value: str) -> int:
    """Return the minutes that an offset such as ``+01:00`` is ahead of UTC: a callback of options."""
    if value.upper() in {"UTC", "Z"}:
        return 0
    found = _offset(value)
    minutes = 0 if found is None else int(found[2]) * 60 + int(found[3])
    if found is None or minutes > _FURTHEST:
        raise click.BadParameter("Write an offset from UTC such as +01:00 or -03:30.")
    return -minutes if found[1] == "-" else minutes


def weekday(instant: int, offset: int) -> str:
    """Return the day of the week that an instant of the log is on: ``Mon``."""
    return _WEEKDAYS[(instant + offset * 60) // 86_400 % 7]


def told(instant: int, offset: int) -> str:
    """Return an instant of the log, in seconds since the epoch, as people read it: ``2030-01-31 12:00:00``."""
    return f"{datetime.fromtimestamp(instant, UTC).astimezone(timezone(timedelta(minutes=offset))):%Y-%m-%d %H:%M:%S}"
