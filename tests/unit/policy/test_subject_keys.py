"""Keys of the people whom accounts stand for: they bind what they seal to its place, and go with their accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.errors import SealBroken, Shredded, StorageUnavailable, WriteConflict
from smartify_core.lifecycle import Reconciler
from smartify_core.lifecycle import _subject_keys as removing
from smartify_core.model import SUBJECT_KEY, Batch, Claim, Erase, PutDocument, Receipt, SealedAccount
from smartify_core.policy._subject_keys import SubjectKeys
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage import Storage
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage
from smartify_core.testing import FakeDirectory, ManualClock, identity

TENANT = "acme"
PURPOSE = "reason"


@define
class World:
    """A tenant with a directory, and the keys of its people."""

    storage: Storage
    directory: FakeDirectory = field(factory=FakeDirectory)
    sealer: Sealer = field(factory=lambda: Sealer(MemoryKeyRing()))
    clock: ManualClock = field(factory=ManualClock)

    @property
    def keys(self) -> SubjectKeys:
        """Return the keys as a process of its own sees them."""
        return SubjectKeys(self.storage, self.sealer)

    def run(self) -> None:
        """Bring the accounts in step."""
        reconciler = Reconciler({TENANT: self.directory}, self.storage, self.sealer, clock=self.clock)
        reconciler.run(TENANT).require_complete()

    def staffed(self, *names: str) -> None:
        """Have these people in the directory and the store, beside a colleague who stays."""
        if not self.directory.truth():
            self.directory.add(identity("colleague"))
        self.directory.add(*(identity(name, source_id=name) for name in names))
        self.run()

    def account(self, name: str) -> SealedAccount:
        """Return a person's account."""
        return self.storage.load(TENANT, [name])[name]

    def seal(self, name: str, content: bytes = b"text") -> bytes:
        """Seal something for a person."""
        return self.keys.seal(TENANT, name, self.account(name).account_id, PURPOSE, content)

    def held(self) -> list[str]:
        """Return the account ids that have a key."""
        return [document.key for document in self.storage.documents(TENANT, SUBJECT_KEY)]


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return an empty tenant, once over each backend."""
    storage: Storage = MemoryStorage() if request.param == "memory" else SQLiteStorage(tmp_path / "store.db")
    with storage:
        yield World(storage)


def test_what_was_sealed_opens_again_and_one_key_serves_a_person(world: World) -> None:
    """Two texts of a person open to what they were, under one key that was made at the first."""
    world.staffed("ada")
    sealed = [world.seal("ada", text) for text in (b"first", b"second")]
    account_id = world.account("ada").account_id
    assert [world.keys.open(TENANT, account_id, PURPOSE, one) for one in sealed] == [b"first", b"second"]
    assert world.held() == [account_id]


def test_a_person_of_whom_nothing_is_kept_has_no_key(world: World) -> None:
    """A run makes no keys, and only those for whom something was sealed have one."""
    world.staffed("ada", "bob")
    assert world.held() == []
    world.seal("bob")
    assert world.held() == [world.account("bob").account_id]


def test_what_is_sealed_opens_for_its_person_and_purpose_only(world: World) -> None:
    """Moved to another account or purpose, the bytes do not open."""
    world.staffed("ada", "bob")
    sealed = world.seal("ada")
    world.seal("bob")
    with pytest.raises(SealBroken):
        world.keys.open(TENANT, world.account("bob").account_id, PURPOSE, sealed)
    with pytest.raises(SealBroken):
        world.keys.open(TENANT, world.account("ada").account_id, "another purpose", sealed)


@given(data=st.data())
def test_every_change_of_a_bit_is_noticed(data: st.DataObject) -> None:
    """Bytes of which one bit was flipped, or that were cut short, do not open."""
    world = World(MemoryStorage())
    world.staffed("ada")
    sealed = world.seal("ada", data.draw(st.binary(max_size=20)))
    account_id = world.account("ada").account_id
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    flipped = bytearray(sealed)
    flipped[bit // 8] ^= 1 << bit % 8
    for altered in (bytes(flipped), sealed[: bit // 8]):
        with pytest.raises(SealBroken):
            world.keys.open(TENANT, account_id, PURPOSE, altered)


def test_the_key_goes_in_the_commit_that_ends_the_account(world: World) -> None:
    """After a deletion the store holds no key of the person, the others keep theirs, and nothing opens any more."""
    world.staffed("ada", "bob")
    ada, bob = world.account("ada"), world.account("bob")
    sealed = world.seal("ada")
    world.seal("bob")
    world.directory.delete("ada")
    world.run()
    assert world.held() == [bob.account_id]
    with pytest.raises(Shredded) as refused:
        world.keys.open(TENANT, ada.account_id, PURPOSE, sealed)
    assert "nothing brings it back" in str(refused.value).lower()


def test_many_keys_go_with_many_accounts(world: World) -> None:
    """A run that ends more accounts than are asked for one by one removes the keys of those that have one."""
    names = [f"one-{number:03}" for number in range(200)]
    world.staffed(*names)
    leaving = names[:36]
    for name in (*leaving[:30], names[-1]):
        world.seal(name)
    stays = world.account(names[-1]).account_id
    for name in leaving:
        world.directory.delete(name)
    world.run()
    assert world.held() == [stays]


def test_nothing_is_sealed_for_an_account_that_has_ended(world: World) -> None:
    """Sealing for somebody whose account has ended, or never was, is refused and leaves no key."""
    world.staffed("ada")
    account_id = world.account("ada").account_id
    world.directory.delete("ada")
    world.run()
    for wanted in (account_id, "no-such-account"):
        with pytest.raises(Shredded):
            world.keys.seal(TENANT, "ada", wanted, PURPOSE, b"text")
    assert world.held() == []


def test_a_wrong_source_id_destroys_nothing(world: World) -> None:
    """Who asks with the source id of another person is refused, and the person's key stays."""
    world.staffed("ada", "bob")
    sealed = world.seal("ada")
    account_id = world.account("ada").account_id
    with pytest.raises(Shredded):
        world.keys.seal(TENANT, "bob", account_id, PURPOSE, b"text")
    assert world.keys.open(TENANT, account_id, PURPOSE, sealed) == b"text"


