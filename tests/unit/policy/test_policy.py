"""One object for a host: every room of policy over the same store, keys and clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from smartify_core.errors import UsageError
from smartify_core.lifecycle import Reconciler
from smartify_core.policy import Policy
from smartify_core.policy.communications import CommunicationRules, Communications, Tally
from smartify_core.policy.rotation import Rotation, UnderKey
from smartify_core.policy.shredding import EndingsFile, LegalHolds, Shredder
from smartify_core.policy.vendors import Exports, Vendors
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.storage import Storage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

ROOMS = {
    "vendors": Vendors,
    "exports": Exports,
    "holds": LegalHolds,
    "communications": Communications,
    "shredder": Shredder,
    "rotation": Rotation,
}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """Return a store in a file."""
    with SQLiteStorage(tmp_path / "s.db") as made:
        yield made


@pytest.fixture
def ring(tmp_path: Path) -> FileKeyRing:
    """Return a ring with new keys."""
    return FileKeyRing.create(tmp_path / "s.keys")


@pytest.mark.parametrize("name", ROOMS)
def test_each_room_is_there_when_it_is_asked_for(storage: Storage, ring: FileKeyRing, name: str) -> None:
    """A room is made once, of the right kind, and leaves nothing in the store by being made."""
    policy = Policy(storage, Sealer(ring))
    room = getattr(policy, name)
    assert type(room) is ROOMS[name]
    assert getattr(policy, name) is room
    assert list(storage.tenants()) == []


def test_making_one_reads_and_writes_nothing(tmp_path: Path) -> None:
    """A store that is not there and a clock that raises disturb nobody until something is asked for."""

    class Absent:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(name)

    policy = Policy(Absent(), Absent())  # type: ignore[arg-type]  # on purpose
    assert policy.rules is not None
    assert list(tmp_path.iterdir()) == []


def test_the_rooms_are_wired_to_one_another(storage: Storage, ring: FileKeyRing, tmp_path: Path) -> None:
    """A hold that is placed keeps what a sweep would remove, and settling enters into the register that was given."""
    clock = ManualClock()
    sealer, directory = Sealer(ring), FakeDirectory()
    directory.add(identity("ada"), identity("grace"))
    register = EndingsFile.create(tmp_path / "endings")
    policy = Policy(
        storage,
        sealer,
        communications=CommunicationRules(keep=True, retention=timedelta(days=1)),
        register=register,
        clock=clock,
    )
    reconciler = Reconciler({"acme": directory}, storage, sealer, clock=clock)
    reconciler.run("acme")
    for name in ("ada", "grace"):
        source_id = identity(name).source_id
        account = storage.load("acme", [source_id])[source_id]
        policy.communications.keep(
            "acme", source_id, account.account_id, channel="chat", text="Hello.", about="1", by="e-1"
        )
    policy.holds.place("acme", identity("ada").source_id, by="e-2", reason="an order")
    assert policy.communications.tally("acme") == Tally(kept=2, overdue=0)
    clock.advance(timedelta(days=1))
    assert policy.communications.tally() == Tally(kept=2, overdue=1)
    swept = policy.communications.sweep()
    assert (swept.ended, swept.held) == (1, 1)
    assert policy.communications.tally() == Tally(kept=1, overdue=0)
    directory.delete(identity("grace").source_id)
    reconciler.run("acme")
    assert (policy.shredder.unsettled(), policy.shredder.unsettled("acme")) == (1, 1)
    assert policy.shredder.settle() == 1
    assert policy.shredder.unsettled() == 0
    assert [one.source_id for one in register.endings()] == [identity("grace").source_id]
    assert policy.rotation.census("acme")[ring.current_key("")].accounts == 1


def test_a_census_of_nothing_is_empty(storage: Storage, ring: FileKeyRing) -> None:
    """Where nothing is sealed nothing is under a key; a key opens its accounts and its documents."""
    assert Policy(storage, Sealer(ring)).rotation.census() == {}
    assert UnderKey(2, 3).total == 5


def test_a_notice_that_cannot_be_is_refused(storage: Storage, ring: FileKeyRing) -> None:
    """A notice of less than nothing is told when vendors are first asked for."""
    policy = Policy(storage, Sealer(ring), notice=timedelta(days=-1))
    with pytest.raises(UsageError):
        _ = policy.vendors
