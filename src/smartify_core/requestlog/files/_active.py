"""The file that a process writes to."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ._names import COMPRESSED, LINES, file_name
from ._opened import Opened, Shelf
from ._packed import is_told
from ._settings import Settings, make_directory

_TRIES: Final = 100


class ActiveFile:
    """A file of this process's own.

    Attributes:
        started: When it was begun.
        torn: Whether its last line is torn and could not be cut off. Nothing may follow it.
    """

    def __init__(self, opened: Opened, started: datetime) -> None:
        self.opened = opened
        self.started = started
        self.torn = False

    def append(self, lines: Sequence[bytes]) -> tuple[int, OSError | None]:
        """Write lines with one call, and return how many of them are in the file whole, and what went wrong.

        What was written of a line that does not fit is cut off again.
        """
        data = b"".join(lines)
        written = 0
        try:
            while written < len(data):
                # More than once only where a disk is full in the middle of it, or a signal came.
                written += self._write(data[written:] if written else data)
        except OSError as error:
            count, whole = _whole(lines, written)
            if whole < written:
                self._cut(written - whole)
            return count, error
        return len(lines), None

    def _write(self, data: bytes) -> int:
        written = os.write(self.opened.fd, data)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

    def _cut(self, torn: int) -> None:
        try:
            size = self.opened.size()
            if size >= torn:
                os.ftruncate(self.opened.fd, size - torn)
        except OSError:
            self.torn = True


def _whole(lines: Sequence[bytes], written: int) -> tuple[int, int]:
    """Return how many lines, and how many bytes of whole lines, ``written`` bytes are."""
    count = whole = 0
    for line in lines:
        if whole + len(line) > written:
            break
        count, whole = count + 1, whole + len(line)
    return count, whole


def begin(settings: Settings, shelf: Shelf, started: datetime, first: int) -> tuple[ActiveFile, int]:
    """Create a file and lock it; return it and its number, which is ``first`` or follows it.

    Raises:
        OSError: None can be made.
    """
    directory = settings.directory
    for number in range(first, first + _TRIES):
        name = file_name(started, os.getpid(), number)
        if is_told(directory, name.removesuffix(LINES)):
            continue  # the clock went back, and what had that name is packed: what is written now would not count
        path = directory / name
        try:
            try:
                opened = shelf.create(path, settings.mode)
            except FileNotFoundError:  # somebody deleted the directory
                make_directory(directory)
                opened = shelf.create(path, settings.mode)
        except FileExistsError:
            continue
        # Between its creation and our lock, somebody who tidies up may have taken the empty file for a dead process's.
        if opened.lock(unless_known=True) and opened.is_in_place():
            # A process of the same pid may have begun in this second already, and its file be compressed by now.
            if not os.path.lexists(path.with_name(f"{path.name}{COMPRESSED}")):
                return ActiveFile(opened, started), number
            path.unlink(missing_ok=True)
        opened.close()
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
