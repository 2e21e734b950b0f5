"""A process may fork at any moment: the child inherits no lock of SQLite's, and no connection."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from smartify_core.errors import StorageBusy, StorageUnavailable
from smartify_core.model import Append
from smartify_core.storage._sqlite import _forks
from smartify_core.storage._sqlite._connections import Connections
from smartify_core.storage.sqlite import SQLiteStorage

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the children of these tests are forked"),
    # Newer Pythons warn whoever forks beside threads, which is what these tests are about.
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]

FORKS = 50
BUSY = 11

Spawn = Callable[[Callable[[], int | None]], int]
Status = Callable[[int], int]


def _note(storage: SQLiteStorage, journal: str) -> None:
    storage.record("acme", appends=[Append(journal, (b"noted",))])


@contextmanager
def _at_work(*deeds: Callable[[], object]) -> Iterator[None]:
    """Have a thread for each deed do it again and again, from before this begins until it ends."""
    over = threading.Event()
    raised: list[BaseException] = []

    def work(deed: Callable[[], object], begun: threading.Event) -> None:
        try:
            while not over.is_set():
                deed()
                begun.set()
        except BaseException as error:  # noqa: BLE001  # told below
            raised.append(error)
            begun.set()

    begun = [threading.Event() for _ in deeds]
    threads = [threading.Thread(target=work, args=pair) for pair in zip(deeds, begun, strict=True)]
    for thread in threads:
        thread.start()
    try:
        for one in begun:
            one.wait()
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert raised == []


@contextmanager
def _within_a_write(storage: SQLiteStorage) -> Iterator[None]:
    """Have another thread inside a transaction, from before this begins until it ends."""
    inside, over = threading.Event(), threading.Event()

    def write() -> None:
        with storage._connections.writing():
            inside.set()
            over.wait()

    thread = threading.Thread(target=write)
    thread.start()
    inside.wait()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_whoever_forks_beside_a_writing_thread_has_children_that_write(
    path: Path, spawn: Spawn, status: Status
) -> None:
    """Each of fifty children, forked while threads write and read, writes once within the time that is waited.

    Once a child is there its parent is at rest: SQLite lets no process wait in a line, so one that writes without a
    pause can keep another out for as long as it likes.
    """
    with SQLiteStorage(path) as storage:
        for _ in range(FORKS):
            with _at_work(lambda: _note(storage, "of threads"), lambda: storage.tenant("acme")):
                child = spawn(lambda: _note(storage, "of children"))
            assert status(child) == 0
        assert storage.tenant("acme").positions["of children"] == FORKS


def _end_of_child_of_a_write(storage: SQLiteStorage, spawn: Spawn, status: Status) -> int:
    """Fork within another thread's write, and return how the child ends that writes once that write is over."""
    reading, writing = os.pipe()

    def work() -> int:
        os.close(writing)
        os.read(reading, 1)
        try:
            _note(storage, "notes")
        except StorageBusy:
            return BUSY
        return 0

    with _within_a_write(storage):
        child = spawn(work)
    os.close(writing)
    os.close(reading)
    return status(child)


def test_fork_waits_only_so_long_for_another_thread(
    path: Path, spawn: Spawn, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that does not come to an end holds a fork up for the time that is set, and no longer.

    The child is then locked out by a thread that it does not have, and its parent goes on.
    """
    monkeypatch.setattr(_forks, "PATIENCE", 0.05)
    with SQLiteStorage(path, busy_timeout=0.05) as storage:
        assert _end_of_child_of_a_write(storage, spawn, status) == BUSY
        _note(storage, "notes")
        assert storage.tenant("acme").positions == {"notes": 1}


def _notes_of_child_whose_parent_closes(path: Path, spawn: Spawn, status: Status) -> int:
    """Close a store while a child that was forked from here has it open, and return how many of its notes are kept.

    It writes one before the store is closed here, and one after.
    """
    storage = SQLiteStorage(path)
    _note(storage, "of the parent")
    ready, closed = os.pipe(), os.pipe()

    def work() -> None:
        _note(storage, "of the child")
        os.write(ready[1], b".")
        os.read(closed[0], 1)
        with suppress(StorageUnavailable):
            _note(storage, "of the child")

    child = spawn(work)
    os.read(ready[0], 1)
    storage.close()
    os.write(closed[1], b".")
    for end in (*ready, *closed):
        os.close(end)
    assert status(child) == 0
    with SQLiteStorage(path) as again:
        return again.tenant("acme").positions["of the child"]


def test_child_keeps_its_store_when_the_parent_closes_it(path: Path, spawn: Spawn, status: Status) -> None:
    """The log that a child writes to is not taken away by a parent that was the last to close, as it believes."""
    assert _notes_of_child_whose_parent_closes(path, spawn, status) == 2


def test_mutant_that_keeps_connections_open_is_caught(
    path: Path, spawn: Spawn, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a connection stays open across a fork, what the child writes is lost once its parent has closed its own."""
    monkeypatch.setattr(Connections, "let_go", lambda _: None)
    assert _notes_of_child_whose_parent_closes(path, spawn, status) == 1


def test_whoever_forks_inside_a_write_of_their_own_does_not_wait(path: Path, spawn: Spawn, status: Status) -> None:
    """A fork within a transaction, as by a handler of signals, waits for no end of it that could never come."""
    with SQLiteStorage(path) as storage:
        with storage._connections.writing() as connection:
            assert status(spawn(lambda: 0)) == 0
            assert connection.in_transaction
        _note(storage, "notes")
        assert storage.tenant("acme").positions == {"notes": 1}


def test_threads_that_fork_at_once_take_turns(path: Path, spawn: Spawn, status: Status) -> None:
    """Threads that write and fork at the same time do not stop one another, and neither do their children."""
    with SQLiteStorage(path) as storage:
        ends: list[int] = []

        def fork() -> None:
            for _ in range(10):
                _note(storage, "of threads")
                ends.append(status(spawn(lambda: _note(storage, "of children"))))

        threads = [threading.Thread(target=fork) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends == [0] * 30
        assert storage.tenant("acme").positions == {"of children": 30, "of threads": 30}


def test_no_connection_is_open_across_a_fork(path: Path, spawn: Spawn, status: Status) -> None:
    """Before a fork every connection is closed, and after it both sides open their own when they need one."""
    with SQLiteStorage(path) as storage:
        _note(storage, "notes")
        storage.tenant("acme")
        held = storage._connections
        assert isinstance(held, Connections)
        assert held._writer is not None
        assert held._idle

        def work() -> int:
            return int(held._writer is not None or bool(held._idle))

        assert status(spawn(work)) == 0
        assert work() == 0
        _note(storage, "notes")
        assert storage.tenant("acme").positions == {"notes": 2}
