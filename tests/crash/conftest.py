"""A scripted history of one tenant, of which every step can be cut short anywhere and is then done again.

A step changes the directory, and then a worker *acts*. The state of the store before each act, and what there is
after it when nothing goes wrong, are worked out once; a test brings the state before back as often as it likes.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from attrs import define, evolve, field, frozen
from tests import _postgresql as postgresql
from tests.crash._postgresql_backend import PostgreSQLBackend

from smartify_core.lifecycle import Ceiling, Guards, HeldPlanStatus, Reconciler, Rules, Threshold
from smartify_core.lifecycle._journal import decode
from smartify_core.lifecycle._run_state import load
from smartify_core.lifecycle.events._event import events_of
from smartify_core.sealing import Sealer
from smartify_core.sealing._root_secrets import RootKeyRing, RootSecrets
from smartify_core.storage import Storage
from smartify_core.storage._sqlite._connections import Connections
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, group, identity, opened_accounts

TENANT = "acme"
#: Names so long that the database has to grow for almost every account.
PEOPLE = tuple(
    identity(f"person-{number}", given_name="Given " * 150, family_name="Name " * 190) for number in range(9)
)
GROUPS = tuple(group(f"group-{number}") for number in range(3))
#: The same keys in every process.
SEALER = Sealer(RootKeyRing(RootSecrets(bytes(8), {bytes(8): bytes(32)}, bytes(32))))


def _up_to(number: int) -> Threshold:
    return Threshold(Ceiling(number, 0, number), Ceiling(number, 0, number))


RULES = Rules(
    retain_for=timedelta(days=2),
    guards=Guards(timedelta(hours=12), _up_to(2), _up_to(3), _up_to(100), _up_to(100), _up_to(3), shrinkage=1.0),
    held_plan_ttl=timedelta(days=30),
)

#: The exit status of a child that raised something nobody expected.
BROKEN = 99


# --- where the accounts are


class Backend(Protocol):
    """A place for a store whose state can be kept and brought back."""

    def open(self) -> Storage:
        """Return a new handle on the store."""

    def keep(self) -> Any:
        """Return the present state; no handle is open."""

    def bring_back(self, state: Any) -> None:
        """Return to a state that was kept; no handle is open."""

    def require_sound(self) -> None:
        """Raise unless the store's own rules hold for all its bytes."""


class MemoryBackend:
    """The reference; of no use where a process is killed."""

    def __init__(self, _folder: Path) -> None:
        self._tenants: Any = {}

    def open(self) -> Storage:
        """Return a store that continues the former one."""
        storage = MemoryStorage()
        storage._tenants = self._tenants
        return _Kept(storage)

    def keep(self) -> Any:
        """Return a copy of everything."""
        return deepcopy(self._tenants)

    def bring_back(self, state: Any) -> None:
        """Continue with a copy of ``state``."""
        self._tenants = deepcopy(state)

    def require_sound(self) -> None:
        """Do nothing: it has no bytes."""


class _Kept:
    """A handle whose closing leaves the store in memory as it is."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def close(self) -> None:
        """Do nothing."""


class SQLiteBackend:
    """One SQLite file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "store.db"

    def open(self) -> Storage:
        """Open the file."""
        return SQLiteStorage(self.path)

    def keep(self) -> Any:
        """Return the bytes of the file and its log."""
        return {file.name: file.read_bytes() for file in self.path.parent.iterdir()}

    def bring_back(self, state: Any) -> None:
        """Write these bytes."""
        shutil.rmtree(self.path.parent)
        self.path.parent.mkdir()
        for name, content in state.items():
            (self.path.parent / name).write_bytes(content)

    def die_at_write(self, number: int) -> None:
        """Have this process killed when its n-th statement that writes, begins a commit or ends one is about to run."""
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

    def require_sound(self) -> None:
        """Have SQLite look for damage, and look for rows that nothing leads to."""
        connection = sqlite3.connect(self.path)
        try:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
            assert connection.execute("pragma foreign_key_check").fetchall() == []
            slabs = ("digest", "sealed", "content", "total")
            rows = f"select {' + '.join(f'(select count(*) from {slab})' for slab in slabs)}"
            used = (
                "select 2 * (select count(*) from account) + (select count(total) from tenant)"
                " + (select count(*) from journal) + (select count(*) from document) + (select count(*) from vacancy)"
            )
            assert connection.execute(rows).fetchone() == connection.execute(used).fetchone()
        finally:
            connection.close()
        with SQLiteStorage(self.path, read_only=True) as storage:
            assert storage.check() == []


