"""One pass over the lines, and everything is counted that any question asks. SQL that every engine understands. Pure.

What the application did and whom it served are counted apart, so no question could join them: ``uses`` has the features
and errors of each hour, ``equipment`` the networks and their programs of each day, ``origins`` where they came from.
"""

from __future__ import annotations

from typing import Final

from ._lines import EVENT, checked, kind, weight

HOUR: Final = 3_600
DAY: Final = 86_400
WEEK: Final = 604_800
#: Added before a remainder is taken, so that it is of a number above zero: whole weeks, and more than any offset.
_ABOVE_ZERO: Final = WEEK

USES: Final = ("hour", "feature", "method", "status", "ms", "error", "failed")
EQUIPMENT: Final = ("day", "ip", "browser", "version", "os", "device", "language", "zone", "zone_from")
ORIGINS: Final = ("day", "ip", "referrer")
_ALL: Final = tuple(dict.fromkeys((*USES, *EQUIPMENT, *ORIGINS)))


def start_of(step: int, time: str, offset: int) -> str:
    """Return the SQL for when the hour, day or week of a time began, by a clock that is ``offset`` minutes off UTC.

    Weeks begin on Mondays. 1970 began on a Thursday.
    """
    ahead = offset * 60 + _ABOVE_ZERO + (3 * DAY if step == WEEK else 0)
    return f"({time} - ({time} + {ahead}) % {step})"


def counted(*, offset: int, since: int | None, until: int | None) -> str:
    """Return the query that counts ``@lines``.

    Args:
        offset: Minutes that hours and days are ahead of UTC.
        since: The first second that counts; None for all.
        until: The first second that does not; None for all.
    """
    times = [*([] if since is None else [f"time >= {since}"]), *([] if until is None else [f"time < {until}"])]
    inside = f"where kind = 'unreadable' or ({' and '.join(times)})" if times else ""
    plain = [name for name in _ALL if name not in {"hour", "day"}]
    sets = ", ".join(f"(kind, {', '.join(names)})" for names in (USES, EQUIPMENT, ORIGINS))
    return f"""
select kind, {", ".join(_ALL)}, grouping(hour) as no_hour, grouping(referrer) as no_referrer,
    sum(weight) as n, min(time) as first, max(time) as last
from (
    select kind, weight, time, {", ".join(plain)},
        {start_of(HOUR, "time", offset)} as hour, {start_of(DAY, "time", offset)} as day
    from (
        select {kind()} as kind, {weight()} as weight, {", ".join(f"{checked(name)} as {name}" for name in ("time", *plain))}
        from @lines
    ) as told
    {inside}
) as placed
group by grouping sets ({sets})
"""


def relations(offset: int) -> dict[str, str]:
    """Return the queries of the relations that questions read, each over the ones before it and ``@counts``."""
    network = _network("ip")
    return {
        "uses": f"select {', '.join(USES)}, n, {_errors('n')} as errors, first, last from @counts "
        f"where kind = '{EVENT}' and no_hour = 0",
        "told": f"select kind, hour, n from @counts where kind <> '{EVENT}' and no_hour = 0",
        "equipment": f"select {', '.join(EQUIPMENT)}, {network} as network, n from @counts "
        f"where kind = '{EVENT}' and no_hour = 1 and no_referrer = 1",
        "origins": f"select {', '.join(ORIGINS)}, {network} as network, n from @counts "
        f"where kind = '{EVENT}' and no_referrer = 0",
        "hours": f"""
select hour, sum(n) as n, sum(errors) as errors,
    sum(case when status between 400 and 499 then n else 0 end) as client_errors,
    sum(case when ms > 1000 then n else 0 end) as slow
from @uses group by hour
union all select start, n, errors, client_errors, slow from @cells where kind = 'hour'""",
        "facts": f"""
select hour as start, {start_of(DAY, "hour", offset)} as day, feature, method, status, ms, error, failed, n, errors, last
from @uses
union all
select start, {cell_day(offset)}, feature, method, status, ms, error, failed, n, errors, last
from @cells where kind = 'use'""",
    }


def cell_day(offset: int) -> str:
    """Return the SQL for the day, by our clock, of a cell of a day: that in which the cell's noon lies."""
    return start_of(DAY, f"(start + {DAY // 2})", offset)


def _errors(n: str) -> str:
    """Return the SQL for how many of ``n`` requests failed on the host's side: not refused, and not given up."""
    return f"case when status >= 500 or failed in ('before_start', 'streaming', 'after_end') then {n} else 0 end"


def _network(ip: str) -> str:
    """Return the SQL for the network of an address: what the log cut it to, else /24 or /48.

    Where ``::`` stands for zeros in the first three groups, they are written out, so that a network has one name.
    """
    four = " || '.' || ".join(f"split_part({ip}, '.', {at})" for at in (1, 2, 3))
    six = " || ':' || ".join(_group(f"split_part({ip}, '::', 1)", at) for at in (1, 2, 3))
    return (
        f"case when {ip} like '%/%' then {ip} when {ip} like '%:%' then {six} || '::/48' "
        f"when {ip} is not null then {four} || '.0/24' end"
    )


def _group(head: str, at: int) -> str:
    part = f"split_part({head}, ':', {at})"
    return f"case when {part} = '' then '0' else {part} end"


def wide(network: str) -> str:
    """Return the SQL for the wider network in which a network lies: /16 or /32, or itself where it is as wide."""
    length = f"cast(split_part({network}, '/', 2) as bigint)"
    head = f"split_part(split_part({network}, '/', 1), '::', 1)"
    four = f"split_part({network}, '.', 1) || '.' || split_part({network}, '.', 2) || '.0.0/16'"
    six = f"{_group(head, 1)} || ':' || {_group(head, 2)} || '::/32'"
    return (
        f"case when {network} like '%:%' then case when {length} <= 32 then {network} else {six} end "
        f"when {network} is not null then case when {length} <= 16 then {network} else {four} end end"
    )
