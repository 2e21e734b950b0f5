"""Impact: whom an incident may have reached, worked out from the audit trail and the store."""

from __future__ import annotations

from ._assessments import Assessments

__all__ = ["Assessments"]
