"""What failed: when, where and how. Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from smartify_core.requestlog.report._calendar import WEEKDAYS
from smartify_core.requestlog.report._charts._heat import Field, heat
from smartify_core.requestlog.report._facts import Facts, Ranking
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._rhythm import by_weekday
from smartify_core.requestlog.report._tables import Column, code, ranking, table
from smartify_core.requestlog.report._words import NOTHING, counted, number

from ._section import figure, nothing, section

#: More days than this are told by weekday: nobody looks at a hundred rows.
_MOST_DAYS: Final = 45
_MOST_ROWS: Final = 12
_PHASES: Final = {
    None: "in a response",
    "before_start": "before the response",
    "streaming": "in the response",
    "cancelled": "client gone",
    "after_end": "after the response",
}


def errors(facts: Facts) -> Element:
    """Return the failures."""
    total = facts.total
    return section(
        "errors",
        "Errors",
        "When and where requests fail. Of an exception only its class is known, never what it said.",
        _map(facts) if total.errors else nothing("No request failed in this time."),
        _spikes(facts),
        _table(facts),
        element("div", _statuses(facts), _methods(facts), class_="cards"),
    )


def _map(facts: Facts) -> Element:
    by_day = len(facts.days) <= _MOST_DAYS
    rows = _days(facts) if by_day else _weekdays(facts)
    worst = max(
        ((name, hour, one.value) for name, fields in rows for hour, one in enumerate(fields) if one is not None),
        key=lambda one: one[2],
    )
    description = f"The most, {counted(worst[2], 'failure')}, on {worst[0]} from {worst[1]:02}:00; it has an outline."
    cells = [(name, *("" if one is None else number(one.value) for one in fields)) for name, fields in rows]
    heading = f"Failures by {'day' if by_day else 'weekday'} and hour"
    return figure(
        "errors",
        heading,
        heat("errors-heat", heading, description, rows, kind="warm"),
        ("Day", *(f"{hour:02}" for hour in range(24))),
        cells,
        note=description,
    )


def _days(facts: Facts) -> list[tuple[str, list[Field | None]]]:
    names = {day: facts.calendar.day(day) for day in facts.days}
    return [(name, [_field(facts, name, day, hour) for hour in range(24)]) for day, name in names.items()]


def _weekdays(facts: Facts) -> list[tuple[str, list[Field | None]]]:
    found = by_weekday(facts.hours, facts.calendar)
    return [
        (name[:3], [_made(name, hour, *found.get((weekday, hour), (0, 0))) for hour in range(24)])
        for weekday, name in enumerate(WEEKDAYS)
    ]


def _field(facts: Facts, name: str, day: int, hour: int) -> Field | None:
    start = day + hour * 3_600
    if not facts.period.since - 3_599 <= start < facts.period.until:
        return None
    requests, failed = facts.hours.get((day, hour), (0, 0))
    return _made(name, hour, requests, failed)


def _made(name: str, hour: int, requests: int, failed: int) -> Field:
    return Field(failed, f"{name}, {hour:02}:00: {number(failed)} of {counted(requests, 'request')} failed")


def _spikes(facts: Facts) -> Element | None:
    if not facts.spikes:
        return None
    columns = (
        Column("Hour", "name"),
        Column("Feature", "name"),
        Column("Failed"),
        Column("of"),
        Column("Usual an hour"),
        Column("Times the usual"),
    )
    rows = [
        (
            facts.calendar.hour(one.start),
            code(one.feature),
            number(one.errors),
            number(one.requests),
            f"{one.usual:.3g}",
            NOTHING if one.factor is None else f"{one.factor:.3g}",
        )
        for one in facts.spikes[:_MOST_ROWS]
    ]
    return element(
        "div",
        element("h3", "Hours that were out of the ordinary"),
        table("spikes", "Hours in which a feature failed far more often than before", columns, rows, kind="stacked"),
        class_="block",
    )


def _table(facts: Facts) -> Element | None:
    if not facts.failed:
        return None
    columns = (
        Column("Error", "name"),
        Column("Feature", "name"),
        Column("Where", "name"),
        Column("Status"),
        Column("Requests"),
        Column("Last"),
    )
    rows: list[tuple[Node | None, ...]] = [
        (
            element("em", "no exception") if one.error is None else code(one.error),
            code(one.feature),
            _PHASES.get(one.phase, one.phase or ""),
            NOTHING if one.status is None else str(one.status),
            number(one.requests),
            NOTHING if one.last is None else facts.calendar.recent(one.last, facts.period.until),
        )
        for one in facts.failed[:_MOST_ROWS]
    ]
    rest = facts.failed[_MOST_ROWS:]
    last = None
    if rest:
        told = element("em", f"{counted(len(rest), 'other kind')}")
        last = (told, None, None, None, number(sum(one.requests for one in rest)), None)
    return element(
        "div",
        element("h3", "What failed"),
        table(
            "failed", "Exceptions and statuses of 500 and above, by feature", columns, rows, kind="stacked", last=last
        ),
        class_="block",
    )


def _statuses(facts: Facts) -> Node | None:
    found = facts.rankings.get("statuses")
    if found is None:
        return None
    named = Ranking([(_status(one), count) for one, count in found.rows], found.few)
    return ranking("statuses", "Statuses", named)


def _status(text: str) -> str:
    try:
        return f"{text} {HTTPStatus(int(text)).phrase}"
    except ValueError:
        return text


def _methods(facts: Facts) -> Node | None:
    found = facts.rankings.get("methods")
    return None if found is None else ranking("methods", "Methods", found, as_code=True)
