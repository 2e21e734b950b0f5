"""Clauses about several processes on one store, and about one that is killed in the middle of its work."""

from __future__ import annotations

import itertools
from datetime import datetime
from functools import partial
from typing import Final

from smartify_core.errors import LeaseHeld, WriteConflict
from smartify_core.model import Batch, Claim
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage

from ._storage_children import Doomed, crew, start_methods
from ._storage_kills import CutShort
from ._storage_values import HOUR, NOON, account, append, beside, claim, digest, erase, everything, note, put, write
from ._storage_world import StorageCapability, StorageWorld

#: Who takes part, and how often each tries.
_CREW: Final = 4
_ROUNDS: Final = 6
_TRIES: Final = 25


class ProcessClauses:
    """ST-51 and ST-52."""

    def test_ST51_processes_share_what_threads_share(self, world: StorageWorld) -> None:
        """Of processes one gets a claim, a due tenant, a document's version; appends of all stand without a gap."""
        world.require(StorageCapability.MULTI_PROCESS)
        storage = world.handle()
        for method in start_methods():
            with crew(world.opener(), _CREW, method) as together:
                for number in range(_ROUNDS):
                    tenant = f"{method} {number}"
                    granted = [one for one in together(_claims, tenant) if one is not None]
                    assert [one.fence for one in granted] == [1]
                    assert storage.tenant(tenant).fence == 1
                names = [f"{method} due {number}" for number in range(_TRIES)]
                storage.schedule(dict.fromkeys(names, NOON))
                assert sorted(itertools.chain(*together(_claims_due))) == sorted(names)
                storage.schedule(dict.fromkeys(names, None))
                wins = together(_writes_a_document, method)
                assert sorted(itertools.chain(*wins)) == list(range(_TRIES))
                there = storage.document(method, "note", "n")
                assert there is not None
                assert (there.version, int(there.value) in range(_CREW)) == (_TRIES, True)
                together(_appends, method)
                entries = storage.entries(method, journal="trail")
                assert [one.position for one in entries] == list(range(1, _CREW * _TRIES + 1))
                for place in range(_CREW):
                    own = [one.content for one in entries if one.content.startswith(b"%d " % place)]
                    assert own == [b"%d %d" % (place, number) for number in range(_TRIES)]

    def test_ST52_a_killed_process_leaves_whole_commits(self, world: StorageWorld) -> None:
        """Wherever a process is killed, each of its calls is there whole or not at all; those acknowledged are."""
        world.require(StorageCapability.DURABLE, StorageCapability.MULTI_PROCESS)
        history = _History(world)
        for border in range(12):
            history.kill_at(border)
        CutShort(world).all()
        done = history.done
        history.kill_at(41)
        assert history.done == done + 20


class _History:
    """A tenant whose worker dies again and again, and is replaced. What there must be is told by the reference."""

    def __init__(self, world: StorageWorld) -> None:
        self._world = world
        self._opener = world.opener()
        self._storage = world.handle()
        self._reference = MemoryStorage()
        self._claim = claim(self._reference)
        #: What the reference told after each step; the first is the beginning, when nothing was done.
        self._told = [_told(self._reference)]
        #: How many steps are known to be done.
        self.done = 0

    def kill_at(self, border: int) -> None:
        """Kill a worker at a border of its steps: 0 is before it claims, 1 after that, 2 before its first write."""
        child = self._worker()
        child.go_on(border)
        self._kill(child)

    def _worker(self) -> Doomed:
        self._fence = self._storage.tenant("acme").fence
        return Doomed(self._opener, partial(_step, self.done))

    def _kill(self, child: Doomed) -> None:
        """Kill a worker, take over from it, and look at what it has left."""
        child.kill()
        # A server may still be at work for a client that is gone: a claim comes after whatever that does.
        fence = self._fence + 1 + (child.steps > 0)
        taken = self._storage.claim("acme", now=_time_of(fence), ttl=HOUR)
        assert taken.fence == fence
        self._storage.release(taken)
        with self._world.handle() as storage:
            found = _told(storage)
        acknowledged = self.done + max(child.steps - 1, 0)
        assert found == self._told_after(acknowledged), f"{acknowledged} steps were acknowledged"
        self.done = acknowledged

    def _told_after(self, steps: int) -> list[object]:
        """Return what the reference tells after so many steps."""
        while len(self._told) <= steps:
            _write_step(self._reference, self._claim, len(self._told))
            self._told.append(_told(self._reference))
        return self._told[steps]


def _told(storage: Storage) -> list[object]:
    """Return all that the steps change."""
    record = storage.tenant("acme")
    found = [one.source_id for one in storage.find_by_email("acme", [digest("email", "steady")])]
    return [everything(storage), beside(storage, "acme", "side"), record.accounts, record.digest, found]


# --- what the children do ---------------------------------------------------------------------------------------------


def _claims(storage: Storage, _place: int, tenant: str) -> Claim | None:
    try:
        return claim(storage, tenant)
    except LeaseHeld:
        return None


def _claims_due(storage: Storage, _place: int) -> list[str]:
    taken: list[str] = []
    while some := storage.claim_due(now=NOON, ttl=HOUR, limit=3):
        for one in some:
            taken.append(one.tenant)
            storage.release(one, due_at=NOON + HOUR)
    return taken


def _writes_a_document(storage: Storage, place: int, tenant: str) -> list[int]:
    """Try to write each version of a document, and return those that were this process's."""
    won = []
    for version in range(_TRIES):
        try:
            write(storage, note(b"%d" % place, version), tenant=tenant)
        except WriteConflict:
            continue
        won.append(version)
    return won


def _appends(storage: Storage, place: int, tenant: str) -> None:
    for number in range(_TRIES):
        storage.record(tenant, appends=[append(b"%d %d" % (place, number))])


def _time_of(fence: int) -> datetime:
    """Return an instant at which the lease of the fence before has long expired."""
    return NOON + 2 * fence * HOUR


def _step(done: int, storage: Storage, carried: Claim | None, steps: int) -> Claim:
    """Claim first, and then go on where the others were stopped; a step that was done already may be done again."""
    if carried is None:
        fence = storage.tenant("acme").fence + 1
        return storage.claim("acme", now=_time_of(fence), ttl=HOUR)
    _write_step(storage, carried, done + steps)
    return carried


def _write_step(storage: Storage, taken: Claim, number: int) -> None:
    """Do the step of that number, from 1 on: every third is a record, the others are commits."""
    if number % 3 == 0:
        turn = number // 3
        storage.record(
            "acme", documents=[note(b"kept %d" % turn, turn - 1)], appends=[append(b"a", b"b", at=2 * turn - 2)]
        )
        return
    version = number - number // 3
    steady = account("steady", version, payload=b"%06d" % number * 2000)
    fresh = account(f"fresh {number}", payload=b"%06d" % number * 500)
    writes = [*put(steady, fresh).writes]
    if number % 3 == 2:
        writes += erase(account(f"fresh {number - 1}")).writes
    storage.commit(
        taken,
        Batch(
            tuple(writes),
            (b"first", b"%d" % number, b"last"),
            (note(b"run %d" % number, version - 1, key="run"),),
            f"step {number}",
            (append(b"%d" % number, journal="side"),),
        ),
    )
