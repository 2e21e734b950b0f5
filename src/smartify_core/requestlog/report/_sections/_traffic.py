"""Requests, failures and slowness over time. Pure."""

from __future__ import annotations

from typing import Final

from smartify_core.requestlog.report._axes import time_ticks
from smartify_core.requestlog.report._calendar import DAY, HOUR
from smartify_core.requestlog.report._charts._drawing import Tip
from smartify_core.requestlog.report._charts._trend import Panel, Series, trend
from smartify_core.requestlog.report._facts import Facts, Step
from smartify_core.requestlog.report._markup import Element
from smartify_core.requestlog.report._words import counted, number, share

from ._section import figure, section

_COLUMNS: Final = ("Requests", "Failed", "Refused", "Slow")
_HEADINGS: Final = {HOUR: "hour", DAY: "day"}
_FEWEST_SHADED: Final = 3


def traffic(facts: Facts) -> Element:
    """Return the trends."""
    unit = _HEADINGS.get(facts.step, "week")
    steps = facts.trend
    starts = [facts.period.since + place * facts.step for place in range(len(steps))]
    names = [_name(facts, start) for start in starts]
    peak = max((step for step in steps if step is not None), key=lambda step: (step.requests, -step.start))
    worst = max((step for step in steps if step is not None), key=lambda step: (step.errors, -step.start))
    before = list(facts.trend_before)
    whole = [one is None or one.whole for one in steps]
    requests = [Series("requests", "requests", [_of(one, "requests") for one in steps], filled=True, whole=whole)]
    if any(one is not None for one in before):
        requests.insert(0, Series("requests in the period before", "before", [_of(one, "requests") for one in before]))
    failing = [
        Series("refused", "refused", [_of(one, "refused") for one in steps], whole=whole),
        Series("failed", "errors", [_of(one, "errors") for one in steps], filled=True, whole=whole),
    ]
    slow = [Series("slower than a second", "slow", [_of(one, "slow") for one in steps], filled=True, whole=whole)]
    lowest = min((step for step in steps if step is not None), key=lambda step: (step.requests, step.start))
    description = (
        f"From {number(lowest.requests)} to {number(peak.requests)} requests a {unit}, most of them on "
        f"{_name(facts, peak.start)}. At most {counted(worst.errors, 'request')} failed in one {unit}, on "
        f"{_name(facts, worst.start)}."
    )
    shaded = [facts.step <= DAY and len(steps) >= _FEWEST_SHADED and facts.calendar.is_weekend(at) for at in starts]
    drawn = trend(
        "traffic-trend",
        f"Requests, failures and slow requests a {unit}",
        description,
        (
            Panel("Requests", requests, 220, f"{number(peak.requests)} on {_name(facts, peak.start)}"),
            Panel("Failed and refused", failing, 110, f"{number(worst.errors)} on {_name(facts, worst.start)}"),
            Panel("Slower than a second", slow, 64),
        ),
        ticks=time_ticks(starts, facts.step, facts.calendar),
        shaded=shaded,
        told=[_tip(name, step) for name, step in zip(names, steps, strict=True)],
    )
    rows = [(name, *_cells(step)) for name, step in zip(names, steps, strict=True)]
    return section(
        "traffic",
        "Traffic",
        "How much is asked for, and how much of it goes wrong. Failed is what ended in an exception or a status of 500 "
        "and above; refused is a status from 400 to 499." + (" Weekends are shaded." if any(shaded) else ""),
        figure(
            "traffic",
            f"Every {unit}",
            drawn,
            (unit.capitalize(), *_COLUMNS),
            rows,
            key=tuple((line.kind, line.name) for line in (*reversed(requests), *reversed(failing), *slow)),
        ),
    )


def _name(facts: Facts, start: int) -> str:
    if facts.step <= HOUR:
        return facts.calendar.hour(start)
    return facts.calendar.day(start) if facts.step <= DAY else f"week of {facts.calendar.short(start)}"


def _of(step: Step | None, what: str) -> int | None:
    return None if step is None else int(getattr(step, what))


def _cells(step: Step | None) -> tuple[str, ...]:
    if step is None:
        return ("not covered", "", "", "")
    return tuple(number(one) for one in (step.requests, step.errors, step.refused, step.slow))


def _tip(name: str, step: Step | None) -> Tip:
    if step is None:
        return Tip(name, ("not covered by the log",))
    return Tip(
        name if step.whole else f"{name}, not whole",
        (
            counted(step.requests, "request"),
            f"{number(step.errors)} failed ({share(step.errors, step.requests)})",
            f"{number(step.refused)} refused",
            f"{number(step.slow)} slow",
        ),
    )
