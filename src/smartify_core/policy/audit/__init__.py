"""The audit trail: an append-only record of who opened what and why, which proves itself.

- `Trail` keeps an `AuditRecord` durably in the host's store, and reads it again as an `AuditEntry`.
- `Frontier` is all that is needed to append; `root_of`, `inclusion_proof` and `consistency_proof` read the nodes of a
  tree from wherever they are kept.
- `check_inclusion` and `check_consistency` need a proof and nothing else, so that a stranger can check it.
- `Checkpoint` says how far a trail had come; `Signer` signs it and `Verifier` checks that, in the text that C2SP's
  checkpoints and signed notes have.
- `Checkpoints` makes them over a trail that is whole, and shows them to witnesses: a `FileWitness`, an `HttpWitness`,
  any `CallableWitness`.
- `verify` reads a whole trail and says how far it is protected; `export` hands a tenant its own entries, which
  ``policy.audit.verifier``, a file that can be taken along alone, checks offline.
"""

from __future__ import annotations

from ._checkpoint import Checkpoint
from ._checkpoints import Checkpoints
from ._cosignatures import Cosigner
from ._entries import LONGEST_ENTRY, AuditEntry, AuditRecord, Fact
from ._export import EXPORT_FORMAT, Exported, export
from ._file_witness import FileWitness
from ._http_witness import HttpWitness
from ._kept import SignedCheckpoint, Vouched
from ._notes import Signer, Verifier, opened_note, signed_note
from ._proofs import check_consistency, check_inclusion, consistency_proof, inclusion_proof
from ._signing import SUCCESSION, followed_succession
from ._state import TrailHead
from ._trail import Trail
from ._tree import EMPTY_ROOT, Frontier, Node, leaf_hash, node_hash, root_of
from ._verifying import Anchor, Verification, verify
from ._walk import TrailFinding
from ._witness import CallableWitness, ProofFrom, Witness

__all__ = [
    "EMPTY_ROOT",
    "EXPORT_FORMAT",
    "LONGEST_ENTRY",
    "SUCCESSION",
    "Anchor",
    "AuditEntry",
    "AuditRecord",
    "CallableWitness",
    "Checkpoint",
    "Checkpoints",
    "Cosigner",
    "Exported",
    "Fact",
    "FileWitness",
    "Frontier",
    "HttpWitness",
    "Node",
    "ProofFrom",
    "SignedCheckpoint",
    "Signer",
    "Trail",
    "TrailFinding",
    "TrailHead",
    "Verification",
    "Verifier",
    "Vouched",
    "Witness",
    "check_consistency",
    "check_inclusion",
    "consistency_proof",
    "export",
    "followed_succession",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "opened_note",
    "root_of",
    "signed_note",
    "verify",
]
