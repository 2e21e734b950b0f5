"""Questions as SQL, over the relations that `_counting` names. Pure.

Numbers that a caller hands over are checked to be such before they stand in a query; names are of closed lists. Nothing
else ever does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from smartify_core.errors import UsageError

from ._answers import FEW, Row
from ._counting import DAY, HOUR, WEEK, cell_day, start_of, wide
from ._dimensions import APPLICATION, DETAILS, PERSONAL, Seen
from ._floor import by_value

_STEPS: Final = {"hour": HOUR, "day": DAY, "week": WEEK}
#: Values that are no feature, or not one alone.
_NO_FEATURES: Final = frozenset({"unmatched", "(other)"})
#: An hour is held against so many seconds before it.
_USUAL: Final = WEEK


@frozen
class Asked:
    """One question as it was asked.

    Args:
        name: The question.
        parameters: What came with it.
        k: The floor.
        offset: Minutes that hours and days are ahead of UTC.
        since: Where the engine's period begins, if anywhere.
        until: Where it ends, if anywhere.
        last: When the last event came in; None where there is none.
    """

    name: str
    parameters: Mapping[str, Any]
    k: int
    offset: int
    since: int | None
    until: int | None
    last: int | None

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """Return a parameter that is a whole number."""
        value = self.parameters.get(name, default)
        if type(value) is not int or value < least:
            raise self.wrong(name, f"a whole number of at least {least}")
        return value

    def limited(self, default: int | None = None) -> str:
        """Return the SQL for how many rows are wanted."""
        if self.parameters.get("limit", default) is None:
            return ""
        return f" limit {self.whole('limit', default or 0, 1)}"

    def wrong(self, parameter: str, cure: str) -> UsageError:
        """Return the error for a parameter that is none."""
        return UsageError(
            f"the question does not take this {parameter}", where=f"{self.name}({parameter}=...)", cure=f"Give {cure}."
        )


def requests(ask: Asked) -> str:
    """Requests over time."""
    by = ask.parameters.get("by", "day")
    if by not in _STEPS:
        raise ask.wrong("by", "hour, day or week")
    return f"""
select {start_of(_STEPS[by], "hour", ask.offset)} as start, sum(n), sum(errors), sum(client_errors), sum(slow)
from @hours group by {start_of(_STEPS[by], "hour", ask.offset)} order by 1"""


def errors_by_hour(ask: Asked) -> str:
    """Requests and errors of each hour of each day."""
    day = start_of(DAY, "hour", ask.offset)
    return f"""
select day, (start - day - (start - day) % {HOUR}), sum(n), sum(errors)
from (select hour as start, {day} as day, n, errors from @hours) as a
group by day, (start - day - (start - day) % {HOUR}) order by 1, 2"""


def features(ask: Asked) -> str:
    """Each feature with its durations: the least bound that so many in a hundred of its requests stay within."""
    return """
with buckets as (
    select feature, ms, sum(n) as n, sum(errors) as errors, max(last) as last from @facts group by feature, ms
),
running as (
    select feature, ms, n, errors, last, sum(n) over (partition by feature) as total,
        sum(n) over (partition by feature order by ms rows between unbounded preceding and current row) as so_far
    from buckets
)
select feature, sum(n), sum(errors), min(case when so_far * 2 >= total then ms end),
    min(case when so_far * 20 >= total * 19 then ms end), max(last)
from running group by feature order by 2 desc, 1"""


def features_by_day(ask: Asked) -> str:
    """Each feature on each day."""
    return "select feature, day, sum(n) from @facts group by feature, day order by 1, 2"


def errors(ask: Asked) -> str:
    """What failed."""
    return """
select error, feature, failed, status, sum(n), max(last) from @facts
where error is not null or failed is not null or status >= 500
group by error, feature, failed, status
order by 5 desc, 1 nulls last, 2, 3 nulls last, 4 nulls last"""


def spikes(ask: Asked) -> str:
    """Hours with more errors than usual, with what is needed to tell how many more."""
    least, times = ask.whole("least", 5, 1), ask.whole("times", 3, 1)
    return f"""
