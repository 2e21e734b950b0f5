"""A quick way to count the lines that our own sink writes, which gives the same counts or none. SQL for DuckDB. Pure.

Most of what reading a line of JSON costs is making values of its text. But of a line's two halves, what was done and
who did it, each comes again and again, word for word. So lines are cut in two by their text, equal halves are counted
by hour and by day, and only one of each is made values of.

A line is cut where it begins as ours do and its address, or else its browser, begins. Any other line is counted the
general way. Where a half does not hold just what it should, nothing that was counted here may be used: `broken` tells.
Lines from without the period are looked at all the same: whether nobody can read them does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from smartify_core.requestlog._event._request_event import BEGINNING

from ._counting import EQUIPMENT, FOREIGN_IP, OF_LINES, ORIGINS, USES, only
from ._lines import COLUMNS, EVENT, UNREADABLE, checked
from ._reading import LONGEST_LINE, TYPES, listed
from ._sql import filled, within
from ._steps import DAY, HOUR, start_of

#: A line that may be cut begins with the version, and a time of ten digits.
_DIGITS: Final = 10
_AT: Final = len(BEGINNING) + 1
_AFTER: Final = _AT + _DIGITS

_DONE: Final = [name for name in USES if name != "hour"]
_HALF: Final = ["v", "time", "note", *OF_LINES]
_WHO: Final = [name for name in dict.fromkeys((*EQUIPMENT, *ORIGINS)) if name != "day"]

#: ``head`` and ``tail`` are the halves; a line that is not cut is a head without hour and tail; null is no JSON.
_PIECES: Final = """
select grouping(head) as no_head, hour, day, head, tail, inside, count(*) as n, min(time) as first, max(time) as last
from (
    select time, $inside as inside, $hour as hour, $day as day, case when time is null then line else head end as head,
        case when time is not null then tail end as tail
    from (
        select line, head, tail, case when starts_with(line, '$beginning') and starts_with(head, ',"feature":')
            and told >= $least then told end as time
        from (
            select line, told, substring(line, $after, cut - $after) as head, substring(line, cut) as tail
            from (
                select line, told, case when ip > 0 then ip else strpos(line, ',"browser":') end as cut
                from (
                    select line, strpos(line, ',"ip') as ip, try_cast(substring(line, $at, $digits) as bigint) as told
                    from (
                        select cast(json as varchar) as line
                        from read_ndjson_objects($paths, ignore_errors = true, maximum_object_size = $longest)
                    ) as a
                ) as b
            ) as c
        ) as d
    ) as e
) as f
group by grouping sets ((inside, hour, head), (inside, day, tail))"""

_HEADS: Final = """
select head, $columns from (
    select head, from_json(case when json_valid(text) then text end, '$types') as told
    from (select head, '{"_":0' || head || '}' as text from (
        select distinct head from pieces where no_head = 0 and hour is not null
    ) as a) as b
) as c"""
_TAILS: Final = """
select tail, $columns from (
    select tail, from_json(case when json_valid(text) then text end, '$types') as told
    from (select tail, '{"_":0' || tail as text from (
        select distinct tail from pieces where no_head = 1 and day is not null
    ) as a) as b
) as c"""

#: Whether a half does not hold just what it should.
_BROKEN: Final = """
select (select count(*) from heads where not coalesce($head, false))
    + (select count(*) from tails where not coalesce($tail, false)) > 0"""

#: Lines that were not cut, as ``@lines`` has them.
_ODD: Final = """
select $columns from (
    select from_json(line, '$types') as told, unnest(range(n)) as again
    from (select head as line, n from pieces where no_head = 0 and hour is null and head is not null) as a
) as b"""

_COUNTED: Final = """
select '$event' as kind, $uses, 0 as no_hour, 1 as no_referrer, n, first, last
from pieces join heads on pieces.head = heads.head where no_head = 0 and hour is not null and inside
union all
select '$event', $equipment, 1, 1, n, first, last
from pieces join tails on pieces.tail = tails.tail where no_head = 1 and day is not null and inside
union all
select '$event', $origins, 1, 0, n, first, last
from pieces join tails on pieces.tail = tails.tail where no_head = 1 and day is not null and inside
union all
select '$unreadable', $nothing, 0, 1, n, null, null from pieces where no_head = 0 and head is null"""


def pieces(paths: list[str], *, offset: int, since: int | None, until: int | None) -> str:
    """Return the query for ``pieces``: equal halves of lines, counted."""
    return filled(
        _PIECES,
        paths=listed(paths),
        hour=start_of(HOUR, "time", offset),
        day=start_of(DAY, "time", offset),
        beginning=BEGINNING,
        at=_AT,
        after=_AFTER,
        digits=_DIGITS,
        least=10 ** (_DIGITS - 1),
        longest=LONGEST_LINE,
        inside=within("time", since, until),
    )


def heads() -> str:
    """Return the query for ``heads``: what was done, as values."""
    return filled(_HEADS, columns=_columns(_HALF), types=_types())


def tails() -> str:
    """Return the query for ``tails``: who did it, as values."""
    return filled(_TAILS, columns=_columns(_HALF), types=_types())


def broken() -> str:
    """Return the query that tells whether nothing of this may be used."""
    must_head = [f"{checked(name)} is not null" for name in ("feature", "method", "ms")]
    must_tail = [f"{name} is not null" for name in ("browser", "os", "device")]
    never = ["v is null", "time is null", "note is null"]
    return filled(
        _BROKEN,
        head=" and ".join((*must_head, *never, *(f"{name} is null" for name in _WHO))),
        tail=" and ".join((*must_tail, *never, *(f"{name} is null" for name in _DONE))),
    )


def odd() -> str:
    """Return the query for the lines that were not cut, as ``@lines`` has them."""
    return filled(_ODD, columns=_columns(COLUMNS), types=_types())


def counted_halves() -> str:
    """Return the query for what was counted, as ``@counts`` has it."""
    return filled(
        _COUNTED,
        event=EVENT,
        unreadable=UNREADABLE,
        uses=_checked(USES),
        equipment=_checked(EQUIPMENT),
        origins=_checked(ORIGINS).replace("ip as ip", f"{FOREIGN_IP} as ip"),
        nothing=only(()),
    )


def _checked(names: Sequence[str]) -> str:
    text = only(names)
    for name in {"status", "ms", "version"}.intersection(names):
        text = text.replace(f"{name} as {name}", f"{checked(name)} as {name}")
    return text


def _columns(names: Iterable[str]) -> str:
    return ", ".join(f"told.{name} as {name}" for name in names)


def _types() -> str:
    return "{" + ", ".join(f'"{name}": "{TYPES[kind]}"' for name, kind in COLUMNS.items()) + "}"
