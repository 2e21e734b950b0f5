"""The audit trail: an append-only record of who opened what and why, which proves itself.

- `Trail` keeps an `AuditRecord` durably in the host's store, and reads it again as an `AuditEntry`.
- `Frontier` is all that is needed to append; `root_of`, `inclusion_proof` and `consistency_proof` read the nodes of a
  tree from wherever they are kept.
- `check_inclusion` and `check_consistency` need a proof and nothing else, so that a stranger can check it.
- `Checkpoint` says how far a trail had come; `Signer` signs it and `Verifier` checks that, in the text that C2SP's
  checkpoints and signed notes have.
"""

from __future__ import annotations

from ._checkpoint import Checkpoint
from ._entries import LONGEST_ENTRY, AuditEntry, AuditRecord, Fact
from ._notes import Signer, Verifier, opened, signed
from ._proofs import check_consistency, check_inclusion, consistency_proof, inclusion_proof
from ._state import TrailHead
from ._trail import Trail
from ._tree import EMPTY_ROOT, Frontier, Node, leaf_hash, node_hash, root_of

__all__ = [
    "EMPTY_ROOT",
    "LONGEST_ENTRY",
    "AuditEntry",
    "AuditRecord",
    "Checkpoint",
    "Fact",
    "Frontier",
    "Node",
    "Signer",
    "Trail",
    "TrailHead",
    "Verifier",
    "check_consistency",
    "check_inclusion",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "opened",
    "root_of",
    "signed",
]