BACKENDS: Mapping[str, Callable[[Path], Backend]] = {"memory": MemoryBackend, "sqlite": SQLiteBackend}


# --- what happens


@define
class Scene:
    """The directory, the time, and the worker's doings over one store."""

    directory: FakeDirectory
    clock: ManualClock

    def worker(self, storage: Storage) -> Reconciler:
        """Return a worker that has just started."""
        return Reconciler({TENANT: self.directory}, storage, SEALER, rules=RULES, clock=self.clock, batch_size=2)


Prepare = Callable[[FakeDirectory], object]
Act = Callable[[Reconciler], object]


def _run(worker: Reconciler) -> object:
    return worker.run(TENANT)


def _decide(how: str) -> Act:
    """Return the act of deciding about whatever waits; what was approved already is finished by a run."""

    def act(worker: Reconciler) -> None:
        waiting = [plan for plan in worker.held_plans(TENANT) if plan.status is HeldPlanStatus.WAITING]
        for plan in waiting:
            getattr(worker, how)(TENANT, plan.hash, by="olga", reason="confirmed by telephone")
        if not waiting and how == "approve":
            worker.run(TENANT)

    return act


def _first_load(directory: FakeDirectory) -> None:
    for one in GROUPS:
        directory.add_group(one)
    for number, person in enumerate(PEOPLE[:7]):
        directory.add(person)
        directory.add_member(person, GROUPS[number % 3])


def _hand_over(directory: FakeDirectory) -> None:
    one, two, three, four, *_ = PEOPLE
    directory.rename(one, email="aside@acme.example")
    directory.rename(two, email=one.email)
    directory.rename(three, email=two.email)
    directory.rename(one, email=three.email)
    directory.rename(four, email="new-desk@acme.example")
    directory.add(evolve(PEOPLE[7], email=four.email))


def _change_groups(directory: FakeDirectory) -> None:
    directory.move(PEOPLE[0], GROUPS[0], GROUPS[1])
    directory.remove_member(PEOPLE[1], GROUPS[1])
    directory.nest(GROUPS[2], GROUPS[0])
    directory.rename_group(GROUPS[1], name="Another name")


def _leave_and_be_suspended(directory: FakeDirectory) -> None:
    directory.suspend(PEOPLE[1])
    directory.archive(PEOPLE[2])
    directory.delete(PEOPLE[4])


def _pass_on_an_address(directory: FakeDirectory) -> None:
    directory.restore(PEOPLE[1])
    directory.add(evolve(PEOPLE[8], email=PEOPLE[4].email))


def _mass_leave(directory: FakeDirectory) -> None:
    for person in (PEOPLE[0], PEOPLE[1], PEOPLE[3], PEOPLE[5]):
        directory.delete(person)


def _some_return(directory: FakeDirectory) -> None:
    directory.undelete(PEOPLE[0])
    directory.forget(PEOPLE[4])
    directory.add(evolve(PEOPLE[4], email="again@acme.example"))


def _nothing(_: FakeDirectory) -> None:
    """Nothing happens in the directory."""


