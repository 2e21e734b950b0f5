"""What every section is made of. Pure."""

from __future__ import annotations

from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._tables import data


def section(name: str, heading: str, explanation: Node | None, *content: Node | None) -> Element:
    """Return a section: its heading and a few words beside it, and what it shows.

    Args:
        name: Its id, which links lead to.
        heading: Its heading.
        explanation: What it is good for.
        content: What it shows.
    """
    return element(
        "section",
        element(
            "div",
            element("h2", heading, id=f"{name}-heading"),
            None if explanation is None else element("p", explanation),
            class_="aside",
        ),
        element("div", *content, class_="content"),
        id=name,
        aria_labelledby=f"{name}-heading",
    )


def figure(
    name: str,
    heading: str,
    drawing: Element,
    columns: tuple[str, ...],
    rows: list[tuple[str, ...]],
    *,
    note: Node | None = None,
    key: tuple[tuple[str, str], ...] = (),
) -> Element:
    """Return a drawing with its heading, and the numbers behind it.

    Args:
        name: What its ids begin with.
        heading: What it shows.
        drawing: The drawing.
        columns: The heads of the table with its numbers.
        rows: The numbers, as text.
        note: What is to be said below the heading.
        key: Its lines, by their class in the style sheet and their name.
    """
    return element(
        "figure",
        element(
            "figcaption",
            element("h3", heading),
            None if note is None else element("p", note),
            element("ul", *(_key(kind, text) for kind, text in key), class_="key") if key else None,
        ),
        drawing,
        data(f"{name}-data", heading, columns, rows),
        class_="chart",
    )


def nothing(text: str) -> Element:
    """Return the sentence that stands where there is nothing to show."""
    return element("p", text, class_="none")


def _key(kind: str, text: str) -> Element:
    stroke = element("line", x1=0, x2=22, y1=5, y2=5, class_=f"line {kind}")
    return element("li", element("svg", stroke, width=22, height=10, aria_hidden="true", focusable="false"), text)
