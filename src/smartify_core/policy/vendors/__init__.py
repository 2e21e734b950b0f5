"""Vendors: who they are, what they promised in turn, and the one way in which data goes to one.

- `Vendors` is the register: `Vendor` and `Undertaking` are kept sealed, every change is in the audit trail.
- `read_register` reads vendors from a file.
- `decide_export` compares what an export needs with what the register holds; `Exports` acts on it.
- `Duty` and `Lapse` say whom to tell, and which promise to renew.
"""

from __future__ import annotations

from ._commitments import Commitment, Undertaking
from ._duties import Duty, Lapse
from ._export_decision import (
    Barrier,
    Consideration,
    ExportDecision,
    ExportFacts,
    ExportForm,
    ExportRequest,
    Gap,
    decide_export,
)
from ._exports import Export, Exports
from ._register import Announcement, Vendor
from ._register_file import evidence_of, read_register
from ._vendors import Vendors

__all__ = [
    "Announcement",
    "Barrier",
    "Commitment",
    "Consideration",
    "Duty",
    "Export",
    "ExportDecision",
    "ExportFacts",
    "ExportForm",
    "ExportRequest",
    "Exports",
    "Gap",
    "Lapse",
    "Undertaking",
    "Vendor",
    "Vendors",
    "decide_export",
    "evidence_of",
    "read_register",
]
