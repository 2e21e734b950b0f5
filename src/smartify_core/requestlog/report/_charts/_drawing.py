"""What all drawings are made of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from smartify_core.requestlog.report._axes import Tick
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._words import cut

#: How much of the plot's own length one step has. Any number would do: the plot is stretched.
STEP: Final = 10
#: Above this many steps, what is between them would be narrower than a pixel on a phone.
MOST_GAPS: Final = 62
_CHARACTER: Final = 6.4
_LINE: Final = 16
#: Longer lines are cut: a box would reach out of the page.
_LONGEST: Final = 40


@frozen
class Tip:
    """What is shown beside the mouse: a heading, and lines below it."""

    heading: str
    lines: tuple[str, ...]


def drawing(name: str, title: str, description: str, height: int, *content: Node, kind: str = "") -> Element:
    """Return a drawing that tells its title and description to those who do not see it.

    Args:
        name: What its ids begin with.
        title: What it shows, in a few words.
        description: What is to be seen in it, in a sentence or two.
        height: Its height, in pixels.
        content: What is drawn.
        kind: A class of the style sheet, for a drawing that needs room beside it.
    """
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *content,
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        class_=f"drawing {kind}".rstrip(),
        height=height,
        width="100%",
        focusable="false",
    )


def middle(step: int, steps: int) -> str:
    """Return where the middle of a step is, across."""
    return across((step + 0.5) / steps)


def across(part: float) -> str:
    """Return a place across a drawing, or a width, as a part of the whole."""
    return f"{part * 100:.3f}".rstrip("0").rstrip(".") + "%"


def anchor(step: int, steps: int, near: float) -> str:
    """Return how a long text at a step is set, so that it stays within the drawing.

    Args:
        step: Where it is.
        steps: How many there are.
        near: How near to an edge, as a part of the width, a text is set towards the middle.
    """
    place = (step + 0.5) / steps
    return "start" if place < near else "end" if place > 1 - near else "middle"


def axis(ticks: Sequence[Tick], steps: int, top: int, bottom: int) -> list[Node]:
    """Return the marks of a time axis below ``bottom``, each with a faint line up to ``top``."""
    marks: list[Node] = []
    for tick in ticks:
        place, kind = middle(tick.step, steps), " minor" if tick.minor else ""
        marks += [
            element("line", x1=place, x2=place, y1=top, y2=bottom + 4, class_=f"mark{kind}"),
            element(
                "text",
                tick.text,
                x=place,
                y=bottom + 18,
                text_anchor="middle",
                class_=f"label{kind}",
            ),
        ]
    return marks


def tips(told: Sequence[Tip], top: int, bottom: int) -> list[Node]:
    """Return what is shown of the step that the mouse is over. Whoever has no mouse has the table below."""
    return [_tip(tip, step, len(told), top, bottom) for step, tip in enumerate(told)]


def _tip(tip: Tip, step: int, steps: int, top: int, bottom: int) -> Element:
    tip = Tip(cut(tip.heading, _LONGEST), tuple(cut(line, _LONGEST) for line in tip.lines))
    longest = max(map(len, (tip.heading, *tip.lines)))
    width = round(longest * _CHARACTER) + 20
    left = 10 if step < steps / 2 else -width - 10
    texts = [
        element("text", line, x=left + 10, y=19 + number * _LINE, class_="strong" if number == 0 else None)
        for number, line in enumerate((tip.heading, *tip.lines))
    ]
    box = element("rect", x=left, y=0, width=width, height=14 + _LINE * len(texts), rx=4)
    place = middle(step, steps)
    return element(
        "g",
        # An empty title, so that the browser does not show the drawing's own beside this.
        element("title"),
        element("rect", x=across(step / steps), y=top, width=across(1 / steps), height=bottom - top, class_="over"),
        element(
            "g",
            element("line", x1=place, x2=place, y1=top, y2=bottom),
            element("svg", box, *texts, x=place, y=top),
            class_="tip",
        ),
        class_="hit",
    )
