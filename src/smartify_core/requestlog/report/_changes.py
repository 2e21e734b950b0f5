"""How two numbers differ, in words. Pure."""

from __future__ import annotations

from typing import Final

from attrs import evolve, frozen

from ._facts import Comparison
from ._words import percent

_MANIFOLD: Final = 2.0
UP: Final = "\N{BLACK UP-POINTING TRIANGLE}"
DOWN: Final = "\N{BLACK DOWN-POINTING TRIANGLE}"
SAME: Final = "="


@frozen
class Change:
    """A change.

    Args:
        direction: 1 for more, -1 for less, 0 for the same.
        words: How much, and than what, such as "4.2 % more than in the 30 days before".
        large: Whether it is more than chance may bring: a tenth of what was before.
    """

    direction: int
    words: str
    large: bool = True

    @property
    def glyph(self) -> str:
        """A sign for the direction."""
        return (SAME, UP, DOWN)[self.direction]


def of_counts(before: int, after: int, compared: Comparison) -> Change | None:
    """Return by how much a number changed, or None where there was nothing before."""
    if before == 0:
        return None
    if before == after:
        return _change(0, "as many as in", compared)
    if after / before >= _MANIFOLD:
        return _change(1, f"{after / before:.3g} times as many as in", compared)
    part = percent(abs(after - before) / before * 100)
    return (
        _change(1, f"{part} more than in", compared)
        if after > before
        else _change(-1, f"{part} fewer than in", compared)
    )


def of_shares(before: tuple[int, int], after: tuple[int, int], compared: Comparison) -> Change | None:
    """Return by how many points a share of a whole changed, or None where there was nothing before.

    Args:
        before: A part and its whole.
        after: The same, later.
        compared: The two spans.
    """
    if before[1] == 0 or after[1] == 0:
        return None
    points = round((after[0] / after[1] - before[0] / before[1]) * 100, 2)
    if points == 0:
        return _change(0, "the same share as in", compared)
    told = f"{abs(points):.2f}".rstrip("0").rstrip(".")
    words = f"{told} point{'' if told == '1' else 's'} {'more' if points > 0 else 'less'} than in"
    large = abs(after[0] * before[1] - before[0] * after[1]) * 10 >= before[0] * after[1]
    return evolve(_change(1 if points > 0 else -1, words, compared), large=large)


def _change(direction: int, words: str, compared: Comparison) -> Change:
    lead = "" if compared.whole else f"last {compared.after.words}: "
    return Change(direction, f"{lead}{words} the {compared.before.words} before")
