"""What changed: the period held against the one before or, where there is none, its second half against its first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from smartify_core.requestlog.analysis import Engine

from ._calendar import DAY, HOUR, WEEK
from ._facts import Comparison, Moved, Span, Step, added
from ._rows import Row, rows_of

_BY: Final = {HOUR: "hour", DAY: "day", WEEK: "week"}
_TWO_WEEKS: Final = 2 * WEEK

Changes = tuple[Comparison | None, Sequence[Moved], Sequence[Step | None]]
#: Makes the engine that answers for another time of the same log: from ``since`` to just before ``until``.
Before = Callable[[int, int], Engine]


def compare(engine: Engine, before: Before | None, period: Span, step: int, known: Span) -> Changes:
    """Return the two spans, each feature in both of them, and the steps of the period before.

    Args:
        engine: What answers for the period.
        before: Makes what answers for the time just before; None where that is not wanted.
        period: The report's period, in whole steps.
        step: How long a step is, in seconds.
        known: What the log covers of the period so far.
    """
    if before is not None:
        # As much of it as there is of the period so far, so that today is not held against a whole day.
        earlier = Span(period.since - period.length, max(period.since + 1, known.until) - period.length)
        other = before(earlier.since, earlier.until)
        if _covers(other, earlier, step):
            steps = steps_of(other, Span(earlier.since, period.since), step)
            sums = added(earlier.since, steps), added(period.since, steps_of(engine, period, step))
            compared = Comparison(Span(earlier.since, period.since), period, sums, whole=True)
            return compared, _moved(_counts(other), _counts(engine)), steps
    return (*_halves(engine, _whole_steps(known, step)), ())


def _whole_steps(known: Span, step: int) -> Span:
    """Return the part of a span that is made of whole steps, counted from where the first of them begins."""
    since = known.since
    return Span(since, since + max(0, known.length) // step * step)


def _halves(engine: Engine, span: Span) -> tuple[Comparison | None, Sequence[Moved]]:
    # Days of the week differ so much that only whole weeks are held against one another, where there are two.
    whole = DAY if span.length < _TWO_WEEKS else WEEK
    half = span.length // (2 * whole) * whole
    if not half:
        return None, ()
    after = Span(span.until - half, span.until)
    first = Span(after.since - half, after.since)
    sums = _sum(engine, first), _sum(engine, after)
    return Comparison(first, after, sums, whole=False), _movers(engine, first, after)


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
    # A step that began a little before the engine's own time counts as whole, and the engine knows its own time only.
    since = before.since if engine.since is None else max(before.since, engine.since)
    spans = {"before": (since, before.until), "after": (after.since, after.until)}
    answer = engine.ask("movers", of="feature", **spans)
    return tuple(Moved(row.text("value"), row.count("before"), row.count("after")) for row in rows_of(answer))
