"""Rotating keys of a whole store: rewrap, reseal, count, retire."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests import _kms
from tests.unit.policy.rotation.conftest import PEOPLE, World

from smartify_core.errors import (
    AuditUnavailable,
    KeyStillUsed,
    LeaseHeld,
    LeaseLost,
    RingCannotTell,
    UnknownKey,
    UsageError,
    WriteConflict,
    WrongKey,
)
from smartify_core.model import LEDGER, OUTBOX, Batch, Put, PutDocument, SealedAccount
from smartify_core.policy.audit import Trail
from smartify_core.policy.rotation import Remaining, Renewed, Rotation
from smartify_core.sealing import FileKeyRing, Sealer
from smartify_core.sealing.google_kms import GoogleKmsKeyRing
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import identity

evolve: Any = attrs.evolve
TTL = timedelta(minutes=10)


def facts(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return kind and facts of what the audit trail has."""
    return [(entry.record.kind, dict(entry.record.facts)) for entry in world.trail.entries()]


def test_a_store_moves_to_a_new_key_and_the_old_one_is_retired(world: World) -> None:
    """Rotate, rewrap, count nothing, retire: then nothing needs the old key, and everything opens."""
    rotation, names = world.rotation(), world.names()
    (old,) = world.under()
    assert rotation.remaining() == Remaining()
    new = rotation.rotate(world.keys, by="e1")
    assert rotation.remaining("acme") == Remaining(accounts=PEOPLE, documents=7)
    assert rotation.remaining() == Remaining(accounts=PEOPLE, documents=14)
    assert rotation.uses(old) == PEOPLE + 14
    with pytest.raises(KeyStillUsed, match=f"{PEOPLE + 14} accounts and documents"):
        rotation.retire(world.keys, old)
    assert rotation.rewrap("acme", by="e1") == Renewed(PEOPLE, 7, 0)
    assert rotation.rewrap(LEDGER, by="e1") == Renewed(0, 7, 0)
    assert rotation.remaining() == Remaining()
    assert rotation.uses(old) == 0
    rotation.retire(world.keys, old, by="e1")
    assert FileKeyRing(world.keys).key_ids == (new,)
    assert world.under() == {new}
    world.sealer = Sealer(FileKeyRing(world.keys))
    assert world.names() == names
    for number in range(7):
        for tenant, kind, key, content in (
            ("acme", "note", f"n{number}", b"sealed %d" % number),
            (LEDGER, "grant", f"g{number}", b"granted %d" % number),
        ):
            document = world.storage.document(tenant, kind, key)
            assert document is not None
            assert world.sealer.open_document(tenant, kind, key, document.value) == content
    plain = world.storage.document("acme", "host's own", "k")
    assert plain is not None
    assert (plain.value, plain.version) == (b'{"plain": true}', 1)
    assert facts(world) == [
        ("key.rotated", {"key": new}),
        ("key.rewrapped", {"accounts": PEOPLE, "documents": 7, "key": new}),
        ("key.rewrapped", {"accounts": 0, "documents": 7, "key": new}),
        ("key.retired", {"key": old}),
    ]
    assert {entry.record.actor for entry in world.trail.entries()} == {"e1"}


def test_a_run_after_a_rewrap_finds_nothing_to_do(world: World) -> None:
    """Fingerprints, indexes and times stay: no change, no event, no journal entry; a later change is told as ever."""
    before = world.storage.tenant("acme")
    page = world.storage.heads("acme")
    accounts = world.storage.load("acme", page.source_ids)
    rotation = world.rotation()
    rotation.rotate(world.keys)
    rotation.rewrap("acme")
    rotation.reseal("acme", before=world.clock())
    after = world.storage.tenant("acme")
    assert (after.digest, after.position, after.due_at, after.accounts) == (
        before.digest,
        before.position,
        before.due_at,
        before.accounts,
    )
    for source_id, account in world.storage.load("acme", page.source_ids).items():
        was = accounts[source_id]
        assert account == evolve(was, wrapped_key=account.wrapped_key, payload=account.payload, version=account.version)
    counts = world.run().counts
    assert world.storage.tenant("acme").revision == after.revision
    assert (counts.unchanged, counts.updated, counts.provisioned, counts.deleted) == (PEOPLE, 0, 0, 0)
    assert world.storage.tenant("acme").position == before.position
    world.directory.rename(identity("s03"), family_name="Changed")
    assert world.run().counts.updated == 1
    assert len(world.storage.entries("acme", journal=OUTBOX, after=before.position)) == 1


