"""What the storage clauses run against: each backend behind one small face, so that every clause is written once."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from attrs import field, frozen

from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage


@frozen
class Backend:
    """One backend under test.

    Args:
        name: How failures name it.
        open: Returns the same store at every call: another handle where the backend has handles, else the same object.
        durable: Whether what was committed survives closing; declared, not detected.
        content: Returns all bytes that the store keeps outside the process; ``None`` for one that keeps none.
    """

    name: str
    open: Callable[[], Storage]
    durable: bool = False
    content: Callable[[], bytes] | None = field(default=None)


Clause = Callable[[Backend], None]


def postgresql(url: str, schema: str) -> Backend:
    """Return a backend in a schema of a server. Where its bytes are is the server's affair."""
    return Backend("postgresql", lambda: PostgreSQLStorage(url, schema=schema), durable=True)


def memory() -> Backend:
    """Return a backend in memory."""
    storage = MemoryStorage()
    return Backend("memory", lambda: storage)


def sqlite(folder: Path, kind: Callable[[Path], Storage] = SQLiteStorage) -> Backend:
    """Return a backend in a file in ``folder``."""
    path = folder / "store.db"

    def content() -> bytes:
        return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))

    return Backend("sqlite", lambda: kind(path), durable=True, content=content)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Give each backend of ours, empty; every handle that was opened is closed afterwards."""
    match request.param:
        case "memory":
            given = memory()
        case "sqlite":
            given = sqlite(tmp_path)
        case _:
            given = postgresql(request.getfixturevalue("postgresql_url"), request.getfixturevalue("schema"))
    opened: list[Storage] = []

    def remember() -> Storage:
        opened.append(given.open())
        return opened[-1]

    yield Backend(given.name, remember, given.durable, given.content)
    for storage in opened:
        storage.close()


@pytest.fixture(scope="session")
def clauses() -> Mapping[str, Clause]:
    """Return the tests of the storage clauses by number, to be called on other backends than ours."""
    path = Path(__file__).with_name("test_storage_clauses.py")
    spec = importlib.util.spec_from_file_location("storage_clauses", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        f"ST-{match[1]}": test
        for name, test in inspect.getmembers(module, inspect.isfunction)
        if (match := re.match(r"test_ST(\d\d)_", name))
    }


@pytest.fixture(scope="session")
def backend_of() -> Callable[[Callable[[], Storage]], Backend]:
    """Return a function that makes a fresh backend in memory out of a kind of storage."""

    def make(kind: Callable[[], Storage]) -> Backend:
        storage = kind()
        return Backend("mutant", lambda: storage)

    return make


@pytest.fixture
def sqlite_of(tmp_path: Path) -> Iterator[Callable[[Callable[[Path], Storage]], Backend]]:
    """Give a function that makes a fresh backend in a file out of a kind of storage; every handle is closed in the end.

    A clause that fails leaves its handles open.
    """
    numbers = itertools.count()
    opened: list[Storage] = []

    def make(kind: Callable[[Path], Storage]) -> Backend:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()

        def remember(path: Path) -> Storage:
            opened.append(kind(path))
            return opened[-1]

        return sqlite(folder, remember)

    yield make
    for storage in opened:
        storage.close()