#: By name: what happens in the directory, how much later than the step before, and what the worker does then.
STEPS: Mapping[str, tuple[Prepare, timedelta, Act]] = {
    "first load": (_first_load, timedelta(0), _run),
    "addresses are handed over in a circle, and re-used": (_hand_over, timedelta(days=2), _run),
    "groups change": (_change_groups, timedelta(days=2), _run),
    "somebody is deleted, others suspended": (_leave_and_be_suspended, timedelta(days=2), _run),
    "a waiting account's address passes on": (_pass_on_an_address, timedelta(days=1), _run),
    "nothing changes": (_nothing, timedelta(hours=2), _run),
    "the retention ends": (_nothing, timedelta(days=2), _run),
    "too many are deleted, and held": (_mass_leave, timedelta(days=2), _run),
    "the plan is rejected": (_nothing, timedelta(hours=2), _decide("reject")),
    "the plan is held anew": (_nothing, timedelta(hours=2), _run),
    "the plan is approved": (_nothing, timedelta(hours=2), _decide("approve")),
    "one person is asked for": (
        lambda directory: directory.suspend(PEOPLE[6]),
        timedelta(hours=2),
        lambda worker: worker.refresh(TENANT, PEOPLE[6].source_id),
    ),
    "somebody returns in time, and somebody too late": (_some_return, timedelta(hours=20), _run),
    "too many would end, and are held": (lambda directory: directory.delete(PEOPLE[0]), timedelta(days=3), _run),
    "their end is approved": (_nothing, timedelta(hours=2), _decide("approve")),
    "the last one ends": (_nothing, timedelta(days=3), _run),
}


@frozen(order=False)
class Told:
    """What a store tells, less the times and whatever is drawn at random."""

    accounts: tuple[object, ...]
    journal: tuple[tuple[object, ...], ...]
    events: tuple[str, ...]
    held_plans: tuple[object, ...]
    state: object


@frozen(order=False)
class Stage:
    """One step: everything as it was before its act, and what there is to be told after it."""

    name: str
    act: Act
    backend: Backend
    scene: Scene
    before: Any = field(repr=False)
    told_before: Told
    told_after: Told

    def begin(self) -> Scene:
        """Bring back everything as it was before the act."""
        self.backend.bring_back(self.before)
        return deepcopy(self.scene)

    def perform(self, scene: Scene, *, through: Callable[[Storage], Storage] = lambda storage: storage) -> None:
        """Open the store and act, through whatever is put before it."""
        with self._opened() as storage:
            self.act(scene.worker(through(storage)))

    def require_order(self) -> Told:
        """Look at what an act that was cut short has left: it may be behind, but not wrong."""
        self.backend.require_sound()
        found = self.told()
        assert self.told_after.journal[: len(found.journal)] == found.journal
        assert self.told_before.journal == found.journal[: len(self.told_before.journal)]
        return found

    def require_recovery(self, scene: Scene) -> None:
        """Act again, and look whether all is as if nothing had happened."""
        scene.clock.advance(hours=1)  # the lease of the dead runs out
        with self._opened() as storage:
            self.act(scene.worker(storage))
            assert told_by(storage) == self.told_after

    def told(self) -> Told:
        """Return what the store tells, which must be consistent."""
        with self._opened() as storage:
            return told_by(storage)

    @contextmanager
    def _opened(self) -> Iterator[Storage]:
        storage = self.backend.open()
        try:
            yield storage
        finally:
            storage.close()


