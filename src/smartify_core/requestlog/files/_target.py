"""What the thread of a `JsonLinesFile` does: writes batches, turns files over, and looks after finished ones."""

from __future__ import annotations

import errno
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from smartify_core.requestlog._diagnostics import Troubles
from smartify_core.requestlog._event._note import Note, Record
from smartify_core.requestlog._sinks._mappings import lines_of
from smartify_core.requestlog._sinks._pump import Sent

from ._active import ActiveFile, begin
from ._expiring import expiring
from ._finishing import adopt, finish
from ._opened import Shelf
from ._settings import Settings

#: The most bytes that are written with one call.
_BATCH_BYTES: Final = 1 << 16
#: How often what others left behind and what is too old is looked for.
_LOOK_EVERY: Final = timedelta(hours=1)
#: How far a clock may go back before a new file is begun: less is a correction, more a clock that was wrong.
_BACK: Final = timedelta(hours=1)
#: How far ahead a clock may go at once before it is not believed in matters of retention.
_AHEAD: Final = timedelta(days=1)


class FileTarget:
    """The files of one process, as a `Target`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._line = settings.line
        self._lines = lines_of(settings.keys)
        self._troubles = Troubles()
        self._begin()

    def _begin(self) -> None:
        self._shelf = Shelf()
        self._active: ActiveFile | None = None
        self._number = 0
        self._finished: list[ActiveFile] = []
        self._chores: Iterator[None] | None = None
        self._looked: datetime | None = None
        self._is_believed = False
        self._seen = self._settings.now(), time.monotonic()

    # --- writing -----------------------------------------------------------------------------------------------------

    def send(self, records: Sequence[Record]) -> Sent:
        """Write records as lines, in batches of at most 64 kB."""
        try:
            lines = self._lines(records)
        except Exception:  # noqa: BLE001 - one bad record stops no other: told one by one
            lines = [self._rendered(record) for record in records]
        done = 0
        while done < len(lines):
            batch = _batch(lines, done)
            try:
                written, error = self._append(batch)
            except OSError as trouble:
                written, error = 0, trouble
            done += written
            if error is not None:
                return Sent(done, _lost(records, lines, done), errno.errorcode.get(error.errno or 0, "OSError"))
        return Sent(done, _lost(records, lines, done))

    def _rendered(self, record: Record) -> bytes:
        try:
            return self._line(record)
        except Exception as error:  # noqa: BLE001 - whatever was put: one bad record stops no other
            self._troubles.warn("request_log_record_refused", error=type(error).__name__)
            return b""

    def _append(self, batch: Sequence[bytes]) -> tuple[int, OSError | None]:
        active = self._ready()
        written, error = active.append(batch)
        if active.torn:
            # Nothing may follow half a line. Whoever adopts the file cuts it off.
            active.opened.close()
            self._active = None
        elif active.opened.size() >= self._settings.rotate_bytes or (error is not None and error.errno == errno.EFBIG):
            self._retire(active)
        if error is not None and error.errno == errno.EFBIG and written:
            return written, None  # the limit of one file, not of the disk: the next one takes the rest
        return written, error

    def _ready(self) -> ActiveFile:
        """Return the file to write to now.

        Raises:
            OSError: There is none, and none can be made.
        """
        now = self._settings.now()
        self._look_at_active(now)
        if self._active is None:
            self._active, number = begin(self._settings, self._shelf, now, self._number)
            self._number = number + 1
        return self._active

    def _look_at_active(self, now: datetime) -> None:
        """Let go of the file where it is no longer to be written to."""
        active = self._active
        if active is None:
            return
        if not active.opened.is_in_place():
            # Somebody renamed it, or deleted it: what is theirs is not written to, nor its room held on to.
            active.opened.close()
            self._active = None
        elif self._is_over(active, now):
            self._retire(active)

    def _is_over(self, active: ActiveFile, now: datetime) -> bool:
        return self._settings.period(now) > self._settings.period(active.started) or now < active.started - _BACK

    def _retire(self, active: ActiveFile) -> None:
        self._active = None
        if self._settings.compress:
            self._finished.append(active)
        else:
            active.opened.close()

    # --- what is done in between -------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Do a piece of what is due: compress, adopt, expire."""
        with suppress(OSError):  # whoever writes next meets it, too, and tells of it
            self._look_at_active(self._settings.now())
        if self._chores is None:
            if not self._finished and not self._is_time_to_look():
                return False
            self._chores = self._all_chores()
        try:
            next(self._chores)
        except StopIteration:
            self._chores = None
        except OSError as error:
            self._chores = None
            self._failed(error)
        return True

    def hasten(self) -> None:
        """Have others' files looked for now, and have the clock believed."""
        self._looked = None
        self._is_believed = True

    def _is_time_to_look(self) -> bool:
        now = self._settings.now()
        return self._looked is None or not self._looked <= now < self._looked + _LOOK_EVERY

    def _all_chores(self) -> Generator[None, None, None]:
        settings, shelf = self._settings, self._shelf
        while self._finished:
            yield from finish(self._finished.pop(0).opened, shelf, self._recovered, compress=True)
        if not self._is_time_to_look():
            return
        self._looked = now = settings.now()
        yield from adopt(settings.directory, shelf, self._recovered, compress=settings.compress, failed=self._failed)
        if self._has_jumped(now):
            self._troubles.warn("request_log_clock_jumped")
            return
        yield from expiring(
            settings.directory,
            shelf,
            settings.mode,
            keep=settings.keep,
            keep_bytes=settings.keep_bytes,
            now=now,
            wait=False,
        )

    def _has_jumped(self, now: datetime) -> bool:
        """Return whether the clock has gone ahead by more than has gone by since the last look.

        Then nothing is deleted by it: the next look, an hour later, will have been told a time that lasts, or the right
        one again. A deletion could not be taken back.
        """
        before, counted = self._seen
        self._seen = now, time.monotonic()
        believed, self._is_believed = self._is_believed, False
        return not believed and now - before > timedelta(seconds=time.monotonic() - counted) + _AHEAD

    def _recovered(self, torn: int) -> bytes:
        return self._line(Note(int(self._settings.now().timestamp()), "recovered", torn))

    def _failed(self, error: OSError) -> None:
        self._troubles.warn("request_log_files_not_tidied", error=errno.errorcode.get(error.errno or 0, "OSError"))

    # --- endings -----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close all files. What is not compressed yet is, by whoever looks at it next."""
        self._chores = None
        for active in (self._active, *self._finished):
            if active is not None:
                active.opened.close()
        self._begin()

    def forget(self) -> None:
        """Let go of the parent's files in the child of a fork."""
        self._shelf.forget()
        self._begin()


def _batch(lines: Sequence[bytes], first: int) -> Sequence[bytes]:
    """Return lines from the first on, as many as make up one batch: at least one."""
    if not first and sum(map(len, lines)) <= _BATCH_BYTES:
        return lines
    size, end = 0, first
    while end < len(lines) and (end == first or size + len(lines[end]) <= _BATCH_BYTES):
        size += len(lines[end])
        end += 1
    return lines[first:end]


def _lost(records: Sequence[Record], lines: Sequence[bytes], done: int) -> int:
    """Return how many of the records that are done could not be made into a line."""
    if all(lines):
        return 0
    return sum(
        not line and not isinstance(record, Note) for record, line in zip(records[:done], lines[:done], strict=True)
    )