def test_rewrapping_twice_writes_nothing_the_second_time(world: World) -> None:
    """What is under the newest key is left alone: no version grows, and nothing is recorded."""
    rotation = world.rotation()
    rotation.rotate(world.keys)
    rotation.rewrap("acme")
    revision, told = world.storage.tenant("acme").revision, len(facts(world))
    assert rotation.rewrap("acme") == Renewed(0, 0, 0)
    assert world.storage.tenant("acme").revision == revision
    assert len(facts(world)) == told
    assert not [one for one in world.storage.documents("acme") if one.kind == "key rotation"]


class Killed(BaseException):
    """Stands for a process that ends at once."""


class Dying:
    """A store whose process is killed before or after the write of a number."""

    def __init__(self, storage: Any, at: int, *, after: bool) -> None:
        self._storage, self._at, self._after, self.writes = storage, at, after, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)
        if name not in {"commit", "claim", "release", "record"}:
            return method

        def write(*arguments: Any, **options: Any) -> Any:
            self.writes += 1
            if self.writes > self._at or (self.writes == self._at and not self._after):
                raise Killed
            answer = method(*arguments, **options)
            if self.writes == self._at:
                raise Killed
            return answer

        return write


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("what", ["rewrap", "reseal"])
def test_a_kill_at_every_write_loses_nothing(tmp_path: Path, what: str, after: bool) -> None:
    """Killed before or after any write, everything opens, and the next call does what was left, and counts all."""
    killed, at = 0, 1
    while True:
        world = World(MemoryStorage(), tmp_path / f"{at}.keys")
        world.run()
        for number in range(7):
            world.keep("acme", "note", f"n{number}", b"sealed %d" % number)
        names, (old,) = world.names(), world.under()
        payloads = {one.payload for one in _accounts(world)}
        FileKeyRing.rotate(world.keys)
        world.clock.advance(timedelta(hours=1))
        before = world.clock()

        def do(rotation: Rotation, what: str = what, before: datetime = before) -> Renewed:
            return rotation.rewrap("acme") if what == "rewrap" else rotation.reseal("acme", before=before)

        dying: Any = Dying(world.storage, at, after=after)
        try:
            do(world.rotation(storage=dying, audited=False))
        except Killed:
            killed += 1
        else:
            break
        assert world.names() == names
        world.clock.advance(2 * TTL)
        do(world.rotation())
        assert world.names() == names
        assert world.under() == {FileKeyRing(world.keys).key_ids[-1]}
        assert world.rotation().uses(old) == 0
        assert world.rotation().remaining() == Remaining()
        if what == "reseal":
            assert payloads.isdisjoint(one.payload for one in _accounts(world))
        at += 1
    assert killed > 8


def _accounts(world: World) -> list[SealedAccount]:
    page = world.storage.heads("acme")
    return list(world.storage.load("acme", page.source_ids).values())


