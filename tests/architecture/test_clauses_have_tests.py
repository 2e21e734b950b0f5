"""A contract's clauses and the tests that prove them match one to one."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest


def _clauses(page: Path, prefix: str) -> set[str]:
    """Return the numbers of the clauses that a page names."""
    return set(re.findall(rf"\b{prefix}-(\d\d)\b", page.read_text(encoding="utf-8")))


def _tested(folders: list[Path], prefix: str) -> Counter[str]:
    """Return how many test functions carry each clause number in their names."""
    found: Counter[str] = Counter()
    for folder in folders:
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    found.update(re.findall(rf"_{prefix}(\d\d)(?=_|$)", node.name))
    return found


@pytest.mark.parametrize(
    ("page", "prefix", "homes"),
    [
        ("directory-contract.md", "DS", ["src/smartify_core/testing/conformance"]),
        ("storage-contract.md", "ST", ["src/smartify_core/testing/conformance", "tests/conformance"]),
    ],
)
def test_each_clause_has_exactly_one_test(repository: Path, page: str, prefix: str, homes: list[str]) -> None:
    """Every numbered clause of a contract page has one conformance test, and every such test has its clause."""
    tested = _tested([repository / home for home in homes], prefix)
    assert set(tested) == _clauses(repository / "docs" / "reference" / page, prefix)
    assert {clause for clause, count in tested.items() if count != 1} == set()
