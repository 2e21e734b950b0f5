from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.unit.requestlog.analysis._written import FILE, text

from smartify_core.requestlog.analysis.duckdb import LogFiles


class Directory:
    """The directory of a log, and engines over it that are closed with the test."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self._stack = stack

    def write(self, *items: dict[str, Any] | bytes, name: str = FILE) -> Path:
        """Write a file of lines."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text(items))
        return file

    def open(self, **settings: Any) -> LogFiles:
        """Return an engine over it."""
        return self._stack.enter_context(LogFiles(self.path, **settings))

    def rows(self, question: str, /, *, asking: dict[str, Any] | None = None, **settings: Any) -> list[Any]:
        """Return the rows of an answer."""
        return list(self.open(**settings).ask(question, **(asking or {})).rows)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    """Return an empty directory of a log."""
    (tmp_path / "log").mkdir()
    with ExitStack() as stack:
        yield Directory(tmp_path / "log", stack)
