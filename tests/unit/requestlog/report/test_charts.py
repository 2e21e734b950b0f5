"""Drawings, by what they are made of."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from smartify_core.requestlog.report._axes import Tick
from smartify_core.requestlog.report._charts._drawing import Tip
from smartify_core.requestlog.report._charts._heat import LEVELS, Field, heat, levels_of
from smartify_core.requestlog.report._charts._paths import Scale, area, line
from smartify_core.requestlog.report._charts._small import bar, spark, swing
from smartify_core.requestlog.report._charts._stack import Layer, stack
from smartify_core.requestlog.report._charts._trend import Panel, Series, trend
from smartify_core.requestlog.report._markup import render

SCALE = Scale(100, 10)


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    """What is not known is neither nothing nor in between."""
    assert line([0, 10, None, 5], SCALE) == "M5 100.0 L15 0.0 M35 50.0"
    assert area([0, 10, None], SCALE) == "M5 100.0 L5 100.0 L15 0.0 L15 100.0 Z"
    assert line([None], SCALE) == ""


def drawn(series: Series, peak: str = "") -> str:
    steps = len(series.values)
    told = [Tip(str(step), ()) for step in range(steps)]
    return render(
        trend("t", "T", "D", [Panel("P", [series], 100, peak)], ticks=[Tick(0, "x")], shaded=[False] * steps, told=told)
    )


def test_a_point_alone_is_a_dot() -> None:
    """A point that no line leads to is drawn by itself."""
    assert drawn(Series("s", "requests", [5])).count("<circle") == 1
    assert drawn(Series("s", "requests", [5, 6])).count("<circle") == 0
    assert drawn(Series("s", "requests", [5, None, 6])).count("<circle") == 2


def test_a_step_that_is_not_over_is_a_ring() -> None:
    """The line does not fall because today is young: what is not whole stands beside it."""
    made = drawn(Series("s", "requests", [5, 6, 1], whole=[True, True, False]))
    assert made.count('class="dot open requests"') == 1
    assert "M5 " in made
    assert " L25 " not in made
    # Where no step is whole, there is a line after all.
    assert "dot open" not in drawn(Series("s", "requests", [5, 6], whole=[False, False]))


def test_the_peak_is_named() -> None:
    """The highest point has a text; a line of nothing has none."""
    assert ">most<" in drawn(Series("s", "requests", [1, 3, 2]), peak="most")
    assert ">most<" not in drawn(Series("s", "requests", [0, 0, 0]), peak="most")


def test_weekends_are_one_area_each() -> None:
    """Steps that are set apart and stand beside one another share an area."""
    shaded = [True, False, True, True, False]
    told = [Tip("", ())] * 5
    panel = Panel("P", [Series("s", "requests", [1] * 5)], 100)
    assert render(trend("t", "T", "D", [panel], ticks=[], shaded=shaded, told=told)).count('class="shade"') == 2


def test_layers_fill_each_column() -> None:
    """The parts of a column are as high as their shares, and a column without anything has none."""
    layers = [Layer("a", [1, 0]), Layer("b", [3, 0])]
    made = render(stack("s", "S", "D", layers, ticks=[], told=[Tip("", ())] * 2))
    heights = [float(one) for one in re.findall(r'width="43%" height="([0-9.]+)"', made)]
    assert heights == [61.5, 186.5]
    assert "a\N{NO-BREAK SPACE}" not in made
    assert ">25\N{NO-BREAK SPACE}%<" not in made


def test_names_beside_a_stack_do_not_touch() -> None:
    """However thin the layers are, their names are a line apart and none is lost above or below."""
    layers = [Layer(f"l{place}", [1 if place else 10_000]) for place in range(8)]
    made = render(stack("s", "S", "D", layers, ticks=[], told=[Tip("", ())]))
    places = [float(one) for one in re.findall(r'y="([0-9.]+)" class="label name"', made)]
    assert len(places) == 8
    assert all(lower - upper >= 16.9 for lower, upper in pairwise(places))
    assert places[-1] >= 12
    assert places[0] <= 270
    pale = [Layer("a", [9, 0]), Layer("b", [1, 0]), Layer("none", [0, 50], told=False)]
    made = render(stack("s", "S", "D", pale, ticks=[], told=[Tip("", ())] * 2))
    assert made.count('class="layer-few"') == 2
    # The names stand beside the column that has the most of them.
    assert float(re.findall(r'y="([0-9.]+)" class="label name"', made)[0]) < 160
    empty = render(stack("s", "S", "D", [Layer("a", [0])], ticks=[], told=[Tip("", ())]))
    assert "label name" not in empty


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0, 0], [0, 0]),
        ([0, 1, 60, 100], [0, 1, 3, 5]),
        ([*[10] * 98, 40, 400], [4] * 98 + [5, 5]),
        ([], []),
    ],
)
def test_shades(values: list[int], levels: list[int]) -> None:
    """Nothing has no shade; a few numbers far above the others have the darkest alone."""
    level = levels_of(values)
    assert [level(value) for value in values] == levels
    assert max(levels, default=0) <= LEVELS


def test_fields_tell_their_numbers() -> None:
    """Each field has its text, the largest has an outline, and what is not known is left out."""
    fields: list[Field | None] = [Field(hour, f"{hour} things") for hour in range(24)]
    fields[3] = None
    made = render(heat("h", "H", "D", [("Mon", fields), ("Tue", [Field(23, "again")] * 24)], kind="warm"))
    assert made.count("<rect") == 47
    assert made.count(" peak") == 1
    assert "23 things" in made
    assert "3 things</title>" in made
    assert ">273<" in made


def test_small_drawings() -> None:
    """A line in a table says what it shows; a bar is as long as its part, and one of nothing is empty."""
    assert "<title>from 1 to 3</title>" in render(spark([1, 3], "from 1 to 3"))
    assert "<circle" not in render(spark([], "nothing"))
    assert 'width="43%"' in render(bar(0.43))
    assert render(bar(0)).count("<rect") == 1
    assert 'width="100%"' in render(bar(7))
    assert 'x="25%" y="1" width="25%"' in render(swing(-0.5))
    assert 'x="50%" y="1" width="50%"' in render(swing(3))
