"""Backends in a file, or behind a wire, that break a promise in one way each, and are caught by exactly its clause."""

from __future__ import annotations

import contextlib
import inspect
import multiprocessing
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from smartify_core.errors import LeaseHeld, StorageError, StorageUnavailable
from smartify_core.model import OUTBOX, Batch, Claim, Receipt
from smartify_core.storage import Storage
from smartify_core.storage._sqlite._connections import Connections
from smartify_core.storage._sqlite._slabs import Place, Slab
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing.conformance import StorageCapability, StorageWorld

BrokenBy = Callable[[Callable[[], StorageWorld], Collection[str]], set[str]]

#: See ``test_storage_mutants.py``: these compare everything, or measure what no promise is about.
NETS = {"ST-54", "ST-55", "ST-57"}
MUTANTS: dict[str, list[Callable[[pytest.MonkeyPatch], type[SQLiteStorage]]]] = {}

#: Takes fields by name, also from a mapping.
evolve: Any = attrs.evolve

Mutant = Callable[[pytest.MonkeyPatch], type[SQLiteStorage]]


def breaks(clause: str) -> Callable[[Mutant], Mutant]:
    """Enter a mutant under the one clause that it breaks. It is made by a function, which may break the inside."""

    def enter(mutant: Mutant) -> Mutant:
        MUTANTS.setdefault(clause, []).append(mutant)
        return mutant

    return enter


class ByPath:
    """Opens a store of a class of a test file: in a child process, which knows the file by its path alone."""

    def __init__(self, kind: type[SQLiteStorage], path: Path) -> None:
        self._kind = kind
        self._path = path

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        """Be pickled as the expression that makes an opener anew."""
        # What is broken from within has the class of the package, which this file knows as well.
        file = __file__ if self._kind is SQLiteStorage else inspect.getfile(self._kind)
        run = f"__import__('runpy').run_path({file!r})"
        return eval, (f"__import__('functools').partial({run}[{self._kind.__name__!r}], {str(self._path)!r})",)

    def __call__(self) -> Storage:
        """Open it here."""
        return self._kind(self._path)


class FileWorld(StorageWorld):
    """The world of one mutant in a file."""

    capabilities = frozenset(StorageCapability) - {StorageCapability.INTERRUPTIBLE}

    def __init__(self, folder: Path, kind: type[SQLiteStorage]) -> None:
        folder.mkdir()
        self.path = folder / "store.db"
        self.kind = kind

    def open(self) -> Storage:
        """Open the file."""
        return self.kind(self.path)

    def opener(self) -> Callable[[], Storage]:
        """Return what opens the file in a child."""
        return ByPath(self.kind, self.path)

    def content(self) -> bytes:
        """Return the bytes of all files."""
        return b"".join(file.read_bytes() for file in sorted(self.path.parent.iterdir()))

    def pretend_newer(self) -> None:
        """Note one more migration than we know."""
        connections = Connections(self.path, busy_timeout=5)
        with connections.writing() as connection:
            row = "select max(version) + 1, applied_at, 'a newer one' from smartify_schema"
            connection.execute(f"insert into smartify_schema (version, applied_at, library) {row}")
        connections.close()


class ForgetsLeases(SQLiteStorage):
    """Takes a handle that is closed for the end of all leases."""

    def close(self) -> None:
        with contextlib.suppress(StorageError), self._connections.writing() as connection:
            connection.execute("update tenant set expires_at = null")
        super().close()


