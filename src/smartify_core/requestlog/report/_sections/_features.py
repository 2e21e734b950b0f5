"""The features: how often each is used, how well it does, and when it was last used. Pure."""

from __future__ import annotations

from typing import Final

from smartify_core.requestlog.report._calendar import HOUR
from smartify_core.requestlog.report._charts._small import bar, spark
from smartify_core.requestlog.report._facts import Facts, Used
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._tables import Column, code, table
from smartify_core.requestlog.report._words import NOTHING, bucket, counted, number, share

from ._section import nothing, section

#: How many features are told of in detail.
MOST: Final = 20
_COLUMNS: Final = (
    Column("Feature", "name"),
    Column("Over time", "plotted"),
    Column("Requests"),
    Column("Share"),
    Column("Failed"),
    Column("Half within"),
    Column("95 % within"),
    Column("Last used"),
)
#: Above this share of failures a row is marked.
_BAD: Final = 0.01


def features(facts: Facts) -> Element:
    """Return the features."""
    total = facts.total.requests
    shown, rest = facts.used[:MOST], facts.used[MOST:]
    most = max((one.requests for one in shown), default=0)
    last: tuple[Node | None, ...] | None = None
    if rest:
        count, failed = sum(one.requests for one in rest), sum(one.errors for one in rest)
        name = element("em", counted(len(rest), "other"))
        last = (name, None, number(count), share(count, total), share(failed, count), None, None, None)
    return section(
        "features",
        "Features",
        "What is used, by the template of its route. Durations are the upper bounds of the buckets that half of the "
        "requests, and 95 % of them, are within.",
        table(
            "features-table",
            f"The {counted(len(shown), 'feature')} used most" if rest else "Every feature that was used",
            _COLUMNS,
            [_row(facts, one, most, total) for one in shown],
            kind="stacked features",
            last=last,
        )
        if shown
        else nothing("No feature was used."),
    )


def _row(facts: Facts, one: Used, most: int, total: int) -> tuple[Node | None, ...]:
    failed: Node = share(one.errors, one.requests)
    if one.errors > one.requests * _BAD:
        mark = element("span", "\N{BLACK UP-POINTING TRIANGLE}", aria_hidden="true", class_="glyph")
        failed = element("strong", mark, failed, class_="worse")
    return (
        code(one.feature),
        _spark(facts, one),
        element("span", number(one.requests), bar(one.requests / most), class_="barred"),
        share(one.requests, total),
        failed,
        bucket(one.p50),
        bucket(one.p95),
        _last(facts, one.last),
    )


def _last(facts: Facts, last: int | None) -> str:
    if last is None:
        return NOTHING
    # What is told by the hour has hours; else the day is enough.
    return facts.calendar.recent(last, facts.period.until) if facts.step <= HOUR else facts.calendar.short(last)


def _spark(facts: Facts, one: Used) -> Node:
    if len(one.course) < 2:  # noqa: PLR2004 - a line has two ends
        return NOTHING
    most, unit = max(one.course), facts.column_name
    when = facts.calendar.day(facts.columns[list(one.course).index(most)])
    told = f"From {number(min(one.course))} to {counted(most, 'request')} a {unit}, most on {when}"
    return spark(one.course, told)
