"""The rhythm of the week. Pure."""

from __future__ import annotations

from smartify_core.requestlog.report._calendar import WEEKDAYS
from smartify_core.requestlog.report._charts._heat import Field, heat
from smartify_core.requestlog.report._facts import Facts
from smartify_core.requestlog.report._markup import Element
from smartify_core.requestlog.report._rhythm import by_weekday, quietest
from smartify_core.requestlog.report._words import counted, number

from ._section import figure, section


def week(facts: Facts) -> Element | None:
    """Return requests by weekday and hour, or nothing where the log has less than a week."""
    quiet = quietest(facts.hours, facts.calendar, len(facts.days))
    if quiet is None:
        return None
    found = by_weekday(facts.hours, facts.calendar)
    busy = max(found, key=lambda key: (found[key][0], -key[0], -key[1]))
    rows = []
    for day, name in enumerate(WEEKDAYS):
        numbers = [found.get((day, hour), (0, 0))[0] for hour in range(24)]
        told = [Field(one, f"{name} {hour:02}:00: {counted(one, 'request')}") for hour, one in enumerate(numbers)]
        rows.append((name[:3], told))
    description = (
        f"Most requests come in on {WEEKDAYS[busy[0]]} from {busy[1]:02}:00, the fewest on {WEEKDAYS[quiet[0]]} from "
        f"{quiet[1]:02}:00."
    )
    cells = [(name, *(number(one.value) for one in fields)) for name, fields in rows]
    return section(
        "week",
        "Week",
        "When people are there. The quiet hours are the ones for maintenance.",
        figure(
            "week",
            "Requests by weekday and hour",
            heat("week-heat", "Requests by weekday and hour", description, rows, kind="cool"),
            ("Day", *(f"{hour:02}" for hour in range(24))),
            cells,
            note=description,
        ),
    )
