"""The latest checkpoint as a trail keeps it, and who has vouched for what. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from attrs import field, frozen

from smartify_core.errors import SmartifyError, TrailBroken, UsageError

from ._checkpoint import Checkpoint
from ._entries import instant, instant_of, is_number
from ._notes import parted

_FORMAT: Final = 1


@frozen(order=False)
class Vouched:
    """Somebody outside of the store has a checkpoint.

    Args:
        by: The witness, or where a note was kept.
        size: How many entries the checkpoint has.
        at: When: the witness's own word where it signs the time, else when it was handed over; ``None`` where nobody
            knows.
    """

    by: str
    size: int
    at: datetime | None = None


@frozen(order=False)
class SignedCheckpoint:
    """A checkpoint with its signatures.

    Args:
        note: The text to keep elsewhere: C2SP's signed note, with the cosignatures of witnesses.
        at: When it was made, by the clock of who made it.
        vouched: How far each witness has vouched so far.
        failures: What kept a witness from vouching for this one; not kept.
    """

    note: str
    at: datetime
    vouched: tuple[Vouched, ...] = ()
    failures: tuple[SmartifyError, ...] = field(default=(), eq=False)

    @property
    def checkpoint(self) -> Checkpoint:
        """What it says."""
        return Checkpoint.of_body(parted(self.note)[0])

    @property
    def content(self) -> bytes:
        """The checkpoint as it is stored."""
        vouched = [
            {"at": None if one.at is None else instant(one.at), "by": one.by, "size": one.size} for one in self.vouched
        ]
        held = {"at": instant(self.at), "note": self.note, "v": _FORMAT, "vouched": vouched}
        return json.dumps(held, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def of_content(cls, content: bytes) -> SignedCheckpoint:
        """Return the checkpoint that was stored.

        Raises:
            TrailBroken: It is not one.
        """
        try:
            held = json.loads(content)
            found = cls(held["note"], instant_of(held["at"]), tuple(map(_vouched, held["vouched"])))
            if held["v"] == _FORMAT and found.checkpoint.size >= 0:
                return found
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError, UsageError):
            pass
        raise TrailBroken(
            "the latest checkpoint of the audit trail is not as it was written",
            cure="Verify the trail against a checkpoint that was kept elsewhere.",
        )


def _vouched(held: dict[str, Any]) -> Vouched:
    if not isinstance(held["by"], str) or not is_number(held["size"]):
        raise ValueError
    return Vouched(held["by"], held["size"], None if held["at"] is None else instant_of(held["at"]))
