"""How many events of which day are in a file, without making events of its lines."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import BinaryIO, Final

from ._names import LogFile
from ._opened import Opened

_CHUNK: Final = 1 << 18
_DAY: Final = 86_400
# The time of each line that is no note, under any of the keys that a file may have. A value cannot hold these keys: its
# quotation marks are escaped.
_times = re.compile(
    rb'^(?![^\n]*"(?:smartify\.)?note":)[^\n]*?"(?:time":(\d{1,15})\b|Timestamp":(\d{1,15})\d{9}\b|@timestamp":"(\d{4}-\d\d-\d\d)T)',
    re.MULTILINE,
)


def count_days(opened: Opened, file: LogFile, counts: Counter[str]) -> Iterator[None]:
    """Add the events of each day (UTC, ``YYYY-MM-DD``) in a file to ``counts``, piece by piece.

    What cannot be read of a damaged file is not counted.
    """
    with os.fdopen(opened.fd, "rb", closefd=False) as raw:
        raw.seek(0)
        content: BinaryIO = gzip.GzipFile(fileobj=raw) if file.compressed else raw  # type: ignore[assignment] # reads bytes
        rest = b""
        while chunk := _read(content):
            whole, _, rest = (rest + chunk).rpartition(b"\n")
            counts.update(_days(whole))
            yield


def _read(content: BinaryIO) -> bytes:
    try:
        return content.read(_CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return b""


def _days(lines: bytes) -> Counter[str]:
    seconds: Counter[int] = Counter()
    days: Counter[str] = Counter()
    for time, nanoseconds, day in _times.findall(lines):
        if day:
            days[day.decode("ascii")] += 1
        else:
            seconds[int(time or nanoseconds) // _DAY] += 1
    for number, count in seconds.items():
        # A time that no clock shows is no event's.
        with suppress(OverflowError, ValueError, OSError):
            days[datetime.fromtimestamp(number * _DAY, UTC).strftime("%Y-%m-%d")] += count
    return days
