"""Many documents in one call: written all or none, and found in one look, as one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartify_core.errors import WriteConflict
from smartify_core.model import Document, PutDocument
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.postgresql import PostgreSQLStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.storage.walks import FindsDocuments, documents_at, every_document

#: More than one statement takes.
MANY = 1_203

_puts = st.lists(
    st.builds(
        PutDocument,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y", "z", "ü", "nul\0"]),
        st.none() | st.sampled_from([b"", b"short", b"other", b"longer" * 40]),
        st.integers(1, 3),
    )
    | st.builds(
        PutDocument,
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y", "z", "ü", "nul\0"]),
        st.sampled_from([b"", b"short", b"other", b"longer" * 40]),
        st.integers(0, 3),
    ),
    unique_by=lambda put: (put.kind, put.key),
    max_size=8,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStorage]:
    """Return a store in a file."""
    with SQLiteStorage(tmp_path / "store.db") as storage:
        yield storage


def _refused(storage: Storage, puts: list[PutDocument]) -> str | None:
    """Write documents together, and return which one was not as expected."""
    try:
        storage.record("acme", documents=puts)
    except WriteConflict as conflict:
        return conflict.where
    return None


@settings(max_examples=60, deadline=None)
@given(calls=st.lists(_puts, max_size=6))
def test_calls_with_many_documents_do_what_the_store_in_memory_does(calls: list[list[PutDocument]]) -> None:
    """Whatever is put, replaced and removed together: both refuse the same document, and hold the same at the end."""
    with tempfile.TemporaryDirectory() as folder, SQLiteStorage(Path(folder) / "store.db") as storage:
        memory = MemoryStorage()
        for puts in calls:
            assert _refused(storage, puts) == _refused(memory, puts)
            assert list(every_document(storage, "acme")) == list(every_document(memory, "acme"))
        assert not storage.check()


def test_more_documents_than_a_statement_takes_are_written_and_found(store: SQLiteStorage) -> None:
    """Over a thousand documents of one call are there, are replaced, and are found in one look; others are not."""
    keys = [f"key-{number}" for number in range(MANY)]
    store.record("acme", documents=[PutDocument("a", key, key.encode(), 0) for key in keys])
    store.record("acme", documents=[PutDocument("a", key, key.encode() * 2, 1) for key in keys])
    found = documents_at(store, "acme", "a", [*keys, "missing"])
    assert found == {key: Document("a", key, key.encode() * 2, 2) for key in keys}
    assert documents_at(store, "acme", "b", keys) == documents_at(store, "globex", "a", keys) == {}
    assert documents_at(store, "acme", "a", []) == {}


def test_of_many_documents_none_is_written_where_the_last_is_not_as_expected(store: SQLiteStorage) -> None:
    """One document at another version keeps the thousand before it from being written, and is the one that is named."""
    puts = [PutDocument("a", f"key-{number}", b"value", 0) for number in range(MANY)]
    with pytest.raises(WriteConflict) as refused:
        store.record("acme", documents=[*puts, PutDocument("a", "last", b"value", 3)])
    assert refused.value.where == "tenant acme, document a/last"
    assert not store.documents("acme")


def test_what_a_removed_document_held_is_gone_though_another_moved_in(store: SQLiteStorage, tmp_path: Path) -> None:
    """Removed and put in one call, a document takes the other's place, and no byte of that one is left in the files."""
    store.record("acme", documents=[PutDocument("a", "old", b"<removed-secret>", 0)])
    store.record("acme", documents=[PutDocument("a", "old", None, 1), PutDocument("b", "new", b"<kept>", 0)])
    assert [one.value for one in store.documents("acme")] == [b"<kept>"]
    assert not store.check()
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"<kept>" in held
    assert b"removed-secret" not in held


def test_a_store_that_finds_one_by_one_is_asked_so() -> None:
    """Where a store has no look for many, each document is asked for by itself, with the same answer."""
    memory = MemoryStorage()
    memory.record("acme", documents=[PutDocument("a", "x", b"1", 0), PutDocument("a", "y", b"2", 0)])
    assert not isinstance(memory, FindsDocuments)
    assert documents_at(memory, "acme", "a", ["y", "z"]) == {"y": Document("a", "y", b"2", 1)}


def test_postgresql_finds_many_in_one_look(postgresql_url: str, schema: str) -> None:
    """PostgreSQL finds a thousand documents as SQLite does, with keys that it keeps in another form."""
    keys = [f"key-{number}" for number in range(MANY)] + ["nul\0", "ü"]
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        storage.record("acme", documents=[PutDocument("a", key, b"value", 0) for key in keys])
        found = documents_at(storage, "acme", "a", [*keys, "missing"])
        assert found == {key: Document("a", key, b"value", 1) for key in keys}
        assert documents_at(storage, "acme", "b", keys) == documents_at(storage, "acme", "a", []) == {}
