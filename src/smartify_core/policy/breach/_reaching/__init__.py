"""What every channel over a network needs: a limit to the time that it takes, and names that lead to one place."""

from __future__ import annotations

from ._cutoff import Cutoff, reason_of
from ._domains import ascii_domain
from ._line import Line

__all__ = ["Cutoff", "Line", "ascii_domain", "reason_of"]
