"""Questions as SQL, over the relations that `_counting` names. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from smartify_core.errors import UsageError

from ._answers import FEW, Row
from ._dimensions import APPLICATION, DETAILS, PERSONAL, Seen
from ._floor import by_value
from ._nets import wide
from ._sql import filled
from ._steps import DAY, HOUR, WEEK, cell_day, start_of

_STEPS: Final = {"hour": HOUR, "day": DAY, "week": WEEK}
#: Values that are no feature, or not one alone.
_NO_FEATURES: Final = frozenset({"unmatched", "(other)"})
#: An hour is held against so many seconds before it.
_USUAL: Final = WEEK
#: A feature that was not used for so long is told as unused, unless the caller says since when.
_UNUSED: Final = 30 * DAY


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


Maker = Callable[[Asked], str]

# --- over time --------------------------------------------------------------------------------------------------------

_REQUESTS: Final = """
select start, sum(n), sum(errors), sum(client_errors), sum(slow)
from (select $start as start, n, errors, client_errors, slow from @hours) as a
group by start order by start"""

_ERRORS_BY_HOUR: Final = """
select day, hour - day, sum(n), sum(errors) from (select $hour as hour, $day as day, n, errors from @hours) as a
group by day, hour - day order by day, hour - day"""

_SPIKES: Final = """
with each_hour as (select hour, feature, sum(n) as n, sum(errors) as errors from @uses group by hour, feature),
beside as (
    select hour, feature, n, errors, min(hour) over () as beginning, coalesce(sum(errors) over (
        partition by feature order by hour range between $usual preceding and 1 preceding
    ), 0) as before
    from each_hour
),
spanned as (
    select hour, feature, n, errors, before,
        case when hour - beginning < $usual then hour - beginning else $usual end as span
    from beside
)
select hour, feature, n, errors, before, span from spanned
where errors >= $least and span > 0 and errors * span >= $times * $hour * before
order by errors desc, hour, feature$limit"""


def requests(ask: Asked) -> str:
    """Requests over time."""
    by = ask.parameters.get("by", "day")
    if by not in _STEPS:
        raise ask.wrong("by", "hour, day or week")
    return filled(_REQUESTS, start=start_of(_STEPS[by], "hour", ask.offset))


def errors_by_hour(ask: Asked) -> str:
    """Requests and errors of each hour of each day; hours still in seconds."""
    return filled(_ERRORS_BY_HOUR, hour=start_of(HOUR, "hour", ask.offset), day=start_of(DAY, "hour", ask.offset))


def in_hours(rows: tuple[Row, ...], _ask: Asked) -> tuple[Row, ...]:
    """Return rows with the hour of the day instead of its seconds."""
    return tuple((day, _int(seconds) // HOUR, n, errors) for day, seconds, n, errors in rows)


def spikes(ask: Asked) -> str:
    """Hours with more errors than usual, with what is needed to tell how many more."""
    least, times = ask.whole("least", 5, 1), ask.whole("times", 3, 1)
    return filled(_SPIKES, usual=_USUAL, least=least, times=times, hour=HOUR, limit=ask.limited(50))


def with_factors(rows: tuple[Row, ...], _ask: Asked) -> tuple[Row, ...]:
    """Return the spikes with the errors of a usual hour, and how many times that they are."""
    return tuple(
        (hour, feature, n, failures, *_usual(_int(failures), _int(before), _int(span)))
        for hour, feature, n, failures, before, span in rows
    )


def _usual(errors: int, before: int, span: int) -> tuple[float, float | None]:
    return round(before * HOUR / span, 3), round(errors * span / (before * HOUR), 3) if before else None


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0


# --- the application --------------------------------------------------------------------------------------------------

_FEATURES: Final = """
with buckets as (
    select feature, ms, sum(n) as n, sum(errors) as errors, max(last) as last from @facts group by feature, ms
),
running as (
    select feature, ms, n, errors, last, sum(n) over (partition by feature) as total,
        sum(n) over (partition by feature order by ms rows between unbounded preceding and current row) as so_far
    from buckets
)
select feature, sum(n) as n, sum(errors), min(case when so_far * 2 >= total then ms end),
    min(case when so_far * 20 >= total * 19 then ms end), max(last)
