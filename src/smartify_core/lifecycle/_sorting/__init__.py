"""Sorting the people of one read into those who are new, who differ, who are as they were, and who is not there.

Two ways lead to the same: `_fast` has every account's fingerprint at hand, `_flat` takes the same few megabytes however
many there are (`_spool` keeps who was read, in a `_scratch` file, and `_differences` compares partition by partition).
`_choice` knows which suits a tenant.
"""

from ._choice import Memory, is_frugal, sort_everybody
from ._fast import BLOCK
from ._sorted import Sorted

__all__ = ["BLOCK", "Memory", "Sorted", "is_frugal", "sort_everybody"]
