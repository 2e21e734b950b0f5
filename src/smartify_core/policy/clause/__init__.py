"""The clause as data: each sentence with what keeps it, what could falsify it, and how far it is kept.

``python -m smartify_core.policy.clause`` prints the page ``docs/reference/clause.md``.
"""

from __future__ import annotations

from ._page import clause_page
from ._sentences import SENTENCES, Keeping, Sentence

__all__ = ["SENTENCES", "Keeping", "Sentence", "clause_page"]
