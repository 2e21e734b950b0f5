"""An audit trail whose process is killed anywhere, or whose disk is full: what was told as kept is there, once."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.crash._postgresql_backend import PostgreSQLBackend

from smartify_core.errors import AuditUnavailable
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.audit import AuditRecord, Checkpoints, FileWitness, Trail, verify
from smartify_core.sealing import Sealer
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.storage import Storage
from smartify_core.storage._sqlite._connections import Connections
from smartify_core.storage.sqlite import SQLiteStorage

Child = Callable[[Callable[[], object]], int]

pytestmark = pytest.mark.slow

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
SEALER = Sealer(RootKeyRing(RootSecrets(bytes(8), {bytes(8): bytes(32)}, bytes(32))))
#: More statements than any act has.
ENOUGH = 200


class SQLiteFile:
    """One SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> Storage:
        """Open it."""
        return SQLiteStorage(self._path)

    def die_at_write(self, number: int) -> None:
        """Have this process killed when its n-th statement that writes or ends a transaction is about to run."""
        connect, left = Connections._connect, number

        def trace(statement: str) -> None:
            nonlocal left
            if not statement.lower().startswith(("select", "pragma", "begin")):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        def traced(self: Connections) -> sqlite3.Connection:
            connection = connect(self)
            connection.set_trace_callback(trace)
            return connection

        Connections._connect = traced  # type: ignore[method-assign]  # the process that is to die does it to itself


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Return a place for a store."""
    if request.param == "sqlite":
        yield SQLiteFile(tmp_path / "store.db")
        return
    made = PostgreSQLBackend(request.getfixturevalue("postgresql_url"))
    yield made
    made.remove()


def require_one_chain(trail: Trail) -> list[str]:
    """Require that the trail is whole, and return the kinds of its entries."""
    assert verify(trail).findings == ()
    return [entry.record.kind for entry in trail.entries()]


def test_kill_at_every_write_of_an_append(backend: Any, child: Child) -> None:
    """Whichever statement the process is killed at, the entry and its document are both there, or neither is."""
    with backend.open() as storage:
        Trail(storage).append(AuditRecord("a", NOON, "acme"), AuditRecord("a", NOON))
    kept = 0
    for number in range(ENOUGH):

        def work(number: int = number) -> None:
            backend.die_at_write(number)
            with backend.open() as storage:
                document = PutDocument("grant", f"g-{number}", b"x", 0)
                Trail(storage).append(AuditRecord(f"k{number}", NOON, "acme"), documents=[document])

        outcome = child(work)
        with backend.open() as storage:
            kinds = require_one_chain(Trail(storage))
            is_kept = kinds[-1] == f"k{number}"
            assert (storage.document(LEDGER, "grant", f"g-{number}") is not None) is is_kept
            kept += is_kept
            assert len(kinds) == 2 + kept
        if outcome == 0:
            assert is_kept
            break
        assert outcome == -signal.SIGKILL
    assert number > 3


def test_kill_at_every_write_of_a_checkpoint(backend: Any, child: Child, tmp_path: Path) -> None:
    """A checkpoint that was cut short is made by whoever comes next, and no witness has one that the store denies."""
    with backend.open() as storage:
        Trail(storage).append(AuditRecord("a", NOON, "acme"))
    for number in range(ENOUGH):

        def work(number: int = number) -> None:
            backend.die_at_write(number)
            make(number)

        def make(number: int) -> None:
            with backend.open() as storage:
                trail = Trail(storage)
                trail.append(AuditRecord(f"k{number}", NOON))
                key = Checkpoints(trail, SEALER, origin="v").signing_verifier()
                witnesses = [FileWitness(tmp_path / "safe", key)]
                assert not Checkpoints(trail, SEALER, origin="v", witnesses=witnesses).make().failures

        outcome = child(work)
        make(number)
        with backend.open() as storage:
            require_one_chain(Trail(storage))
        if outcome == 0:
            break
        assert outcome == -signal.SIGKILL
    assert number > 5
    notes = FileWitness(tmp_path / "safe").notes()
    assert len(notes) == len(set(notes))


@pytest.mark.parametrize("kilobytes", [1, 33, 97, 161, 257])
def test_a_full_disk_keeps_nothing_and_says_so(tmp_path: Path, child: Child, kilobytes: int) -> None:
    """Where the disk takes no more, an append is refused as an audit that is unavailable, and what was kept stays."""
    path = tmp_path / "store.db"
    with SQLiteStorage(path) as storage:
        Trail(storage).append(AuditRecord("a", NOON, "acme"))
    told = tmp_path / "told"

    def work() -> None:
        with SQLiteStorage(path) as storage:
            trail = Trail(storage)
            limit = max(file.stat().st_size for file in tmp_path.iterdir()) + kilobytes * 1024
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            kept = [0]

            def fill() -> None:
                for _ in range(10_000):
                    kept.extend(trail.append(AuditRecord("a", NOON, "acme", facts={"x": "y" * 1_000})))

            with pytest.raises(AuditUnavailable, match="audit trail"):
                fill()
            with pytest.raises(AuditUnavailable):
                fill()
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            os.write(os.open(told, os.O_CREAT | os.O_WRONLY), str(len(kept)).encode())

    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        assert child(work) == 0
    finally:
        signal.signal(signal.SIGXFSZ, signal_before)
    with SQLiteStorage(path) as storage:
        kinds = require_one_chain(Trail(storage))
        assert len(kinds) == int(told.read_text())
        Trail(storage).append(AuditRecord("b", NOON, "acme"))
        assert require_one_chain(Trail(storage)) == [*kinds, "b"]