with each_hour as (select hour, feature, sum(n) as n, sum(errors) as errors from @uses group by hour, feature),
beside as (
    select hour, feature, n, errors, min(hour) over () as beginning, coalesce(sum(errors) over (
        partition by feature order by hour range between {_USUAL} preceding and 1 preceding
    ), 0) as before
    from each_hour
),
spanned as (
    select hour, feature, n, errors, before,
        case when hour - beginning < {_USUAL} then hour - beginning else {_USUAL} end as span
    from beside
)
select hour, feature, n, errors, before, span from spanned
where errors >= {least} and span > 0 and errors * span >= {times} * {HOUR} * before
order by errors desc, hour, feature{ask.limited(50)}"""


def with_factors(rows: tuple[Row, ...], ask: Asked) -> tuple[Row, ...]:
    """Return the spikes with the errors of a usual hour, and how many times that they are."""
    return tuple(
        (
            hour,
            feature,
            n,
            failures,
            _rounded(before * HOUR, span),
            _rounded(failures * span, before * HOUR) if before else None,
        )  # type: ignore[operator]
        for hour, feature, n, failures, before, span in rows
    )


def _rounded(number: int, by: int) -> float:
    return round(number / by, 3)


def of_application(column: str) -> Callable[[Asked], str]:
    """Return the question for a dimension of the application."""

    def make(ask: Asked) -> str:
        return f"select {column}, sum(n) from @facts group by {column} order by 2 desc, 1 nulls last"

    return make


def retiring(ask: Asked) -> str:
    """Each feature and when it was last used; `unused` leaves those that nobody uses."""
    ask.whole("since", 0)
    return "select feature, max(last), sum(n) from @facts group by feature order by 2, 1"


def unused(rows: tuple[Row, ...], ask: Asked) -> tuple[Row, ...]:
    """Return the features that nobody used since, after those that the host knows and nobody ever used."""
    since = ask.whole("since", 0 if ask.last is None else max(0, ask.last - 30 * DAY))
    known = ask.parameters.get("known", ())
    if isinstance(known, str) or not all(isinstance(one, str) for one in known):
        raise ask.wrong("known", "the names of features")
    never = sorted({*known}.difference(str(row[0]) for row in rows))
    return (
        *((one, None, 0) for one in never),
        *(row for row in rows if row[0] not in _NO_FEATURES and isinstance(row[1], int) and row[1] < since),
    )


_FEW_LAST: Final = f"case when value = '{FEW}' then 1 else 0 end"


def of_equipment(column: str) -> Callable[[Asked], str]:
    """Return the question for a dimension of the equipment."""

    def make(ask: Asked) -> str:
        return (
            f"select value, n from ({Seen(column).by_value(ask.k)}) as c order by {_FEW_LAST}, n desc, value nulls last"
        )

    return make


def with_detail(column: str) -> Callable[[Asked], str]:
    """Return the question for a dimension of the equipment with its detail."""

    def make(ask: Asked) -> str:
        rows = Seen(column, DETAILS[column]).by_detail(ask.k)
        return f"select value, detail, n from ({rows}) as c order by {_FEW_LAST}, n desc, value nulls last, detail nulls last"

    return make


def by_day(column: str) -> Callable[[Asked], str]:
    """Return the question for a dimension of the equipment by day."""

    def make(ask: Asked) -> str:
        rows = Seen(column).by_day(ask.k, cell_day(ask.offset))
        return f"select day, value, n from ({rows}) as c order by day, {_FEW_LAST}, n desc, value nulls last"

    return make


def networks(ask: Asked) -> str:
    """Requests by network: as the log has them without a floor, else by the wider ones that hold enough of them."""
    value = "network" if ask.k == 1 else wide("network")
    seen = f"select day, {value} as value, cast(null as bigint) as detail, network, n from @equipment"
    return f"select value, n from ({by_value(seen, ask.k, 'value is null')}) as c order by {_FEW_LAST}, n desc, value nulls last"


def compare(ask: Asked) -> str:
    """Two periods side by side."""
    return f"{_compared(ask)} order by {_FEW_LAST}, after desc, before desc, value nulls last"


def movers(ask: Asked) -> str:
    """Two periods side by side, the biggest change first."""
    return f"{_compared(ask)} order by {_FEW_LAST}, abs(after - before) desc, value nulls last{ask.limited()}"


def _compared(ask: Asked) -> str:
    of = ask.parameters.get("of")
    if of not in {*APPLICATION, *PERSONAL}:
        raise ask.wrong("of", f"one of {', '.join((*APPLICATION, *PERSONAL))}")
    step = DAY if of in PERSONAL else HOUR
    before, after = _period(ask, "before", step), _period(ask, "after", step)
    if of in PERSONAL:
        rows = f"select day as start, value, n from ({Seen(of).by_day(ask.k, cell_day(ask.offset))}) as c"
    else:
        rows = f"select start, {of} as value, n from @facts"
    sums = ", ".join(
        f"sum(case when start >= {since} and start < {until} then n else 0 end) as {name}"
        for name, (since, until) in (("before", before), ("after", after))
    )
    return f"""
select value, before, after, after - before
from (select value, {sums} from ({rows}) as d group by value) as e
where before + after > 0"""


def _period(ask: Asked, name: str, step: int) -> tuple[int, int]:
    """Return a period that was handed over, where its ends are those of whole hours or days, or of the engine's."""
    period = ask.parameters.get(name)
    match period:
        case (int(since), int(until)) if since < until:
            pass
        case _:
            raise ask.wrong(name, "a pair of times in seconds since 1970 UTC, the earlier one first")
    ahead = ask.offset * 60
    for end, own in ((since, ask.since), (until, ask.until)):
        if (end + ahead) % step and end != own:
            raise ask.wrong(name, f"a period of whole {'days' if step == DAY else 'hours'}, by the engine's offset")
    if (ask.since is not None and since < ask.since) or (ask.until is not None and until > ask.until):
        raise ask.wrong(name, "a period within the engine's own")
    return since, until
