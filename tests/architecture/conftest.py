"""Where the source is, as seen by tests that read it instead of running it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the top of the checkout."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def package(repository: Path) -> Path:
    """Return the package's source folder."""
    return repository / "src" / "smartify_core"


@pytest.fixture(scope="session")
def tracked(repository: Path) -> list[Path]:
    """Return every file that is part of the project: tracked by git, or all that an unpacked sdist holds."""
    if (repository / ".git").exists():
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=repository, check=True, capture_output=True, text=True)
        found = [repository / name for name in listing.stdout.split("\0") if name]
    else:
        made = {"__pycache__", ".nox", "_build", "api"}
        found = [file for file in repository.rglob("*") if not made.intersection(file.parts)]
    return sorted(file for file in found if file.is_file())
