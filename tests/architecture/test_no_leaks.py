"""Nothing that is committed tells where or with what it was made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# Spelt in pieces, so that this file does not match itself.
LEAKS = {
    "a package registry's host": r"pypi\." + r"org|python" + r"hosted|registry\.npm" + r"js|files\.python",
    "a package index option": r"--(extra-)?" + r"index-url|--find-" + r"links|PIP_(EXTRA_)?INDEX" + r"_URL",
    "a path of somebody's machine": r"(?<![\w.>\-])/(work|root|tmp|opt|Users|home)" + r"/(?!\.\.\.)\w",
    "a workplace tool": r"\bissues " + r"(show|list|comment)\b|/tmp/" + r"brief",
}


@pytest.mark.parametrize("what", sorted(LEAKS))
def test_no_tracked_file_holds(what: str, tracked: list[Path], repository: Path) -> None:
    """No file of the project holds it, in its text or in its name."""
    pattern = re.compile(LEAKS[what])
    found = []
    for file in tracked:
        text = file.read_bytes().decode("utf-8", errors="replace")
        found += [f"{file.relative_to(repository)}: {match[0]}" for match in pattern.finditer(f"{file.name}\n{text}")]
    assert len(tracked) > 50, "the listing found the project"
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a package registry's host", "see pypi." + "org"),
        ("a package index option", "pip install --index" + "-url x"),
        ("a path of somebody's machine", 'open("/' + 'tmp/x")'),
        ("a workplace tool", "issues " + "show 2"),
    ],
)
def test_each_pattern_finds_what_it_is_for(what: str, text: str) -> None:
    """A pattern matches an example of its leak."""
    assert re.search(LEAKS[what], text)
