"""What each record said at an earlier instant, for reads that trail behind the writes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar

R = TypeVar("R")


class Timeline(Generic[R]):
    """The versions of many records, each with the instant from which it held. ``None`` stands for "no longer there"."""

    def __init__(self) -> None:
        self._versions: dict[str, tuple[list[datetime], list[R | None]]] = {}

    def note(self, record_id: str, at: datetime, record: R | None) -> None:
        """Remember that ``record`` holds from ``at`` on. A clock that was turned back counts as standing still."""
        times, records = self._versions.setdefault(record_id, ([], []))
        times.append(max(at, times[-1]) if times else at)
        records.append(record)

    def one(self, record_id: str, at: datetime) -> R | None:
        """Return the record as it was at ``at``, or ``None`` when it was not there."""
        versions = self._versions.get(record_id)
        if versions is None:
            return None
        position = bisect_right(versions[0], at)
        return versions[1][position - 1] if position else None

    def every(self, at: datetime) -> Iterator[R]:
        """Yield every record that was there at ``at``, in no order."""
        for record_id in self._versions:
            record = self.one(record_id, at)
            if record is not None:
                yield record
