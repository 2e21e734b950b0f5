"""Numbers by row and hour of the day, each a field that is darker the larger it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import frozen

from smartify_core.requestlog.report._markup import Element, Node, element
from smartify_core.requestlog.report._words import about

from ._drawing import across, drawing

_TOP: Final = 22
_ROW: Final = 16
_HIGH: Final = 26
_FEW_ROWS: Final = 10
_HOURS: Final = 24
LEVELS: Final = 5
#: All but this part of the fields are usual; what is so many times as large is not.
_USUAL: Final = 0.98
_FAR: Final = 2


@frozen
class Field:
    """One field.

    Args:
        value: What decides how dark it is.
        told: What is shown beside the mouse.
    """

    value: int
    told: str


def heat(
    name: str,
    title: str,
    description: str,
    rows: Sequence[tuple[str, Sequence[Field | None]]],
    *,
    kind: str,
) -> Element:
    """Return a drawing with a row for each name and a column for each hour of the day.

    Args:
        name: What its ids begin with.
        title: What it shows.
        description: What is to be seen.
        rows: The name of each row and its 24 fields; None where nothing is known.
        kind: A class of the style sheet: the colour that the fields are shades of.
    """
    height = _HIGH if len(rows) <= _FEW_ROWS else _ROW
    values = [one.value for _, fields in rows for one in fields if one is not None]
    largest, level_of = max(values, default=0), levels_of(values)
    content: list[Node] = [
        element(
            "text",
            f"{hour:02}",
            x=across((hour + 0.5) / _HOURS),
            y=12,
            text_anchor="middle",
            class_="label" if hour % 6 == 0 else "label minor" if hour % 3 else "label minor-3",
        )
        for hour in range(_HOURS)
    ]
    marked = False
    for number, (row, fields) in enumerate(rows):
        top = _TOP + number * height
        centre = top + height / 2 + 3.5
        content.append(element("text", row, x=-10, y=centre, text_anchor="end", class_="label row"))
        for hour, one in enumerate(fields):
            if one is None:
                continue
            peak = one.value == largest > 0 and not marked
            marked = marked or peak
            content.append(_field(one, hour, top, height, level_of(one.value), peak=peak))
        total = sum(one.value for one in fields if one is not None)
        content.append(element("text", about(total), x="100%", dx=8, y=centre, class_="label total"))
    return drawing(name, title, description, _TOP + len(rows) * height + 4, *content, kind=f"rows {kind}")


def _field(one: Field, hour: int, top: int, height: int, level: int, *, peak: bool) -> Element:
    return element(
        "rect",
        element("title", one.told),
        x=across((hour + 0.04) / _HOURS),
        y=top + 1,
        width=across(0.92 / _HOURS),
        height=height - 2,
        rx=2,
        class_=f"level-{level}{' peak' if peak else ''}",
    )


def levels_of(values: Sequence[int]) -> Callable[[int], int]:
    """Return what tells how dark a number is, from 0 for nothing to `LEVELS`.

    Where a few numbers are far above all others, the darkest shade is theirs alone: on one scale they pale the rest.
    """
    some = sorted(value for value in values if value > 0)
    usual, largest = (some[int((len(some) - 1) * _USUAL)], some[-1]) if some else (1, 1)
    if largest < _FAR * usual:
        return lambda value: -(-max(0, value) * LEVELS // largest)
    return lambda value: LEVELS if value >= _FAR * usual else min(LEVELS - 1, -(-max(0, value) * (LEVELS - 1) // usual))
