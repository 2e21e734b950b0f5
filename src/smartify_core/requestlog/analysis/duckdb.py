"""The embedded engine: DuckDB over the files of one directory, larger than memory where need be."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, TypedDict

from attrs import evolve

from smartify_core.errors import UsageError
from smartify_core.requestlog._event._request_event import BEGINNING
from smartify_core.requestlog.files._settings import absolute

from ._answers import Row
from ._connections import MEMORY, TooLittleMemory, Trouble, connected
from ._counting import KEPT, all_counted, counted, counted_events, relations
from ._halves import broken, counted_halves, heads, odd, pieces, tails
from ._inventory import Inventory, inventory, origin_of
from ._logs import Logs
from ._reading import cells, lines, packed
from ._salvaging import salvaged

__all__ = ["LogFiles"]

#: How often the directory is listed anew, because files that had been listed were compressed, packed or deleted.
_TRIES: Final = 10


class _Period(TypedDict):
    offset: int
    since: int | None
    until: int | None


class LogFiles(Logs):
    """The request log in a directory: files of lines, compressed or being written, packed days, and cells.

    The log is read once, at the first question, and counted in DuckDB's memory; what does not fit goes to a folder that
    only this user can read and that is removed at the end. May be shared by threads; answers come one after the other.

    Args:
        directory: Where the log is written to.
        threads: How many threads work.
        memory: How much memory DuckDB may use, as it writes sizes: ``300MB``. The process needs some 100 MB beside it.
        k: The floor: how many networks a value of the sender's equipment was seen from at least. 1 for no floor.
        since: Events from here on count: seconds since 1970 UTC, or an aware datetime.
        until: Events before this count.
        offset: Minutes that hours, days and weeks are ahead of UTC.
        spill: A folder for what does not fit into memory; the system's temporary one where none is named.

    Raises:
        UsageError: An argument is of no use, or the directory cannot be listed.
        MissingExtra: DuckDB is not installed; raised by the import of this module.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        threads: int = 2,
        memory: str = MEMORY,
        k: int = 5,
        since: int | datetime | None = None,
        until: int | datetime | None = None,
        offset: int = 0,
        spill: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(k=k, since=since, until=until, offset=offset)
        self.directory: Final[Path] = absolute(directory)
        inventory(self.directory)
        self._connection, self._folder, self._end = connected(self, threads=threads, memory=memory, spill=spill)

    def __repr__(self) -> str:
        """Return the engine with its directory."""
        return f"LogFiles({str(self.directory)!r})"

    def close(self) -> None:
        """Let go of everything that was read. Safe to call twice."""
        with self._lock:
            self._closed = True
            self._end()

    def _rows(self, query: str) -> Sequence[Row]:
        return self._connection.execute(query).fetchall()

    def _read(self) -> tuple[int, int, int]:
        damaged = False
        for tries in range(_TRIES):
            found = inventory(self.directory)
            readable = evolve(found, raw=salvaged(found.raw, self._folder)) if damaged else found
            try:
                self._count(readable)
            except TooLittleMemory:
                raise UsageError(
                    "the memory does not do for this log", where="memory", cure="Give more, or fewer threads."
                ) from None
            except Trouble as error:
                # Where a file is gone, it was compressed, packed or deleted meanwhile: what it was made into is there.
                if tries + 1 == _TRIES or (damaged and inventory(self.directory) == found):
                    raise _unreadable(self.directory, error) from None
                damaged = inventory(self.directory) == found
            else:
                return found.files, found.expired_within(self.since, self.until), found.unreadable
        raise AssertionError

    def _count(self, found: Inventory) -> None:
        whole = [file.path for file in found.raw if origin_of(file.path) not in found.hidden]
        ours = [str(path) for path in whole if _begins_as_ours(path)]
        period = _Period(offset=self.offset, since=self.since, until=self.until)
        halved = bool(ours) and self._halved(ours, period)
        others = [str(path) for path in whole if not (halved and str(path) in ours)]
        self._make("view", "lines", lines(others, found, [odd()] if halved else []))
        self._make("view", "packed", packed(found))
        parts = [
            counted("lines", **period),
            counted_events("packed", **period),
            *([counted_halves()] if halved else []),
        ]
        self._make("table", "counts", all_counted(parts))
        self._make("table", "cells", cells(found, since=self.since, until=self.until))
        for name, query in relations(self.offset).items():
            self._make("table" if name in KEPT else "view", name, query)
        for name in ("counts", *(("pieces", "heads", "tails") if ours else ())):
            self._connection.execute(f"drop table {name}")

    def _halved(self, paths: list[str], period: _Period) -> bool:
        """Count lines by their halves, and return whether that is what a reader of whole lines would count."""
        self._make("table", "pieces", pieces(paths, **period))
        self._make("table", "heads", heads())
        self._make("table", "tails", tails())
        ((useless,),) = self._rows(broken())
        return not useless

    def _make(self, kind: str, name: str, query: str) -> None:
        self._connection.execute(f"create or replace temp {kind} {name} as {self._sql(query)}")


def _begins_as_ours(path: Path) -> bool:
    """Return whether the first line of a file is one that can be cut into halves. An unreadable file is no matter."""
    opened = gzip.open if path.name.endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            return file.read(len(BEGINNING)) == BEGINNING.encode()
    except (OSError, EOFError, zlib.error):
        return False


def _unreadable(directory: Path, error: Exception) -> UsageError:
    return UsageError(
        f"a file of the request log cannot be read: {type(error).__name__}",
        where=str(directory),
        cure="Look at the disk and at the rights of the files; `smartify logs check` names broken files.",
    )
