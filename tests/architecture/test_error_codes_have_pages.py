from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from smartify_core.errors import SmartifyError


def _tree(root: type[SmartifyError]) -> Iterator[type[SmartifyError]]:
    """Yield the errors that are defined there, from the root down."""
    if root.__module__ == SmartifyError.__module__:
        yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def test_codes_are_unique_and_follow_their_branch() -> None:
    """No two errors share a code, and a code starts with its branch's digit."""
    codes = [kind.code for kind in _tree(SmartifyError)]
    assert len(codes) > 20
    assert len(set(codes)) == len(codes)
    for kind in _tree(SmartifyError):
        for parent in kind.__mro__[1:]:
            if issubclass(parent, SmartifyError) and parent is not SmartifyError:
                assert kind.code[:3] == parent.code[:3]


def test_every_error_is_defined_on_its_one_page(package: Path) -> None:
    """Nobody defines an error class outside of errors."""
    a_code = re.compile(r"^ *code(: \S+)? = \"SC\d", re.MULTILINE)
    found = [file for file in package.rglob("*.py") if a_code.search(file.read_text(encoding="utf-8"))]
    assert {file.parent for file in found} == {package / "errors"}


def test_errors_and_sections_match_one_to_one(repository: Path) -> None:
    """Each error has one section in errors.md, with cause and cure; and each section has its error."""
    page = (repository / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## (SC\d{3}) (\w+)\n\n\*\*Cause\.\*\* \S.*\n\n\*\*Cure\.\*\* \S", page, re.MULTILINE)
    assert sorted(sections) == sorted((kind.code, kind.__name__) for kind in _tree(SmartifyError))
    assert len(re.findall(r"^## ", page, re.MULTILINE)) == len(sections)
