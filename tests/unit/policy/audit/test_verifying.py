from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.unit.policy.audit._forger import NOON, ORIGIN, Filled, Forger

from smartify_core.policy.audit import (
    Anchor,
    AuditEntry,
    AuditRecord,
    Checkpoint,
    Checkpoints,
    Frontier,
    Signer,
    Trail,
    TrailHead,
    signed_note,
    verify,
)
from smartify_core.policy.audit import _walk as walk_module
from smartify_core.policy.audit._state import Tail, nodes_of, tail_key
from smartify_core.sealing import Sealer
from smartify_core.storage import Storage

Make = Callable[[int], AuditRecord]
Attack = Callable[[Forger, Checkpoints, Sealer], None]


def test_a_trail_that_is_whole_is_said_to_be(filled: Filled, record: Make) -> None:
    """Every entry is verified, and it is told how far somebody outside vouches for them and how far nobody does."""
    checkpoints = filled(92)
    note = checkpoints.make().note
    checkpoints.trail.append(*map(record, range(92, 100)))
    found = verify(checkpoints.trail, verifiers=checkpoints.verifiers, anchors=[Anchor("the safe", note)])
    assert found.is_sound
    assert (found.size, found.checkpoint, found.anchored, found.unanchored) == (100, 92, 92, 8)
    assert found.root == checkpoints.trail.head().frontier.root
    assert found.at == record(99).at
    said = "\n".join(found.statement)
    assert "the safe has a checkpoint: the first 92 entries cannot have been altered" in said
    assert "The last 8 entries nobody outside has seen yet: whoever can write to the store and has the signing" in said


def test_without_an_anchor_little_is_promised(filled: Filled) -> None:
    """A trail that only agrees with itself is said to do that, and no more."""
    found = verify(filled(10).trail)
    assert found.is_sound
    assert (found.anchored, found.unanchored, found.checkpoint) == (0, 10, None)
    assert "whoever can write to the store could have rewritten or shortened" in "\n".join(found.statement)
    assert verify(filled(0).trail).size == 0


def test_whoever_appends_meanwhile_disturbs_nothing(filled: Filled, record: Make) -> None:
    """A trail that grows while it is verified is verified as far as it went."""
    checkpoints = filled(30)
    trail, more = checkpoints.trail, iter(range(30, 60))
    contents = trail.contents

    def growing(*, after: int | None = None) -> object:
        for one in contents(after=after):
            trail.append(record(next(more)))
            yield one

    trail.contents = growing  # type: ignore[assignment]
    found = verify(trail)
    assert (found.findings, found.size) == ((), 30)


# --- who changes what, and what is noticed: 100 entries, a checkpoint of 92 of them kept elsewhere


def _edit(forger: Forger, _: Checkpoints, __: Sealer) -> None:
    forger.entries[50] = forger.entries[50].replace(b"support", b"billing")


def _delete(forger: Forger, _: Checkpoints, __: Sealer) -> None:
    del forger.entries[50]


def _reorder(forger: Forger, _: Checkpoints, __: Sealer) -> None:
    forger.entries[50], forger.entries[51] = forger.entries[51], forger.entries[50]


def _insert(forger: Forger, _: Checkpoints, __: Sealer) -> None:
    forger.entries.insert(50, forger.entries[49])


def _truncate(forger: Forger, checkpoints: Checkpoints, _: Sealer) -> None:
    del forger.documents["audit checkpoint", "latest"]
    forger.rewrite([entry.record for entry in checkpoints.trail.entries()][:80])


def _rewrite(forger: Forger, checkpoints: Checkpoints, _: Sealer) -> None:
    records = [entry.record for entry in checkpoints.trail.entries()]
    forger.rewrite([*records[:50], AuditRecord("access.denied", records[50].at), *records[51:]])


def _rewrite_hiding_the_checkpoint(forger: Forger, checkpoints: Checkpoints, sealer: Sealer) -> None:
    _rewrite(forger, checkpoints, sealer)
    del forger.documents["audit checkpoint", "latest"]


def _rewrite_with_the_key(forger: Forger, checkpoints: Checkpoints, sealer: Sealer) -> None:
    _rewrite_hiding_the_checkpoint(forger, checkpoints, sealer)
    again = Checkpoints(Trail(forger.stored()), sealer, origin=ORIGIN)
    again.make()
    forger.documents = Forger(again.trail.storage).documents


def _rewrite_the_end(forger: Forger, checkpoints: Checkpoints, _: Sealer) -> None:
    # Those up to the anchor stay as they are, to the byte.
    kept, nodes = forger.entries[:92], Forger(checkpoints.trail.storage).nodes
    trail = Trail(_cut_to(forger, 92, nodes))
    trail.append(AuditRecord("nothing.happened", NOON + timedelta(hours=1)))
    made = Forger(trail.storage)
    assert made.entries[:92] == kept
    forger.entries, forger.nodes = made.entries, made.nodes
    forger.documents.update(made.documents)


def _cut_to(forger: Forger, size: int, nodes: list[bytes]) -> Storage:
    """Return a store with the first entries only, whole in itself."""
    entries = [AuditEntry.of_content(one) for one in forger.entries[:size]]
    cut = Forger(forger.stored())
    cut.entries, cut.nodes = forger.entries[:size], nodes[: nodes_of(size)]
    head = TrailHead(Frontier().append(*cut.entries)[0], entries[-1].record.at)
    cut.documents["audit", "head"] = head.content
    for one in entries:
        if one.record.tenant and one.number:
            cut.documents["audit tail", tail_key(one.record.tenant)] = Tail(one.number, one.place).content
    return cut.stored()


