"""The reference of policy tells of every member of the closed lists, and of no other."""

from __future__ import annotations

import enum
import re
from pathlib import Path

import pytest

from smartify_core.policy import Concern, Missing, PersonalField, Purpose


@pytest.mark.parametrize(
    ("heading", "members"),
    [
        ("Purposes", Purpose),
        ("Fields", PersonalField),
        ("What can be missing", Missing),
        ("What a review looks at", Concern),
    ],
)
def test_every_member_has_one_row(repository: Path, heading: str, members: type[enum.Enum]) -> None:
    """Each purpose, field, code and concern stands in its table once, in the order of the code."""
    page = (repository / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
    part = page.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    assert re.findall(r"^\| `([^`]+)` \|", part, flags=re.MULTILINE) == [one.value for one in members]
