"""What the files of a request log are called, and how they are ordered. Pure, but for listing a directory."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from attrs import frozen

from smartify_core.errors import UsageError

#: Where deletions are noted, in the directory of the log.
EXPIRED: Final = "expired.jsonl"
#: Ends of names: a file of lines, a compressed one, and one that is being compressed.
LINES: Final = ".jsonl"
COMPRESSED: Final = ".gz"
PARTIAL: Final = ".part"

_like = re.compile(r"requests-(\d{8}T\d{6})Z-(\d{1,10})-(\d{1,9})\.jsonl(\.gz)?", re.ASCII).fullmatch
_FORM: Final = "%Y%m%dT%H%M%S"


@frozen(order=False)
class LogFile:
    """One file of a request log. Can be opened as a path.

    Attributes:
        path: Where it is.
        started: When it was begun, by the clock of its process: aware, UTC, whole seconds.
        pid: The process that wrote it.
        number: Its number among the files of that process.
        compressed: Whether it is finished and compressed (gzip). One that is not may still be written to.
    """

    path: Path
    started: datetime
    pid: int
    number: int
    compressed: bool

    def __fspath__(self) -> str:
        """Return the path as text."""
        return str(self.path)


def file_name(started: datetime, pid: int, number: int) -> str:
    """Return the name of a file that is begun now."""
    return f"requests-{started.astimezone(UTC):{_FORM}}Z-{pid}-{number}{LINES}"


def log_file(path: Path) -> LogFile | None:
    """Return what a path tells by its name, None where that is no name of a log file."""
    match = _like(path.name)
    if match is None:
        return None
    try:
        started = datetime.strptime(match[1], _FORM).replace(tzinfo=UTC)
    except ValueError:  # digits that are no date
        return None
    return LogFile(path, started, int(match[2]), int(match[3]), match[4] is not None)


def log_files(directory: str | os.PathLike[str]) -> tuple[LogFile, ...]:
    """Return the files of a request log in the order in which they were begun.

    Links, directories and files of other names are left out, and so is a file whose compressed form is there too. A
    file that is listed uncompressed may be gone a moment later, compressed by whoever writes the log: list again then.

    Raises:
        UsageError: The directory is none, or cannot be read.
    """
    try:
        found = listed(directory)
    except OSError as error:
        raise UsageError(
            f"the request log cannot be listed: {os.strerror(error.errno or 0)}",
            where=os.fspath(directory),
            cure="Name the directory that the request log is written to.",
        ) from None
    compressed = {file.path.name for file in found if file.compressed}
    return tuple(file for file in found if file.compressed or f"{file.path.name}{COMPRESSED}" not in compressed)


def listed(directory: str | os.PathLike[str]) -> list[LogFile]:
    """Return every file with the name of a log file, in order.

    Raises:
        OSError: The directory cannot be read.
    """
    found: list[LogFile] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            file = log_file(Path(entry.path))
            if file is not None and entry.is_file(follow_symlinks=False):
                found.append(file)
    return sorted(found, key=lambda file: (file.started, file.pid, file.number))