def test_a_resumed_pass_goes_on_where_it_was(tmp_path: Path) -> None:
    """What one call has resealed the next does not reseal again, and together they are counted and recorded once."""
    world = World(MemoryStorage(), tmp_path / "keys")
    world.run()
    dying: Any = Dying(world.storage, 3, after=True)
    world.clock.advance(timedelta(hours=1))
    before = world.clock()
    with pytest.raises(Killed):
        world.rotation(storage=dying).reseal("acme", before=before)
    versions = {one.source_id: one.version for one in _accounts(world)}
    assert sorted(versions.values()) == [1] * 13 + [2] * 10
    world.clock.advance(2 * TTL)
    assert world.rotation().reseal("acme", before=before) == Renewed(PEOPLE, 0, 0)
    assert {one.version for one in _accounts(world)} == {2}
    assert world.rotation().reseal("acme", before=before) == Renewed(0, 0, 0)
    assert [kind for kind, _ in facts(world)] == ["key.resealed"]
    assert world.rotation().reseal("acme", before=world.clock()) == Renewed(PEOPLE, 0, 0)


def test_resealing_takes_what_was_written_before_an_instant(world: World) -> None:
    """Who changed since has a fresh data key already, and is left alone; a future or naive instant is refused."""
    world.clock.advance(timedelta(hours=1))
    before = world.clock()
    world.directory.rename(identity("s03"), family_name="Changed")
    world.run()
    fresh = {one.source_id: one for one in _accounts(world)}[identity("s03").source_id]
    assert world.rotation().reseal("acme", before=before) == Renewed(PEOPLE - 1, 7, 0)
    assert {one.source_id: one for one in _accounts(world)}[identity("s03").source_id] == fresh
    early = datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))
    for wrong in (world.clock() + timedelta(seconds=1), before.replace(tzinfo=None), early, "2030-01-01"):
        with pytest.raises(UsageError):
            world.rotation().reseal("acme", before=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["Eve Zebulon", "eve@host.example", ""])
def test_whoever_has_it_done_is_an_id(world: World, by: str) -> None:
    """A name or an address in place of an id is refused before anything is done; without one a machine has done it."""
    rotation, (old,) = world.rotation(), world.under()
    for deed in (
        lambda: rotation.rotate(world.keys, by=by),
        lambda: rotation.rewrap("acme", by=by),
        lambda: rotation.reseal("acme", before=world.clock(), by=by),
        lambda: rotation.retire(world.keys, old, by=by),
    ):
        with pytest.raises(UsageError, match="by is no id"):
            deed()
    assert FileKeyRing(world.keys).key_ids == (old,)
    rotation.rotate(world.keys)
    rotation.rewrap("acme", by="e1")
    told = [(e.record.kind, e.record.actor) for e in Trail(world.storage).entries() if e.record.kind.startswith("key.")]
    assert told == [("key.rotated", "rotation"), ("key.rewrapped", "e1")]


