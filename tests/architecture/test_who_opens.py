"""Sealed fields open in a closed list of places."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import smartify_core

_ROOT: Final = Path(smartify_core.__file__).parent

#: Who may call `Sealer.open`, and why. A name gets out at the gate alone, and in tests.
_MAY_OPEN: Final = {
    "lifecycle/_accounts.py": "looks whether the keys are the right ones, and drops what it sees",
    "lifecycle/_damaged.py": "compares an account with the directory",
    "testing/_opened_accounts.py": "is for test suites",
}
#: Rooms all of which may.
_ROOMS: Final = ("policy/_gate/", "policy/gate/", "sealing/")


def _openings(source: str) -> Iterator[int]:
    """Yield the lines on which something called a sealer opens an account, or its `open` is handed on."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr == "open":
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if "sealer" in name.lower():
                yield node.lineno


def _who_opens() -> dict[str, list[int]]:
    found = {}
    for path in sorted(_ROOT.rglob("*.py")):
        if lines := list(_openings(path.read_text(encoding="utf-8"))):
            found[path.relative_to(_ROOT).as_posix()] = lines
    return found


def test_sealed_fields_open_where_they_may() -> None:
    """No file calls `Sealer.open` but those that are named here, each of which has a reason."""
    strangers = {place for place in _who_opens() if place not in _MAY_OPEN and not place.startswith(_ROOMS)}
    assert strangers == set()


def test_whoever_is_named_opens() -> None:
    """Each file that is named does call it: the list has nobody who does not need to be on it."""
    assert set(_MAY_OPEN) <= set(_who_opens())


@pytest.mark.parametrize(
    "line",
    [
        "self._sealer.open(account)",
        "sealer.open(account)",
        "fields = [Sealer.open(sealer, one) for one in accounts]",
        "read = map(self.sealer.open, accounts)",
    ],
)
def test_an_opening_elsewhere_is_noticed(line: str) -> None:
    """Each way to write a call is found."""
    assert list(_openings(line)) == [1]


def test_other_things_may_be_opened() -> None:
    """A file or a path that is opened is no sealed field."""
    assert list(_openings("with path.open() as file, open(name), keys.open(1): pass")) == []
