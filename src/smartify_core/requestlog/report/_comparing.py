"""What changed: the period held against the one before or, where there is none, its second half against its first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smartify_core.requestlog.analysis import Engine

from ._calendar import DAY, HOUR, WEEK
from ._facts import Comparison, Moved, Span, Step, added
from ._rows import Row, rows_of

_BY: Final = {HOUR: "hour", DAY: "day", WEEK: "week"}
_TWO_WEEKS: Final = 2 * WEEK

Changes = tuple[Comparison | None, Sequence[Moved], Sequence[Step | None]]


def compare(engine: Engine, before: Engine | None, period: Span, step: int) -> Changes:
    """Return the two spans, each feature in both of them, and the steps of the period before.

    Args:
        engine: What answers for the period.
        before: What answers for the time just before.
        period: The report's period, in whole steps.
        step: How long a step is, in seconds.
    """
    earlier = Span(period.since - period.length, period.since)
    if before is not None and _covers(before, earlier, step):
        steps = steps_of(before, earlier, step)
        sums = added(earlier.since, steps), added(period.since, steps_of(engine, period, step))
        return Comparison(earlier, period, sums, whole=True), _moved(_counts(before), _counts(engine)), steps
    # Days of the week differ so much that only whole weeks are held against one another, where there are two.
    whole = DAY if period.length < _TWO_WEEKS else WEEK
    half = period.length // (2 * whole) * whole
    if not half:
        return None, (), ()
    after = Span(period.until - half, period.until)
    first = Span(after.since - half, after.since)
    sums = _sum(engine, first), _sum(engine, after)
    return Comparison(first, after, sums, whole=False), _movers(engine, first, after), ()


def steps_of(engine: Engine, span: Span, step: int) -> tuple[Step, ...]:
    """Return every step of a span, also those in which nothing came in."""
    found = {row.count("start"): _step(row) for row in rows_of(engine.ask("requests", by=_BY[step]))}
    return tuple(found.get(start, Step(start)) for start in range(span.since, span.until, step))


def _step(row: Row) -> Step:
    start, requests, errors, refused, slow = map(row.count, ("start", "requests", "errors", "client_errors", "slow"))
    return Step(start, requests, errors, refused, slow)


def _sum(engine: Engine, span: Span) -> Step:
    return added(span.since, steps_of(engine, span, HOUR))


def _covers(before: Engine, span: Span, step: int) -> bool:
    """Return whether the log had begun when a span did."""
    first = before.coverage().first
    return first is not None and first < span.since + step


def _counts(engine: Engine) -> dict[str, int]:
    return {row.text("feature"): row.count("requests") for row in rows_of(engine.ask("features"))}


def _moved(before: dict[str, int], after: dict[str, int]) -> Sequence[Moved]:
    found = [Moved(one, before.get(one, 0), after.get(one, 0)) for one in before.keys() | after.keys()]
    return sorted(found, key=lambda one: (-abs(one.change), one.feature))


def _movers(engine: Engine, before: Span, after: Span) -> Sequence[Moved]:
    def within(span: Span) -> tuple[int, int]:
        """Return a span as an engine takes it: no longer than its own period."""
        since = span.since if engine.since is None else max(span.since, engine.since)
        return since, span.until if engine.until is None else min(span.until, engine.until)

    answer = engine.ask("movers", of="feature", before=within(before), after=within(after))
    return tuple(Moved(row.text("value"), row.count("before"), row.count("after")) for row in rows_of(answer))
