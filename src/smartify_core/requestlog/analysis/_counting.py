"""One pass over the lines, and everything is counted that any question asks. SQL that every engine understands. Pure.

What the application did and whom it served are counted apart, so no question could join them: ``uses`` has the features
and errors of each hour, ``equipment`` the networks and their programs of each day, ``origins`` where they came from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from ._lines import COLUMNS, EVENT, UNREADABLE, checked, kind, weight
from ._nets import network_of
from ._sql import filled, within
from ._steps import DAY, HOUR, cell_day, start_of

USES: Final = ("hour", "feature", "method", "status", "ms", "error", "failed")
EQUIPMENT: Final = ("day", "ip", "browser", "version", "os", "device", "language", "zone", "zone_from")
#: The address only of whom a foreign page sent: a page of the host's own tells nothing of a person.
ORIGINS: Final = ("day", "ip", "referrer")
FOREIGN_IP: Final = "case when referrer like '%://%' then ip end"
#: What is counted by, and those of it that are columns of a line.
KEYS: Final = tuple(dict.fromkeys((*USES, *EQUIPMENT, *ORIGINS)))
OF_LINES: Final = [name for name in KEYS if name not in {"hour", "day"}]

#: Of lines that may be anything: those that are no events are counted by what they are.
_LINES: Final = """
select kind, weight, time, $columns, $hour as hour, $day as day, $foreign_ip as foreign_ip
from (select $kind as kind, $weight as weight, $checked from @$lines) as told
where kind = '$unreadable' or ($within)"""
_COUNTED: Final = """
select kind, $keys, no_hour, no_referrer, n, first, last
from (
    select kind, $grouped, grouping(hour) as no_hour, grouping(referrer) as no_referrer,
        sum(weight) as n, min(time) as first, max(time) as last
    from ($rows) as placed
    group by grouping sets ((kind, $uses), (kind, $equipment), (kind, $origins))
) as counted"""

#: Of lines that were checked before: events, and notes.
_EVENTS: Final = """
select time, $columns, $hour as hour, $day as day, $foreign_ip as foreign_ip
from @$lines where note is null and ($within)"""
_COUNTED_EVENTS: Final = """
select '$event' as kind, $keys, no_hour, no_referrer, n, first, last
from (
    select $grouped, grouping(hour) as no_hour, grouping(referrer) as no_referrer,
        count(*) as n, min(time) as first, max(time) as last
    from ($rows) as placed
    group by grouping sets (($uses), ($equipment), ($origins))
) as counted
union all
select note, $nothing, 0, 1, sum(count), null, null
from @$lines where note is not null and (note = '$unreadable' or ($within)) group by note"""

_ALL: Final = "select *, $network as network from ($parts) as parts"
_RELATIONS: Final = {
    "uses": "select $uses, n, $errors as errors, first, last from @counts where kind = '$event' and no_hour = 0",
    "told": "select kind, n from @counts where kind <> '$event' and no_hour = 0",
    "equipment": """
select $equipment, network, n from @counts where kind = '$event' and no_hour = 1 and no_referrer = 1""",
    "origins": "select $origins, network, n from @counts where kind = '$event' and no_referrer = 0",
    "hours": """
select hour, sum(n) as n, sum(errors) as errors,
    sum(case when status between 400 and 499 then n else 0 end) as client_errors,
    sum(case when ms > 1000 then n else 0 end) as slow
from @uses group by hour
union all select start, n, errors, client_errors, slow from @cells where kind = 'hour'""",
    "facts": """
select hour as start, $day as day, feature, method, status, ms, error, failed, n, errors, last from @uses
union all
select start, $cell_day, feature, method, status, ms, error, failed, n, errors, last from @cells where kind = 'use'""",
}
#: Those that questions read again and again, and that are small: worth keeping once they are made.
KEPT: Final = ("uses", "told", "equipment", "origins")


def counted(lines: str, *, offset: int, since: int | None, until: int | None) -> str:
    """Return the query that counts lines of any kind.

    Args:
        lines: The name of their relation.
        offset: Minutes that hours and days are ahead of UTC.
        since: The first second that counts; None for all.
        until: The first second that does not; None for all.
    """
    rows = filled(
        _LINES,
        **_placed(lines, offset, since, until),
        kind=kind(),
        weight=weight(),
        checked=", ".join(f"{checked(name)} as {name}" for name in ("time", *OF_LINES)),
    )
    return filled(_COUNTED, rows=rows, **_sets())


def counted_events(lines: str, *, offset: int, since: int | None, until: int | None) -> str:
    """Return the query that counts lines which were checked before. See `counted`."""
    placed = _placed(lines, offset, since, until)
    rows = filled(_EVENTS, **placed)
    return filled(_COUNTED_EVENTS, rows=rows, nothing=only(()), **placed, **_sets())


def all_counted(parts: Iterable[str]) -> str:
    """Return the query for ``@counts``: what was counted here and there, with the network of each address."""
    return filled(_ALL, network=network_of("ip"), parts=" union all ".join(parts))


def relations(offset: int) -> dict[str, str]:
    """Return the queries of what questions read, each over those before it, ``@counts`` and ``@cells``."""
    parts = {
        "uses": ", ".join(USES),
        "equipment": ", ".join(EQUIPMENT),
        "origins": ", ".join(ORIGINS),
        "event": EVENT,
        "errors": errors_of("n"),
        "day": start_of(DAY, "hour", offset),
        "cell_day": cell_day(offset),
    }
    return {name: filled(text, **parts) for name, text in _RELATIONS.items()}


def errors_of(n: str) -> str:
    """Return the SQL for how many of ``n`` requests failed on the host's side: not refused, and not given up."""
    return f"case when status >= 500 or failed in ('before_start', 'streaming', 'after_end') then {n} else 0 end"


def only(names: Collection[str]) -> str:
    """Return the columns of ``@counts`` with only these filled, from columns of the same names."""
    kinds = {name: COLUMNS[name] for name in OF_LINES} | {"hour": "int", "day": "int"}
    return ", ".join(
        f"{name} as {name}"
        if name in names
        else f"cast(null as {'bigint' if kinds[name] == 'int' else 'string'}) as {name}"
        for name in KEYS
    )


def _placed(lines: str, offset: int, since: int | None, until: int | None) -> dict[str, str]:
    return {
        "lines": lines,
        "columns": ", ".join(OF_LINES),
        "hour": start_of(HOUR, "time", offset),
        "day": start_of(DAY, "time", offset),
        "foreign_ip": FOREIGN_IP,
        "within": within("time", since, until),
        "unreadable": UNREADABLE,
    }


def _sets() -> dict[str, str]:
    origins = ["foreign_ip" if name == "ip" else name for name in ORIGINS]
    return {
        "event": EVENT,
        "keys": ", ".join(
            "case when no_referrer = 0 then foreign_ip else ip end as ip" if name == "ip" else name for name in KEYS
        ),
        "grouped": ", ".join((*KEYS, "foreign_ip")),
        "uses": ", ".join(USES),
        "equipment": ", ".join(EQUIPMENT),
        "origins": ", ".join(origins),
    }
