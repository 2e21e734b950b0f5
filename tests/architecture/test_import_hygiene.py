"""What an import costs, and what pure files may not do."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "smartify_core"
#: rich is not in the list: structlog loads it where it is installed. That we do not is an import contract (cli-tools).
HEAVY = ["googleapiclient", "google.auth", "httplib2", "sqlite3", "click", "pytest", "hypothesis"]
PURE_NAMES = {"_plan", "_guards", "_rules", "_transitions", "_access", "_breach", "_event"}
#: Built-in doors to the outside, and clock readings on types that are otherwise plain values.
OUTSIDE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
CLOCK_READINGS = {"now", "utcnow", "today"}


def _imported_by(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after ``statement``."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(run.stdout))


def _public_modules() -> list[str]:
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ["smartify_core", *file.relative_to(PACKAGE).with_suffix("").parts]
        if parts[-1] == "__init__":
            parts.pop()
        if not any(part.startswith("_") for part in parts):
            found.append(".".join(parts))
    return found


def _pure_files() -> list[str]:
    found = [file for file in PACKAGE.rglob("*.py") if file.stem in PURE_NAMES or file.parent.name == "model"]
    wires = list((PACKAGE / "directory").rglob("_wire.py"))
    return sorted(
        file.relative_to(PACKAGE).as_posix() for file in (*found, *wires, *(PACKAGE / "errors").glob("_*.py"))
    )


def test_the_root_imports_nothing_of_ours() -> None:
    """`import smartify_core` loads no room."""
    assert {name for name in _imported_by("import smartify_core") if name.startswith("smartify_core.")} == set()


def test_the_lifecycle_is_light() -> None:
    """`import smartify_core.lifecycle` loads no Google library, database, command-line or test tool."""
    loaded = _imported_by("import smartify_core.lifecycle")
    assert "smartify_core.lifecycle._reconciler" in loaded
    assert loaded.intersection(HEAVY) == set()


@pytest.mark.parametrize("module", _public_modules())
def test_each_public_module_imports_alone(module: str) -> None:
    """A public module can be the first one that a program imports."""
    assert module in _imported_by(f"import {module}")


@pytest.mark.parametrize("file", _pure_files())
def test_a_pure_file_reads_no_clock_and_opens_nothing(file: str) -> None:
    """A pure file calls no built-in that reaches outside and asks no date type for the present."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {func.id for func in calls if isinstance(func, ast.Name)}
    attributes = {func.attr for func in calls if isinstance(func, ast.Attribute)}
    assert names & OUTSIDE_CALLS == set()
    assert attributes & CLOCK_READINGS == set()
