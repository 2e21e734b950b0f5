"""The floor under what is told of people's equipment: whatever too few networks share is folded. SQL. Pure.

A value is rare where it was seen from fewer than ``k`` networks; a request without an address counts for none. Where
the log keeps no address at all, it is rare with fewer than ``k`` requests. Rare values are folded into one row. Where
only one would be, the next smallest is folded too, or its number were the difference of the others and the sum.

One answer must not undo another's floor. So, over the whole of an engine's period:

- A value that is folded is folded everywhere.
- A value's details (the versions of a browser) are folded by the same rule, for each value by itself.
- By days, a value is told for every day or for none, and a day for every value or for none. A day is left out rather
  than a value where that hides fewer requests, and none is ever left out alone. Whatever is asked of days, and of
  periods made of days, is added up from these. So of what is hidden no number follows: any two values and two days
  could have exchanged requests without any answer showing it.

Each function takes ``seen``: a query with the columns ``day, value, detail, network, n``; and ``public``: the condition
under which a value needs no floor.
"""

from __future__ import annotations

from typing import Final

from smartify_core.errors import UsageError

from ._answers import FEW
from ._sql import filled

_LARGEST: Final = 1_000_000


def checked_floor(k: object) -> int:
    """Return ``k`` as it may stand in a query.

    Raises:
        UsageError: It is no whole number from 1 to a million.
    """
    return whole_number("k", k, 1, _LARGEST)


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """Return ``value``, which is a whole number within its bounds.

    Raises:
        UsageError: It is none; the message says ``name``.
    """
    if type(value) is not int or not least <= value <= most:
        raise UsageError(f"{name} cannot be used", where=name, cure=f"Give a whole number from {least} to {most}.")
    return value


_RARE: Final = """
case when $public then 0
    when (select count(ip) from @equipment) > 0 then case when networks < $k then 1 else 0 end
    when n < $k then 1 else 0 end"""

# Each is one line of steps without a join: an engine that writes out a step for every use of it would never end. Rows
# of values, of their parts and of days go through the steps together, told apart by ``no_value`` and so on.
_BY_VALUE: Final = """
with seen as ($seen),
summed as (select value, sum(n) as n, count(distinct network) as networks from seen group by value),
judged as (select value, n, $rare as rare from summed),
placed as (
    select value, n, rare, sum(rare) over () as rares,
        row_number() over (order by rare desc, n, value nulls first) as place
    from judged
),
told as (
    select case when rare = 1 or (rares = 1 and place = 2) then '$few' else value end as value, n from placed
)
select value, sum(n) as n from told group by value"""

_BY_DETAIL: Final = """
with seen as ($seen),
summed as (
    select value, detail, grouping(detail) as no_detail, sum(n) as n, count(distinct network) as networks
    from seen group by grouping sets ((value), (value, detail))
),
judged as (select value, detail, no_detail, n, $rare as rare from summed),
placed as (
    select value, detail, no_detail, n, rare, sum(rare) over (partition by no_detail) as rares,
        row_number() over (partition by no_detail order by rare desc, n, value nulls first, detail nulls first) as place
    from judged
),
beside as (
    select value, detail, no_detail, n, rare,
        max(case when no_detail = 1 and (rare = 1 or (rares = 1 and place = 2)) then 1 else 0 end)
            over (partition by value) as whole,
        sum(rare) over (partition by value, no_detail) as rares,
        row_number() over (partition by value, no_detail order by rare desc, n, detail nulls first) as place
    from placed
),
told as (
    select value, detail, n, case when whole = 1 or rare = 1 or (rares = 1 and place = 2) then 1 else 0 end as fold
    from beside where no_detail = 0
),
folded as (
    select case when fold = 1 then '$few' else value end as value, case when fold = 0 then detail end as detail, n
    from told
)
select value, detail, sum(n) as n from folded group by value, detail"""

_BY_DAY: Final = """
with seen as ($seen),
summed as (
    select day, value, grouping(day) as no_day, grouping(value) as no_value,
        sum(n) as n, count(distinct network) as networks
    from seen group by grouping sets ((value), (day), (day, value))
),
judged as (
    select day, value, no_day, no_value, n, case when no_value = 1 then 0 else $rare end as rare from summed
),
placed as (
    select day, value, no_day, no_value, n, rare, sum(rare) over (partition by no_day, no_value) as rares,
        row_number() over (partition by no_day, no_value order by rare desc, n, value nulls first, day) as place,
        sum(case when no_value = 1 then n else 0 end) over (partition by no_day, day) as of_day
    from judged
),
folded as (
    select day, value, no_day, no_value, n, rare, of_day,
        max(case when no_day = 1 and (rare = 1 or (rares = 1 and place = 2)) then 1 else 0 end)
            over (partition by no_value, value) as fold
    from placed
),
priced as (
    select day, value, no_day, no_value, n, rare, fold,
        sum(case when no_day = 0 and rare = 1 and fold = 0 then of_day else 0 end)
            over (partition by no_value, value) as price
    from folded
),
chosen as (
    select day, value, no_day, no_value, n, rare, case when fold = 1 or n <= price then 1 else 0 end as fold from priced
),
counted as (
    select day, value, no_day, no_value, n, rare, fold, sum(fold) over (partition by no_day, no_value) as folds,
        row_number() over (partition by no_day, no_value order by fold desc, n, value nulls first, day) as place
    from chosen
),
kept as (
    select day, value, no_day, no_value, n, rare,
        max(case when no_day = 1 and (fold = 1 or (folds = 1 and place = 2)) then 1 else 0 end)
            over (partition by no_value, value) as fold
    from counted
),
blank as (
    select day, value, no_day, no_value, n, fold,
        max(case when no_day = 0 and no_value = 0 and rare = 1 and fold = 0 then 1 else 0 end)
            over (partition by no_day, day) as blank
    from kept
),
ordered as (
    select day, value, no_day, no_value, n, fold, blank,
        sum(case when no_value = 1 then blank else 0 end) over (partition by no_value) as blanks,
        row_number() over (partition by no_value order by blank desc, n, day) as place
    from blank
),
split as (
    select day, value, no_day, no_value, n, fold,
        max(case when no_value = 1 and (blank = 1 or (blanks = 1 and place = 2)) then 1 else 0 end)
            over (partition by no_day, day) as blank
    from ordered
),
told as (
    select day, case when fold = 1 or blank = 1 then '$few' else value end as value, n
    from split where no_day = 0 and no_value = 0
)
select day, value, sum(n) as n from told group by day, value"""


def by_value(seen: str, k: int, public: str) -> str:
    """Return the query for ``value, n``: each value's requests over the period, the rare ones in one row."""
    return _floored(_BY_VALUE, seen, k, public)


def by_detail(seen: str, k: int, public: str) -> str:
    """Return the query for ``value, detail, n``: as `by_value`, for each value with each of its details."""
    return _floored(_BY_DETAIL, seen, k, public)


def by_day(seen: str, k: int, public: str) -> str:
    """Return the query for ``day, value, n``: each value's requests on each day, and what is hidden of each day."""
    return _floored(_BY_DAY, seen, k, public)


def _floored(text: str, seen: str, k: int, public: str) -> str:
    return filled(text, seen=seen, rare=filled(_RARE, public=public, k=k), few=FEW)
