"""Asking engines for all that a report tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import evolve

from smartify_core.requestlog.analysis import Coverage, Engine

from ._calendar import DAY, HOUR, WEEK, Calendar
from ._comparing import Before, compare, steps_of
from ._facts import Facts, Failed, Span, Spike, Step, Unused, Used, column_at, columns_of
from ._ranking import rankings
from ._rows import Row, rows_of
from ._sections._features import MOST

_MOST_HOURS: Final = 4 * DAY
_MOST_DAYS: Final = 200 * DAY
#: In less than this, that nobody used a feature says nothing.
_UNUSED_AFTER: Final = 7 * DAY
#: What part of a step may be over when the first event comes, and the step still counts as whole.
_BEGUN_LATE: Final = 0.2


def gather(engine: Engine, before: Before | None, *, title: str, now: int) -> Facts:
    """Return everything that a report tells.

    Args:
        engine: What answers for the report's period.
        before: Makes what answers for the time just before; None where that is not wanted.
        title: The report's title.
        now: When it is written, in seconds since the epoch.
    """
    calendar = Calendar(engine.offset)
    coverage = engine.coverage()
    if coverage.first is None or coverage.last is None:
        return Facts(title, now, calendar, Span(now, now), coverage)
    period, step = _period(engine, coverage.first, coverage.last, calendar)
    known = _known(engine, coverage, period, step, now)
    compared, moved, trend_before = compare(engine, before, period, step, known)
    unused_since = calendar.midnight(period.until - max(_UNUSED_AFTER, period.length // 2))
    ranked, floors = rankings(engine)
    return Facts(
        title,
        now,
        calendar,
        period,
        coverage,
        step,
        trend=_trend(engine, period, step, known),
        trend_before=trend_before,
        compared=compared,
        used=_used(engine, period, step, calendar),
        failed=tuple(map(_failed, rows_of(engine.ask("errors")))),
        hours=_hours(engine),
        moved=moved,
        spikes=tuple(map(_spike, rows_of(engine.ask("spikes")))),
        unused=_unused(engine, unused_since) if period.length >= 2 * _UNUSED_AFTER else None,
        unused_since=unused_since,
        browsers=_browsers(engine, step, calendar),
        rankings=ranked,
        floors=floors,
    )


def _period(engine: Engine, first: int, last: int, calendar: Calendar) -> tuple[Span, int]:
    """Return what the report is about, from the beginning of a step to the end of one, and how long a step is."""
    since = first if engine.since is None else engine.since
    until = last + 1 if engine.until is None else engine.until
    step = HOUR if until - since <= _MOST_HOURS else DAY if until - since <= _MOST_DAYS else WEEK
    start = {HOUR: calendar.hour_of, DAY: calendar.midnight, WEEK: calendar.monday}[step](since)
    return Span(start, start + -(-(until - start) // step) * step), step


def _known(engine: Engine, coverage: Coverage, period: Span, step: int, now: int) -> Span:
    """Return what the log covers of the period so far: from about the beginning of a step on, until now."""
    first, last = coverage.first or 0, coverage.last or 0
    begun = max(period.since, first if engine.since is None else max(first, engine.since))
    over = (begun - period.since) % step
    if over:
        # A log that is quiet at night does not begin late because the first request comes at six.
        begun += -over if over <= step * _BEGUN_LATE else step - over
    until = now if engine.until is None else min(now, engine.until)
    if engine.until is None and period.until - last > step * _BEGUN_LATE:
        # Nobody can tell whether the log ended then, or the requests did.
        until = min(until, last)
    return Span(begun, max(begun, min(period.until, until)))


def _trend(engine: Engine, period: Span, step: int, known: Span) -> tuple[Step | None, ...]:
    """Return each step; one that began before the log did, or is not over yet, is not whole."""
    return tuple(
        None
        if not one.requests and one.start + step <= known.since
        else evolve(one, whole=known.since <= one.start and one.start + step <= known.until)
        for one in steps_of(engine, period, step)
    )


def _used(engine: Engine, period: Span, step: int, calendar: Calendar) -> tuple[Used, ...]:
    """Return every feature, the most used first, and how the first ones were used over time."""
    found = [_use(row) for row in rows_of(engine.ask("features"))]
    found.sort(key=lambda one: (-one.requests, one.feature))
    shown = {one.feature for one in found[:MOST]}
    courses: dict[tuple[str, int], int] = defaultdict(int)
    for row in rows_of(engine.ask("features_by_day")):
        if (feature := row.text("feature")) in shown:
            courses[feature, column_at(row.count("day"), step, calendar)] += row.count("requests")
    starts = columns_of(period, step, calendar)
    return (
        *(evolve(one, course=tuple(courses[one.feature, at] for at in starts)) for one in found[:MOST]),
        *found[MOST:],
    )


def _use(row: Row) -> Used:
    half, most, last = map(row.maybe, ("p50_ms", "p95_ms", "last"))
    return Used(row.text("feature"), row.count("requests"), row.count("errors"), half, most, last)


def _failed(row: Row) -> Failed:
    return Failed(
        row.text_or_none("error"),
        row.text("feature"),
        row.text_or_none("failed"),
        row.maybe("status"),
        row.count("requests"),
        row.maybe("last"),
    )


def _hours(engine: Engine) -> Mapping[tuple[int, int], tuple[int, int]]:
    return {
        (row.count("day"), row.count("hour")): (row.count("requests"), row.count("errors"))
        for row in rows_of(engine.ask("errors_by_hour"))
    }


def _spike(row: Row) -> Spike:
    return Spike(
        row.count("start"),
        row.text("feature"),
        row.count("requests"),
        row.count("errors"),
        row.number("usual") or 0.0,
        row.number("factor"),
    )


def _unused(engine: Engine, since: int) -> Sequence[Unused]:
    return tuple(
        Unused(row.text("feature"), row.maybe("last"), row.count("requests"))
        for row in rows_of(engine.ask("retiring", since=since))
    )


def _browsers(engine: Engine, step: int, calendar: Calendar) -> Mapping[int, Mapping[str, int]]:
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows_of(engine.ask("browsers_by_day")):
        found[column_at(row.count("day"), step, calendar)][row.text_or_none("browser") or "unknown"] += row.count(
            "requests"
        )
    return found
