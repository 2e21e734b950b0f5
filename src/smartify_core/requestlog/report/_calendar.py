"""Instants as people read them, at one offset from UTC and in one language, whatever the machine's own are. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from attrs import frozen

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_SATURDAY: Final = 5


@frozen
class Calendar:
    """The days and hours of one offset.

    Args:
        offset: Minutes east of UTC.
    """

    offset: int = 0

    def at(self, instant: int) -> datetime:
        """Return an instant, in seconds since the epoch, as the clocks on the wall show it."""
        return datetime.fromtimestamp(instant, UTC).astimezone(timezone(timedelta(minutes=self.offset)))

    def midnight(self, instant: int) -> int:
        """Return when the day began that an instant is in."""
        return instant - (instant + self.offset * 60) % DAY

    def monday(self, instant: int) -> int:
        """Return when the week began that an instant is in."""
        return self.midnight(instant) - self.at(instant).weekday() * DAY

    def hour_of(self, instant: int) -> int:
        """Return when the hour began that an instant is in."""
        return instant - (instant + self.offset * 60) % HOUR

    def is_weekend(self, instant: int) -> bool:
        """Return whether it is a Saturday or a Sunday."""
        return self.at(instant).weekday() >= _SATURDAY

    def day(self, instant: int) -> str:
        """Return a day of the week and of the month, such as ``Mon 2 Nov``."""
        when = self.at(instant)
        return f"{WEEKDAYS[when.weekday()][:3]} {when.day} {_MONTHS[when.month - 1][:3]}"

    def weekday(self, instant: int) -> str:
        """Return a day of the week and of the month, such as ``Mon 2``."""
        when = self.at(instant)
        return f"{WEEKDAYS[when.weekday()][:3]} {when.day}"

    def short(self, instant: int) -> str:
        """Return a day, such as ``2 Nov``."""
        when = self.at(instant)
        return f"{when.day} {_MONTHS[when.month - 1][:3]}"

    def month(self, instant: int) -> str:
        """Return a month, such as ``Nov``, and in place of January the year, such as ``2027``."""
        when = self.at(instant)
        return str(when.year) if when.month == 1 else _MONTHS[when.month - 1][:3]

    def date(self, instant: int) -> str:
        """Return a whole date, such as ``2 November 2026``."""
        when = self.at(instant)
        return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"

    def moment(self, instant: int) -> str:
        """Return a date and a time, such as ``2 Nov 2026, 14:05``."""
        when = self.at(instant)
        return f"{when.day} {_MONTHS[when.month - 1][:3]} {when.year}, {when:%H:%M}"

    def recent(self, instant: int, now: int) -> str:
        """Return a date and a time; the year only where it is not that of ``now``."""
        when = self.at(instant)
        return f"{self.short(instant)}, {when:%H:%M}" if when.year == self.at(now - 1).year else self.moment(instant)

    def hour(self, instant: int) -> str:
        """Return the hour that an instant begins, such as ``Mon 2 Nov, 14:00 to 15:00``."""
        return f"{self.day(instant)}, {self.at(instant):%H:%M} to {self.at(instant + HOUR):%H:%M}"

    def iso(self, instant: int) -> str:
        """Return an instant for programs."""
        return self.at(instant).isoformat()

    def span(self, since: int, until: int) -> str:
        """Return the days from one instant to just before another."""
        last = max(since, until - 1)
        first, end = self.at(since), self.at(last)
        if self.midnight(since) == self.midnight(last):
            return self.date(since)
        if first.year != end.year:
            return f"{self.date(since)} to {self.date(last)}"
        if first.month != end.month:
            return f"{first.day} {_MONTHS[first.month - 1]} to {self.date(last)}"
        return f"{first.day} to {self.date(last)}"

    @property
    def name(self) -> str:
        """The offset as people write it."""
        if self.offset == 0:
            return "UTC"
        hours, minutes = divmod(abs(self.offset), 60)
        sign = "+" if self.offset > 0 else "\N{MINUS SIGN}"
        return f"UTC{sign}{hours:02}:{minutes:02}"
