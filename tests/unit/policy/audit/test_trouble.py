from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.unit.policy.audit._forger import NOON, ORIGIN, SEALER, Filled, Forger, opened_record

from smartify_core.errors import (
    AuditUnavailable,
    StorageBusy,
    StorageUnavailable,
    TrailBroken,
    UsageError,
    WriteConflict,
)
from smartify_core.model import Append, PutDocument
from smartify_core.policy.audit import AuditRecord, CallableWitness, Checkpoints, Trail, Vouched, verify
from smartify_core.policy.audit import _trail as trail_module
from smartify_core.storage.memory import MemoryStorage


class Meddled(MemoryStorage):
    """A store in which somebody else does something just before a write of a certain kind of document.

    Attributes:
        kind: The kind.
        deeds: What is done, one before each such write.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.deeds: list[Callable[[], object]] = []

    def record(self, tenant: str, *, documents: Sequence[PutDocument] = (), appends: Sequence[Append] = ()) -> None:
        """Let somebody else go first, then write."""
        if self.deeds and any(put.kind == self.kind for put in documents):
            self.deeds.pop(0)()
        super().record(tenant, documents=documents, appends=appends)


def checkpoints_of(storage: MemoryStorage, *witnesses: CallableWitness) -> Checkpoints:
    """Return what makes checkpoints of the trail in a store, as a process of its own has it."""
    return Checkpoints(Trail(storage), SEALER, origin=ORIGIN, witnesses=witnesses, clock=lambda: NOON)


def test_two_who_make_the_key_at_once_have_one() -> None:
    """Whoever comes second takes the key that is there."""
    storage = Meddled("audit key")
    storage.deeds = [lambda: checkpoints_of(storage).signing_verifier()]
    assert checkpoints_of(storage).signing_verifier() == checkpoints_of(storage).signing_verifier()
    assert len(checkpoints_of(storage).verifiers) == 1


def test_a_key_that_was_rotated_meanwhile_is_not_rotated_again() -> None:
    """Of two who rotate at once one is told that it was done."""
    storage = Meddled("audit key")
    first = checkpoints_of(storage).signing_verifier()
    storage.deeds = [lambda: checkpoints_of(storage).rotate()]
    with pytest.raises(WriteConflict):
        checkpoints_of(storage).rotate()
    assert checkpoints_of(storage).verifiers[1:] == (first,)


def test_two_who_make_a_checkpoint_at_once_both_have_the_later_one() -> None:
    """Whoever comes second looks again, and makes one over all that is there by then."""
    storage = Meddled("audit checkpoint")
    one, other = checkpoints_of(storage), checkpoints_of(storage)
    one.trail.append(*map(opened_record, range(5)))
    _ = one.signing_verifier()

    def meddle() -> None:
        other.trail.append(opened_record(5))
        other.make()

    storage.deeds = [meddle]
    assert one.make().checkpoint.size == 6
    one.trail.append(opened_record(6))
    storage.deeds = Endless(storage, other)  # type: ignore[assignment]  # as much of a list as is used
    with pytest.raises(StorageBusy, match="all the time"):
        one.make()


class Endless:
    """Deeds without end: an entry and a checkpoint each."""

    def __init__(self, storage: Meddled, other: Checkpoints) -> None:
        self._storage, self._other = storage, other

    def pop(self, _: int) -> Callable[[], object]:
        """Return the next deed, during which nobody meddles."""

        def deed() -> None:
            self._storage.deeds = []
            self._other.make()
            self._other.trail.append(opened_record(0))
            self._storage.deeds = self  # type: ignore[assignment]  # as above

        return deed


def test_a_witness_that_takes_its_time_vouches_for_what_it_saw() -> None:
    """A checkpoint that somebody else made meanwhile stays the latest one, and what the witness said is not lost."""
    storage = MemoryStorage()
    other = checkpoints_of(storage)

    def slow(_: str) -> None:
        other.trail.append(opened_record(1))
        other.make()

    one = checkpoints_of(storage, CallableWitness("slow", slow))
    one.trail.append(opened_record(0))
    made = one.make()
    assert (made.checkpoint.size, made.vouched) == (1, (Vouched("slow", 1, NOON),))
    latest = other.latest()
    assert latest is not None
    assert (latest.checkpoint.size, latest.vouched) == (2, (Vouched("slow", 1, NOON),))


def test_a_checkpoint_that_is_gone_when_a_witness_has_vouched_is_told() -> None:
    """Somebody removed it meanwhile: that is a broken trail, not a new beginning."""
    storage = MemoryStorage()

    def remove(_: str) -> None:
        present = storage.document("smartify:policy", "audit checkpoint", "latest")
        assert present is not None
        put = PutDocument("audit checkpoint", "latest", None, present.version)
        storage.record("smartify:policy", documents=[put])

    with pytest.raises(TrailBroken, match="is gone"):
        checkpoints_of(storage, CallableWitness("thief", remove)).make()


def test_whoever_never_gets_on_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """When other processes are quicker all the time, the caller is told that nothing was kept."""
    monkeypatch.setattr(trail_module, "_ATTEMPTS", 3)
    storage = Meddled("audit")
    trail, other = Trail(storage), Trail(storage)

    def meddle() -> None:
        deeds, storage.deeds = storage.deeds, []
        other.append(opened_record(0))
        storage.deeds = deeds

    storage.deeds = [meddle] * 3
    with pytest.raises(AuditUnavailable, match="all the time"):
        trail.append(opened_record(1))
    assert trail.append(opened_record(2)) == (3,)


def test_of_many_tenants_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an open trail remembers of tenants is bounded, and what it has forgotten it reads again."""
    monkeypatch.setattr(trail_module, "_TAILS_KEPT", 3)
    trail = Trail(MemoryStorage())
    for number in range(40):
        trail.append(AuditRecord("a", NOON, f"t{number % 10}"))
        known = trail._pen().known
        assert known is not None
        assert len(known.tails) <= 4
    assert verify(trail).is_sound


