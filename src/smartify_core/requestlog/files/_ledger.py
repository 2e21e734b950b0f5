"""Deletions that leave a proof: what is deleted is noted first, once, wherever somebody pulls the plug.

``expired.jsonl`` holds the notes, and its lock is the right to delete. A deletion is written down whole, under a name
of its own (``.expiring``), before anything else happens: the notes, where in the ledger they go, and the files. From
then on it can be done again from the beginning as often as it is cut short, with the same end.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from smartify_core.requestlog._event._note import Note

from ._names import COMPRESSED, EXPIRED, PARTIAL
from ._opened import Opened, Shelf, sync_directory, whole_bytes

_INTENT: Final = ".expiring"
#: How often, and how long, a ledger is waited for that another process has.
_TRIES: Final = 200
_PAUSE: Final = 0.05


class Ledger:
    """The notes of what was deleted, locked against everybody else.

    Args:
        directory: The directory of the log.
        opened: Its ledger.
        shelf: Holds what is opened.
        mode: The mode of what is created.
    """

    def __init__(self, directory: Path, opened: Opened, shelf: Shelf, mode: int) -> None:
        self._directory = directory
        self._opened = opened
        self._shelf = shelf
        self._mode = mode

    def delete(self, files: Sequence[Path], days: Mapping[str, int], now: datetime) -> None:
        """Note how many events of each day expire, and delete the files that hold them.

        Raises:
            OSError: That failed, perhaps in the middle. What is left to do is done by `settle`.
        """
        if any(self._inside(self.name_of(file)) is None for file in files):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))  # noted, and never deleted, it would be noted for ever
        time = max(0, int(now.timestamp()))
        notes = [Note(time, "expired", count, day).line() for day, count in sorted(days.items()) if count]
        intent = {
            "at": whole_bytes(self._opened),
            "notes": b"".join(notes).decode("ascii"),
            "files": list(map(self.name_of, files)),
        }
        partial = self._directory / f"{_INTENT}{PARTIAL}"
        partial.unlink(missing_ok=True)
        out = self._shelf.create(partial, self._mode)
        try:
            out.write(json.dumps(intent).encode("ascii"))
            os.fsync(out.fd)
        except OSError:
            partial.unlink(missing_ok=True)
            raise
        finally:
            out.close()
        partial.rename(self._directory / _INTENT)
        sync_directory(self._directory)
        self.settle()

    def delete_or_settle(self, files: Sequence[Path], days: Mapping[str, int], now: datetime) -> None:
        """Do what `delete` does, or the rest of it where it was cut short after it was written down.

        Raises:
            OSError: As `delete`.
        """
        if is_owed(self._directory):
            self.settle()
        else:
            self.delete(files, days, now)

    def name_of(self, file: Path) -> str:
        """Return what a file is called below the directory of the log."""
        return file.relative_to(self._directory).as_posix()

    def settle(self) -> None:
        """Do what is left of a deletion that was cut short.

        Raises:
            OSError: That failed; it is still left.
        """
        intent = self._intent()
        if intent is None:
            return
        at, notes = max(0, min(int(intent["at"]), self._opened.size())), str(intent["notes"]).encode("ascii")
        if notes:
            view = memoryview(notes)
            while view:
                at += (written := os.pwrite(self._opened.fd, view, at))
                view = view[written:]
            os.ftruncate(self._opened.fd, at)
            os.fsync(self._opened.fd)
            sync_directory(self._directory)
        for name in intent["files"]:
            path = self._inside(str(name))
            if path is not None:
                # An original whose compressed form is complete goes first: alone, it would count as a file again.
                original = path.with_name(path.name.removesuffix(COMPRESSED))
                for one in (original, path.with_name(f"{original.name}{COMPRESSED}{PARTIAL}"), path):
                    one.unlink(missing_ok=True)
                if path.parent != self._directory:
                    with suppress(OSError):  # others are in it
                        path.parent.rmdir()
        sync_directory(self._directory)
        (self._directory / _INTENT).unlink(missing_ok=True)

    def close(self) -> None:
        """Give up the right to delete."""
        self._opened.close()

    def _intent(self) -> dict[str, Any] | None:
        try:
            opened = self._shelf.open(self._directory / _INTENT, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            intent = json.loads(os.pread(opened.fd, opened.size(), 0))
        except ValueError:
            intent = None
        finally:
            opened.close()
        if _is_intent(intent):
            known: dict[str, Any] = intent
            return known
        # Not ours: ours get their name when they are whole.
        (self._directory / _INTENT).unlink(missing_ok=True)
        return None

    def _inside(self, name: str) -> Path | None:
        """Return the path of a file in the directory, None where the name leads out of it."""
        path = self._directory / name
        with suppress(OSError):
            if ".." not in path.parts and path.parent.resolve().is_relative_to(self._directory.resolve()):
                return path
        return None


def _is_intent(intent: object) -> bool:
    """Return whether something is a deletion as we write it down."""
    return (
        isinstance(intent, dict)
        and intent.keys() == {"at", "notes", "files"}
        and type(intent["at"]) is int
        and isinstance(intent["notes"], str)
        and intent["notes"].isascii()
        and isinstance(intent["files"], list)
        and all(isinstance(name, str) and name and "\0" not in name for name in intent["files"])
    )


def is_owed(directory: Path) -> bool:
    """Return whether a deletion was cut short."""
    return os.path.lexists(directory / _INTENT)


def open_ledger(directory: Path, shelf: Shelf, mode: int, *, wait: bool) -> Ledger | None:
    """Return the ledger, locked; None where another process has it and is not to be waited for.

    Raises:
        OSError: It cannot be opened; ``EBUSY`` where another process did not let go of it in ten seconds.
    """
    pause = threading.Event()
    for _ in range(_TRIES):
        opened = shelf.open(directory / EXPIRED, os.O_RDWR | os.O_CREAT, mode)
        try:
            if not opened.lock(unless_known=True):
                opened.close()
                if not wait:
                    return None
                pause.wait(_PAUSE)
                continue
            if opened.is_in_place():
                if not opened.size():
                    # One that an administrator's command made is the application's, too.
                    opened.give_to(directory.stat())
                return Ledger(directory, opened, shelf, mode)
        except OSError:
            opened.close()
            raise
        opened.close()
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
