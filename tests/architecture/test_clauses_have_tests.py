"""A contract's clauses, the tests that prove them and the mutants that fail them match one to one."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest


def _clauses(page: Path, prefix: str) -> set[str]:
    """Return the numbers of the clauses that a page names."""
    return set(re.findall(rf"\b{prefix}-(\d\d)\b", page.read_text(encoding="utf-8")))


def _nodes(folder: Path) -> Iterator[ast.AST]:
    """Yield everything that the files of a folder are made of."""
    for file in folder.rglob("*.py"):
        yield from ast.walk(ast.parse(file.read_text(encoding="utf-8")))


def _tested(folder: Path, prefix: str) -> Counter[str]:
    """Return how many test functions carry each clause number in their names."""
    found: Counter[str] = Counter()
    for node in _nodes(folder):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.update(re.findall(rf"_{prefix}(\d\d)(?=_|$)", node.name))
    return found


@pytest.mark.parametrize(
    ("page", "prefix"),
    [
        ("directory-contract.md", "DS"),
        ("storage-contract.md", "ST"),
        ("sink-contract.md", "SK"),
        ("key-ring-contract.md", "KR"),
        ("notifier-contract.md", "NO"),
    ],
)
def test_each_clause_has_exactly_one_test(repository: Path, page: str, prefix: str) -> None:
    """Every numbered clause of a contract page has one test in the shipped kit, and every such test has its clause."""
    tested = _tested(repository / "src" / "smartify_core" / "testing" / "conformance", prefix)
    assert set(tested) == _clauses(repository / "docs" / "reference" / page, prefix)
    assert {clause for clause, count in tested.items() if count != 1} == set()


@pytest.mark.parametrize("prefix", ["DS", "KR", "NO", "SK", "ST"])
def test_no_clause_is_tested_outside_the_kit(repository: Path, prefix: str) -> None:
    """What proves a clause is what an integrator runs: no test of our own carries a clause's number."""
    assert _tested(repository / "tests", prefix) == Counter()


def test_each_storage_clause_has_a_mutant_of_its_own(repository: Path) -> None:
    """Every clause of the storage contract has a backend that breaks it; that it breaks no other is tested there."""
    broken = {
        node.args[0].value.removeprefix("ST-")
        for node in _nodes(repository / "tests" / "conformance")
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id.startswith("breaks")
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
    assert broken == _clauses(repository / "docs" / "reference" / "storage-contract.md", "ST")
