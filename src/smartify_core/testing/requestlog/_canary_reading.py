"""Reading whatever was written: every file of a directory, whatever it is called, and its name too."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smartify_core.errors import UsageError

from ._hygiene import Log


def lines_written(log: Log) -> Iterator[tuple[str, str | bytes | Mapping[str, Any]]]:
    """Yield each line of a log, with where it stands, and the name of each file."""
    if isinstance(log, (bytes, bytearray)):
        yield from ((f"line {number}", line) for number, line in enumerate(log.splitlines(), 1))
    elif isinstance(log, (str, os.PathLike)):
        top = Path(log)
        files = sorted(file for file in top.rglob("*") if file.is_file()) if top.is_dir() else [top]
        for number, file in enumerate(files, 1):
            # The name may be what must not be told.
            place = f"file {number}"
            found = False
            for line, text in enumerate(_lines_of(file), 1):
                found = True
                yield f"{place}, line {line}", text
            if found:
                yield f"the name of {place}", file.name
    else:
        yield from ((f"line {number}", line) for number, line in enumerate(log, 1))


def _lines_of(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as opened:
            is_packed = opened.read(2) == b"\x1f\x8b"
        with gzip.open(file, "rb") if is_packed else file.open("rb") as lines:
            yield from lines
    except FileNotFoundError:
        raise UsageError("there is no such log", where="Canary.assert_absent", cure="Give its path.") from None
    except (OSError, EOFError, zlib.error):
        raise AssertionError("a file of the log cannot be read to its end") from None