from running group by feature order by n desc, feature"""

_ERRORS: Final = """
select error, feature, failed, status, sum(n) as n, max(last) from @facts
where error is not null or failed is not null or status >= 500
group by error, feature, failed, status
order by n desc, error nulls last, feature, failed nulls last, status nulls last"""


def features(_ask: Asked) -> str:
    """Each feature with its durations: the least bound that so many in a hundred of its requests stay within."""
    return _FEATURES


def features_by_day(_ask: Asked) -> str:
    """Each feature on each day."""
    return "select feature, day, sum(n) from @facts group by feature, day order by feature, day"


def errors(_ask: Asked) -> str:
    """What failed."""
    return _ERRORS


def of_application(column: str) -> Maker:
    """Return the question for a dimension of the application."""
    text = "select $column, sum(n) as n from @facts group by $column order by n desc, $column nulls last"
    return lambda _ask: filled(text, column=column)


def retiring(ask: Asked) -> str:
    """Each feature and when it was last used; `unused` leaves those that nobody uses."""
    ask.whole("since", 0)
    return "select feature, max(last) as last, sum(n) from @facts group by feature order by last, feature"


def unused(rows: tuple[Row, ...], ask: Asked) -> tuple[Row, ...]:
    """Return the features that nobody used since, after those that the host knows and nobody ever used."""
    since = ask.whole("since", 0 if ask.last is None else max(0, ask.last - _UNUSED))
    known = ask.parameters.get("known", ())
    if isinstance(known, str) or not all(isinstance(one, str) for one in known):
        raise ask.wrong("known", "the names of features")
    never = sorted({*known}.difference(str(row[0]) for row in rows))
    return (
        *((one, None, 0) for one in never),
        *(row for row in rows if row[0] not in _NO_FEATURES and _int(row[1]) < since),
    )


# --- the sender's equipment -------------------------------------------------------------------------------------------

_FEW_LAST: Final = f"case when value = '{FEW}' then 1 else 0 end"
_OF_EQUIPMENT: Final = "select value, n from ($rows) as c order by $few_last, n desc, value nulls last"
_WITH_DETAIL: Final = """
select value, detail, n from ($rows) as c order by $few_last, n desc, value nulls last, detail nulls last"""
_BY_DAY: Final = "select day, value, n from ($rows) as c order by day, $few_last, n desc, value nulls last"
_NETWORKS: Final = """
select day, $value as value, cast(null as bigint) as detail, network, n from @equipment"""


def of_equipment(column: str) -> Maker:
    """Return the question for a dimension of the equipment."""
    return lambda ask: filled(_OF_EQUIPMENT, rows=Seen(column).by_value(ask.k), few_last=_FEW_LAST)


def with_detail(column: str) -> Maker:
    """Return the question for a dimension of the equipment with its detail."""
    seen = Seen(column, DETAILS[column])
    return lambda ask: filled(_WITH_DETAIL, rows=seen.by_detail(ask.k), few_last=_FEW_LAST)


def by_day(column: str) -> Maker:
    """Return the question for a dimension of the equipment by day."""
    return lambda ask: filled(_BY_DAY, rows=Seen(column).by_day(ask.k, cell_day(ask.offset)), few_last=_FEW_LAST)


def networks(ask: Asked) -> str:
    """Requests by network: as the log has them without a floor, else by the wider ones that hold enough of them."""
    seen = filled(_NETWORKS, value="network" if ask.k == 1 else wide("network"))
    return filled(_OF_EQUIPMENT, rows=by_value(seen, ask.k, "false"), few_last=_FEW_LAST)


# --- two periods ------------------------------------------------------------------------------------------------------

_COMPARED: Final = """
select value, before, after, after - before as change
from (
    select value, sum(case when $before then n else 0 end) as before, sum(case when $after then n else 0 end) as after
    from ($rows) as d group by value
) as e
where before + after > 0
order by $few_last, $order, value nulls last$limit"""
_DAYS: Final = "select day as start, value, n from ($rows) as c"
_NULLS_LAST: Final = "case when value is null then 1 else 0 end"
_FACTS: Final = "select start, $of as value, n from @facts"


def compare(ask: Asked) -> str:
    """Two periods side by side."""
    return _compared(ask, "after desc, before desc", "")


def movers(ask: Asked) -> str:
    """Two periods side by side, the biggest change first."""
    return _compared(ask, "abs(after - before) desc", ask.limited())


def _compared(ask: Asked, order: str, limit: str) -> str:
    of = ask.parameters.get("of")
    if of not in {*APPLICATION, *PERSONAL}:
        raise ask.wrong("of", f"one of {', '.join((*APPLICATION, *PERSONAL))}")
    if of in PERSONAL:
        step, rows = DAY, filled(_DAYS, rows=Seen(of).by_day(ask.k, cell_day(ask.offset)))
    else:
        step, rows = HOUR, filled(_FACTS, of=of)
    periods = {name: _period(ask, name, step) for name in ("before", "after")}
    return filled(
        _COMPARED, rows=rows, order=order, limit=limit, few_last=_FEW_LAST if of in PERSONAL else _NULLS_LAST, **periods
    )


def _period(ask: Asked, name: str, step: int) -> str:
    """Return the condition of a period, where its ends are those of whole hours or days, or of the engine's period."""
    match ask.parameters.get(name):
        case (int(since), int(until)) if 0 <= since < until:
            pass
        case _:
            raise ask.wrong(name, "a pair of times in seconds since 1970 UTC, the earlier one first")
    for end, own in ((since, ask.since), (until, ask.until)):
        if (end + ask.offset * 60) % step and end != own:
            raise ask.wrong(name, f"a period of whole {'days' if step == DAY else 'hours'}, by the engine's offset")
    if (ask.since is not None and since < ask.since) or (ask.until is not None and until > ask.until):
        raise ask.wrong(name, "a period within the engine's own")
    # The first step of the engine's period may begin before it.
    return f"start >= {since - (since + ask.offset * 60) % step} and start < {until}"