def told_by(storage: Storage) -> Told:
    """Return what a store tells of the tenant, after a look at whether it contradicts itself."""
    record, entries = storage.tenant(TENANT), storage.entries(TENANT)
    live = storage.load(TENANT, [head.source_id for head in storage.heads(TENANT)]).values()
    stones = storage.tombstones(TENANT)
    journal = [decode(one.content, tenant=TENANT, position=one.position) for one in entries]
    # Totals are those of the rows; addresses have one owner; nobody who ended lives.
    assert record.accounts == len(live)
    assert record.digest == sum(int.from_bytes(one.fingerprint, "big") for one in live) % (1 << 128)
    assert len({one.email_index for one in live}) == len(live)
    assert {one.account_id for one in live}.isdisjoint(stone.account_id for stone in stones)
    # The journal has no gap, and each account the version that its latest entry says.
    assert [one.position for one in entries] == list(range(1, record.position + 1))
    versions: dict[str, int] = {}
    for entry in journal:
        assert entry.version == versions.get(entry.account_id, 0) + 1
        versions[entry.account_id] = entry.version
    ended = {entry.account_id for entry in journal if entry.kind.value == "delete"}
    assert ended == {stone.account_id for stone in stones}
    assert {one.account_id: one.version for one in live} == {
        key: version for key, version in versions.items() if key not in ended
    }
    events = [event.id for number, entry in enumerate(journal, 1) for event in events_of(entry, number)]
    assert len(set(events)) == len(events)
    state, _ = load(storage, TENANT)
    tally = {effect: count for effect, count in state.in_window(_LATE, timedelta(days=90)).items() if count}
    plans = Reconciler({}, storage, SEALER).held_plans(TENANT)
    return Told(
        accounts=tuple(opened_accounts(storage, SEALER, TENANT)),
        journal=tuple(
            (one.account_id, one.version, one.kind, one.fields, one.joined, one.left, one.plan) for one in journal
        ),
        events=tuple(events),
        held_plans=tuple(sorted((one.hash, one.status.value, one.decided_by or "") for one in plans)),
        state=(state.trusted, state.verdict, state.held_plan, state.quarantine, tally),
    )


#: Within 90 days of everything that happens, and after it.
_LATE = ManualClock("2030-02-15")()


@pytest.fixture(scope="session")
def postgresql_url(testrun_uid: str) -> str:
    """Return the URL of the run's own server, even where one is named.

    What is cut, killed and done again here commits tens of thousands of times; a server that waits for its disk each
    time takes five minutes more, and tells nothing more: no power is cut.
    """
    return postgresql.own_server_url(testrun_uid)


@pytest.fixture(scope="session", params=[*BACKENDS, "postgresql"])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Stage]]:
    """Give every step over one backend."""
    if request.param == "postgresql":
        there = PostgreSQLBackend(request.getfixturevalue("postgresql_url"))
        yield play(there)
        there.remove()
    else:
        yield play(BACKENDS[request.param](tmp_path_factory.mktemp(request.param) / "store"))


@pytest.fixture(scope="session")
def play_over() -> Callable[[Backend], Mapping[str, Stage]]:
    """Return a function that plays all steps over a backend."""
    return play


@pytest.fixture(params=list(STEPS))
def stage(request: pytest.FixtureRequest, history: Mapping[str, Stage]) -> Iterator[Stage]:
    """Return one step."""
    logger = logging.getLogger("smartify_core.lifecycle")
    logger.setLevel(logging.CRITICAL)
    yield history[request.param]
    logger.setLevel(logging.NOTSET)


def play(backend: Backend) -> Mapping[str, Stage]:
    """Play all steps with nothing going wrong, and keep the state before each."""
    clock = ManualClock()
    scene = Scene(FakeDirectory(clock=clock), clock)
    backend.open().close()
    played: dict[str, Stage] = {}
    told = Told((), (), (), (), None)
    for name, (prepare, later, act) in STEPS.items():
        scene.clock.advance(later)
        prepare(scene.directory)
        before, kept = backend.keep(), deepcopy(scene)
        stage = Stage(name, act, backend, kept, before, told, told)
        stage.perform(scene)
        told = stage.told()
        played[name] = evolve(stage, told_after=told)
    return played


@pytest.fixture
def child() -> Callable[[Callable[[], object]], int]:
    """Return a function that does something in a process of its own, and returns its exit status.

    Minus the signal, where one ended it.
    """

    def run(work: Callable[[], object]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        number = os.fork()
        if number:
            return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
        code = BROKEN
        gc.disable()  # a collection would copy the memory that is shared with the parent
        try:
            work()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException:  # noqa: BLE001  # the child has nobody else to tell
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    return run
