"""Keeping one read of a directory, sealed, and playing it back to the same plan."""

from __future__ import annotations

from ._playing_back import RecordedDirectory
from ._recording import SnapshotRecorder

__all__ = [
    "RecordedDirectory",
    "SnapshotRecorder",
]
