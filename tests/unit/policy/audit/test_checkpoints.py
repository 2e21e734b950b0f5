from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.policy.audit._forger import NOON, ORIGIN, Filled, Forger

from smartify_core.errors import CheckpointForeign, TrailBroken, UsageError, WitnessUnavailable, WrongKey
from smartify_core.policy.audit import (
    AuditRecord,
    CallableWitness,
    Checkpoint,
    Checkpoints,
    Trail,
    Vouched,
    check_consistency,
    consistency_proof,
    followed_succession,
    opened_note,
    signed_note,
)
from smartify_core.policy.audit import _checkpoints as checkpoints_module
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.storage.sqlite import SQLiteStorage

Make = Callable[[int], AuditRecord]


def test_a_checkpoint_says_how_far_the_trail_came(filled: Filled, record: Make) -> None:
    """It is signed by the key that customers have, has the root over all entries, and each grew from the one before."""
    checkpoints = filled(20)
    first = checkpoints.make()
    text, vouching = opened_note(first.note, [checkpoints.signing_verifier()])
    assert vouching == (checkpoints.signing_verifier(),)
    assert Checkpoint.of_body(text) == first.checkpoint
    assert (first.checkpoint.origin, first.checkpoint.size) == (ORIGIN, 20)
    assert first.checkpoint.root == checkpoints.trail.head().frontier.root
    assert checkpoints.make() == first == checkpoints.latest()
    checkpoints.trail.append(record(20), record(21), record(22))
    second = checkpoints.make()
    proof = consistency_proof(20, 23, checkpoints.trail.nodes())
    assert check_consistency(20, 23, proof, first.checkpoint.root, second.checkpoint.root)


def test_an_empty_trail_has_a_checkpoint(filled: Filled, record: Make) -> None:
    """It may be the first thing that a witness sees, and the trail grows from it."""
    checkpoints = filled(0)
    assert checkpoints.latest() is None
    assert checkpoints.make().checkpoint.size == 0
    checkpoints.trail.append(record(0))
    assert checkpoints.make().checkpoint.size == 1


def test_the_key_is_made_once_and_sealed(tmp_path: Any, sealer: Sealer, record: Make) -> None:
    """Whoever opens the store again signs with the same key; without the key ring nobody does."""
    path = tmp_path / "store.db"
    with SQLiteStorage(path) as storage:
        trail = Trail(storage)
        trail.append(record(0))
        vkey = Checkpoints(trail, sealer, origin=ORIGIN).signing_verifier().vkey
        seed = Checkpoints(trail, sealer, origin=ORIGIN)._key.signer().seed
    with SQLiteStorage(path) as storage:
        trail = Trail(storage)
        assert Checkpoints(trail, sealer, origin=ORIGIN).signing_verifier().vkey == vkey
        with pytest.raises(WrongKey):
            Checkpoints(trail, Sealer(MemoryKeyRing()), origin=ORIGIN).make()
    assert seed not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_the_old_key_names_the_new_one(filled: Filled) -> None:
    """After a rotation, whoever has an old key learns the new one; older checkpoints are still this trail's."""
    checkpoints = filled(5)
    before, old = checkpoints.signing_verifier(), checkpoints.make()
    checkpoints.rotate()
    between = checkpoints.signing_verifier()
    checkpoints.rotate()
    after = checkpoints.signing_verifier()
    assert checkpoints.verifiers == (after, between, before)
    assert len({before, between, after}) == 3
    for known in (before, between, after):
        assert followed_succession(known, checkpoints.successions) == after
    assert checkpoints.opened(old.note) == old.checkpoint
    made = checkpoints.make()
    assert opened_note(made.note, [after])[1] == (after,)
    assert [one.record.kind for one in checkpoints.trail.entries(after=4)] == ["audit.key.rotated"] * 2
    first, second = checkpoints.successions
    with pytest.raises(UsageError, match="signature under a note is false"):
        followed_succession(before, [first.replace(between.vkey, after.vkey), second])
    with pytest.raises(UsageError, match="no succession"):
        followed_succession(before, [made.note])


def _edit(forger: Forger) -> None:
    forger.entries[12] = forger.entries[12].replace(b"support", b"billing")


def _drop(forger: Forger) -> None:
    del forger.entries[12]


def _swap(forger: Forger) -> None:
    forger.entries[12], forger.entries[13] = forger.entries[13], forger.entries[12]


def _put_in(forger: Forger) -> None:
    forger.entries.insert(12, forger.entries[12])


def _cut(forger: Forger) -> None:
    del forger.entries[15:]


def _node(forger: Forger) -> None:
    forger.nodes[-1] = bytes(32)


def _head(forger: Forger) -> None:
    value = forger.documents["audit", "head"]
    assert value is not None
    forger.documents["audit", "head"] = value.replace(b'"size":20', b'"size":36')


def _no_head(forger: Forger) -> None:
    del forger.documents["audit", "head"]


