"""Who may see a name, why, and the record that proves it.

- ``policy.audit`` is the audit trail: its tree, proofs and signed checkpoints.
- `Purpose` and `PersonalField` are the closed lists of what for and what.
"""

from __future__ import annotations

from ._ledger import LEDGER
from ._vocabulary import ACCOUNT_FIELDS, PROHIBITED, PSEUDONYMOUS, PersonalField, Purpose

__all__ = ["ACCOUNT_FIELDS", "LEDGER", "PROHIBITED", "PSEUDONYMOUS", "PersonalField", "Purpose"]
