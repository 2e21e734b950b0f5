"""One thing that `smartify doctor` looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

#: How many ids are named before the others are counted.
_NAMED: Final = 5


@frozen(order=False)
class Checkup:
    """One thing that was looked at.

    Args:
        sentence: The sentence of the clause that it is about.
        enforced: Whether it is as it should be; ``None`` where this library does not keep it, and the host has to.
        what: What was found, in words with ids and counts only.
        cure: What to do about it, where it is not as it should be.
        is_note: Whether it is worth knowing, though it is as it should be.
    """

    sentence: str
    enforced: bool | None
    what: str
    cure: str = ""
    is_note: bool = False


def counted(names: Iterable[str]) -> str:
    """Return the first few ids, and how many more there are."""
    listed = sorted(set(names))
    return ", ".join(listed[:_NAMED]) + (f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else "")
