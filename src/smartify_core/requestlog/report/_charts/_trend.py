"""Lines over time, one panel below the other, over one axis. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from smartify_core.requestlog.report._axes import Tick, round_marks
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._words import on_axis

from ._drawing import STEP, Tip, across, anchor, axis, drawing, middle, tips
from ._paths import Scale, area, line

_TITLE: Final = 30
_GAP: Final = 26
#: A long text this near to an edge, as a part of the width, is set towards the middle.
_NEAR: Final = 0.35
_FOOT: Final = 26
#: Room for the numbers of the axis, as in the style sheet.
_MARGIN: Final = 46


@frozen
class Series:
    """One line.

    Args:
        name: What it is called.
        kind: Its class in the style sheet: a colour, and a way of dashing, so that colour alone tells nothing.
        values: One number a step; None where nothing is known.
        filled: Whether what is below the line is filled.
        whole: For each step, whether it is over and covered; one that is not is a ring beside the line. Empty where all
            are.
    """

    name: str
    kind: str
    values: Sequence[int | None]
    filled: bool = False
    whole: Sequence[bool] = ()

    @property
    def joined(self) -> Sequence[int | None]:
        """The numbers that the line goes through: those of whole steps, or all where no step is whole."""
        if not self.whole or not any(self.whole):
            return self.values
        return [value if whole else None for value, whole in zip(self.values, self.whole, strict=True)]

    @property
    def largest(self) -> int:
        """The largest number of the line."""
        return max((value for value in self.values if value is not None), default=0)


@frozen
class Panel:
    """Lines that are measured alike.

    Args:
        title: What they count.
        series: The lines, the one that matters most last: it is drawn above the others.
        height: How high the plot is, in pixels.
        peak: What is written at the highest point of the last line; nothing where empty.
    """

    title: str
    series: Sequence[Series]
    height: int
    peak: str = ""


def trend(
    name: str,
    title: str,
    description: str,
    panels: Sequence[Panel],
    *,
    ticks: Sequence[Tick],
    shaded: Sequence[bool],
    told: Sequence[Tip],
) -> Element:
    """Return a drawing of lines over time.

    Args:
        name: What its ids begin with.
        title: What it shows.
        description: What is to be seen.
        panels: The panels, from above.
        ticks: The marks of the axis.
        shaded: For each step, whether it is set apart: nights or weekends.
        told: For each step, what is shown beside the mouse.
    """
    steps = len(told)
    content: list[Node] = []
    top = 0
    for panel in panels:
        top += _TITLE
        content += _shades(shaded, top, panel.height)
        content += _panel(panel, steps, top)
        bottom = top + panel.height
        top = bottom + _GAP
    marks = axis(ticks, steps, _TITLE, bottom)
    return drawing(
        name, title, description, bottom + _FOOT, *marks, *content, *tips(told, _TITLE, bottom), kind="scaled"
    )


def _shades(shaded: Sequence[bool], top: int, height: int) -> list[Node]:
    """Return one area for each run of steps that are set apart."""
    areas: list[Node] = []
    begun: int | None = None
    for step, dark in enumerate((*shaded, False)):
        if dark and begun is None:
            begun = step
        elif not dark and begun is not None:
            place, width = across(begun / len(shaded)), across((step - begun) / len(shaded))
            areas.append(element("rect", x=place, y=top, width=width, height=height, class_="shade"))
            begun = None
    return areas


def _panel(panel: Panel, steps: int, top: int) -> list[Node]:
    marks = round_marks(max(series.largest for series in panel.series), most=4 if panel.height > 120 else 2)  # noqa: PLR2004 - room for more than two
    scale = Scale(panel.height, marks[-1])
    grid: list[Node] = []
    for mark in marks:
        place = top + scale.down(mark)
        grid.append(element("line", x1="0", x2="100%", y1=place, y2=place, class_="zero" if mark == 0 else "grid"))
        if mark:
            grid.append(element("text", on_axis(mark), x=-8, y=place + 4, text_anchor="end", class_="label"))
    lines: list[Node] = []
    for series in panel.series:
        if series.filled:
            lines.append(element("path", d=area(series.joined, scale), class_=f"area {series.kind}"))
        lines.append(element("path", d=line(series.joined, scale), class_=f"line {series.kind}"))
    plot = element(
        "svg",
        *lines,
        x="0",
        y=top,
        width="100%",
        height=panel.height,
        viewbox=f"0 0 {steps * STEP} {panel.height}",
        preserve="none",
        class_="plot",
    )
    title = element("text", panel.title, x=-_MARGIN, y=top - 12, class_="strong")
    return [*grid, plot, title, *_alone(panel, steps, top, scale), *_peak(panel, steps, top, scale)]


def _alone(panel: Panel, steps: int, top: int, scale: Scale) -> list[Node]:
    """Return dots for numbers that no line leads to, and rings for those of steps that are not whole."""
    dots: list[Node] = []
    for series in panel.series:
        joined = (None, *series.joined, None)
        for step, value in enumerate(series.values):
            if value is None or (
                joined[step + 1] is not None and (joined[step] is not None or joined[step + 2] is not None)
            ):
                continue
            kind = f"dot {series.kind}" if joined[step + 1] is not None else f"dot open {series.kind}"
            dots.append(element("circle", cx=middle(step, steps), cy=top + scale.down(value), r=4, class_=kind))
    return dots


def _peak(panel: Panel, steps: int, top: int, scale: Scale) -> list[Node]:
    series = panel.series[-1]
    if not panel.peak or not series.largest:
        return []
    step = list(series.values).index(series.largest)
    place = top + scale.down(series.largest)
    return [
        element("circle", cx=middle(step, steps), cy=place, r=3.5, class_=f"dot {series.kind}"),
        element(
            "text",
            panel.peak,
            x=middle(step, steps),
            y=place - 8,
            text_anchor=anchor(step, steps, _NEAR),
            class_="label loud",
        ),
    ]
