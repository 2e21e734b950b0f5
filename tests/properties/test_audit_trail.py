"""Laws of the audit trail: against a list, and its tree against another library's."""

from __future__ import annotations

import ast
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion

from smartify_core.errors import WriteConflict
from smartify_core.model import LEDGER, PutDocument
from smartify_core.policy.audit import (
    Anchor,
    AuditRecord,
    Checkpoints,
    Frontier,
    Trail,
    check_consistency,
    check_inclusion,
    consistency_proof,
    export,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify,
)
from smartify_core.policy.audit.verifier import examine
from smartify_core.sealing import Sealer
from smartify_core.sealing.memory import MemoryKeyRing
from smartify_core.storage.memory import MemoryStorage
from smartify_core.testing import ManualClock

SOURCES = Path(__file__).parents[2] / "src"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TENANTS = st.sampled_from(["acme", "umbrella", None])


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.data())
def test_roots_and_proofs_are_those_of_another_library(entries: list[bytes], data: st.DataObject) -> None:
    """Roots of every size and proofs of inclusion and consistency are pymerkle's, and each checks the other's."""
    theirs = InmemoryTree(algorithm="sha256")
    theirs.append_entries(entries)
    frontier, made = Frontier().append(*entries)
    nodes = {(one.level, one.index): one.hash for one in made}

    def node(level: int, index: int) -> bytes:
        return nodes[level, index]

    new = data.draw(st.integers(1, len(entries)))
    old = data.draw(st.integers(1, new))
    index = data.draw(st.integers(0, new - 1))
    root, old_root = root_of(new, node), root_of(old, node)
    assert frontier.root == theirs.get_root()
    assert (root, old_root) == (theirs.get_root(new), theirs.get_root(old))
    leaf = leaf_hash(entries[index])
    proof = theirs.prove_inclusion(index + 1, new)
    verify_inclusion(leaf, root, proof)
    path = [bytes.fromhex(one) for one in proof.serialize()["path"]]
    assert path[1:] == list(inclusion_proof(index, new, node))
    assert check_inclusion(leaf, index, new, path[1:], root)
    grown = theirs.prove_consistency(old, new)
    verify_consistency(old_root, root, grown)
    assert check_consistency(old, new, consistency_proof(old, new, node), old_root, root)


def test_nothing_that_is_shipped_imports_the_other_library() -> None:
    """It is under the GPL, so that it is for tests only."""
    for file in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(re.match(r"(pymerkle|cachetools)\b", name) for name in names), file


class TrailMachine(RuleBasedStateMachine):
    """Whatever is done in whatever order, a trail is a list that only grows, and everything about it can be proven."""

    @initialize()
    def begin(self) -> None:
        """Open a trail twice."""
        self.storage = MemoryStorage()
        self.clock = ManualClock(NOON)
        self.sealer = Sealer(MemoryKeyRing())
        self.trails = [Trail(self.storage, clock=self.clock) for _ in range(2)]
        self.list: list[AuditRecord] = []
        self.notes: list[str] = []
        self.latest = datetime.min.replace(tzinfo=UTC)
        self.version = 0
        self.vkey = self.checkpoints().signing_verifier().vkey

    def checkpoints(self) -> Checkpoints:
        """Return what makes checkpoints."""
        return Checkpoints(self.trails[0], self.sealer, origin="v", clock=self.clock)

    @rule(tenants=st.lists(TENANTS, min_size=1, max_size=4), which=st.integers(0, 1), step=st.integers(-50, 100))
    def append(self, tenants: list[str | None], which: int, step: int) -> None:
        """Append a few records; the clock runs as it likes."""
        at = self.clock.advance(seconds=step)
        records = [AuditRecord(f"k{number}", at, tenant) for number, tenant in enumerate(tenants)]
        places = self.trails[which].append(*records)
        assert list(places) == [*range(len(self.list), len(self.list) + len(records))]
        self.latest = max(self.latest, at)
        self.list += [AuditRecord(one.kind, self.latest, one.tenant) for one in records]
        assert self.trails[which].now() == max(self.latest, at)

    @rule(which=st.integers(0, 1), right=st.booleans())
    def append_with_a_document(self, which: int, right: bool) -> None:
        """Append a record with a document, which is at its version or is not."""
        put = PutDocument("grant", "g", b"x", self.version + (not right))
        at = self.clock()
        if not right:
            with pytest.raises(WriteConflict):
                self.trails[which].append(AuditRecord("d", at), documents=[put])
            return
        self.trails[which].append(AuditRecord("d", at), documents=[put])
        self.version += 1
        self.latest = max(self.latest, at)
        self.list.append(AuditRecord("d", self.latest))

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        """Open a trail anew, as another process does."""
        self.trails[which] = Trail(self.storage, clock=self.clock)

    @rule()
    def checkpoint(self) -> None:
        """Make a checkpoint, and keep it elsewhere."""
        made = self.checkpoints().make()
        assert made.checkpoint.size == len(self.list)
        self.notes.append(made.note)

    @rule()
    def rotate(self) -> None:
        """Rotate the signing key, which the trail tells of."""
        self.checkpoints().rotate()
        self.latest = max(self.latest, self.clock())
        self.list.append(self.trails[0].entry(len(self.list)).record)
        assert (self.list[-1].kind, self.list[-1].at) == ("audit.key.rotated", self.latest)

    @rule(tenant=st.sampled_from(["acme", "umbrella"]), data=st.data())
    def hand_over(self, tenant: str, data: st.DataObject) -> None:
        """Export a tenant's entries, to somebody who may have kept any checkpoint there was."""
        kept = data.draw(st.none() | st.sampled_from(self.notes)) if self.notes else None
        target = io.StringIO()
        export(self.checkpoints(), tenant, target, kept=kept)
        _, entries = examine(target.getvalue().encode(), self.vkey, kept)
        assert [one["place"] for one in entries] == [n for n, one in enumerate(self.list) if one.tenant == tenant]

    @invariant()
    def is_the_list(self) -> None:
        """The entries are the records, and each tenant's lead back to its first."""
        trail = self.trails[1]
        assert [one.record for one in trail.entries()] == self.list
        for tenant in ("acme", "umbrella"):
            own = [number for number, one in enumerate(self.list) if one.tenant == tenant]
            assert [one.place for one in trail.of_tenant(tenant)] == own[::-1]
        anchors = [Anchor("safe", note) for note in self.notes]
        found = verify(trail, verifiers=self.checkpoints().verifiers, anchors=anchors)
        assert found.findings == ()
        assert len(found.vouched) == len(self.notes)
        stored = self.storage.tenant(LEDGER).positions
        assert stored.get("audit", 0) == len(self.list)


TestTrailMachine = TrailMachine.TestCase
TestTrailMachine.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
