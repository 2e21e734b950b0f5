"""The proof of what happened, who was told, and when: written as a page for people and a document for machines."""

from __future__ import annotations

from ._checking import EvidenceFinding, check_evidence
from ._deadlines import EvidencedDeadline, evidenced
from ._export import EvidencePack, export_evidence

__all__ = [
    "EvidenceFinding",
    "EvidencePack",
    "EvidencedDeadline",
    "check_evidence",
    "evidenced",
    "export_evidence",
]