class Meddling:
    """A store in which somebody else writes at a chosen moment: whenever documents or accounts were read."""

    def __init__(self, storage: Any, method: str, meddle: Callable[[], object], times: int = 1) -> None:
        self._storage, self._method, self._meddle, self._left = storage, method, meddle, times

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)
        if name != self._method:
            return method

        def read(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            if self._left:
                self._left -= 1
                self._meddle()
            return answer

        return read


def test_a_document_that_somebody_writes_meanwhile_is_not_overwritten(world: World) -> None:
    """A write between reading and committing a batch wins; the batch is made anew from it."""
    rotation = world.rotation()
    rotation.rotate(world.keys)
    over = iter(range(1, 100))
    meddling: Any = Meddling(
        world.storage, "documents", lambda: world.keep("acme", "note", "n3", b"theirs", over=next(over)), times=4
    )
    world.rotation(storage=meddling, batch_size=50).rewrap("acme")
    document = world.storage.document("acme", "note", "n3")
    assert document is not None
    assert world.sealer.open_document("acme", "note", "n3", document.value) == b"theirs"
    assert rotation.remaining("acme") == Remaining()


def test_a_document_that_is_destroyed_meanwhile_stays_destroyed(world: World) -> None:
    """A key that somebody shreds between reading and committing does not come back."""
    rotation = world.rotation()
    rotation.rotate(world.keys)

    def shred() -> None:
        world.storage.record("acme", documents=[PutDocument("note", "n3", None, 1)])

    meddling: Any = Meddling(world.storage, "documents", shred)
    world.rotation(storage=meddling).rewrap("acme")
    assert world.storage.document("acme", "note", "n3") is None
    assert rotation.remaining("acme") == Remaining()


def test_a_conflict_that_never_ends_is_told(tmp_path: Path) -> None:
    """A document that is written at every attempt ends in the store's own error, not in a loop."""
    world = World(MemoryStorage(), tmp_path / "keys")
    world.keep("acme", "note", "n", b"0")
    FileKeyRing.rotate(world.keys)
    old, versions = Sealer(FileKeyRing(world.keys)), iter(range(1, 1000))
    frozen = world.storage.document("acme", "note", "n")
    assert frozen is not None

    def meddle() -> None:
        world.storage.record("acme", documents=[PutDocument("note", "n", frozen.value, next(versions))])

    meddling: Any = Meddling(world.storage, "documents", meddle, times=500)
    with pytest.raises(WriteConflict):
        world.rotation(storage=meddling).rewrap("acme")
    assert world.storage.tenant("acme").expires_at is None
    assert old.key_of_document("acme", frozen.value) is not None


def test_a_worker_that_took_over_is_not_undone(world: World) -> None:
    """A rotation whose lease ran out and was taken by a run writes nothing after it."""
    rotation = world.rotation()
    rotation.rotate(world.keys)

    def take_over() -> None:
        world.clock.advance(2 * TTL)
        claim = world.storage.claim("acme", now=world.clock(), ttl=TTL)
        world.storage.release(claim)

    meddling: Any = Meddling(world.storage, "load", take_over)
    before = _accounts(world)
    with pytest.raises(LeaseLost):
        world.rotation(storage=meddling).rewrap("acme")
    assert _accounts(world) == before


def test_runs_and_rotations_at_the_same_time_undo_nothing(world: World) -> None:
    """While a thread rotates again and again, runs bring every change in, and each account has what it should."""
    done, moved = threading.Event(), threading.Event()
    patience = 100_000

    def rotate_on() -> None:
        rotation = world.rotation(audited=False)
        while not done.is_set():
            FileKeyRing.rotate(world.keys)
            with suppress(LeaseHeld, LeaseLost):
                if rotation.rewrap("acme").accounts:
                    moved.set()

    thread = threading.Thread(target=rotate_on)
    thread.start()
    try:
        for number in range(6):
            world.directory.rename(identity("s03"), family_name=f"Changed {number}")
            for _ in range(patience):
                with suppress(LeaseHeld):
                    if world.run().counts.updated:
                        break
            else:
                pytest.fail("no run had its turn")
        assert moved.wait(60)
    finally:
        done.set()
        thread.join()
    account = {one.source_id: one for one in _accounts(world)}[identity("s03").source_id]
    assert world.sealer.open(account).family_name == "Changed 5"
    assert world.run().counts.unchanged == PEOPLE
    world.rotation().rewrap("acme")
    assert world.rotation().remaining("acme") == Remaining()


def test_a_tenant_at_work_is_left_alone(world: World) -> None:
    """While a run holds the tenant nothing is rewrapped; afterwards the lease is free again, and the due time stays."""
    world.storage.schedule({"acme": world.clock()})
    claim = world.storage.claim("acme", now=world.clock(), ttl=TTL)
    rotation = world.rotation()
    rotation.rotate(world.keys)
    with pytest.raises(LeaseHeld):
        rotation.rewrap("acme")
    world.storage.release(claim)
    rotation.rewrap("acme")
    record = world.storage.tenant("acme")
    assert record.expires_at is None
    assert record.due_at == world.clock()


def test_a_long_pass_renews_its_lease(world: World) -> None:
    """A pass that takes longer than a lease keeps the tenant all the while."""
    rotation = world.rotation()
    rotation.rotate(world.keys)
    meddling: Any = Meddling(world.storage, "load", lambda: world.clock.advance(TTL * 0.4), times=99)
    assert world.rotation(storage=meddling).rewrap("acme") == Renewed(PEOPLE, 7, 0)


def test_damage_is_counted_and_stops_nobody(world: World) -> None:
    """What opens under no key is left as it is and told; all others move, and the count reaches zero."""
    rotation = world.rotation()
    rotation.rotate(world.keys)
    claim = world.storage.claim("acme", now=world.clock(), ttl=TTL)
    one, other = _accounts(world)[3:5]
    header = evolve(one, wrapped_key=b"\x01" + bytes(68), version=2)
    inside = evolve(other, wrapped_key=other.wrapped_key[:-1] + bytes([other.wrapped_key[-1] ^ 1]), version=2)
    world.storage.commit(claim, Batch((Put(header, 1), Put(inside, 1))))
    world.storage.release(claim)
    assert rotation.remaining("acme") == Remaining(accounts=PEOPLE - 1, documents=7, damaged=1)
    assert rotation.rewrap("acme") == Renewed(PEOPLE - 2, 7, 2)
    # The one whose header is whole still names the old key: nobody can tell that it will not open.
    assert rotation.remaining("acme") == Remaining(accounts=1, documents=0, damaged=1)


def test_a_key_that_is_not_held_stops_the_pass(world: World) -> None:
    """With the wrong key file nothing is moved and nothing is written."""
    other = world.keys.with_name("other.keys")
    rotation = Rotation(world.storage, Sealer(FileKeyRing.create(other)), clock=world.clock)
    before = _accounts(world)
    with pytest.raises(WrongKey):
        rotation.rewrap("acme")
    assert _accounts(world) == before


def test_no_record_no_retirement(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key whose retirement cannot be recorded stays; so does one that is used; an unknown one is named so."""
    rotation = world.rotation()
    (old,) = world.under()
    rotation.rotate(world.keys)
    for tenant in ("acme", LEDGER):
        rotation.rewrap(tenant)

    def full(*_: object, **__: object) -> Any:
        raise AuditUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.trail, "append", full)
        with pytest.raises(AuditUnavailable):
            rotation.retire(world.keys, old)
    assert old in FileKeyRing(world.keys).key_ids
    rotation.retire(world.keys, old)
    with pytest.raises(UnknownKey):
        rotation.retire(world.keys, old)
    assert [kind for kind, _ in facts(world)].count("key.retired") == 1


def test_a_rewrap_that_could_not_be_recorded_is_recorded_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts are kept until the trail has them."""
    rotation = world.rotation()
    rotation.rotate(world.keys)

    def full(*_: object, **__: object) -> Any:
        raise AuditUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.trail, "append", full)
        with pytest.raises(AuditUnavailable):
            rotation.rewrap("acme")
    assert rotation.remaining("acme") == Remaining()
    assert rotation.rewrap("acme") == Renewed(PEOPLE, 7, 0)
    assert facts(world)[-1][1]["accounts"] == PEOPLE


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"v": 2}', b'{"v": 1, "goal": "g"}', b'{"v":1,"goal":"x","what":1}']
)
def test_a_spoilt_note_of_progress_begins_anew(world: World, content: bytes) -> None:
    """Whatever stands where the progress is kept, the pass is made and nothing is left out."""
    world.storage.record("acme", documents=[PutDocument("key rotation", "rewrap", content, 0)])
    rotation = world.rotation()
    rotation.rotate(world.keys)
    assert rotation.rewrap("acme") == Renewed(PEOPLE, 7, 0)
    assert world.storage.document("acme", "key rotation", "rewrap") is None


