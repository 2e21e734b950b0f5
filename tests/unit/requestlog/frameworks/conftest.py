from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.unit.requestlog.frameworks._conformance")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a static file."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "big.txt").write_bytes(b"0123456789" * 20_000)
    return folder


@pytest.fixture
def tidy() -> Iterator[None]:
    """Have what Django leaves open when a client goes away collected, and told of, in the test that left it."""
    yield
    gc.collect()
