"""What the room of policy says to people is said in words: a rename of a class never gets into a sentence."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import smartify_core.policy
from smartify_core import errors

#: What makes a sentence that somebody reads, besides the errors: the gaps of decisions, and what wraps an error.
_TELLERS = {"Gap", "Shortfall", "TrailFinding", "Lack", "_wrong", "_broken", "_refused", "_unavailable", "_false"}
_SAID = {"what", "cure", "detail"}
#: English words that are classes too: a sentence may begin with them.
_WORDS = {"Export", "Grant", "Provision", "Use", "View", "Witness"}
#: What a cure tells whoever writes the call to give.
_GIVEN = {"Commitment", "Consideration", "EndingsFile", "ExportForm", "Shredder", "Undertaking"}


def classes_of_policy() -> set[str]:
    """Return the names of all classes that policy and its rooms export."""
    rooms = [smartify_core.policy.__name__]
    rooms += [one.name for one in pkgutil.iter_modules(smartify_core.policy.__path__, f"{rooms[0]}.")]
    public = [import_module(room) for room in rooms if not room.rpartition(".")[2].startswith("_")]
    named = {name for room in public for name in getattr(room, "__all__", ())}
    return {name for name in named for room in public if inspect.isclass(getattr(room, name, None))}


def sentences(source: str) -> Iterator[str]:
    """Yield the literals of a module that become part of what an error or a decision says, or of its cure."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            told = [one.value for one in node.keywords if one.arg in _SAID]
            told += node.args if name in _TELLERS or name in errors.__all__ else []
        elif isinstance(node, ast.Assign):
            names = {one.id.lower().rpartition("_")[2] for target in node.targets for one in _names(target)}
            told = [node.value] if names & _SAID else []
        else:
            continue
        for part in told:
            constants = (one.value for one in ast.walk(part) if isinstance(one, ast.Constant))
            yield from (value for value in constants if isinstance(value, str))


def _names(target: ast.expr) -> Iterator[ast.Name]:
    return (one for one in ast.walk(target) if isinstance(one, ast.Name))


def strange(said: str, classes: set[str]) -> set[str]:
    """Return the names of classes in a sentence that has no business with them."""
    return set(re.findall(r"\w+", said)) & classes - _WORDS - _GIVEN


def test_no_sentence_names_a_class(repository: Path) -> None:
    """No error of policy, no cure and no gap of a decision holds the name of a class, but for a short list."""
    classes, seen, found = classes_of_policy(), 0, []
    for file in sorted((repository / "src" / "smartify_core" / "policy").rglob("*.py")):
        for said in sentences(file.read_text(encoding="utf-8")):
            seen += 1
            found += [f"{file.name}: {said!r} names {name}" for name in strange(said, classes)]
    assert not found
    assert seen > 100


@pytest.mark.parametrize(
    "source",
    [
        'raise UsageError("an announcement lies ahead", where="at", cure="AuditRecord it once it was made.")',
        'raise UsageError(f"an AuditRecord of {size} bytes")',
        'raise self._wrong("id", "an AuditRecord is there")',
        'detail, cure = f"{who} is late", "Wait for the AuditRecord."',
        '_A_CURE: Final = "x"; CURE = "Look at the AuditRecord."',
    ],
)
def test_a_name_in_a_sentence_would_be_noticed(source: str) -> None:
    """Wherever a sentence is written, a class in it is found."""
    assert any(strange(said, classes_of_policy()) == {"AuditRecord"} for said in sentences(source))


def test_what_may_be_named_is_there() -> None:
    """Both lists hold classes of policy only."""
    assert classes_of_policy() >= _WORDS | _GIVEN
