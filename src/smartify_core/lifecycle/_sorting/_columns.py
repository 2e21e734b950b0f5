"""Many texts, or many fingerprints, as one value and back: a whole directory is kept in columns. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from struct import Struct
from typing import Final

#: The length of a fingerprint.
FINGERPRINT_BYTES: Final = 16
#: No name, address or id of a directory holds it; a column in which one does stays a list.
_SEPARATOR: Final = "\n"

_ONE: Final = Struct(f"{FINGERPRINT_BYTES}s")
#: So many at a step, because a step costs more than what it takes out.
_MANY: Final = Struct(f"{FINGERPRINT_BYTES}s" * 50)


def joined(texts: Sequence[str]) -> str | Sequence[str]:
    """Return at least one text as a single one, for `parted`; as they are where one of them holds the separator."""
    whole = _SEPARATOR.join(texts)
    return whole if whole.count(_SEPARATOR) == len(texts) - 1 else texts


def parted(column: str | Sequence[str]) -> Sequence[str]:
    """Return the texts that `joined` was given."""
    return column.split(_SEPARATOR) if isinstance(column, str) else column


def fingerprints_in(whole: bytes) -> list[bytes]:
    """Return the fingerprints that were joined into ``whole``."""
    end = len(whole) - len(whole) % _MANY.size
    found = list(chain.from_iterable(_MANY.iter_unpack(memoryview(whole)[:end])))
    found.extend(chain.from_iterable(_ONE.iter_unpack(memoryview(whole)[end:])))
    return found
