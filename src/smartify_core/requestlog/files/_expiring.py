"""Retention: which files have been kept long enough, and their deletion."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.errors import UsageError

from ._counting import count_days
from ._finishing import sweep
from ._ledger import Ledger, is_owed, open_ledger
from ._names import LogFile, listed
from ._opened import Opened, Shelf
from ._packed import NOTE, PackedFile, beside, nobody_packs, packed_files
from ._settings import WIDEST, absolute, check_instant, check_keep, check_keep_bytes

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_NOTHING: Final[Mapping[str, int]] = {}


@frozen(order=False)
class Expired:
    """What retention deleted.

    Attributes:
        files: Their names, below the directory of the log.
        days: How many events of each day (UTC, ``YYYY-MM-DD``) they held.
    """

    files: tuple[str, ...] = ()
    days: Mapping[str, int] = _NOTHING

    @property
    def events(self) -> int:
        """How many events they held in all."""
        return sum(self.days.values())


def expire(
    directory: str | os.PathLike[str], *, keep: timedelta, now: datetime, keep_bytes: int | None = None
) -> Expired:
    """Delete the log files that were begun at least ``keep`` ago, and note in ``expired.jsonl`` what they held.

    Packed days go ``keep`` after they began. To keep their trends, have ``expire_with_cells`` come first, with a
    ``keep`` that is a day or more shorter.

    The notes, one for each day, are on the disk before the first file goes. Files that a living process writes to stay.
    A running `JsonLinesFile` does this by itself; the command is for logs that nobody writes to any more.

    Args:
        directory: The directory of the log.
        keep: How long a file is kept, at least a minute.
        now: The present instant, aware.
        keep_bytes: Delete the oldest files, too, until so many bytes are left at most. None for no limit.

    Returns:
        What was deleted by this call.

    Raises:
        UsageError: An argument makes no sense, the directory cannot be changed, or another process has been deleting
            or packing for ten seconds.
    """
    check_keep(keep)
    check_instant(now)
    if keep_bytes is not None:
        check_keep_bytes(keep_bytes, 0)
    place, shelf = absolute(directory), Shelf()
    try:
        return _exhausted(expiring(place, shelf, WIDEST, keep=keep, keep_bytes=keep_bytes, now=now, wait=True))
    except OSError as error:
        raise _unchangeable(place, error) from None
    finally:
        shelf.forget()


def overdue(directory: str | os.PathLike[str], *, keep: timedelta, now: datetime) -> tuple[str, ...]:
    """Return what has been kept long enough, as names below the directory of the log. Nothing is deleted.

    Those are the files and packed days that `expire_with_cells` would delete now. `expire` leaves packed files that
    were made by a version of this library that did not note how many events they hold.

    Args:
        directory: The directory of the log.
        keep: How long a file is kept, at least a minute.
        now: The present instant, aware.

    Raises:
        UsageError: An argument makes no sense, or the directory cannot be read.
    """
    check_keep(keep)
    check_instant(now)
    place, shelf = absolute(directory), Shelf()
    try:
        free = [file.path for file in _overdue(listed(place), keep, None, now) if _free(shelf, file) is not None]
        days = [day.path for day in _overdue_days(place, keep, now)]
        return tuple(path.relative_to(place).as_posix() for path in (*free, *days))
    except OSError as error:
        raise _unchangeable(place, error) from None
    finally:
        shelf.forget()


def delete_and_note(
    directory: str | os.PathLike[str], files: Sequence[Path], days: Mapping[str, int], *, now: datetime
) -> None:
    """Delete files below the directory of a log, once ``expired.jsonl`` tells how many events of which day they held.

    For files that hold events in another form. Wherever this is cut short, the next `expire` does the rest.

    Args:
        directory: The directory of the log.
        files: What to delete: absolute paths below it.
        days: How many events of each day (UTC, ``YYYY-MM-DD``) they hold.
        now: The present instant, aware.

    Raises:
        UsageError: A file is not below the directory, or the directory cannot be changed.
    """
    check_instant(now)
    place, shelf = absolute(directory), Shelf()
    if not all(file.is_relative_to(place) for file in files):
        raise UsageError("a file is not below the directory of the log", where=str(place), cure="Name its own files.")
    try:
        ledger = open_ledger(place, shelf, WIDEST, wait=True)
        if ledger is not None:
            ledger.settle()
            ledger.delete(files, days, now)
    except OSError as error:
        raise _unchangeable(place, error) from None
    finally:
        shelf.forget()


def expiring(
    directory: Path,
    shelf: Shelf,
    mode: int,
    *,
    keep: timedelta,
    keep_bytes: int | None,
    now: datetime,
    wait: bool,
) -> Generator[None, None, Expired]:
    """Do what `expire` does, piece by piece. Whoever does not wait leaves it to the process that is at it.

    Raises:
        OSError: A directory or file cannot be changed.
    """
    sweep(directory)
    days = _overdue_days(directory, keep, now)
    if not (is_owed(directory) or days or _overdue(listed(directory), keep, keep_bytes, now)):
        return Expired()
    # Who rolls up notes what it deletes; if both did, the notes would say it twice.
    with nobody_packs(directory, shelf, wait=wait) as is_ours:
        ledger = open_ledger(directory, shelf, mode, wait=wait) if is_ours else None
        if ledger is None:
            return Expired()
        try:
            ledger.settle()
            yield
            # Listed anew: another process may have deleted some while we waited.
            days = _overdue_days(directory, keep, now)
            files = _overdue(listed(directory), keep, keep_bytes, now)
            return (yield from _deleted(ledger, shelf, files, days, now))
        finally:
            ledger.close()


def _deleted(
    ledger: Ledger, shelf: Shelf, files: list[LogFile], days: list[PackedFile], now: datetime
) -> Generator[None, None, Expired]:
    counts: Counter[str] = Counter()
    held: list[Opened] = []
    gone: list[Path] = []
    try:
        for day in days:
            if day.events is not None:  # else nobody could note what went: that takes who can read it
                counts[f"{day.started:%Y-%m-%d}"] += day.events
                gone += (day.path, beside(day.path))
        for file in files:
            opened = _free(shelf, file)
            if opened is None:
                continue
            held.append(opened)
            gone.append(file.path)
            yield from count_days(opened, file, counts)
            if file.compressed:
                opened.close()
        if gone:
            _noted_and_gone(ledger, gone, counts, now)
        told = (ledger.name_of(path) for path in gone if path.suffix != NOTE)
        return Expired(tuple(told), dict(sorted(counts.items())))
    finally:
        for opened in held:
            opened.close()


def _noted_and_gone(ledger: Ledger, gone: Sequence[Path], counts: Mapping[str, int], now: datetime) -> None:
    try:
        ledger.delete(gone, counts, now)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        # A full disk has no room for the note, and would have none for ever: what fills it is what should go. So one
        # file goes first. Should the process be killed just now, its events go without a note.
        gone[0].unlink(missing_ok=True)
        ledger.delete_or_settle(gone, counts, now)


def _free(shelf: Shelf, file: LogFile) -> Opened | None:
    """Open a file that nobody writes to; an uncompressed one stays locked until it is closed."""
    try:
        opened = shelf.open(file.path, os.O_RDONLY if file.compressed else os.O_RDWR)
    except OSError:  # gone in the meantime, or another user's
        return None
    if file.compressed or (opened.lock(unless_known=False) and opened.is_in_place()):
        return opened
    opened.close()
    return None


def _overdue(files: list[LogFile], keep: timedelta, keep_bytes: int | None, now: datetime) -> list[LogFile]:
    """Return what is to be deleted, oldest first. Of a file that is there twice, the compressed form counts."""
    names = {file.path.name for file in files}
    files = [file for file in files if f"{file.path.name}.gz" not in names]
    overdue = [file for file in files if file.started + keep <= now]
    if keep_bytes is None:
        return overdue
    left = files[len(overdue) :]
    sizes = [_size(file) for file in left]
    total = sum(sizes)
    for file, size in zip(left, sizes, strict=True):
        if total <= keep_bytes:
            break
        overdue.append(file)
        total -= size
    return overdue


def _overdue_days(directory: Path, keep: timedelta, now: datetime) -> list[PackedFile]:
    return [one for one in packed_files(directory) if one.started + keep <= now]


def _size(file: LogFile) -> int:
    try:
        return file.path.lstat().st_size
    except OSError:
        return 0


def _exhausted(work: Generator[None, None, Expired]) -> Expired:
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: Expired = end.value
            return found


def _unchangeable(directory: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the directory of the request log cannot be changed: {os.strerror(error.errno or 0)}",
        where=str(directory),
        cure="Name the directory of a log, and run as the user that writes it.",
    )
