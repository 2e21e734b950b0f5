"""Parts of a whole over time: one column a step, one above the other, named beside the last. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from attrs import frozen

from smartify_core.requestlog.report._axes import Tick
from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._words import SPACE, cut, share

from ._drawing import MOST_GAPS, Tip, across, axis, drawing, tips

_TOP: Final = 12
_HEIGHT: Final = 250
_FOOT: Final = 26
#: How far apart two names beside the columns are at least, in pixels.
_APART: Final = 17
_CUT: Final = 16


@frozen
class Layer:
    """One part.

    Args:
        name: What it is called.
        values: One number a step.
        told: Whether it is one part; if not, it stands for what is not told apart, and is pale.
    """

    name: str
    values: Sequence[int]
    told: bool = True


def stack(
    name: str, title: str, description: str, layers: Sequence[Layer], *, ticks: Sequence[Tick], told: Sequence[Tip]
) -> Element:
    """Return a drawing of what part of each step each layer has; the first layer stands at the bottom.

    Args:
        name: What its ids begin with.
        title: What it shows.
        description: What is to be seen.
        layers: The parts, at most seven.
        ticks: The marks of the axis.
        told: For each step, what is shown beside the mouse.
    """
    steps = len(told)
    totals = [sum(layer.values[step] for layer in layers) for step in range(steps)]
    gap = 0.14 if steps <= MOST_GAPS else 0.0
    bottom = _TOP + _HEIGHT
    marks: list[Node] = []
    for percent in (0, 50, 100):
        place = _TOP + _HEIGHT * (1 - percent / 100)
        marks.append(element("line", x1="0", x2="100%", y1=place, y2=place, class_="zero" if percent == 0 else "grid"))
    columns: list[Node] = []
    floors = [0] * steps
    for number, layer in enumerate(layers):
        pieces: list[Node] = []
        for step, value in enumerate(layer.values):
            if not value:
                continue
            low, high = floors[step] / totals[step], (floors[step] + value) / totals[step]
            floors[step] += value
            pieces.append(
                element(
                    "rect",
                    x=across((step + gap / 2) / steps),
                    y=_TOP + _HEIGHT * (1 - high),
                    width=across((1 - gap) / steps),
                    # A hairline stays free between two layers, so that they part without colour, too.
                    height=max(0.4, _HEIGHT * (high - low) - 1),
                )
            )
        columns.append(element("g", *pieces, class_=_kind(layer, number)))
    height = bottom + _FOOT
    return drawing(
        name,
        title,
        description,
        height,
        *marks,
        *columns,
        *axis(ticks, steps, bottom, bottom),
        *_names(layers, totals),
        *tips(told, _TOP, bottom),
        kind="beside",
    )


def _names(layers: Sequence[Layer], totals: Sequence[int]) -> list[Node]:
    """Return the names beside the last column, each as near to its layer as the others let it be."""
    # The last column that has the most of them: one of a day of which little can be told would name nothing.
    filled = [sum(1 for layer in layers if layer.told and layer.values[step]) for step in range(len(totals))]
    if not any(totals):
        return []
    last = max((step for step in range(len(totals)) if totals[step]), key=lambda step: (filled[step], step))
    whole, floor = sum(totals), 0
    wanted = []
    for layer in layers:
        centre = (floor + layer.values[last] / 2) / totals[last]
        floor += layer.values[last]
        wanted.append(_TOP + _HEIGHT * (1 - centre))
    names: list[Node] = []
    for number, (layer, place) in enumerate(zip(layers, _parted(wanted), strict=True)):
        names += [
            element("line", x1=0, x2=8, y1=wanted[number], y2=place, class_="leader"),
            element("rect", x=10, y=place - 4.5, width=9, height=9, rx=2, class_=_kind(layer, number)),
            element(
                "text",
                cut(layer.name, _CUT),
                element("tspan", f"{SPACE}{share(sum(layer.values), whole)}", class_="quiet minor"),
                x=24,
                y=place + 4,
                class_="label name",
            ),
        ]
    return [element("svg", *names, x="100%", y=0, class_="key")]


def _kind(layer: Layer, number: int) -> str:
    return f"layer-{number}" if layer.told else "layer-few"


def _parted(wanted: Sequence[float]) -> list[float]:
    """Return places from the bottom up, no two nearer than they may be, none above the plot or below it."""
    places: list[float] = []
    for place in wanted:
        places.append(min(place, _TOP + _HEIGHT - 4) if not places else min(place, places[-1] - _APART))
    # Whatever was pushed out at the top comes back, and pushes the others down.
    ceiling = float(_TOP + 4)
    for number in range(len(places) - 1, -1, -1):
        places[number] = max(places[number], ceiling)
        ceiling = places[number] + _APART
    return places
