"""All that a report tells, gathered before the first word is written: values. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from smartify_core.requestlog.analysis import Coverage

from ._calendar import DAY, HOUR, WEEK, Calendar


@frozen
class Span:
    """A time: from ``since`` to just before ``until``, in seconds since the epoch."""

    since: int
    until: int

    @property
    def length(self) -> int:
        """How long it is, in seconds."""
        return self.until - self.since

    @property
    def words(self) -> str:
        """How long it is, as people say it."""
        for size, one in ((WEEK, "week"), (DAY, "day"), (HOUR, "hour")):
            number = round(self.length / size)
            if self.length >= size and (size != WEEK or self.length % WEEK == 0):
                return one if number == 1 else f"{number} {one}s"
        return "hour"


@frozen
class Step:
    """What came in during one hour, day or week.

    ``errors`` failed on our side, ``refused`` were answered with 400 to 499, ``slow`` took longer than a second;
    ``whole`` is false of a step that the log had not begun to cover, or that is not over yet.
    """

    start: int
    requests: int = 0
    errors: int = 0
    refused: int = 0
    slow: int = 0
    whole: bool = True


@frozen
class Used:
    """How one feature was used; ``course`` has a number for each column of the period."""

    feature: str
    requests: int
    errors: int
    p50: int | None
    p95: int | None
    last: int | None
    course: Sequence[int] = ()


@frozen
class Failed:
    """What failed in one way, at one place."""

    error: str | None
    feature: str
    phase: str | None
    status: int | None
    requests: int
    last: int | None


@frozen
class Moved:
    """How often something was asked for before and after."""

    feature: str
    before: int
    after: int

    @property
    def change(self) -> int:
        """By how much it changed."""
        return self.after - self.before


@frozen
class Spike:
    """An hour in which a feature failed far more often than it usually does."""

    start: int
    feature: str
    requests: int
    errors: int
    usual: float
    factor: float | None


@frozen
class Unused:
    """A feature that nobody uses any more."""

    feature: str
    last: int | None
    requests: int


@frozen
class Ranking:
    """How often each value of one dimension was met, the most frequent first.

    Args:
        rows: The values and their numbers, without the row for what is too few.
        few: How many requests are too few to be told apart.
        is_blurred: Whether those of which the dimension is not known may be among the few.
    """

    rows: Sequence[tuple[str, int]]
    few: int = 0
    is_blurred: bool = False

    @property
    def total(self) -> int:
        """All requests of which the dimension is known, or may be."""
        return sum(number for _, number in self.rows) + self.few


@frozen
class Comparison:
    """Two spans that changes are told between.

    Args:
        before: The earlier one.
        after: The later one, just as long.
        sums: What came in during each.
        whole: Whether the later one is the whole period; if not, both are part of it.
    """

    before: Span
    after: Span
    sums: tuple[Step, Step]
    whole: bool


@frozen
class Facts:
    """Everything that a report tells.

    Args:
        title: The title that was asked for.
        now: When the report is written.
        calendar: The hours and days that everything is counted by.
        period: What the report is about.
        coverage: What is there of the log, and what is not.
        step: How long a step of the trends is, in seconds.
        trend: Each step of the period; None where the log had not begun.
        trend_before: Each step of the period before, where the log has that.
        compared: The two spans that changes are told between; None where the log is too short.
        used: Every feature, the most used first; those that are shown in detail have a ``course``.
        failed: Every kind of failure, the most frequent first.
        hours: Requests and errors of each hour of each day, by when the day begins and the hour.
        moved: Every feature that was used in either span, the biggest change first.
        spikes: The worst first.
        unused: The longest unused first; None where the period is too short to tell.
        unused_since: Since when nobody used them.
        browsers: For each column, by when it begins, how often each browser was met.
        rankings: By name of the question.
        floors: What the analysis says about what is too few to be told apart, a sentence each.
    """

    title: str
    now: int
    calendar: Calendar
    period: Span
    coverage: Coverage
    step: int = DAY
    trend: Sequence[Step | None] = ()
    trend_before: Sequence[Step | None] = ()
    compared: Comparison | None = None
    used: Sequence[Used] = ()
    failed: Sequence[Failed] = ()
    hours: Mapping[tuple[int, int], tuple[int, int]] = {}
    moved: Sequence[Moved] = ()
    spikes: Sequence[Spike] = ()
    unused: Sequence[Unused] | None = None
    unused_since: int = 0
    browsers: Mapping[int, Mapping[str, int]] = {}
    rankings: Mapping[str, Ranking] = {}
    floors: Sequence[str] = ()

    @property
    def total(self) -> Step:
        """The whole period as one step."""
        return added(self.period.since, self.trend)

    @property
    def days(self) -> Sequence[int]:
        """When each day of the period begins."""
        return range(self.calendar.midnight(self.period.since), self.period.until, DAY)

    @property
    def columns(self) -> Sequence[int]:
        """When each column of what is told by day begins: a day, or a week where there would be too many days."""
        return columns_of(self.period, self.step, self.calendar)

    @property
    def column_name(self) -> str:
        """What a column is: a day or a week."""
        return "day" if self.step <= DAY else "week"


def columns_of(period: Span, step: int, calendar: Calendar) -> Sequence[int]:
    """Return when each column begins of what is told by day, or by week where the trends are."""
    return range(calendar.midnight(period.since), period.until, max(DAY, step))


def column_at(instant: int, step: int, calendar: Calendar) -> int:
    """Return when the column begins that an instant is in."""
    return calendar.midnight(instant) if step <= DAY else calendar.monday(instant)


def added(start: int, steps: Sequence[Step | None]) -> Step:
    """Return steps as one."""
    known = [step for step in steps if step is not None]
    return Step(
        start,
        sum(step.requests for step in known),
        sum(step.errors for step in known),
        sum(step.refused for step in known),
        sum(step.slow for step in known),
    )
