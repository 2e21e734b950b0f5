"""What can be read of files that are damaged: compressed ones that are cut short, or lines without end."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from attrs import evolve

from smartify_core.requestlog.files import LogFile

_CHUNK: Final = 1 << 18
#: A line that is longer is none of ours, by far: a disk left it behind.
_LONGEST: Final = 1 << 20
#: What decompression says of a damaged file.
_BROKEN: Final = (EOFError, zlib.error, gzip.BadGzipFile)
#: Stands for what cannot be read, however much it was: one line that nobody can read.
_DAMAGED: Final = b"\n(damaged)\n"


def is_whole(file: LogFile) -> bool:
    """Return whether a file can be read to its end, line by line; True also where it is gone."""
    try:
        return _DAMAGED not in _pieces(file)
    except OSError:
        return True


def salvaged(files: Iterable[LogFile], folder: Path) -> tuple[LogFile, ...]:
    """Return the files; instead of a damaged one, a copy in a folder of what can be read.

    Raises:
        OSError: The folder cannot be written to.
    """
    return tuple(
        file if is_whole(file) else evolve(file, path=_copied(file, folder), compressed=False) for file in files
    )


def _copied(file: LogFile, folder: Path) -> Path:
    copy = folder / file.path.name.removesuffix(".gz")
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        try:
            out.writelines(_pieces(file))
        except FileNotFoundError:  # gone meanwhile
            out.write(_DAMAGED)
    return copy


def _pieces(file: LogFile) -> Iterator[bytes]:
    """Yield what can be read of a file, and `_DAMAGED` for what cannot."""
    with _opened(file) as opened:
        if file.compressed and not file.path.stat().st_size:
            yield _DAMAGED
        rest = b""
        while chunk := _read(opened):
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            yield lines + end
            if len(rest) > _LONGEST:
                yield _DAMAGED
                rest = _after_the_line(opened)
        yield rest
        if chunk is None:
            yield _DAMAGED


def _opened(file: LogFile) -> IO[bytes]:
    return gzip.open(file.path) if file.compressed else file.path.open("rb")  # type: ignore[return-value] # reads bytes


def _after_the_line(opened: IO[bytes]) -> bytes:
    """Skip what is left of a line, and return what was read beyond it."""
    while chunk := _read(opened):
        _, end, rest = chunk.partition(b"\n")
        if end:
            return rest
    return b""


def _read(opened: IO[bytes]) -> bytes | None:
    """Return the next bytes, none at the end, None where they are damaged."""
    try:
        return opened.read(_CHUNK)
    except _BROKEN:
        return None
