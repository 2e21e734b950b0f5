from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.unit.requestlog.frameworks._conformance")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a static file."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "big.txt").write_bytes(b"0123456789" * 20_000)
    return folder
