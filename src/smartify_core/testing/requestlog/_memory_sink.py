"""`MemorySink`: what a request log would write, kept in memory."""

from __future__ import annotations

import threading

from smartify_core.errors import UsageError
from smartify_core.requestlog import Note, Record, RequestEvent


class MemorySink:
    """A `Sink` that keeps what it is given, for tests. Safe to use from any number of threads.

    Args:
        most: How many records it keeps; what comes then is dropped and counted, and told in a note when it is flushed.

    Raises:
        UsageError: It is to keep less than one.
    """

    def __init__(self, most: int = 100_000) -> None:
        if type(most) is not int or most < 1:
            raise UsageError("a sink keeps at least one record", where="MemorySink(most=…)", cure="Correct the call.")
        self._most = most
        self._lock = threading.RLock()
        self._records: list[Record] = []
        self._dropped = 0
        self._told = 0
        self._closed = False

    @property
    def records(self) -> tuple[Record, ...]:
        """Everything that was put, in order, with the notes about what was dropped."""
        with self._lock:
            return tuple(self._records)

    @property
    def events(self) -> tuple[RequestEvent, ...]:
        """The events alone."""
        return tuple(record for record in self.records if isinstance(record, RequestEvent))

    @property
    def dropped(self) -> int:
        """How many records were not kept."""
        with self._lock:
            return self._dropped

    def put(self, record: Record) -> None:
        """Keep a record; one that is none is dropped."""
        with self._lock:
            if self._closed or len(self._records) >= self._most or type(record) not in {RequestEvent, Note}:
                self._dropped += 1
            else:
                self._records.append(record)

    def flush(self, timeout: float = 5.0) -> bool:  # noqa: ARG002 - the port's; nothing takes time here
        """Tell what was dropped, and return True."""
        with self._lock:
            if self._dropped > self._told and not self._closed:
                time = self._records[-1].time if self._records else 0
                self._records.append(Note(time, "dropped", self._dropped - self._told))
                self._told = self._dropped
        return True

    def close(self, timeout: float = 5.0) -> None:
        """Take no more."""
        with self._lock:
            self.flush(timeout)
            self._closed = True

    def clear(self) -> None:
        """Forget all records."""
        with self._lock:
            self._records.clear()
