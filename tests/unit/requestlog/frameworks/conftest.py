from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Iterator
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


@pytest.fixture
def tidy() -> Iterator[None]:
    """Have what Django leaves open when a client goes away collected, and told of, in the test that left it."""
    yield
    gc.collect()


@pytest.fixture
def quiet() -> Iterator[None]:
    """Have nothing said through logging: a thousand planted exceptions would fill the report of a test."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