def test_a_head_that_does_not_fit_its_entries_denies(filled: Filled) -> None:
    """A trail whose head was put back takes no entry: that would be written over the break."""
    forger = Forger(filled(5).trail.storage)
    forger.documents["audit", "head"] = Forger(filled(4).trail.storage).documents["audit", "head"]
    trail = Trail(forger.stored())
    with pytest.raises(AuditUnavailable, match="head does not agree with its entries"):
        trail.append(opened_record(5))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda forger: forger.entries.__setitem__(3, b"nonsense"), "is not valid"),
        (lambda forger: forger.entries.__setitem__(3, forger.entries[2]), "another place than it says"),
        (lambda forger: forger.entries.__delitem__(slice(3, None)), "is missing"),
    ],
)
def test_what_is_read_and_is_no_entry_is_told(filled: Filled, change: Callable[[Forger], None], what: str) -> None:
    """Reading a place where something else is raises, and hands nobody something else."""
    forger = Forger(filled(6).trail.storage)
    change(forger)
    trail = Trail(forger.stored())
    with pytest.raises(TrailBroken, match=what):
        trail.entry(3)
    assert not verify(trail).is_sound


@pytest.mark.parametrize("place", [-1, 6, 2**70, True, "0", None])
def test_a_place_that_is_none_is_refused(filled: Filled, place: Any) -> None:
    """Places are counted from 0 to before the size."""
    with pytest.raises(UsageError, match="no such entry"):
        filled(6).trail.entry(place)


@pytest.mark.parametrize(
    "tail",
    [b'{"last":3,"number":1,"v":1}', b'{"last":1,"number":1,"v":1}', b'{"last":0,"number":2,"v":1}', b"{}"],
)
def test_ends_that_lead_astray_are_told(filled: Filled, tail: bytes) -> None:
    """Entries of a tenant that do not lead back to its first, by their numbers, are not taken for all of them."""
    forger = Forger(filled(6).trail.storage)
    for place in [place for place in forger.documents if place[0] == "audit tail"]:
        forger.documents[place] = tail
    with pytest.raises(TrailBroken):
        [*Trail(forger.stored()).of_tenant("acme")]


def test_entries_that_lead_forward_end(filled: Filled) -> None:
    """An entry that names a later one as the one before it leads nobody in circles."""
    forger = Forger(filled(6).trail.storage)
    forger.entries[3] = forger.entries[3].replace(b'"previous":0', b'"previous":3')
    with pytest.raises(TrailBroken):
        [*Trail(forger.stored()).of_tenant("acme")]


def test_missing_nodes_are_told(filled: Filled) -> None:
    """A proof needs nodes: where one is missing or misshapen, there is none."""
    for nodes in ([], [b"short"] * 9):
        forger = Forger(filled(6).trail.storage)
        forger.nodes = list[bytes](nodes)
        with pytest.raises(TrailBroken, match="is missing"):
            Trail(forger.stored()).nodes()(0, 0)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b'"place":4', b'"place":9', "it says that it is entry 9"),
        (b"12:00:04", b"11:00:04", "before that of the entry in front"),
        (b'"number":2', b'"number":3', "does not follow the entry of its tenant"),
    ],
)
def test_a_whole_tree_over_wrong_entries_is_a_finding(filled: Filled, old: bytes, new: bytes, what: str) -> None:
    """Entries that contradict each other are found even where the tree over them was made anew."""
    checkpoints = filled(6)
    forger = Forger(checkpoints.trail.storage)
    forger.entries[4] = forger.entries[4].replace(old, new)
    found = verify(Trail(forger.stored()))
    assert any(what in str(one) for one in found.findings)


def test_a_node_that_is_wrong_is_a_finding(filled: Filled) -> None:
    """A node above good leaves that is none of theirs is found, with the entry that completed it."""
    forger = Forger(filled(6).trail.storage)
    forger.nodes[2] = bytes(32)
    assert "entry 1: the node of level 1 above it is not made of those below it" in map(
        str, verify(Trail(forger.stored())).findings
    )


def test_a_store_that_is_away_is_not_a_finding(filled: Filled) -> None:
    """What cannot be read is not called broken: the store's own error says why."""
    checkpoints = filled(6)
    checkpoints.trail.storage.close()
    with pytest.raises(StorageUnavailable):
        verify(checkpoints.trail)
    with pytest.raises(StorageUnavailable):
        checkpoints.make()
