"""What is new, what grew and shrank, and what nobody uses any more. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smartify_core.requestlog.report._charts._small import swing
from smartify_core.requestlog.report._facts import Facts, Moved, Span
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._tables import Column, code, table
from smartify_core.requestlog.report._words import counted, number, percent

from ._section import nothing, section

_MOST: Final = 8
_MOST_NAMES: Final = 24
_MINUS: Final = "\N{MINUS SIGN}"


def changes(facts: Facts) -> Element:
    """Return what changed."""
    compared = facts.compared
    content: list[Node | None]
    if compared is None:
        content = [nothing("The log is too short to tell what changed.")]
    else:
        content = [_new(facts), _movers(facts)]
    return section(
        "changes",
        "Changes",
        None
        if compared is None
        else f"{_named(facts, compared.after)}, held against the {compared.before.words} before "
        f"({_named(facts, compared.before)}).",
        *content,
        _unused(facts),
    )


def _named(facts: Facts, span: Span) -> str:
    return facts.calendar.span(span.since, span.until)


def _new(facts: Facts) -> Element:
    new = sorted((one for one in facts.moved if one.before == 0), key=lambda one: (-one.after, one.feature))
    if not new:
        return _block("New", nothing("Nothing was used for the first time."))
    items = [element("li", code(one.feature), " ", element("span", number(one.after), class_="quiet")) for one in new]
    return _block("New", element("ul", *_few(items), class_="names"))


def _movers(facts: Facts) -> Element:
    known = [one for one in facts.moved if one.before and one.change]
    most = max((abs(one.change) for one in known), default=0)
    risen = [one for one in known if one.change > 0][:_MOST]
    fallen = [one for one in known if one.change < 0][:_MOST]
    if not known:
        return _block("Movers", nothing("Nothing was used more or less than before."))
    columns = (
        Column("Feature", "name"),
        Column("Change", "plotted"),
        Column("Before"),
        Column("After"),
        Column("By"),
        Column("In %"),
    )
    rows = [_moved(one, most) for one in (*risen, *reversed(fallen))]
    return _block("Movers", table("movers", "Features whose use changed most", columns, rows, kind="stacked movers"))


def _moved(one: Moved, most: int) -> Sequence[Node | None]:
    sign = "+" if one.change > 0 else _MINUS
    return (
        code(one.feature),
        swing(one.change / most),
        number(one.before),
        number(one.after),
        f"{sign}{number(abs(one.change))}",
        f"{sign}{percent(abs(one.change) / one.before * 100)}",
    )


def _unused(facts: Facts) -> Element:
    heading = "Retirement candidates"
    if facts.unused is None:
        return _block(heading, nothing("The log is too short to tell what nobody uses any more."))
    since = facts.calendar.date(facts.unused_since)
    if not facts.unused:
        return _block(heading, nothing(f"Every feature that is known has been used since {since}."))
    items = [
        element(
            "li",
            code(one.feature),
            " ",
            element(
                "span",
                "never in the log"
                if one.last is None
                else f"last on {facts.calendar.short(one.last)}, {counted(one.requests, 'request')} in all",
                class_="quiet",
            ),
        )
        for one in facts.unused
    ]
    return _block(
        heading, element("p", f"Nobody has used these since {since}."), element("ul", *_few(items), class_="names")
    )


def _few(items: list[Element]) -> list[Element]:
    if len(items) <= _MOST_NAMES:
        return items
    return [*items[:_MOST_NAMES], element("li", element("em", f"and {counted(len(items) - _MOST_NAMES, 'other')}"))]


def _block(heading: str, *content: Node) -> Element:
    return element("div", element("h3", heading), *content, class_="block")
