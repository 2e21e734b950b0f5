"""Numbers, shares and durations as people read them. Pure."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

#: Between a number and its unit, so that no line breaks there.
SPACE: Final = "\N{NO-BREAK SPACE}"
NOTHING: Final = "\N{EN DASH}"
#: Longer names are cut: they would push everything else out of the page.
LONGEST: Final = 120
_MILLION: Final = 1_000_000
_UNITS: Final = ((3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))


def number(count: int) -> str:
    """Return a whole number in groups of three digits."""
    return f"{count:,}"


def brief(count: int) -> tuple[str, str]:
    """Return a number that is to be seen from afar, and its unit, if it needs one."""
    for size, unit in ((_MILLION * 1000, "billion"), (_MILLION, "million")):
        if count >= size:
            return f"{count / size:.3g}" if count < size * 1000 else f"{count // size:,}", unit
    return f"{count:,}", ""


def on_axis(count: int) -> str:
    """Return a number of an axis. Those are round, so that a unit makes them short and takes nothing away."""
    for size, unit in ((_MILLION * 1000, "bn"), (_MILLION, "m"), (1_000, "k")):
        if count >= size * (10 if size == 1_000 else 1):  # noqa: PLR2004 - thousands are read as they are
            return f"{count / size:g}{SPACE}{unit}"
    return f"{count:,}"


def about(count: int) -> str:
    """Return a number in three digits at most, and a unit."""
    for size, unit in ((_MILLION * 1000, "bn"), (_MILLION, "m"), (1_000, "k")):
        if count >= size:
            told = count / size
            return f"{told:.1f}{SPACE}{unit}" if told < 10 else f"{told:,.0f}{SPACE}{unit}"  # noqa: PLR2004 - two digits
    return str(count)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number and what it counts."""
    return f"{count:,}{SPACE}{one if count == 1 else many or f'{one}s'}"


def share(part: int, whole: int) -> str:
    """Return what part of a whole something is: never rounded to nothing, nor to all of it."""
    if whole <= 0:
        return NOTHING
    return percent(part / whole * 100, exactly_all=part == whole)


def percent(value: float, *, exactly_all: bool = True) -> str:
    """Return a percentage with as many digits as are worth reading."""
    if value == 0:
        return f"0{SPACE}%"
    if value < 0.01:  # noqa: PLR2004 - the last digit shown
        return f"<{SPACE}0.01{SPACE}%"
    if value > 99.99 and not exactly_all:  # noqa: PLR2004 - the last digit shown
        return f">{SPACE}99.99{SPACE}%"
    value = round(value, 2)
    digits = 2 if value < 1 or 99 < value < 100 else 1 if value < 10 else 0  # noqa: PLR2004 - where digits begin to matter
    return f"{value:.{digits}f}{SPACE}%"


def bucket(bound: int | None) -> str:
    """Return the upper bound of a duration bucket, in the largest unit that makes it short."""
    if bound is None:
        return NOTHING
    size, unit = next((size, unit) for size, unit in _UNITS if bound >= size or size == 1)
    return f"\N{LESS-THAN OR EQUAL TO}{SPACE}{bound / size:g}{SPACE}{unit}"


def cut(name: str, longest: int = LONGEST) -> str:
    """Return a name, or its beginning and an ellipsis: at most as wide as ``longest`` letters are on average."""
    if sum(map(_wide, name)) <= longest:
        return name
    ends = accumulate(map(_wide, name))
    return f"{name[: sum(end < longest for end in ends)]}\N{HORIZONTAL ELLIPSIS}"


def _wide(character: str) -> int:
    # From Hangul on, most scripts and signs are as wide as they are high.
    return 1 if character < "\u1100" else 2


def listed(words: list[str]) -> str:
    """Return words as a sentence lists them."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else NOTHING
