"""Numbers over time as paths of a plot that is stretched across. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from ._drawing import STEP


@frozen
class Scale:
    """How far down a number is.

    Args:
        height: The height of the plot, in pixels.
        full: The number at its top.
        margin: Pixels at the top and the bottom that stay free.
    """

    height: int
    full: int
    margin: int = 0

    def down(self, value: int) -> float:
        """Return how far below the top of the plot a number is, in pixels."""
        room = self.height - 2 * self.margin
        return self.margin + room * (1 - value / max(1, self.full))


def line(values: Sequence[int | None], scale: Scale) -> str:
    """Return the path through all numbers, with a gap where one is not known."""
    return " ".join(f"M{' L'.join(_points(run, scale))}" for run in _runs(values))


def area(values: Sequence[int | None], scale: Scale) -> str:
    """Return the path around what is below that line."""
    zero = f"{scale.down(0):.1f}"
    return " ".join(
        f"M{_place(run[0][0])} {zero} L{' L'.join(_points(run, scale))} L{_place(run[-1][0])} {zero} Z"
        for run in _runs(values)
    )


def _points(run: Sequence[tuple[int, int]], scale: Scale) -> Iterator[str]:
    return (f"{_place(step)} {scale.down(value):.1f}" for step, value in run)


def _place(step: int) -> int:
    return step * STEP + STEP // 2


def _runs(values: Sequence[int | None]) -> list[list[tuple[int, int]]]:
    """Return the numbers that stand beside one another, each with its step."""
    runs: list[list[tuple[int, int]]] = [[]]
    for step, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((step, value))
    return [run for run in runs if run]
