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

from ._answers import FEW
from ._sql import filled

_RARE: Final = """
case when $public then 0
    when (select count(ip) from @equipment) > 0 then case when networks < $k then 1 else 0 end
    when n < $k then 1 else 0 end"""

#: Up to ``shown(value, n, fold)``.
_VALUES: Final = """
seen as ($seen),
summed as (select value, sum(n) as n, count(distinct network) as networks from seen group by value),
judged as (select value, n, $rare as rare from summed),
placed as (
    select value, n, rare, sum(rare) over () as rares,
        row_number() over (order by rare desc, n, value nulls first) as place
    from judged
),
shown as (select value, n, case when rare = 1 or (rares = 1 and place = 2) then 1 else 0 end as fold from placed)"""

_BY_VALUE: Final = """
with $values
select case when fold = 1 then '$few' else value end as value, sum(n) as n from shown
group by case when fold = 1 then '$few' else value end"""

_BY_DETAIL: Final = """
with $values,
parts as (
    select value, detail, sum(n) as n, count(distinct network) as networks from seen group by value, detail
),
weighed as (select value, detail, n, $rare as rare from parts),
joined as (
    select weighed.value, weighed.detail, weighed.n, weighed.rare, shown.fold as whole
    from weighed join shown on weighed.value is not distinct from shown.value
),
ranked as (
    select value, detail, n, rare, whole, sum(rare) over (partition by value) as rares,
        row_number() over (partition by value order by rare desc, n, detail nulls first) as place
    from joined
),
told as (
    select value, detail, n, case when whole = 1 or rare = 1 or (rares = 1 and place = 2) then 1 else 0 end as fold
    from ranked
)
select case when fold = 1 then '$few' else value end as value, case when fold = 1 then null else detail end as detail,
    sum(n) as n
from told
group by case when fold = 1 then '$few' else value end, case when fold = 1 then null else detail end"""

_BY_DAY: Final = """
with $values,
parts as (select day, value, sum(n) as n, count(distinct network) as networks from seen group by day, value),
weighed as (select day, value, $rare as rare from parts),
rares as (
    select weighed.day, weighed.value from weighed join shown on weighed.value is not distinct from shown.value
    where weighed.rare = 1 and shown.fold = 0
),
days as (select day, sum(n) as n from seen group by day),
prices as (select rares.value, sum(days.n) as price from rares join days on rares.day = days.day group by rares.value),
chosen as (
    select shown.value, shown.n, case when shown.fold = 1 or shown.n <= prices.price then 1 else 0 end as fold
    from shown left join prices on shown.value is not distinct from prices.value
),
counted as (
    select value, fold, sum(fold) over () as folds,
        row_number() over (order by fold desc, n, value nulls first) as place
    from chosen
),
kept as (select value, case when fold = 1 or (folds = 1 and place = 2) then 1 else 0 end as fold from counted),
blank as (
    select day, n, case when day in (
        select rares.day from rares join kept on rares.value is not distinct from kept.value where kept.fold = 0
    ) then 1 else 0 end as fold
    from days
),
ordered as (
    select day, fold, sum(fold) over () as folds, row_number() over (order by fold desc, n, day) as place from blank
),
split as (select day, case when fold = 1 or (folds = 1 and place = 2) then 1 else 0 end as fold from ordered),
told as (
    select parts.day, parts.value, parts.n, case when kept.fold = 1 or split.fold = 1 then 1 else 0 end as fold
    from parts join kept on parts.value is not distinct from kept.value join split on parts.day = split.day
)
select day, case when fold = 1 then '$few' else value end as value, sum(n) as n from told
group by day, case when fold = 1 then '$few' else value end"""


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
    rare = filled(_RARE, public=public, k=k)
    return filled(text, values=filled(_VALUES, seen=seen, rare=rare), rare=rare, few=FEW)
