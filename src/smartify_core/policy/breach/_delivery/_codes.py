"""Where a notice is found by its code, however that was typed or read out. Pure."""

from __future__ import annotations

import re
from hashlib import sha256

#: No code of a notice is longer.
_LONGEST = 1_000
#: What people put between the letters of a code.
_between = re.compile(r"[\s-]+").sub


def key_of_code(code: str) -> str:
    """Return the key of the document about a code: a hash, so that how long it is looked for tells of no near guess."""
    return sha256(_between("", code[:_LONGEST]).upper().encode("utf-8", "surrogatepass")).hexdigest()