def test_a_returner_has_another_key(world: World) -> None:
    """Somebody who was deleted and comes back has a new account: what was sealed before stays closed."""
    world.staffed("ada")
    sealed = world.seal("ada")
    world.directory.delete("ada")
    world.run()
    world.directory.undelete("ada")
    world.run()
    world.seal("ada")
    for account_id in world.held():
        with pytest.raises(SealBroken):
            world.keys.open(TENANT, account_id, PURPOSE, sealed)


# --- races ------------------------------------------------------------------------------------------------------------


def _at_commit(monkeypatch: pytest.MonkeyPatch, *, before: Callable[[], None], after: Callable[[], None]) -> None:
    """Have something happen right before and right after the commit that ends an account."""
    whole = MemoryStorage.commit

    def commit(self: MemoryStorage, claim: Claim, batch: Batch) -> Receipt:
        ends = any(isinstance(write, Erase) for write in batch.writes)
        if ends:
            before()
        receipt = whole(self, claim, batch)
        if ends:
            after()
        return receipt

    monkeypatch.setattr(MemoryStorage, "commit", commit)


def _nothing() -> None:
    """Let nothing happen."""


def _made_meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """End an account between somebody's look at it and the key they make, and return the keys that are left."""
    world = World(MemoryStorage())
    world.staffed("ada")
    account_id = world.account("ada").account_id
    late = SubjectKeys._made

    def made(self: SubjectKeys, tenant: str, account: str) -> bytes:
        world.directory.delete("ada")
        world.run()
        return late(self, tenant, account)

    monkeypatch.setattr(SubjectKeys, "_made", made)
    with pytest.raises(Shredded):
        world.keys.seal(TENANT, "ada", account_id, PURPOSE, b"text")
    return world.held()


