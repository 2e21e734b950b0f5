from __future__ import annotations

import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # WebOb imports cgi, which Python 3.13 no longer has.
    warnings.simplefilter("ignore", DeprecationWarning)
    import pyramid.config  # noqa: F401 - for its effect: whoever imports it later is not warned

pytest.register_assert_rewrite("tests.unit.requestlog.frameworks._conformance")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a static file."""
    folder = tmp_path_factory.mktemp("static")
    (folder / "big.txt").write_bytes(b"0123456789" * 20_000)
    return folder
