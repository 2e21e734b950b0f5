"""The questions, each written once for every engine. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import field, frozen

from . import _asked as asked
from ._answers import Row


@frozen
class Question:
    """Something that can be asked of a request log.

    Attributes:
        name: What it is called.
        title: What it is called where people read it.
        answers: What its answer tells, in one sentence.
        columns: The columns of the answer.
        dimensions: What the answer tells requests apart by.
        personal: Whether one of them is about the sender's equipment, so that the floor holds.
        parameters: What `Engine.ask` takes for it.
    """

    name: str
    title: str
    answers: str
    columns: tuple[str, ...]
    dimensions: tuple[str, ...]
    personal: bool = False
    parameters: tuple[str, ...] = ()
    make: asked.Maker = field(kw_only=True, repr=False)
    finish: Callable[[tuple[Row, ...], asked.Asked], tuple[Row, ...]] | None = field(
        kw_only=True, default=None, repr=False
    )


def _all() -> Mapping[str, Question]:
    return {one.name: one for one in (*_over_time(), *_of_features(), *_of_equipment(), *_of_change())}


def _over_time() -> tuple[Question, ...]:
    return (
        Question(
            "requests",
            "Requests over time",
            "Requests, failures, refusals and slow answers of each hour, day or week in which there were any.",
            ("start", "requests", "errors", "client_errors", "slow"),
            ("time",),
            parameters=("by",),
            make=asked.requests,
        ),
        Question(
            "errors_by_hour",
            "Errors by hour of the day",
            "Requests and failures of each hour of each day.",
            ("day", "hour", "requests", "errors"),
            ("time",),
            make=asked.errors_by_hour,
            finish=asked.in_hours,
        ),
        Question(
            "spikes",
            "Error spikes",
            "Hours in which a feature failed far more often than in the seven days before, the worst first.",
            ("start", "feature", "requests", "errors", "usual", "factor"),
            ("time", "feature"),
            parameters=("least", "times", "limit"),
            make=asked.spikes,
            finish=asked.with_factors,
        ),
    )


def _of_features() -> tuple[Question, ...]:
    return (
        Question(
            "features",
            "Features",
            "Each feature's requests, failures, durations that half and 95 in 100 stay within, and last use.",
            ("feature", "requests", "errors", "p50_ms", "p95_ms", "last"),
            ("feature",),
            make=asked.features,
        ),
        Question(
            "features_by_day",
            "Features by day",
            "Each feature's requests on each day.",
            ("feature", "day", "requests"),
            ("feature", "time"),
            make=asked.features_by_day,
        ),
        Question(
            "errors",
            "Errors",
            "What failed: the class of the exception or the status, where, and when last.",
            ("error", "feature", "failed", "status", "requests", "last"),
            ("error", "feature", "failed", "status"),
            make=asked.errors,
        ),
        *(
            Question(
                name,
                title,
                f"Requests of each {column}.",
                (column, "requests"),
                (column,),
                make=asked.of_application(column),
            )
            for name, title, column in (("statuses", "Statuses", "status"), ("methods", "Methods", "method"))
        ),
        Question(
            "retiring",
            "Features nobody uses",
            "Known features that nobody used since a time, the longest unused first.",
            ("feature", "last", "requests"),
            ("feature",),
            parameters=("since", "known"),
            make=asked.retiring,
            finish=asked.unused,
        ),
    )


def _of_equipment() -> tuple[Question, ...]:
    plain = (
        ("browsers", "Browsers", "browser"),
        ("systems", "Operating systems", "os"),
        ("devices", "Devices", "device"),
        ("languages", "Languages", "language"),
        ("referrers", "Referrers", "referrer"),
    )
    return (
        *(
            Question(
                name,
                title,
                f"Requests of each {column}, the rare ones together.",
                (column, "requests"),
                (column,),
                personal=True,
                make=asked.of_equipment(column),
            )
            for name, title, column in plain
        ),
        Question(
            "browser_versions",
            "Versions of browsers",
            "Requests of each major version of each browser, the rare ones together.",
            ("browser", "version", "requests"),
            ("browser", "version"),
            personal=True,
            make=asked.with_detail("browser"),
        ),
        Question(
            "browsers_by_day",
            "Browsers by day",
            "Requests of each browser on each day, the rare ones together.",
            ("day", "browser", "requests"),
            ("time", "browser"),
            personal=True,
            make=asked.by_day("browser"),
        ),
        Question(
            "zones",
            "Time zones",
            "Requests of each time zone and of where it was known from, the rare ones together.",
            ("zone", "zone_from", "requests"),
            ("zone", "zone_from"),
            personal=True,
            make=asked.with_detail("zone"),
        ),
        Question(
            "networks",
            "Networks",
            "Requests of each wider network (/16 or /32) with enough networks of the log in it, the rest together.",
            ("ip", "requests"),
            ("ip",),
            personal=True,
            make=asked.networks,
        ),
    )


def _of_change() -> tuple[Question, ...]:
    columns = ("value", "before", "after", "change")
    return (
        Question(
            "compare",
            "Two periods compared",
            "Requests of each value of a dimension in two periods, the most frequent after first.",
            columns,
            ("of",),
            personal=True,
            parameters=("of", "before", "after"),
            make=asked.compare,
        ),
        Question(
            "movers",
            "Top movers",
            "As compare, the biggest change first.",
            columns,
            ("of",),
            personal=True,
            parameters=("of", "before", "after", "limit"),
            make=asked.movers,
        ),
    )


#: Every question by its name.
QUESTIONS: Final[Mapping[str, Question]] = _all()
