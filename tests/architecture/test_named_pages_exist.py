"""Whatever page or test a message, a docstring or a document points to is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_NAMED = re.compile(r"\b(?:docs|tests)/[\w./-]+\.(?:md|py)\b")
_LINKED = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]


def test_every_page_that_is_named_exists() -> None:
    """A path under docs/ or tests/ that any file names is a file of this repository."""
    missing = [
        f"{path.relative_to(REPOSITORY)}: {named}"
        for path in _tracked()
        for named in _NAMED.findall(path.read_text(encoding="utf-8"))
        if not (REPOSITORY / named).is_file()
    ]
    assert missing == []


def test_every_relative_link_leads_somewhere() -> None:
    """A link in a document that is no URL names a file beside it."""
    missing = [
        f"{path.relative_to(REPOSITORY)}: {link}"
        for path in _tracked()
        if path.suffix == ".md"
        for link in _LINKED.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / link).exists()
    ]
    assert missing == []
