"""A SQLite store that is opened for reading only: not a byte of it is written, and no file appears beside it.

With a log beside the file, other processes may be at work, and SQLite reads through the log and its index as they do.
Without one nobody is, and the file is read as it lies there; SQLite would make a log otherwise, or refuse where it may
not. Should somebody begin to write at that very moment, the read is refused, and the next one sees the log.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from attrs import frozen

from smartify_core.errors import SmartifyError, StorageBroken, StorageBusy, StorageUnavailable
from smartify_core.storage import refusals

from ._errors import not_a_database, translated
from ._files import check_patience, named_trouble, store_path
from ._forks import GATE
from ._schema import refuse_foreign, refuse_other_schema

#: The byte of a SQLite file's header that says whether it is read through a write-ahead log, and what it is then.
_MODE_BYTE: Final = 18
_LOGGED: Final = 2
_OPEN_ONCE: Final = "Open it once for writing, which brings it in order."


@frozen(order=False)
class _Seen:
    """How the file lies there: which one it is, and, where it has no log, also when it was written."""

    identity: tuple[int, ...]
    logged: bool


class ReadOnlyConnections:
    """Lends connections that read; refuses to lend one that writes. Each is opened when it is asked for.

    Args:
        path: The file, which must be there.
        busy_timeout: Seconds to wait for another process.

    Raises:
        StorageUnavailable: There is no store, or it cannot be read without writing.
        StorageBroken: It is no database, or an older version of this library wrote it.
        NewerSchema: A newer version wrote it.
        ForeignStore: It is another program's.
    """

    def __init__(self, path: str | os.PathLike[str], *, busy_timeout: float) -> None:
        self.path = store_path(path)
        self._uri = self.path.as_uri()
        self._patience = check_patience(busy_timeout)
        self._closed = False
        with translated(self.path), named_trouble(self.path):
            self._require_store()
            refuse_foreign(self._uri, self.path)
        with self.apart():
            pass  # the tables are looked at whenever a connection is made

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that reads one consistent state of the store."""
        with GATE, self.apart() as connection:
            connection.execute("begin")
            yield connection
            connection.execute("rollback")

    @contextmanager
    def apart(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection in no transaction."""
        self.check_open()
        with translated(self.path):
            seen = self._look()
            connection = self._connect(seen)
            try:
                yield connection
            except (sqlite3.Error, SmartifyError):
                # What was read may be half of one state and half of another, so that this says more.
                self._require_unchanged(seen)
                raise
            else:
                self._require_unchanged(seen)
            finally:
                connection.close()

    def writing(self, *, durable: bool = True) -> AbstractContextManager[sqlite3.Connection]:  # noqa: ARG002 - as its twin
        """Refuse.

        Raises:
            UsageError: Always, unless the storage is closed.
        """
        self.check_open()
        raise refusals.only_read(str(self.path))

    def clear_log_after_this(self) -> None:
        """Do nothing: nothing is ever erased here."""

    def close(self) -> None:
        """Lend nothing any more."""
        self._closed = True

    def check_open(self) -> None:
        """Raise `StorageUnavailable` after `close`."""
        if self._closed:
            raise refusals.closed()

    def _require_store(self) -> None:
        """Raise unless there is a file that may be read."""
        try:
            if not self.path.is_file():
                there = self.path.exists()
                if there:
                    raise StorageBroken("the store is not a file", where=str(self.path), cure="Name a file.")
                raise StorageUnavailable(
                    "there is no store of this name",
                    where=str(self.path),
                    cure="Name one that is there, or open it for writing.",
                )
            if not os.access(self.path, os.R_OK):
                raise StorageUnavailable(
                    "the store may not be read", where=str(self.path), cure="Make it readable for this user."
                )
            size = self.path.stat().st_size
            if size == 1:
                raise not_a_database(self.path)
            if not size:
                raise StorageUnavailable(
                    "there is no store in the file yet", where=str(self.path), cure="Open it for writing first."
                )
        except OSError as error:
            raise StorageUnavailable(
                f"the store cannot be looked at: {os.strerror(error.errno or 0)}",
                where=str(self.path),
                cure="Check it.",
            ) from None

    def _look(self) -> _Seen:
        log, index = (self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))
        try:
            about = self.path.stat()
            with self.path.open("rb") as file:
                # Another file than the one that is looked at does not matter: it would be noticed afterwards.
                mode = file.read(_MODE_BYTE + 1)[-1:]
            if mode != bytes([_LOGGED]) or log.exists():
                if log.exists() and log.stat().st_size and not index.exists():
                    raise StorageUnavailable(
                        "the store has a log without its index, which only a writer can make",
                        where=str(self.path),
                        cure=_OPEN_ONCE,
                    )
                return _Seen((about.st_dev, about.st_ino), logged=True)
        except OSError as error:
            raise StorageUnavailable(
                f"the store cannot be looked at: {os.strerror(error.errno or 0)}",
                where=str(self.path),
                cure="Check it.",
            ) from None
        identity = (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
        return _Seen(identity, logged=False)

    def _require_unchanged(self, seen: _Seen) -> None:
        if not seen.logged and self._look() != seen:
            raise StorageBusy(
                "another process began to write while the store was read", where=str(self.path), cure="Read it again."
            ) from None

    def _connect(self, seen: _Seen) -> sqlite3.Connection:
        still = "" if seen.logged else "&immutable=1"
        connection = sqlite3.connect(
            f"{self._uri}?mode=ro{still}", uri=True, timeout=self._patience, isolation_level=None
        )
        try:
            for setting in ("temp_store = memory", "cache_size = -2048"):
                connection.execute(f"pragma {setting}").close()
            refuse_other_schema(connection, self.path, cure=_OPEN_ONCE)
        except sqlite3.Error as error:
            connection.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
                raise StorageUnavailable(
                    "the store cannot be read without writing: its log must be taken in, or may not be read",
                    where=str(self.path),
                    cure=_OPEN_ONCE,
                ) from None
            raise
        except BaseException:  # whatever stopped it, nobody else has the connection to close it
            connection.close()
            raise
        return connection
