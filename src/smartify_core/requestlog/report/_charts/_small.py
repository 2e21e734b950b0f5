"""Drawings that stand in a table: lines without axes, and bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smartify_core.requestlog.report._markup import Element, element

from ._drawing import STEP, across, middle
from ._paths import Scale, area, line

_HEIGHT: Final = 30
_BAR: Final = 6


def spark(values: Sequence[int], told: str, kind: str = "requests") -> Element:
    """Return a line without axes.

    Args:
        values: One number a step.
        told: What it shows, for those who do not see it.
        kind: Its class in the style sheet.
    """
    scale = Scale(_HEIGHT, max(values, default=0), margin=3)
    last = len(values) - 1
    return element(
        "svg",
        element("title", told),
        element(
            "svg",
            element("path", d=area(values, scale), class_=f"area {kind}"),
            element("path", d=line(values, scale), class_=f"line {kind}"),
            width="100%",
            height=_HEIGHT,
            viewbox=f"0 0 {max(1, len(values)) * STEP} {_HEIGHT}",
            preserve="none",
        ),
        element("circle", cx=middle(last, len(values)), cy=scale.down(values[last]), r=2.5, class_=f"dot {kind}")
        if values
        else None,
        role="img",
        class_="spark",
        width="100%",
        height=_HEIGHT,
        focusable="false",
    )


def bar(part: float, kind: str = "requests") -> Element:
    """Return a bar that is as long as a part of the whole, from 0 to 1. The number beside it says the same."""
    return element(
        "svg",
        element("rect", x=0, y=0, width="100%", height=_BAR, rx=3, class_="track"),
        element("rect", x=0, y=0, width=across(min(1.0, max(0.0, part))), height=_BAR, rx=3, class_=f"bar {kind}")
        if part > 0
        else None,
        aria_hidden="true",
        class_="bars",
        width="100%",
        height=_BAR,
        focusable="false",
    )


def swing(part: float) -> Element:
    """Return a bar to the left or the right of the middle, for a change from -1 to 1."""
    length = min(1.0, abs(part)) / 2
    start = 0.5 if part >= 0 else 0.5 - length
    return element(
        "svg",
        element(
            "rect", x=across(start), y=1, width=across(length), height=10, rx=2, class_="up" if part >= 0 else "down"
        ),
        element("line", x1="50%", x2="50%", y1=0, y2=12, class_="zero"),
        aria_hidden="true",
        class_="bars swing",
        width="100%",
        height=12,
        focusable="false",
    )
