"""The embedded engine: DuckDB over the files of one directory, larger than memory where need be."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from smartify_core.errors import MissingExtra, UsageError

from ._answers import Row
from ._counting import counted, relations
from ._inventory import Inventory, inventory
from ._logs import Logs
from ._reading import cells, lines

try:
    import duckdb
except ImportError:
    raise MissingExtra.named("analysis", needed_for="smartify_core.requestlog.analysis.duckdb") from None

__all__ = ["LogFiles"]

#: How often the directory is listed anew, because files that had been listed were compressed, packed or deleted.
_TRIES: Final = 10


class LogFiles(Logs):
    """The request log in a directory: files of lines, compressed or being written, packed days, and cells.

    The log is read once, at the first question, and counted in DuckDB's memory; what does not fit goes to a folder that
    only this user can read and that is removed at the end. May be shared by threads; answers come one after the other.

    Args:
        directory: Where the log is written to.
        threads: How many threads work.
        memory: How much memory DuckDB may use, as it writes sizes: ``400MB``. The process needs some 100 MB beside it.
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
        memory: str = "400MB",
        k: int = 5,
        since: int | datetime | None = None,
        until: int | datetime | None = None,
        offset: int = 0,
        spill: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(k=k, since=since, until=until, offset=offset)
        self.directory = Path(directory)
        inventory(self.directory)
        self._connection, self._end = connected(self, threads, memory, spill)

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

    def _read(self) -> int:
        for tries in range(_TRIES):
            found = inventory(self.directory)
            try:
                self._count(found)
            except duckdb.IOException as error:
                # A file is gone: it was compressed, packed or deleted meanwhile. What it was made into is there.
                if tries + 1 == _TRIES or inventory(self.directory) == found:
                    raise _unreadable(self.directory, error) from None
            else:
                return found.files
        raise AssertionError

    def _count(self, found: Inventory) -> None:
        run = self._connection.execute
        run(f"create or replace temp view lines as {lines(found)}")
        run(
            f"create or replace temp table counts as {self._sql(counted(offset=self.offset, since=self.since, until=self.until))}"
        )
        run(f"create or replace temp table cells as {cells(found, since=self.since, until=self.until)}")
        for name, query in relations(self.offset).items():
            run(f"create or replace temp view {name} as {self._sql(query)}")


def connected(
    owner: object, threads: int, memory: str, spill: str | os.PathLike[str] | None
) -> tuple[duckdb.DuckDBPyConnection, weakref.finalize[Any, Any]]:
    """Return a connection of its own, and what closes it and removes what it spilled."""
    if type(threads) is not int or threads < 1:
        raise UsageError(
            "no work is done by so few threads", where="threads", cure="Give a whole number of at least 1."
        )
    try:
        folder = tempfile.mkdtemp(prefix="smartify-analysis-", dir=spill)
    except OSError as error:
        raise UsageError(
            f"nothing can be spilled there: {os.strerror(error.errno or 0)}",
            where="spill",
            cure="Name a folder that is there.",
        ) from None
    try:
        connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": folder,
                "preserve_insertion_order": False,
                "enable_external_access": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        connection.execute("set enable_progress_bar = false")
    except duckdb.Error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(
            "DuckDB cannot use so much memory", where="memory", cure="Give a size such as 400MB."
        ) from None
    return connection, weakref.finalize(owner, _end, connection, folder)


def _end(connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)


def _unreadable(directory: Path, error: Exception) -> UsageError:
    return UsageError(
        f"a file of the request log cannot be read: {type(error).__name__}",
        where=str(directory),
        cure="Look at the disk and at the rights of the files; `smartify logs check` names broken files.",
    )
