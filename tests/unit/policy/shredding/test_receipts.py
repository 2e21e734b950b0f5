"""Receipts: one for each account that has ended, whatever happens while they are written."""

from __future__ import annotations

from operator import methodcaller
from typing import Any

import pytest

from smartify_core.errors import AuditUnavailable, Shredded
from smartify_core.model import SUBJECT_KEY, PutDocument
from smartify_core.policy._reasons import Reasons
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.policy.audit import Trail, leaf_hash, root_of
from smartify_core.policy.shredding import _receipts
from smartify_core.storage.memory import MemoryStorage

TENANT = "acme"
World = Any  # the class is in conftest.py, which importlib mode does not let tests import


def _receipts_of(world: World) -> list[str]:
    return [one.record.subjects[0] for one in world.told("account.shredded")]


def test_each_ended_account_has_one_receipt(world: World) -> None:
    """A receipt names the account, when it ended and what went; a second settling writes none."""
    world.staffed("ada", "bob", "carl")
    ids = {name: world.account(name).account_id for name in ("ada", "bob")}
    world.leave("ada")
    assert world.shredder.settle(TENANT) == 1
    world.clock.advance(hours=1)
    world.leave("bob")
    assert world.shredder.settle() == 1
    assert world.shredder.settle(TENANT) == world.shredder.settle() == 0
    first, second = (one.record for one in world.told("account.shredded"))
    assert (first.subjects, second.subjects) == ((ids["ada"],), (ids["bob"],))
    assert first.facts["gone"] == ("key", "payload", "indexes", "subject key")
    assert first.facts["source_id"] == "ada"
    stone = world.storage.tombstones_of(TENANT, ["ada"])["ada"]
    assert first.facts["ended_at"] == stone.deleted_at.isoformat()


def test_two_ends_of_one_person_have_two_receipts(world: World) -> None:
    """Somebody who is deleted, comes back and is deleted again has had two accounts, and each has its receipt."""
    world.staffed("ada", "bob")
    world.leave("ada")
    world.directory.undelete("ada")
    world.run()
    world.shredder.settle()
    world.leave("ada")
    world.shredder.settle()
    assert sorted(_receipts_of(world)) == sorted(one.account_id for one in world.storage.tombstones(TENANT))
    assert len(set(_receipts_of(world))) == 2


def test_many_endings_are_settled_in_one_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More endings than one entry's worth are settled, in the order of their account ids, and each once."""
    monkeypatch.setattr(_receipts, "_AT_ONCE", 3)
    names = [f"one-{number:02}" for number in range(60)]
    world.staffed(*names)
    world.leave(*names[:11])
    assert world.shredder.settle() == 11
    assert _receipts_of(world) == [one.account_id for one in world.storage.tombstones(TENANT)]
    assert len(list(world.register.endings())) == 11


def test_the_register_names_every_ending(world: World) -> None:
    """The register has a line for each ended account, with its place in the trail, and nothing of a person."""
    world.staffed("ada", "bob")
    account = world.account("ada")
    world.leave("ada")
    world.shredder.settle()
    (ending,) = world.register.endings()
    assert (ending.tenant, ending.account_id, ending.source_id) == (TENANT, account.account_id, "ada")
    assert world.trail.entry(ending.place).record.subjects == (ending.account_id,)
    assert (world.register.head().size, world.register.head().root) == (
        world.trail.size,
        world.trail.head().frontier.root,
    )


def test_a_key_that_outlived_its_account_is_found(world: World) -> None:
    """A key whose maker was killed before the look at the account is removed by the next settling."""
    world.staffed("ada", "bob")
    account_id = world.account("ada").account_id
    world.leave("ada")
    world.shredder.settle()
    world.storage.record(TENANT, documents=[PutDocument(SUBJECT_KEY, account_id, b"left over", 0)])
    bob = world.seal("bob")
    world.shredder.settle()
    assert [one.key for one in world.storage.documents(TENANT, SUBJECT_KEY)] == [world.account("bob").account_id]
    assert SubjectKeys(world.storage, world.sealer).open(TENANT, world.account("bob").account_id, "reason", bob)


def test_what_was_said_goes_with_the_person(world: World) -> None:
    """Communications of an ended account are removed before its receipt, which counts them; others stay."""
    world.staffed("ada", "bob")
    for name in ("ada", "bob"):
        for part in ("1", "2"):
            key = f"{world.account(name).account_id}/{part}"
            world.storage.record(TENANT, documents=[PutDocument("communication", key, b"sealed", 0)])
    world.leave("ada")
    world.shredder.settle()
    (receipt,) = world.told("account.shredded")
    assert receipt.record.facts["communications"] == 2
    left = {one.key.split("/")[0] for one in world.storage.documents(TENANT, "communication")}
    assert left == {world.account("bob").account_id}


def test_what_was_said_to_somebody_of_a_longer_id_stays(world: World) -> None:
    """Where hosts' ids have slashes in them, an ended account does not take along what belongs to another."""
    world.staffed("ada", "bob")
    ended = world.account("ada").account_id
    for key in (f"{ended}/1", f"{ended}/2/1", f"{ended}0/1"):
        world.storage.record(TENANT, documents=[PutDocument("communication", key, b"sealed", 0)])
    world.leave("ada")
    world.shredder.settle()
    assert [one.key for one in world.storage.documents(TENANT, "communication")] == [f"{ended}/2/1", f"{ended}0/1"]


