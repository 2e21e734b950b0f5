from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from smartify_core.requestlog import Note, Record, RequestEvent, RequestLog

with warnings.catch_warnings():
    # Pyramid stands on WebOb, and that on cgi, which Python 3.13 no longer has; and on pkg_resources, which newer
    # setuptools say the end of, as a UserWarning.
    warnings.simplefilter("ignore")
    import pyramid.config  # noqa: F401 - for its effect: whoever imports it later is not warned


class Kept:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.closed = False

    def put(self, record: Record) -> None:
        self.records.append(record)

    def flush(self, timeout: float = 5.0) -> bool:
        return True

    def close(self, timeout: float = 5.0) -> None:
        self.closed = True

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the lines of the events say."""
        return [record.as_dict() for record in self.records if isinstance(record, RequestEvent)]

    @property
    def notes(self) -> list[Note]:
        """The notes."""
        return [record for record in self.records if isinstance(record, Note)]


@pytest.fixture
def kept() -> Kept:
    """Return a sink that keeps what it gets."""
    return Kept()


@pytest.fixture
def log(kept: Kept) -> RequestLog:
    """Return a request log into that sink."""
    return RequestLog(kept)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Have nothing said through logging: a thousand planted exceptions would fill the report of a test."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
