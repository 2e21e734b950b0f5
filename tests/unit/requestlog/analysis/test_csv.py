"""Answers for spreadsheets."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.requestlog.analysis import Answer, to_csv


def rows(*cells: object) -> list[list[str]]:
    """Return what a reader of CSV finds in an answer with one row."""
    answer = Answer("q", tuple(f"c{place}" for place in range(len(cells))), (cells,))  # type: ignore[arg-type]  # any cell
    return list(csv.reader(io.StringIO(to_csv(answer), newline="")))


def test_lines_of_csv() -> None:
    """Columns come first; every line ends as RFC 4180 has it; nothing is an empty cell."""
    answer = Answer("features", ("feature", "requests", "last"), (("/a", 3, None), ('say "x", y', -1, 2.5)))
    assert to_csv(answer) == 'feature,requests,last\r\n/a,3,\r\n"say ""x"", y",-1,2.5\r\n'


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n@x", "＝1", '=HYPERLINK("https://x.example")']
)
def test_formulas_are_text(text: str) -> None:
    """What a spreadsheet would calculate begins with an apostrophe, and is otherwise as it was."""
    assert rows(text)[1] == [f"'{text}"]


@pytest.mark.parametrize("value", [-5, 0, 2.5, -1.25])
def test_numbers_are_numbers(value: float) -> None:
    """A number below nothing is no formula."""
    assert rows(value)[1] == [str(value)]


@given(st.lists(st.one_of(st.none(), st.integers(), st.text()), min_size=2, max_size=5))
def test_every_answer_reads_back(cells: list[str | int | None]) -> None:
    """Whatever is in the cells, a reader of CSV finds as many, and in none a formula."""
    found = rows(*cells)
    assert len(found) == 2
    for cell, read in zip(cells, found[1], strict=True):
        told = "" if cell is None else str(cell)
        assert read in {told, f"'{told}"}
        if isinstance(cell, str):
            assert read.lstrip(" \n")[:1] not in set("=+-@\t\r")
