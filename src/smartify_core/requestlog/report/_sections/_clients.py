"""What people work with: browsers, systems, devices. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smartify_core.requestlog.analysis import FEW
from smartify_core.requestlog.report._axes import time_ticks
from smartify_core.requestlog.report._calendar import DAY
from smartify_core.requestlog.report._charts._drawing import Tip
from smartify_core.requestlog.report._charts._stack import Layer, stack
from smartify_core.requestlog.report._facts import Facts
from smartify_core.requestlog.report._markup import Element, element
from smartify_core.requestlog.report._tables import ranking
from smartify_core.requestlog.report._words import counted, cut, listed, number, share

from ._section import figure, nothing, section

#: As many as there are colours that can be told apart.
_MOST: Final = 6
#: How many marks the axis has room for on a phone, beside the names.
_ROOM: Final = 3
_REST: Final = "all others"
_TOO_FEW: Final = "not told apart"


def clients(facts: Facts) -> Element:
    """Return browsers over time, and the most frequent browsers, systems and devices."""
    cards = [
        ranking(name, heading, facts.rankings[name])
        for name, heading in (
            ("browser_versions", "Browsers and versions"),
            ("systems", "Operating systems"),
            ("devices", "Devices"),
        )
        if name in facts.rankings
    ]
    return section(
        "clients",
        "Browsers and systems",
        "What people work with, as the request's header says. Systems have no version: browsers froze what they say of "
        "it, so none would be true.",
        _browsers(facts),
        element("div", *cards, class_="cards"),
    )


def _browsers(facts: Facts) -> Element:
    layers = layers_of(facts)
    if not layers:
        return nothing("Nothing is known of browsers.")
    columns = facts.columns
    whole = sum(sum(layer.values) for layer in layers)
    told = [
        Tip(
            facts.calendar.day(day),
            tuple(
                f"{layer.name}: {share(layer.values[place], sum(one.values[place] for one in layers))}"
                for layer in reversed(layers)
                if layer.values[place]
            )
            or ("no request",),
        )
        for place, day in enumerate(columns)
    ]
    description = (
        f"Of all requests {listed([f'{share(sum(layer.values), whole)} came from {layer.name}' for layer in layers])}."
    )
    drawn = stack(
        "browsers-stack",
        f"Browsers by {facts.column_name}, as a part of all requests",
        description,
        layers,
        ticks=time_ticks(columns, max(DAY, facts.step), facts.calendar, _ROOM),
        told=told,
    )
    rows = [
        (facts.calendar.day(day), *(number(layer.values[place]) for layer in layers))
        for place, day in enumerate(columns)
    ]
    return figure(
        "browsers",
        f"Browsers by {facts.column_name}",
        drawn,
        (facts.column_name.capitalize(), *(cut(layer.name) for layer in layers)),
        rows,
        note=_not_told(facts, layers),
    )


def _not_told(facts: Facts, layers: Sequence[Layer]) -> str | None:
    """Return why some columns are pale, where any is all of what is not told apart."""
    pale = sum(
        1
        for step in range(len(facts.columns))
        if any(layer.values[step] for layer in layers if not layer.told)
        and not any(layer.values[step] for layer in layers if layer.told)
    )
    if not pale:
        return None
    what = counted(pale, facts.column_name)
    return (
        f"Of {what} nothing is told apart, because too few people came then, or it would tell of those of other days."
    )


def layers_of(facts: Facts) -> list[Layer]:
    """Return the browsers that were met most, and then the others, and what is too few, as one layer each."""
    sums: dict[str, int] = {}
    for found in facts.browsers.values():
        for browser, count in found.items():
            sums[browser] = sums.get(browser, 0) + count
    order = sorted((one for one in sums if one != FEW), key=lambda one: (-sums[one], one))
    layers = [Layer(one, [facts.browsers.get(day, {}).get(one, 0) for day in facts.columns]) for one in order[:_MOST]]
    if rest := order[_MOST:]:
        values = [sum(facts.browsers.get(day, {}).get(one, 0) for one in rest) for day in facts.columns]
        layers.append(Layer(_REST if len(rest) > 1 else rest[0], values))
    if sums.get(FEW):
        few = [facts.browsers.get(day, {}).get(FEW, 0) for day in facts.columns]
        layers.append(Layer(_TOO_FEW, few, told=False))
    return layers
