"""Where grants are kept: two kinds of documents, and keys that tell whose they are."""

from __future__ import annotations

from typing import Final

GRANT: Final = "grant"
#: Where a grant is moved to that has been over for a while, so that decisions do not read it again and again.
PAST: Final = "grant past"


def place_of(employee: str, tenant: str) -> str:
    """Return how the keys of an employee's grants for a tenant begin."""
    # An id of an employee has no slash; a tenant's name may have any character, and its length keeps it apart.
    return f"{employee}/{len(tenant)}:{tenant}/"


def is_for(key: str, tenant: str) -> bool:
    """Return whether a key is that of a grant for a tenant."""
    return key.partition("/")[2].startswith(f"{len(tenant)}:{tenant}/")