#: Each attack, and whether it is noticed by the trail alone, and with the anchor.
MATRIX: list[tuple[Attack, bool, bool]] = [
    (_edit, True, True),
    (_delete, True, True),
    (_reorder, True, True),
    (_insert, True, True),
    (_truncate, False, True),
    (_rewrite, True, True),
    (_rewrite_hiding_the_checkpoint, False, True),
    (_rewrite_with_the_key, False, True),
    (_rewrite_the_end, False, False),
]


@pytest.mark.parametrize(("attack", "alone", "anchored"), MATRIX)
def test_what_is_noticed_and_what_is_not(
    filled: Filled, record: Make, sealer: Sealer, attack: Attack, alone: bool, anchored: bool
) -> None:
    """Whatever was done to entries that somebody outside vouches for is noticed; what was done after them need not be.

    Alone, a trail notices what whoever did it did not make whole again. A rewrite by somebody who can write to the
    store, and takes care, only an anchor shows; and after the last anchor nothing does.
    """
    checkpoints = filled(92)
    note = checkpoints.make().note
    checkpoints.trail.append(*map(record, range(92, 100)))
    verifiers = checkpoints.verifiers
    forger = Forger(checkpoints.trail.storage)
    attack(forger, checkpoints, sealer)
    trail = Trail(forger.stored())
    assert verify(trail, verifiers=verifiers).is_sound is not alone
    found = verify(trail, verifiers=verifiers, anchors=[Anchor("the safe", note)])
    assert found.is_sound is not anchored
    if anchored:
        assert found.anchored == 0
        assert "The trail is broken" in found.statement[0]
    else:
        assert found.anchored == 92
        assert any("nobody outside has seen yet" in one for one in found.statement)


def test_a_finding_names_its_place(filled: Filled) -> None:
    """An altered entry is named, and only it."""
    checkpoints = filled(40)
    forger = Forger(checkpoints.trail.storage)
    forger.entries[17] = forger.entries[17].replace(b"g-17", b"g-71")
    found = verify(Trail(forger.stored()))
    assert [(one.place, one.what) for one in found.findings if one.place is not None] == [
        (17, "its bytes are not those that the tree was made over")
    ]


@pytest.mark.parametrize("place", [("audit", "head"), ("audit tail", None), ("audit checkpoint", "latest")])
@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", b'{"v":1}', b'{"v":2}', b"\xff", b'{"at":1,"peaks":1,"size":1,"v":1}']
)
def test_nonsense_beside_the_entries_is_a_finding(filled: Filled, place: tuple[str, str | None], value: bytes) -> None:
    """What a store holds beside the entries may be anything: it is told, and raises nothing."""
    checkpoints = filled(10)
    checkpoints.make()
    forger = Forger(checkpoints.trail.storage)
    forger.documents[next(one for one in forger.documents if one[0] == place[0] and place[1] in {None, one[1]})] = value
    found = verify(Trail(forger.stored()), verifiers=checkpoints.verifiers)
    assert found.findings
    assert all(str(one) for one in found.findings)


@pytest.mark.parametrize("journal", ["entries", "nodes"])
def test_more_than_the_head_counts_is_a_finding(filled: Filled, journal: str) -> None:
    """Entries or nodes that were put behind the end are seen."""
    forger = Forger(filled(10).trail.storage)
    getattr(forger, journal).append(bytes(32))
    assert "that its head does not count" in str(verify(Trail(forger.stored())).findings[0])


def test_strange_ends_of_tenants_are_findings(filled: Filled) -> None:
    """An end that is another one than the entries', or of a tenant that has none, is seen."""
    for key in (None, "0" * 64):
        forger = Forger(filled(10).trail.storage)
        place = ("audit tail", key or next(one[1] for one in forger.documents if one[0] == "audit tail"))
        forger.documents[place] = b'{"last":1,"number":1,"v":1}'
        assert len(verify(Trail(forger.stored())).findings) == 1


def test_false_anchors_are_findings(filled: Filled) -> None:
    """A note that is none, is signed by a stranger, or speaks of another trail, is no anchor, and is told."""
    checkpoints = filled(10)
    made = checkpoints.make()
    stranger, own = Signer(ORIGIN, bytes(32)), checkpoints._key.signer()
    other = Checkpoint("other.example/audit", 10, made.checkpoint.root)
    by_others = signed_note(made.checkpoint.body, stranger), signed_note(other.body, own)
    for note in ("", made.note.replace("10", "11"), *by_others):
        found = verify(checkpoints.trail, verifiers=checkpoints.verifiers, anchors=[Anchor("the safe", note)])
        assert len(found.findings) == 1
        assert "the safe" in str(found.findings[0])


def test_a_verification_that_does_not_hash_entries_is_caught(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build that takes the nodes for what the entries must be is caught by the test that names an altered entry."""
    real = walk_module.Walk.to

    def trusting(self: walk_module.Walk, size: int) -> object:
        return (one for one in real(self, size) if "bytes are not those" not in one.what)

    monkeypatch.setattr(walk_module.Walk, "to", trusting)
    with pytest.raises(AssertionError):
        test_a_finding_names_its_place(filled)
