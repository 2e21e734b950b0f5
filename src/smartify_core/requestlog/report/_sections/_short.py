"""What stands out, in a few sentences that lead to where it is shown. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smartify_core.requestlog.report._calendar import WEEKDAYS
from smartify_core.requestlog.report._facts import Facts
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._rhythm import quietest
from smartify_core.requestlog.report._tables import code
from smartify_core.requestlog.report._words import counted, share

_LARGE: Final = 0.02
_GRAVE: Final = 0.1


def short(facts: Facts) -> Element | None:
    """Return the sentences, or nothing where nothing stands out."""
    told = [element("li", *words) for words in _sentences(facts)]
    if not told:
        return None
    return element(
        "section",
        element("h2", "In short", id="short-heading"),
        element("ul", *told),
        id="short",
        class_="short",
        aria_labelledby="short-heading",
    )


def _sentences(facts: Facts) -> Iterator[tuple[Node, ...]]:
    total = facts.total.requests
    if not total:
        return
    most = facts.used[0]
    yield code(most.feature), f" is used most: {share(most.requests, total)} of all requests. ", _to("features")
    yield from _moved(facts, total)
    # A few failures among thousands of requests are in the table, and no news.
    spike = next((one for one in facts.spikes if one.errors >= one.requests * _GRAVE), None)
    if spike is not None:
        when = facts.calendar.hour(spike.start)
        times = f", {spike.factor:.3g} times the usual" if spike.factor is not None else ""
        yield (
            f"{counted(spike.errors, 'request')} to ",
            code(spike.feature),
            f" failed on {when}{times}. ",
            _to("errors"),
        )
    if facts.unused:
        since = facts.calendar.short(facts.unused_since)
        word = "has" if len(facts.unused) == 1 else "have"
        yield f"{counted(len(facts.unused), 'feature')} {word} not been used since {since}. ", _to("changes")
    if (quiet := quietest(facts.hours, facts.calendar, len(facts.days))) is not None:
        day, hour = quiet
        yield f"The quietest hour of the week begins on {WEEKDAYS[day]} at {hour:02}:00. ", _to("week")
    if facts.coverage.dropped:
        yield f"{counted(facts.coverage.dropped, 'event')} could not be kept. ", _to("missing")


def _moved(facts: Facts, total: int) -> Iterator[tuple[Node, ...]]:
    risen = next((one for one in facts.moved if one.change > total * _LARGE), None)
    fallen = next((one for one in facts.moved if one.change < -total * _LARGE), None)
    if risen is not None:
        yield code(risen.feature), f" grew most, by {counted(risen.change, 'request')}. ", _to("changes")
    if fallen is not None:
        yield code(fallen.feature), f" lost most, {counted(-fallen.change, 'request')}. ", _to("changes")


def _to(name: str) -> Element:
    return element("a", name.capitalize(), href=f"#{name}")
