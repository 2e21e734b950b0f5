"""Connections to DuckDB, each with a folder of its own for what does not fit into memory."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from smartify_core.errors import MissingExtra, UsageError

try:
    import duckdb
except ImportError:
    raise MissingExtra.named("analysis", needed_for="smartify_core.requestlog.analysis.duckdb") from None

Connection = duckdb.DuckDBPyConnection
#: What DuckDB says where a file is not there or is broken, and where the memory does not do.
Trouble = duckdb.Error
TooLittleMemory = duckdb.OutOfMemoryException

#: What DuckDB may use of memory unless the host says otherwise. A process needs some 100 MB beside it.
MEMORY: Final = "300MB"
_size_like = re.compile(r"[1-9]\d{0,9}(\.\d+)? ?[KMGT]i?B", re.ASCII).fullmatch


def connected(
    owner: object, *, threads: int, memory: str, spill: str | os.PathLike[str] | None
) -> tuple[Connection, Path, weakref.finalize[Any, Any]]:
    """Return a connection, its folder, and what closes it and removes the folder, at the latest with its owner.

    Raises:
        UsageError: The threads, the memory or the folder are of no use.
    """
    if type(threads) is not int or threads < 1:
        raise UsageError("so few threads do no work", where="threads", cure="Give a whole number of at least 1.")
    if _size_like(str(memory)) is None:
        raise UsageError("this is no size of memory", where="memory", cure=f"Give one such as {MEMORY}.")
    try:
        folder = tempfile.mkdtemp(prefix="smartify-analysis-", dir=spill)  # readable by this user only
    except OSError as error:
        raise UsageError(
            f"nothing can be spilled there: {os.strerror(error.errno or 0)}",
            where="spill",
            cure="Name a folder that is there and that this process may write to.",
        ) from None
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": memory,
        "temp_directory": folder,
        "preserve_insertion_order": False,
        # What is needed is built in; nothing is ever fetched.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("set enable_progress_bar = false")  # standard output is the program's own
    return connection, Path(folder), weakref.finalize(owner, _end, connection, folder)


@contextmanager
def connection(*, threads: int, memory: str, spill: str | os.PathLike[str] | None) -> Iterator[tuple[Connection, Path]]:
    """Lend a connection and its folder for one piece of work. See `connected`."""

    class Owner:
        pass

    owner = Owner()
    lent, folder, end = connected(owner, threads=threads, memory=memory, spill=spill)
    try:
        yield lent, folder
    finally:
        end()


def _end(connection: Connection, folder: str) -> None:
    connection.close()
    shutil.rmtree(folder, ignore_errors=True)