def test_the_trail_still_proves_and_the_reason_in_it_does_not_open(world: World) -> None:
    """After shredding every entry hashes as before and the sealed reason in it is closed for good."""
    world.staffed("ada", "bob")
    account = world.account("ada")
    world.hold("ada")
    world.release("ada")
    sealed = str(world.told("legal-hold.placed")[0].record.facts["reason"])
    reasons = Reasons(world.storage, world.sealer)
    assert reasons.opened(TENANT, sealed, subject=account.account_id) is not None
    before = [one.content for one in world.trail.contents()]
    world.leave("ada")
    world.shredder.settle()
    assert reasons.opened(TENANT, sealed, subject=account.account_id) is None
    with pytest.raises(Shredded):
        SubjectKeys(world.storage, world.sealer).open(TENANT, account.account_id, "reason", b"\1" * 40)
    trail = world.trail
    after = [one.content for one in trail.contents()]
    assert after[: len(before)] == before
    nodes = trail.nodes()
    assert [nodes(0, number) for number in range(trail.size)] == [leaf_hash(one) for one in after]
    assert root_of(trail.size, nodes) == trail.head().frontier.root


# --- killed at every write --------------------------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone."""


class Mortal(MemoryStorage):
    """A store whose host dies at a chosen write, before or after it was made."""

    def __init__(self) -> None:
        super().__init__()
        self.countdown: int | None = None
        self.after = False

    def record(self, tenant: str, *, documents: Any = (), appends: Any = ()) -> None:
        """Write, unless the host dies now."""
        self._perhaps(lambda: MemoryStorage.record(self, tenant, documents=documents, appends=appends))

    def erase_tenant(self, claim: Any) -> None:
        """Erase, unless the host dies now."""
        self._perhaps(lambda: MemoryStorage.erase_tenant(self, claim))

    def commit(self, claim: Any, batch: Any) -> Any:
        """Commit, unless the host dies now."""
        return self._perhaps(lambda: MemoryStorage.commit(self, claim, batch))

    def _perhaps(self, write: Any) -> Any:
        if self.countdown is None:
            return write()
        self.countdown -= 1
        if self.countdown >= 0:
            return write()
        self.countdown = None
        if self.after:
            write()
        raise Died


def _until_done(world: World, deed: Any, countdown: int, *, after: bool) -> None:
    """Have a deed done by a process that dies at a write, and by others after it."""
    world.storage.countdown, world.storage.after = countdown, after
    try:
        deed(world.shredder)
    except Died:
        world.clock.advance(hours=1)  # its lease runs out
    world.storage.countdown = None
    deed(world.shredder)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("countdown", range(8))
def test_a_settling_that_is_killed_is_finished_by_the_next(
    in_memory: World, countdown: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any write, before or after it was made, settling leaves one receipt and one line for each account."""
    monkeypatch.setattr(_receipts, "_AT_ONCE", 2)
    world = in_memory
    world.storage = Mortal()
    world.staffed("ada", "bob", "carl", "dora", "emil")
    ids = [world.account(name).account_id for name in ("ada", "bob", "carl")]
    world.leave("ada", "bob", "carl")
    for account_id in ids:
        key = PutDocument("communication", f"{account_id}/1", b"sealed", 0)
        world.storage.record(TENANT, documents=[PutDocument(SUBJECT_KEY, account_id, b"left over", 0), key])
    _until_done(world, methodcaller("settle"), countdown, after=after)
    assert sorted(_receipts_of(world)) == sorted(ids)
    assert sorted(one.account_id for one in world.register.endings()) == sorted(ids)
    assert not world.storage.documents(TENANT, SUBJECT_KEY)
    assert not world.storage.documents(TENANT, "communication")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("countdown", range(8))
def test_an_off_boarding_that_is_killed_is_finished_by_the_next(in_memory: World, countdown: int, after: bool) -> None:
    """Killed at any write, an off-boarding leaves a tenant that opens nothing, and the next call ends it, once."""
    world = in_memory
    world.storage = Mortal()
    world.staffed("ada", "bob", "carl")
    world.leave("ada")
    world.seal("bob")
    _until_done(world, methodcaller("off_board", TENANT, by="olga", reason="it ended"), countdown, after=after)
    (entry,) = world.told("tenant.off-boarded")
    assert (entry.record.facts["accounts"], entry.record.facts["tombstones"]) == (3, 1)
    assert len(world.told("tenant.off-boarding")) == 1
    assert len(_receipts_of(world)) == 1
    assert [one.account_id for one in world.register.endings() if one.account_id is None] == [None]
    assert world.storage.tenant(TENANT).accounts == 0
    assert not world.storage.documents(TENANT)


def test_a_killed_settling_without_atomic_receipts_is_noticed(
    in_memory: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the receipt's document not written with its entry, an account would get two."""
    whole = Trail.append
    monkeypatch.setattr(Trail, "append", lambda self, *records, **_: whole(self, *records))
    world = in_memory
    world.staffed("ada", "bob")
    world.leave("ada")
    world.shredder.settle()
    world.shredder.settle()
    with pytest.raises(AssertionError):
        assert len(_receipts_of(world)) == 1


def test_a_trail_that_takes_nothing_stops_the_settling(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no receipt can be written the register names no ending, and the next settling makes up for it."""
    world.staffed("ada", "bob")
    world.leave("ada")

    def full(*_: object, **__: object) -> None:
        raise AuditUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Trail, "append", full)
        with pytest.raises(AuditUnavailable):
            world.shredder.settle()
    assert list(world.register.endings()) == []
    assert world.shredder.settle() == 1
    assert len(list(world.register.endings())) == 1
