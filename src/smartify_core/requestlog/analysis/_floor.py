"""The floor under what is told of people's equipment: whatever too few networks share is folded. SQL. Pure.

A value counts as rare where it was seen from fewer than ``k`` networks; a request without an address counts for none.
Where the log keeps no address at all, it is rare with fewer than ``k`` requests. Rare values are folded into one row.
Where only one would be, the next smallest is folded too, or its number were the difference of the others and the sum.

One answer must not undo another's floor. So, over the whole of an engine's period:

- A value that is folded is folded everywhere.
- A value's details (the versions of a browser) are folded by the same rule, for each value by itself.
- By days, a value is told for every day or for none, and a day for every value or for none. A day is left out rather
  than a value where that hides fewer requests, and none is ever left out alone. Whatever is asked of days, and of
  periods made of days, is added up from these. So of what is hidden no number follows: any two values and two days
  could have exchanged requests without any answer showing it.

Each function takes ``seen``: a query with the columns ``day, value, detail, network, n``.
"""

from __future__ import annotations

from typing import Final

from ._answers import FEW

_FEW: Final = f"'{FEW}'"


def _rare(k: int, public: str) -> str:
    """Return the SQL that tells whether a group with ``n`` and ``networks`` is rare."""
    return (
        f"case when {public} then 0 when (select count(network) from seen) > 0 "
        f"then case when networks < {k} then 1 else 0 end when n < {k} then 1 else 0 end"
    )


def _values(seen: str, k: int, public: str) -> str:
    """Return CTEs up to ``shown(value, n, fold)``."""
    return f"""
seen as ({seen}),
summed as (select value, sum(n) as n, count(distinct network) as networks from seen group by value),
judged as (select value, n, {_rare(k, public)} as rare from summed),
placed as (
    select value, n, rare, sum(rare) over () as rares,
        row_number() over (order by rare desc, n, value nulls first) as place
    from judged
),
shown as (select value, n, case when rare = 1 or (rares = 1 and place = 2) then 1 else 0 end as fold from placed)"""


def by_value(seen: str, k: int, public: str = "false") -> str:
    """Return the query for ``value, n``: each value's requests over the period, the rare ones in one row."""
    return f"""
with {_values(seen, k, public)}
select case when fold = 1 then {_FEW} else value end as value, sum(n) as n from shown
group by case when fold = 1 then {_FEW} else value end"""


def by_detail(seen: str, k: int, public: str = "false") -> str:
    """Return the query for ``value, detail, n``: as `by_value`, for each value with each of its details."""
    return f"""
with {_values(seen, k, public)},
parts as (
    select value, detail, sum(n) as n, count(distinct network) as networks from seen group by value, detail
),
sorted as (
    select parts.value, parts.detail, parts.n, shown.fold as whole, {_rare(k, "false").replace("n <", "parts.n <")} as rare
    from parts join shown on parts.value is not distinct from shown.value
),
ranked as (
    select value, detail, n, whole, rare, sum(rare) over (partition by value) as rares,
        row_number() over (partition by value order by rare desc, n, detail nulls first) as place
    from sorted
),
told as (
    select value, detail, n, case when whole = 1 or rare = 1 or (rares = 1 and place = 2) then 1 else 0 end as fold
    from ranked
)
select case when fold = 1 then {_FEW} else value end as value, case when fold = 1 then null else detail end as detail,
    sum(n) as n
from told
group by case when fold = 1 then {_FEW} else value end, case when fold = 1 then null else detail end"""


def by_day(seen: str, k: int, public: str = "false") -> str:
    """Return the query for ``day, value, n``: each value's requests on each day, and what is hidden of each day."""
    return f"""
with {_values(seen, k, public)},
parts as (select day, value, sum(n) as n, count(distinct network) as networks from seen group by day, value),
rares as (
    select parts.day, parts.value from parts join shown on parts.value is not distinct from shown.value
    where shown.fold = 0 and {_rare(k, public.replace("value", "parts.value")).replace("n <", "parts.n <")} = 1
),
days as (select day, sum(n) as n from seen group by day),
prices as (select value, sum(days.n) as price from rares join days on rares.day = days.day group by value),
weighed as (
    select shown.value, shown.n, case when fold = 1 or shown.n <= prices.price then 1 else 0 end as fold
    from shown left join prices on shown.value is not distinct from prices.value
),
counted as (
    select value, n, fold, sum(fold) over () as folds,
        row_number() over (order by fold desc, n, value nulls first) as place
    from weighed
),
kept as (select value, case when fold = 1 or (folds = 1 and place = 2) then 1 else 0 end as fold from counted),
blank as (
    select days.day, days.n, case when days.day in (
        select rares.day from rares join kept on rares.value is not distinct from kept.value where kept.fold = 0
    ) then 1 else 0 end as fold
    from days
),
ordered as (
    select day, fold, sum(fold) over () as folds, row_number() over (order by fold desc, n, day) as place from blank
),
split as (select day, case when fold = 1 or (folds = 1 and place = 2) then 1 else 0 end as fold from ordered)
select parts.day, case when kept.fold = 1 or split.fold = 1 then {_FEW} else parts.value end as value, sum(parts.n) as n
from parts join kept on parts.value is not distinct from kept.value join split on parts.day = split.day
group by parts.day, case when kept.fold = 1 or split.fold = 1 then {_FEW} else parts.value end"""
