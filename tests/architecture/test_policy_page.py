"""The reference of policy tells of every member of the closed lists, and of no other."""

from __future__ import annotations

import ast
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


#: What a kind of record looks like; nothing else in the room of policy does, but for names of files and of a domain
#: (RFC 8375: that of home networks, into which no webhook may lead).
_kind_like = re.compile(r"[a-z]+(-[a-z]+)*(\.[a-z]+([-_][a-z]+)*)+").fullmatch
_FILES = {"checkpoints.txt", "verifier.py", "evidence.css", "evidence.html", "evidence.json"}
_DOMAINS = {"home.arpa"}


def kinds_in(source: str) -> set[str]:
    """Return every text of a module that is a kind of record."""
    texts = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    return {text for text in texts if isinstance(text, str) and _kind_like(text)} - _FILES - _DOMAINS


def test_every_kind_of_record_has_its_row(repository: Path) -> None:
    """Each kind that the code writes into the audit trail stands in its table once, and no other does."""
    page = (repository / "docs" / "reference" / "policy.md").read_text(encoding="utf-8")
    part = page.split("## What the trail records\n", 1)[1].split("\n## ", 1)[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", part, flags=re.MULTILINE)
    told = [kind for cell in cells for kind in re.findall(r"`([^`]+)`", cell)]
    room = repository / "src" / "smartify_core" / "policy"
    written = {kind for file in room.rglob("*.py") for kind in kinds_in(file.read_text(encoding="utf-8"))}
    assert len(told) == len(set(told))
    assert set(told) == written


def test_a_kind_without_a_row_would_be_noticed() -> None:
    """Whatever way a record is made, its kind is found by how it looks."""
    assert kinds_in('trail.append(AuditRecord("door.opened", now))') == {"door.opened"}
    assert kinds_in('trail.append(AuditRecord("door.lock.changed", now))') == {"door.lock.changed"}
    assert kinds_in('kind = "door.opened" if it else "door.half-opened"; name = "smartify.toml"[:0]') >= {
        "door.opened",
        "door.half-opened",
    }
