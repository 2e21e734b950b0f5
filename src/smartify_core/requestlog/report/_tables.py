"""Tables: every one has a caption, and heads for its columns and rows. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from ._charts._small import bar
from ._facts import Ranking
from ._markup import Element, Node, element
from ._words import counted, cut, number, share

_joints = re.compile(r"(?<=[/._:])(?=[^/._:])")
#: How many values of one dimension are named; the rest is counted together.
MOST_RANKED: Final = 10


@frozen
class Column:
    """One column of a table.

    Args:
        heading: What is above it.
        kind: ``number`` sets it to the right; ``name`` is what a row is about; ``plotted`` has a bar or a line.
    """

    heading: str
    kind: str = "number"


def table(
    name: str,
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Node | None]],
    *,
    kind: str = "",
    last: Sequence[Node | None] | None = None,
) -> Element:
    """Return a table that can be scrolled where the screen is too narrow.

    Args:
        name: What its ids begin with.
        caption: What it is about.
        columns: Its columns.
        rows: What is in them; the first of each row is its head.
        kind: A class of the style sheet.
        last: A row that sums up what is not shown.
    """
    # Said in so many words, because a style sheet that stacks a table on a phone takes its roles away.
    head = element(
        "thead",
        element(
            "tr",
            *(
                element("th", column.heading, scope="col", role="columnheader", class_=column.kind)
                for column in columns
            ),
            role="row",
        ),
        role="rowgroup",
    )
    body = element("tbody", *(_row(columns, row) for row in rows), role="rowgroup")
    foot = None if last is None else element("tfoot", _row(columns, last), role="rowgroup")
    return element(
        "div",
        element(
            "table",
            element("caption", caption, id=f"{name}-caption"),
            head,
            body,
            foot,
            role="table",
            class_=kind or None,
        ),
        class_="scroll",
        role="region",
        aria_labelledby=f"{name}-caption",
        tabindex="0",
    )


def _row(columns: Sequence[Column], cells: Sequence[Node | None]) -> Element:
    first, *others = zip(columns, cells, strict=True)
    return element(
        "tr",
        element("th", first[1], scope="row", role="rowheader", class_=first[0].kind),
        *(
            element(
                "td",
                # Shown where a phone stacks the table, and the head of the column is out of sight.
                None if cell is None else element("span", column.heading, class_="lead", aria_hidden="true"),
                cell,
                role="cell",
                class_=column.kind,
            )
            for column, cell in others
        ),
        role="row",
    )


def data(name: str, caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Element:
    """Return the numbers behind a drawing, folded away."""
    head = element("tr", *(element("th", heading, scope="col") for heading in columns))
    body = [
        element("tr", element("th", one, scope="row"), *(element("td", cell) for cell in cells)) for one, *cells in rows
    ]
    return element(
        "details",
        element("summary", "The numbers: ", caption),
        element(
            "div",
            element(
                "table",
                element("caption", caption, id=f"{name}-caption", class_="unseen"),
                element("thead", head),
                element("tbody", *body),
            ),
            class_="scroll",
            role="region",
            aria_labelledby=f"{name}-caption",
            tabindex="0",
        ),
        class_="numbers",
    )


def value(text: str) -> Element:
    """Return a value of the log: kept apart from the words around it, however it is written."""
    return element("bdi", *_pieces(cut(text)))


def code(text: str) -> Element:
    """Return a value of the log that is a name of a program's: a route, a class."""
    return element("code", value(text))


def _pieces(text: str) -> Iterator[Node]:
    """Give a name with places where a line may break: after what joins its parts."""
    for place, piece in enumerate(_joints.split(text)):
        if place:
            yield element("wbr")
        yield piece


def ranking(name: str, caption: str, found: Ranking, *, note: Node | None = None, as_code: bool = False) -> Element:
    """Return the most frequent values of one dimension, what is left of them, and what is too few to be told apart."""
    shown, total = found.rows[:MOST_RANKED], found.total
    rest = found.rows[MOST_RANKED:]
    most = max((count for _, count in found.rows), default=0)
    lines = [
        _ranked(code(one) if as_code else value(one), count, count / most if most else 0, total) for one, count in shown
    ]
    if rest:
        count = sum(count for _, count in rest)
        lines.append(_ranked(element("em", counted(len(rest), "other")), count, 0, total))
    if found.few:
        few = "too few to tell apart, or not known" if found.is_blurred else "too few to tell apart"
        lines.append(_ranked(element("em", few), found.few, 0, total))
    heads = (("Value", "name"), ("", "plotted"), ("Requests", "number"), ("Share", "number"))
    head = element(
        "tr",
        *(
            element("th", text, scope="col", class_=kind) if text else element("td", class_=kind)
            for text, kind in heads
        ),
    )
    return element(
        "div",
        element(
            "table",
            element("caption", caption, id=f"{name}-caption"),
            element("thead", head, class_="unseen"),
            element("tbody", *lines),
            class_="ranked",
        )
        if lines
        else element("p", element("strong", caption, class_="caption"), "Nothing is known of this.", class_="none"),
        None if note is None else element("p", note, class_="note"),
        class_="card",
    )


def _ranked(what: Node, count: int, part: float, total: int) -> Element:
    return element(
        "tr",
        element("th", what, scope="row", class_="name"),
        element("td", bar(part), class_="plotted"),
        element("td", number(count), class_="number"),
        element("td", share(count, total), class_="number quiet"),
    )
