"""A recording as a file: records in sealed chunks, each bound to its number, the last one marked as such.

After one open line (format, version, tenant, and an id drawn for this recording) come frames: a mark (``+`` or, for the
last one, ``.``), the length of the sealed bytes in four bytes, and these. Nothing personal is in the open. A chunk that
is altered, left out, moved, or taken from another recording does not open; a file that ends before its last chunk is
told to be cut short.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, TypeAlias

from attrs import frozen

from smartify_core.errors import PlanForeign, SealBroken, SourceMalformed, SourceUnavailable, UsageError
from smartify_core.sealing import Sealer

Record: TypeAlias = list[Any]

_FORMAT: Final = "smartify recording"
_VERSION: Final = 1
_KIND: Final = "recording"
#: A chunk is sealed once its records come to so many bytes.
_CHUNK_BYTES: Final = 1 << 20
_LONGEST_LINE: Final = 4096
_MORE: Final = b"+"
_LAST: Final = b"."
_FRAME_BYTES: Final = 5


class RecordingWriter:
    """Writes a recording aside, readable for its owner only, and moves it in place when it is whole.

    Args:
        path: Where the recording is wanted. One that is there stays until the new one is whole.
        sealer: Seals the chunks.
        tenant: Whose directory is recorded.

    Raises:
        UsageError: The file cannot be written there.
    """

    def __init__(self, path: Path, sealer: Sealer, tenant: str) -> None:
        require_file_name(path)
        self._path = path
        self._sealer = sealer
        self._tenant = tenant
        self._id = uuid.uuid4().hex
        self._aside = path.with_name(f".{path.name}.{self._id}")
        self._number = 0
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        opening = {"format": _FORMAT, "version": _VERSION, "tenant": tenant, "recording": self._id}
        with self._refusing():
            descriptor = os.open(self._aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "wb")
            self._file.write(json.dumps(opening).encode("ascii") + b"\n")

    def add(self, record: Record) -> None:
        """Take in a record, which must be JSON.

        Raises:
            UsageError: The file cannot be written.
        """
        text = json.dumps(record, separators=(",", ":"))
        self._waiting.append(text)
        self._waiting_bytes += len(text)
        if self._waiting_bytes >= _CHUNK_BYTES:
            self._seal(_MORE)

    def finish(self) -> None:
        """Seal what is left as the last chunk, and move the file in place once it is on the disk.

        Raises:
            UsageError: The file cannot be written. Then `discard` what is there of it.
        """
        self._seal(_LAST)
        with self._refusing():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._aside.replace(self._path)

    def discard(self) -> None:
        """Leave nothing behind but what was moved in place."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._aside.unlink(missing_ok=True)

    def _seal(self, mark: bytes) -> None:
        content = f"[{','.join(self._waiting)}]".encode("ascii")
        self._waiting.clear()
        self._waiting_bytes = 0
        sealed = self._sealer.seal_document(self._tenant, _KIND, _key(self._id, self._number, mark), content)
        self._number += 1
        with self._refusing():
            self._file.write(mark + len(sealed).to_bytes(_FRAME_BYTES - 1, "big") + sealed)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as failed:  # a path with a null character is a ValueError
            raise UsageError(
                f"the recording cannot be written: {type(failed).__name__}",
                where=self._path.name,
                cure="Check that the folder is there, has room, and may be written to by this process.",
            ) from None


@frozen(order=False)
class Place:
    """Where a chunk begins in the file, and its number."""

    offset: int
    number: int


