"""The colours, computed: contrast in both modes, and for eyes that tell fewer colours apart."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import smartify_core.requestlog.report as package

CSS = (Path(package.__file__).parent / "report.css").read_text(encoding="utf-8")
Colour = tuple[float, float, float]
#: How eyes without one kind of cones see linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red cones": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green cones": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
    "no blue cones": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.3039)),
}


def colours(mode: str) -> dict[str, Colour]:
    """Return the colours of a mode, in linear RGB."""
    blocks = re.findall(r"^( *):root \{(.*?)\}", CSS, re.DOTALL | re.MULTILINE)
    found = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", blocks[0][1]))
    if mode == "dark":
        found |= dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", blocks[1][1]))
    return {name: linear(text) for name, text in found.items()}


def linear(text: str) -> Colour:
    red, green, blue = (int(text[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return straight(red), straight(green), straight(blue)


def straight(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def brightness(colour: Colour) -> float:
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast of two colours (WCAG 2.2, relative luminance)."""
    light, dark = sorted((brightness(one), brightness(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def seen(colour: Colour, eyes: str) -> Colour:
    """Return a colour as such eyes see it."""
    red, green, blue = (
        min(1.0, max(0.0, sum(weight * value for weight, value in zip(row, colour, strict=True)))) for row in EYES[eyes]
    )
    return red, green, blue


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "raised"])
def test_text_can_be_read(mode: str, ground: str) -> None:
    """Every colour that is used for text has a contrast of 4.5 or more on every ground."""
    found = colours(mode)
    texts = ("ink", "soft", "link", "errors", "good", "requests")
    contrasts = {name: contrast(found[name], found[ground]) for name in texts}
    assert {name: round(value, 2) for name, value in contrasts.items() if value < 4.5} == {}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_lines_can_be_seen(mode: str) -> None:
    """Every line, and the ring around the focus, has a contrast of 3 or more on the paper."""
    found = colours(mode)
    names = ("requests", "errors", "refused", "slow", "before", "focus")
    assert {name for name in names if contrast(found[name], found["paper"]) < 3} == set()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("eyes", sorted(EYES))
def test_layers_are_told_apart_by_all_eyes(mode: str, eyes: str) -> None:
    """Two layers that lie on one another differ in brightness, whatever colours an eye can see."""
    found = colours(mode)
    layers = [seen(found[f"layer-{place}"], eyes) for place in range(7)]
    assert [round(contrast(lower, upper), 2) for lower, upper in pairwise(layers) if contrast(lower, upper) < 1.7] == []


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("eyes", sorted(EYES))
@pytest.mark.parametrize("scale", ["cool", "warm"])
def test_shades_go_one_way(mode: str, eyes: str, scale: str) -> None:
    """From nothing to the most each shade is darker than the one before, and in dark mode brighter."""
    found = colours(mode)
    levels = [brightness(seen(found[name], eyes)) for name in ("none", *(f"{scale}-{place}" for place in range(1, 6)))]
    assert levels == sorted(levels, reverse=mode == "light")
    assert all(max(a, b) / min(a, b) > 1.1 for a, b in pairwise(levels))
