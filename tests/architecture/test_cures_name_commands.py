"""Whoever follows a cure types a command that exists: what is removed or renamed is not named any more."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from smartify_core.cli._commands import command_line

_named = re.compile(r"\bsmartify((?: [a-z][a-z-]*)+)")
#: As a command is named in a sentence that is no cure by name: after a colon, or quoted.
_typed = re.compile(r"(?:: |`)smartify((?: [a-z][a-z-]*)+)")
#: What documents a class, a function or a module is no sentence of an error.
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def named_commands(source: str) -> Iterator[tuple[str, ...]]:
    """Yield the words after ``smartify`` in every cure of a module, and wherever else a text has somebody type it."""
    tree = ast.parse(source)
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, _DOCUMENTED) and node.body and isinstance(node.body[0], ast.Expr)
    }
    cures = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "cure"
        for part in ast.walk(node.value)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            for found in (_named if id(node) in cures else _typed).finditer(node.value):
                yield tuple(found[1].split())


def exists(words: tuple[str, ...]) -> bool:
    """Return whether words begin with a command that can be run; what stands behind it is a sentence's."""
    command: click.Command = command_line
    for word in words:
        if not isinstance(command, click.Group):
            return True
        inner = command.commands.get(word)
        if inner is None:
            return False
        command = inner
    return True


def test_every_command_that_is_named_exists(package: Path) -> None:
    """No text that a program says names a command of `smartify` that there is not."""
    missing = {
        f"{file.relative_to(package)}: smartify {' '.join(words)}"
        for file in sorted(package.rglob("*.py"))
        for words in named_commands(file.read_text(encoding="utf-8"))
        if not exists(words)
    }
    assert missing == set()


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ('raise E("x", cure="Let it run: smartify breach deliver")', True),
        ('raise E("x", cure=f"See: smartify breach spread {one}")', True),
        ('raise E("x", cure="smartify nothing")', True),
        ('raise clash("x", "Let it run: smartify breach deliver")', True),
        ('raise E("x", cure="Let it run: smartify breach work")', False),
        ('FORMAT = "smartify breach evidence"', False),
        ('def f():\n    """Be smartify nothing."""\n', False),
    ],
)
def test_a_command_that_is_gone_is_found(source: str, is_found: bool) -> None:
    """A cure that names a command which there never was, or is no more, is found; documentation is not looked at."""
    assert any(not exists(words) for words in named_commands(source)) is is_found
