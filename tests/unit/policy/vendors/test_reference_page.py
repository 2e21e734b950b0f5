from __future__ import annotations

import re
from pathlib import Path

import pytest

from smartify_core.policy.vendors import Barrier, Commitment, _register_file

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "vendors.md"


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """Return the rows of the page's tables by what stands in their first cell."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {one[0].strip("`"): one[1:] for one in cells}


@pytest.mark.parametrize("commitment", list(Commitment))
def test_the_page_says_each_promise_in_the_codes_words(rows: dict[str, list[str]], commitment: Commitment) -> None:
    """Every commitment stands there with its sentence and its promise."""
    assert rows[commitment.value] == [commitment.sentence, commitment.promise]


@pytest.mark.parametrize("barrier", list(Barrier))
def test_the_page_names_each_barrier(rows: dict[str, list[str]], barrier: Barrier) -> None:
    """Everything that can keep an export closed is explained."""
    assert len(rows[barrier.name]) == 3


def test_the_page_names_each_key_of_a_register(rows: dict[str, list[str]]) -> None:
    """The keys that a register may have are those of the page."""
    keys = _register_file._VENDOR_KEYS | _register_file._UNDERTAKING_KEYS
    assert keys <= set(rows)
    lower = {one for one in rows if re.fullmatch(r"[a-z_]+", one)}
    assert lower - {commitment.value for commitment in Commitment} == keys