@breaks("ST-29")
def _forgets_leases(_: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    return ForgetsLeases


@breaks("ST-30")
def _leaves_bytes(monkeypatch: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    """Only note the place of an erased row as free."""

    def only_note(slab: Slab, places: Sequence[Place]) -> None:
        noted = [(slab._number, place.size, place.id) for place in places]
        slab._connection.executemany("insert into vacancy (slab, size, id) values (?, ?, ?)", noted)

    monkeypatch.setattr(Slab, "vacate", only_note)
    return SQLiteStorage


@breaks("ST-30")
def _leaves_what_is_beside(monkeypatch: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    """Forget where the documents and entries of an erased tenant lie."""
    monkeypatch.setattr(Slab, "vacate_named", lambda *_: None)
    return SQLiteStorage


@breaks("ST-30")
def _leaves_the_log(monkeypatch: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    """Keep the pages from before an erasure in the log."""
    monkeypatch.setattr(Connections, "_clear_log", lambda _, **__: None)
    return SQLiteStorage


_ONE_PROCESS = threading.Lock()


class LocksThreadsOnly(SQLiteStorage):
    """Looks at a lease and then takes it, under a lock that other processes know nothing of."""

    def claim(self, tenant: str, *, now: datetime, ttl: timedelta) -> Claim:
        with _ONE_PROCESS:
            held = super().tenant(tenant)
            if held.expires_at is not None and held.expires_at > now:
                raise LeaseHeld("a mutant says no")
            if multiprocessing.parent_process() is not None:
                # Time for the other processes to look, too, on a machine that has much to do as well.
                threading.Event().wait(0.1)
            with self._connections.writing() as connection:
                connection.execute("update tenant set expires_at = null where name = ?", (tenant,))
            return super().claim(tenant, now=now, ttl=ttl)


@breaks("ST-51")
def _locks_threads_only(_: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    return LocksThreadsOnly


class CommitsInHalves(SQLiteStorage):
    """Commits the accounts of a batch, and what stands beside them a moment later."""

    def commit(self, claim: Claim, batch: Batch) -> Receipt:
        if batch.id is None or not batch.id.startswith("step"):
            return super().commit(claim, batch)
        super().commit(claim, Batch(batch.writes))
        threading.Event().wait(0.05)
        return super().commit(claim, evolve(batch, writes=()))


@breaks("ST-52")
def _commits_in_halves(_: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    return CommitsInHalves


@breaks("ST-53")
def _looks_once(monkeypatch: pytest.MonkeyPatch) -> type[SQLiteStorage]:
    """Look at the version of the schema when the store is opened, and never again."""
    monkeypatch.setattr("smartify_core.storage._sqlite._connections.refuse_newer", lambda *_: None)
    return SQLiteStorage


@pytest.mark.parametrize(
    ("clause", "place"), [(clause, place) for clause, made in MUTANTS.items() for place in range(len(made))]
)
def test_a_mutant_in_a_file_fails_its_clause_and_no_other(
    clause: str, place: int, broken_by: BrokenBy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each broken backend in a file is caught by exactly the clause on the promise that it breaks."""
    kind = MUTANTS[clause][place](monkeypatch)
    numbers = iter(range(1000))
    assert broken_by(lambda: FileWorld(tmp_path / str(next(numbers)), kind), NETS) == {clause}


# --- behind a wire ----------------------------------------------------------------------------------------------------


class Wire(MemoryStorage):
    """A store in memory that can be reached only while the wire is whole."""

    cut = False

    def _open(self) -> Any:
        self._reach()
        return super()._open()

    def _reach(self) -> None:
        if self.cut:
            raise StorageUnavailable("the wire is cut", cure="Wait.")


class WireWorld(StorageWorld):
    """The world of a store behind a wire."""

    capabilities = frozenset({StorageCapability.INTERRUPTIBLE})

    def __init__(self, kind: type[Wire]) -> None:
        self.storage = kind()

    def open(self) -> Storage:
        """Return the store."""
        return self.storage

    def interrupt(self) -> None:
        """Cut the wire."""
        self.storage.cut = True

    def resume(self) -> None:
        """Mend it."""
        self.storage.cut = False


WIRES: list[type[Wire]] = []


def breaks_behind_a_wire(clause: str) -> Callable[[type[Wire]], type[Wire]]:
    """Enter a mutant behind a wire under the one clause that it breaks."""

    def enter(mutant: type[Wire]) -> type[Wire]:
        assert clause == "ST-56", "no other clause cuts the wire"
        WIRES.append(mutant)
        return mutant

    return enter


@breaks_behind_a_wire("ST-56")
class SaysWhatTheDriverSays(Wire):
    """Lets the error of its driver out of one method."""

    def trim(self, tenant: str, *, journal: str = OUTBOX, through: int) -> None:
        if self.cut:
            raise ConnectionResetError
        super().trim(tenant, journal=journal, through=through)


@breaks_behind_a_wire("ST-56")
class BlamesTheDriver(Wire):
    """Shows the error of its driver as the cause of its own."""

    def _reach(self) -> None:
        if self.cut:
            raise StorageUnavailable("the wire is cut", cure="Wait.") from ConnectionResetError()


@breaks_behind_a_wire("ST-56")
class NeverReturns(Wire):
    """Takes an outage for the end."""

    gone = False

    def _reach(self) -> None:
        self.gone = self.gone or self.cut
        if self.gone:
            raise StorageUnavailable("the wire was cut", cure="Start anew.")


@breaks_behind_a_wire("ST-56")
class ForgetsTheLatest(Wire):
    """Acknowledges what it has not kept yet: an outage takes the latest entry away."""

    def _reach(self) -> None:
        if self.cut:
            for held in self._tenants.values():
                held.batch_id = None
                held.entries.get(OUTBOX, [])[-1:] = []
        super()._reach()


@pytest.mark.parametrize("kind", WIRES)
def test_a_mutant_behind_a_wire_fails_its_clause_and_no_other(kind: type[Wire], broken_by: BrokenBy) -> None:
    """A store that does not come through an outage whole is caught by the clause on outages."""
    assert broken_by(lambda: WireWorld(kind), NETS) == {"ST-56"}


def test_what_is_sound_keeps_its_promises(broken_by: BrokenBy, tmp_path: Path) -> None:
    """A sound file and a sound wire break nothing: what a mutant breaks is the mutant's doing."""
    numbers = iter(range(1000))
    assert broken_by(lambda: FileWorld(tmp_path / str(next(numbers)), SQLiteStorage), NETS) == set()
    assert broken_by(lambda: WireWorld(Wire), NETS) == set()