def _tail(forger: Forger) -> None:
    place = next(place for place in forger.documents if place[0] == "audit tail")
    forger.documents[place] = b'{"last":0,"number":1,"v":1}'


def _short(forger: Forger) -> None:
    forger.rewrite([entry.record for entry in Trail(forger.stored()).entries()][:5])


def _other(forger: Forger) -> None:
    forger.rewrite([AuditRecord("access.denied", NOON)] * 20)


def _unsigned(forger: Forger) -> None:
    value = forger.documents["audit checkpoint", "latest"]
    assert value is not None
    forger.documents["audit checkpoint", "latest"] = value.replace(b"\\n10\\n", b"\\n11\\n")


def _nonsense(forger: Forger) -> None:
    forger.documents["audit checkpoint", "latest"] = b"{}"


ATTACKS = [_edit, _drop, _swap, _put_in, _cut, _node, _head, _no_head, _tail, _short, _other, _unsigned, _nonsense]


def attacked(filled: Filled, record: Make, sealer: Sealer, attack: Callable[[Forger], None]) -> Checkpoints:
    """Return the checkpoints of a trail of 20 entries, the latest after 10, that somebody has changed since."""
    checkpoints = filled(10)
    checkpoints.make()
    checkpoints.trail.append(*map(record, range(10, 20)))
    forger = Forger(checkpoints.trail.storage)
    attack(forger)
    return Checkpoints(Trail(forger.stored()), sealer, origin=ORIGIN)


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_checkpoint_is_made_over_a_broken_chain(
    filled: Filled, record: Make, sealer: Sealer, attack: Callable[[Forger], None]
) -> None:
    """Whatever is changed of what was added since the latest checkpoint, nothing is signed and nothing is kept."""
    broken = attacked(filled, record, sealer, attack)
    before = broken.trail.storage.document("smartify:policy", "audit checkpoint", "latest")
    with pytest.raises(TrailBroken):
        broken.make()
    assert broken.trail.storage.document("smartify:policy", "audit checkpoint", "latest") == before


def test_a_checkpoint_without_the_check_launders_a_break(
    filled: Filled, record: Make, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build that signs without looking is caught by the test above: it signs over an entry that was altered."""
    monkeypatch.setattr(checkpoints_module, "first_of", list)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_no_checkpoint_is_made_over_a_broken_chain(filled, record, sealer, _edit)


def test_a_trail_has_one_origin(filled: Filled, sealer: Sealer) -> None:
    """Checkpoints under another name are another trail's, and a name that is none is refused."""
    checkpoints = filled(3)
    made = checkpoints.make()
    other = Checkpoints(checkpoints.trail, sealer, origin="other.example/audit")
    with pytest.raises(CheckpointForeign, match="another trail's"):
        other.make()
    with pytest.raises(CheckpointForeign, match="has another name"):
        _ = other.signing_verifier()
    with pytest.raises(UsageError, match="a trail is named by"):
        Checkpoints(checkpoints.trail, sealer, origin="a b")
    stranger = Checkpoints(Trail(MemoryStorage()), sealer, origin=ORIGIN)
    stranger.make()
    with pytest.raises(UsageError, match="none of the known keys"):
        stranger.opened(made.note)


def test_a_note_of_the_same_key_for_another_trail_is_foreign(filled: Filled) -> None:
    """A key that signs for its trail and says another one's name speaks for neither."""
    checkpoints = filled(1)
    signer = checkpoints._key.signer()
    other = Checkpoint("other.example/audit", 1, bytes(32))
    with pytest.raises(CheckpointForeign, match="another trail's"):
        checkpoints.opened(signed_note(other.body, signer))


def test_witnesses_are_shown_each_checkpoint_once(filled: Filled, sealer: Sealer, record: Make) -> None:
    """A function of the host's gets the note; one that raises is told of, keeps nobody, and is shown the next one."""
    shown: list[str] = []
    ill = [True]

    def call(_: str) -> None:
        if ill[0]:
            raise RuntimeError("somebody's name")

    checkpoints = filled(4)
    witnesses = [CallableWitness("mail", shown.append), CallableWitness("bucket", call)]
    checkpoints = Checkpoints(checkpoints.trail, sealer, origin=ORIGIN, witnesses=witnesses, clock=lambda: NOON)
    made = checkpoints.make()
    assert shown == [made.note]
    assert made.vouched == (Vouched("mail", 4, NOON),)
    assert [type(one) for one in made.failures] == [WitnessUnavailable]
    assert "somebody" not in str(made.failures)
    ill[0] = False
    again = checkpoints.make()
    assert shown == [made.note]
    assert not again.failures
    assert {one.by for one in again.vouched} == {"mail", "bucket"}
    checkpoints.trail.append(record(4))
    assert [one.size for one in checkpoints.make().vouched] == [5, 5]
    assert len(shown) == 2
