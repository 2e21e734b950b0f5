"""Numbers as people read them."""

from __future__ import annotations

import pytest

from smartify_core.requestlog.report import _words as words


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (1, 100_000, "< 0.01 %"),
        (99_999_999, 100_000_000, "> 99.99 %"),
        (1, 200, "0.50 %"),
        (1, 12, "8.3 %"),
        (1, 3, "33 %"),
        (9_999, 1_000_000, "1.0 %"),
        (9_970, 10_000, "99.70 %"),
        (0, 0, "–"),
    ],
)
def test_shares(part: int, whole: int, told: str) -> None:
    """A share is never rounded to nothing, nor to all of it, and of nothing there is none."""
    assert words.share(part, whole).replace(words.SPACE, " ") == told


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        (None, "–"),
        (1, "≤ 1 ms"),
        (500, "≤ 500 ms"),
        (1_000, "≤ 1 s"),
        (2_500, "≤ 2.5 s"),
        (60_000, "≤ 1 min"),
        (3_600_000, "≤ 1 h"),
    ],
)
def test_buckets(bound: int | None, told: str) -> None:
    """A bucket is told by its upper bound, in the unit that makes it short."""
    assert words.bucket(bound).replace(words.SPACE, " ") == told


@pytest.mark.parametrize(
    ("count", "axis", "about"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (5_000, "5,000", "5.0 k"),
        (20_000, "20 k", "20 k"),
        (137_362, "137.362 k", "137 k"),
        (1_500_000, "1.5 m", "1.5 m"),
        (2_000_000_000, "2 bn", "2.0 bn"),
    ],
)
def test_units(count: int, axis: str, about: str) -> None:
    """On an axis numbers are exact; elsewhere, where there is little room, they have three digits at most."""
    assert (words.on_axis(count).replace(words.SPACE, " "), words.about(count).replace(words.SPACE, " ")) == (
        axis,
        about,
    )


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, ("0", "")), (999_999, ("999,999", "")), (1_000_000, ("1", "million")), (10_234_567, ("10.2", "million"))],
)
def test_figures(count: int, told: tuple[str, str]) -> None:
    """A figure that is seen from afar is short from a million on."""
    assert words.brief(count) == told
    assert words.brief(12_345_678_901) == ("12.3", "billion")


def test_counting() -> None:
    """One of them is not called as many are."""
    assert words.counted(1, "request").endswith("request")
    assert words.counted(1_000, "request").replace(words.SPACE, " ") == "1,000 requests"
    assert words.counted(2, "entry", "entries").endswith("entries")


def test_names_are_cut() -> None:
    """A name that is too long ends in an ellipsis, and is as long as allowed."""
    assert words.cut("a" * 120) == "a" * 120
    assert words.cut("a" * 121) == "a" * 119 + "…"


def test_wide_names_are_cut_earlier() -> None:
    """What is written with signs as wide as they are high takes no more room than other names."""
    assert words.cut("世" * 60) == "世" * 60
    assert words.cut("世" * 61) == "世" * 59 + "…"
    assert words.cut("\N{REPLACEMENT CHARACTER}txt.exe longer", 9) == "\N{REPLACEMENT CHARACTER}txt.ex…"


def test_lists() -> None:
    """Words are listed as a sentence lists them."""
    assert words.listed([]) == "–"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
