"""What documents and journals hold, in rows that never move: each after its length, padded to a length others share."""

from __future__ import annotations

import struct
from typing import Final

from smartify_core.storage import refusals

from ._rows import padded

_LENGTH: Final = struct.Struct(">I")
_SMALLEST: Final = 64


def content_record(content: bytes) -> bytes:
    """Return the value of a document, or the entries of a commit, as a record."""
    record = _LENGTH.pack(len(content)) + content
    return record.ljust(padded(len(record), _SMALLEST), b"\0")


def content_in(record: object, what: str, where: str) -> bytes:
    """Return what a record holds.

    Raises:
        StorageBroken: It is damaged, and so is ``what``.
    """
    if not isinstance(record, bytes) or len(record) < _SMALLEST:
        raise refusals.damaged(what, where)
    ends = _LENGTH.size + int.from_bytes(record[: _LENGTH.size], "big")
    if ends > len(record):
        raise refusals.damaged(what, where)
    return record[_LENGTH.size : ends]