class RecordingReader:
    """Reads a recording, one chunk in memory at a time. A context manager; each reader has a file handle of its own.

    Args:
        path: The recording.
        sealer: Opens the chunks.
        tenant: Whose directory it is said to be of.

    Raises:
        SourceUnavailable: The file cannot be read.
        PlanForeign: It is no recording, or one of another tenant.
        SourceMalformed: It is a recording of a version that is unknown here.
    """

    def __init__(self, path: Path, sealer: Sealer, tenant: str) -> None:
        self._name = path.name
        self._sealer = sealer
        self._tenant = tenant
        self._file = self._open(path)
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._id = self._read_opening()
            self.first = Place(self._file.tell(), 0)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the reader."""
        self.close()

    def records(self, start: Place) -> Iterator[tuple[Place, Record]]:
        """Yield every record from a chunk on, with the chunk's place.

        Raises:
            WrongKey: The key ring does not hold the key that the recording was sealed under.
            SourceUnavailable: The file cannot be read.
            SourceMalformed: The recording was altered or cut short.
        """
        place, last = start, False
        while not last:
            last, length, content = self._read_chunk(place)
            for record in content:
                yield place, record
            place = Place(place.offset + _FRAME_BYTES + length, place.number + 1)
        if place.offset != self._size:
            raise damaged("goes on after its end", self._name)

    def _read_chunk(self, place: Place) -> tuple[bool, int, list[Record]]:
        try:
            self._file.seek(place.offset)
            frame = self._file.read(_FRAME_BYTES)
            mark, length = frame[:1], int.from_bytes(frame[1:], "big")
            if len(frame) < _FRAME_BYTES or place.offset + _FRAME_BYTES + length > self._size:
                raise damaged("is cut short", self._name)
            sealed = self._file.read(length)
        except (OSError, ValueError) as failed:
            raise self._unreadable(failed) from None
        try:
            content = self._sealer.open_document(self._tenant, _KIND, _key(self._id, place.number, mark), sealed)
        except SealBroken:
            raise damaged("does not open: altered, put together anew, or sealed elsewhere", self._name) from None
        try:
            records = json.loads(content)
        except (ValueError, RecursionError):
            records = None
        if not isinstance(records, list) or not all(isinstance(record, list) and record for record in records):
            raise damaged("holds a chunk in another form", self._name)
        return mark == _LAST, length, records

    def _open(self, path: Path) -> BinaryIO:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise SourceUnavailable("the recording is no regular file", where=self._name, cure="Name a file.")
            return path.open("rb")
        except (OSError, ValueError) as failed:
            raise self._unreadable(failed) from None

    def _read_opening(self) -> str:
        line = self._file.readline(_LONGEST_LINE)
        try:
            opening = json.loads(line)
        except (ValueError, RecursionError):
            opening = None
        if not isinstance(opening, dict) or opening.get("format") != _FORMAT:
            raise PlanForeign(
                "the file is no recording", where=self._name, cure="Name a file that a SnapshotRecorder wrote."
            )
        if opening.get("version") != _VERSION:
            raise SourceMalformed(
                "the recording has a version that is unknown here", where=self._name, cure="Upgrade smartify-core."
            )
        if opening.get("tenant") != self._tenant:
            raise PlanForeign(
                "the recording is of another tenant",
                where=self._name,
                cure="Play it back for the tenant whose directory it recorded.",
            )
        return str(opening.get("recording"))

    def _unreadable(self, failed: Exception) -> SourceUnavailable:
        return SourceUnavailable(
            f"the recording cannot be read: {type(failed).__name__}",
            where=self._name,
            cure="Check that the path names a file and that this process may read it.",
        )


def require_file_name(path: Path) -> None:
    """Raise `UsageError` unless a file could have this path: it may be there, and no folder is."""
    try:
        in_the_way = path.is_dir()
    except (OSError, ValueError):  # then writing says more
        in_the_way = False
    if not path.name or in_the_way:
        raise UsageError(
            "the recording is given no name of a file", where=str(path), cure="Name a file, such as acme.recording."
        )


def damaged(how: str, where: str) -> SourceMalformed:
    """Return the error for a recording that is not as it was written."""
    return SourceMalformed(
        f"the recording {how}", where=where, cure="Use the file as it was written, or record another read."
    )


def _key(recording: str, number: int, mark: bytes) -> str:
    """Return what a chunk is bound to, besides the tenant."""
    return f"{recording}/{number}/{'last' if mark == _LAST else 'more'}"