def test_what_is_written_under_an_old_key_behind_the_pass_is_found(tmp_path: Path) -> None:
    """A document that a process with an older key writes where the pass has been is moved in another round."""
    world = World(MemoryStorage(), tmp_path / "keys")
    world.run()
    for number in range(12):
        world.keep("acme", "note", f"n{number:02}", b"sealed")
    old = world.sealer.seal_document("acme", "aaa", "late", b"sealed by a process that was slow")
    FileKeyRing.rotate(world.keys)
    left = iter([False, False, True])

    def late() -> None:
        if next(left, False):
            world.storage.record("acme", documents=[PutDocument("aaa", "late", old, 0)])

    meddling: Any = Meddling(world.storage, "documents", late, times=9)
    assert world.rotation(storage=meddling).rewrap("acme").documents == 13
    assert world.rotation().remaining() == Remaining()


def test_a_ring_that_cannot_tell_reseals_only(world: World) -> None:
    """With a plain ring nothing can be counted or rewrapped; resealing works."""
    ring = FileKeyRing(world.keys)

    class Silent:
        wrap, unwrap = ring.wrap, ring.unwrap
        fingerprint_key, index_key = ring.fingerprint_key, ring.index_key

    rotation = Rotation(world.storage, Sealer(Silent()), clock=world.clock)
    for attempt in (rotation.remaining, lambda: rotation.rewrap("acme"), lambda: rotation.uses("k")):
        with pytest.raises(RingCannotTell):
            attempt()
    names = world.names()
    assert rotation.reseal("acme", before=world.clock()) == Renewed(PEOPLE, 7, 0)
    assert world.names() == names


