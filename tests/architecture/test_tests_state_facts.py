from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest


def _tests(file: Path) -> Iterator[ast.FunctionDef]:
    """Yield the test functions of a file, those in classes included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node


@pytest.fixture(scope="module")
def tests(repository: Path) -> list[tuple[str, ast.FunctionDef]]:
    """Return every test of the project and of the shipped conformance kit, with its place."""
    files = [*(repository / "tests").rglob("*.py"), *(repository / "src").rglob("conformance/**/*.py")]
    found = [(f"{file.relative_to(repository)}::{test.name}", test) for file in sorted(files) for test in _tests(file)]
    assert len(found) > 100, "the walk found the tests"
    return found


def test_every_test_states_a_fact(tests: list[tuple[str, ast.FunctionDef]]) -> None:
    """Each test has a docstring of its own that starts with a sentence."""
    silent = [place for place, test in tests if "." not in (ast.get_docstring(test) or "")]
    assert silent == []


def test_no_test_sleeps(tests: list[tuple[str, ast.FunctionDef]]) -> None:
    """No test waits by the clock: it would be slow on a fast machine and wrong on a slow one."""
    sleepy = [
        place
        for place, test in tests
        for node in ast.walk(test)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}
    ]
    assert sleepy == []