def test_a_key_that_is_made_while_the_account_ends_is_destroyed_by_its_maker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who makes a key for an account that ended a moment ago is refused, and takes the key away again."""
    assert _made_meanwhile(monkeypatch) == []


def test_a_maker_that_does_not_look_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the second look at the account the same scenario leaves a key of somebody who is gone."""
    monkeypatch.setattr(SubjectKeys, "_is_live", lambda *_: True)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        assert _made_meanwhile(monkeypatch) == []


def _made_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make a key after the run looked for one and before it ends the account, and return the keys that are left."""
    world = World(MemoryStorage())
    world.staffed("ada")
    _at_commit(monkeypatch, before=lambda: void(world.seal("ada")), after=_nothing)
    world.directory.delete("ada")
    world.run()
    return world.held()


def void(_: object) -> None:
    """Drop a result."""


def test_a_key_that_is_made_before_the_commit_is_found_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run looks once more after it has ended accounts, for keys that were made meanwhile."""
    assert _made_before_the_commit(monkeypatch) == []


def test_a_run_that_does_not_look_again_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look after the commit the same scenario leaves a key of somebody who is gone."""
    monkeypatch.setattr(removing, "remove", lambda *_: None)
    with pytest.raises(AssertionError):
        assert _made_before_the_commit(monkeypatch) == []


def test_a_key_that_is_sealed_anew_while_its_account_ends_goes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a key's document is at another version than the run saw, the run looks again and ends the account."""
    world = World(MemoryStorage())
    world.staffed("ada")
    world.seal("ada")
    account_id = world.account("ada").account_id
    done: list[int] = []

    def rewrap() -> None:
        if not done:
            document = world.storage.document(TENANT, SUBJECT_KEY, account_id)
            assert document is not None
            world.storage.record(TENANT, documents=[PutDocument(SUBJECT_KEY, account_id, document.value, 1)])
            done.append(1)

    _at_commit(monkeypatch, before=rewrap, after=_nothing)
    world.directory.delete("ada")
    world.run()
    assert (world.held(), world.storage.tenant(TENANT).accounts) == ([], 1)


def test_a_conflict_that_is_not_about_keys_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is not as the plan saw it refuses the commit, and the keys stay."""
    world = World(MemoryStorage())
    world.staffed("ada")
    world.seal("ada")

    def conflict() -> None:
        raise WriteConflict("it is at another version")

    _at_commit(monkeypatch, before=conflict, after=_nothing)
    world.directory.delete("ada")
    with pytest.raises(WriteConflict):
        world.run()
    assert len(world.held()) == 1


def test_a_commit_whose_answer_is_lost_takes_the_key_along_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that is repeated because its answer was lost is not refused for the key that it has removed."""
    world = World(MemoryStorage())
    world.staffed("ada")
    world.seal("ada")
    lost: list[int] = []

    def lose() -> None:
        if not lost:
            lost.append(1)
            raise StorageUnavailable("the answer is lost")

    _at_commit(monkeypatch, before=_nothing, after=lose)
    world.directory.delete("ada")
    world.run()
    assert (world.held(), world.storage.tenant(TENANT).accounts) == ([], 1)


def test_of_two_who_make_a_key_at_once_both_use_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two processes find no key at the same moment, what both seal opens under the one that was kept."""
    world.staffed("ada")
    account_id = world.account("ada").account_id
    late, others = SubjectKeys._made, [b"of the other"]
    sealed: list[bytes] = []

    def made(self: SubjectKeys, tenant: str, account: str) -> bytes:
        while others:
            sealed.append(world.seal("ada", others.pop()))
        return late(self, tenant, account)

    monkeypatch.setattr(SubjectKeys, "_made", made)
    sealed.append(world.seal("ada", b"of the one"))
    opened = {world.keys.open(TENANT, account_id, PURPOSE, one) for one in sealed}
    assert opened == {b"of the one", b"of the other"}