def test_a_tenant_of_a_kms_is_rotated_by_itself(tmp_path: Path) -> None:
    """With a ring that has keys for each tenant, one tenant moves to a new key and the others stay."""
    with _kms.running() as kms, MemoryStorage() as storage:
        GoogleKmsKeyRing.create(_kms.KEY, tmp_path / "kms.keys")
        ring = GoogleKmsKeyRing(_kms.KEY, tmp_path / "kms.keys", endpoint=kms.url)
        sealer = Sealer(ring)
        for tenant in ("acme", "umbrella"):
            sealed = sealer.seal_document(tenant, "note", "n", b"content")
            storage.record(tenant, documents=[PutDocument("note", "n", sealed, 0)])
        rotation = Rotation(storage, sealer)
        old = ring.current_key("acme")
        new = rotation.rotate(ring, tenant="acme")
        assert rotation.remaining() == Remaining(documents=1)
        assert rotation.rewrap("acme") == Renewed(0, 1, 0)
        rotation.retire(ring, old, tenant="acme")
        assert ring.key_ids("acme") == (new,)
        assert len(ring.key_ids("umbrella")) == 1
        assert rotation.remaining("nobody") == Remaining()
        assert ring.key_ids("nobody") == ()
        with pytest.raises(UsageError):
            rotation.rotate(ring)
        with pytest.raises(UsageError):
            rotation.rotate(tmp_path / "kms.keys", tenant="acme")


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_a_batch_has_a_bound(size: int) -> None:
    """A batch is what a store takes at once."""
    with pytest.raises(UsageError, match="batch_size"):
        Rotation(MemoryStorage(), Sealer(MemoryKeyRing()), batch_size=size)


def test_progress_holds_ids_and_counts_only(tmp_path: Path) -> None:
    """What is kept of a pass names nobody."""
    world = World(MemoryStorage(), tmp_path / "keys")
    world.run()
    FileKeyRing.rotate(world.keys)
    dying: Any = Dying(world.storage, 2, after=True)
    with pytest.raises(Killed):
        world.rotation(storage=dying).rewrap("acme")
    document = world.storage.document("acme", "key rotation", "rewrap")
    assert document is not None
    held = json.loads(document.value)
    assert held.pop("goal") == FileKeyRing(world.keys).key_ids[-1]
    assert held.pop("account") == sorted(identity(f"s{n:02}").source_id for n in range(PEOPLE))[4]
    assert set(map(type, held.values())) <= {int, bool, type(None)}
