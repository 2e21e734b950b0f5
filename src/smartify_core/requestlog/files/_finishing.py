"""Finishing files: what is torn at their end is cut off, and they are compressed.

Each function works in small pieces, so that whoever writes the log can write in between. Wherever it is cut short, the
next one who looks at the file does the rest, and no line is lost or there twice.
"""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ._names import COMPRESSED, PARTIAL, listed
from ._opened import Opened, Shelf, is_regular, sync_directory, whole_bytes
from ._settings import WIDEST

_CHUNK: Final = 1 << 18
#: A line takes 0.8 µs so and becomes a tenth as large; at the usual level 6 it takes 1.9 and becomes a fifteenth.
_LEVEL: Final = 3
#: zlib's word for the gzip format (RFC 1952) with the largest window.
_GZIP: Final = 31


def finish(opened: Opened, shelf: Shelf, note: Callable[[int], bytes], *, compress: bool) -> Iterator[None]:
    """Bring a file that nobody writes to any more into its last form, and close it.

    Args:
        opened: The file, locked.
        shelf: Holds what is opened.
        note: Makes the line that tells of so many bytes of a torn line.
        compress: Whether to compress it.

    Raises:
        OSError: That failed; the file is as it was.
    """
    try:
        path, size = opened.path, opened.size()
        if not size or (compress and is_regular(path.with_name(path.name + COMPRESSED))):
            # Nothing was written, or its compressed form is complete: the name was given last.
            path.unlink(missing_ok=True)
            return
        whole = whole_bytes(opened)
        told = note(size - whole) if whole < size else b""
        if compress:
            yield from _compressed(opened, shelf, whole, told)
        elif told:
            # Over the torn line: whoever cuts us short leaves another torn line, and its note comes then.
            os.pwrite(opened.fd, told, whole)
            os.ftruncate(opened.fd, whole + len(told))
    finally:
        opened.close()


def _compressed(opened: Opened, shelf: Shelf, whole: int, told: bytes) -> Iterator[None]:
    """Write the first ``whole`` bytes and ``told`` to a compressed file, and delete the original."""
    target = opened.path.with_name(opened.path.name + COMPRESSED)
    partial = target.with_name(target.name + PARTIAL)
    partial.unlink(missing_ok=True)
    original = os.fstat(opened.fd)
    out = shelf.create(partial, original.st_mode & WIDEST)
    try:
        out.give_to(original)
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        for start in range(0, whole, _CHUNK):
            out.write(packer.compress(_read(opened, start, min(_CHUNK, whole - start))))
            yield
        out.write(packer.compress(told) + packer.flush())
        yield
        os.fsync(out.fd)
        yield
        # Whoever deleted the original wants it gone.
        if not opened.is_in_place():
            partial.unlink(missing_ok=True)
            return
        partial.rename(target)
        sync_directory(target.parent)
        yield
        opened.path.unlink(missing_ok=True)
    except (OSError, GeneratorExit):
        # The child of a fork has let go of it (`Shelf.forget`): there it is the parent's, who goes on.
        if out.fd >= 0:
            partial.unlink(missing_ok=True)
        raise
    finally:
        out.close()


def _read(opened: Opened, start: int, length: int) -> bytes:
    data = os.pread(opened.fd, length, start)
    if len(data) != length:
        raise OSError(errno.EIO, os.strerror(errno.EIO))  # somebody cut it while we read
    return data


def adopt(
    directory: Path, shelf: Shelf, note: Callable[[int], bytes], *, compress: bool, failed: Callable[[OSError], None]
) -> Iterator[None]:
    """Finish what processes left behind that are no more. Whoever lives holds a lock on the file that it writes to.

    Args:
        directory: Where the files are.
        shelf: Holds what is opened.
        note: Makes the line that tells of so many bytes of a torn line.
        compress: Whether to compress.
        failed: Told why a file could not be finished. The others are, all the same.

    Raises:
        OSError: The directory cannot be looked at.
    """
    sweep(directory)
    for file in listed(directory):
        if file.compressed:
            continue
        try:
            opened = shelf.open(file.path)
        except OSError:  # gone in the meantime, or another user's
            continue
        try:
            if opened.lock(unless_known=False) and opened.is_in_place():
                yield from finish(opened, shelf, note, compress=compress)
        except OSError as error:
            failed(error)
        finally:
            opened.close()
        yield


def sweep(directory: Path) -> None:
    """Delete half compressed files whose original is gone: nobody will finish them."""
    suffix = f"{COMPRESSED}{PARTIAL}"
    with os.scandir(directory) as entries:
        names = {entry.name for entry in entries}
    for name in names:
        if name.startswith("requests-") and name.endswith(suffix) and name.removesuffix(suffix) not in names:
            (directory / name).unlink(missing_ok=True)
