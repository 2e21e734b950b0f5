"""The connections of one open SQLite store: one that writes, and as many that read as threads read at once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Final

from smartify_core.errors import StorageBroken, StorageUnavailable
from smartify_core.storage import refusals

from ._errors import busy, not_a_database, translated
from ._files import check_patience, named_trouble, store_path
from ._forks import GATE
from ._schema import bring_up_to_date, refuse_foreign, refuse_newer

#: The oldest SQLite that takes as many parameters in one statement as a keyed call has keys.
_OLDEST_SQLITE: Final = (3, 32, 0)
_OWNER_ONLY: Final = 0o600
#: How long a commit that erased waits for readers of the log. What they hold up is done at the next commit, close or
#: open of anybody: without waiting, for a reader may be busy for minutes.
_CHECKPOINT_PATIENCE: Final = 0.05

#: What each connection is set to. The log is copied into the file every 4,000 pages (16 MiB): four times as seldom as
#: SQLite does it unasked, because large batches write the same pages again and again.
_SETTINGS: Final = (
    "secure_delete = on",
    "synchronous = full",
    "foreign_keys = on",
    "temp_store = memory",
    "wal_autocheckpoint = 4000",
)

#: Files are created and first opened one at a time in a process, so that closing the new file's descriptor cannot drop
#: the locks of another connection to it (https://www.sqlite.org/howtocorrupt.html, section 2.2).
_OPENING: Final = Lock()
#: Connections that a forked child inherits. They may be neither used nor closed there, so they are kept for ever.
_INHERITED: Final[list[object]] = []


class Connections:
    """Hands connections out; every call translates what SQLite raises."""

    _process: int
    #: Guards the two below it, for moments only.
    _lock: Lock
    _idle: list[sqlite3.Connection]
    _closed: bool
    #: Held for as long as this process writes; guards the four below it.
    _write_lock: Lock
    _writer: sqlite3.Connection | None
    _durable: bool
    #: Whether the present transaction erases.
    _erases: bool
    #: The number of the latest erasure whose traces are known to be gone from the log; see ``_schema``.
    _cleared: int

    def __init__(self, path: str | os.PathLike[str], *, busy_timeout: float) -> None:
        self.path = store_path(path)
        self._uri = self.path.as_uri()
        self._patience = check_patience(busy_timeout)
        self._closed = False
        self._reset()
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise StorageBroken(
                f"SQLite {sqlite3.sqlite_version} is too old",
                cure="Use a Python that is linked with SQLite 3.32 or newer.",
            )
        with GATE, _OPENING, translated(self.path):
            with named_trouble(self.path):
                _prepare(self.path)
                refuse_foreign(self._uri, self.path)
            writer = self._connect()
            try:
                bring_up_to_date(writer, self.path, patience=busy_timeout)
            except BaseException:
                writer.close()
                raise
            self._writer = writer
            # The log may hold what an earlier process erased and could not clear away.
            self._clear_log(patience=_CHECKPOINT_PATIENCE)
            GATE.admit(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection that reads one consistent state of the store."""
        with GATE, translated(self.path):
            connection = self._borrow()
            try:
                # One state of the store for all that is read inside, even by several statements.
                connection.execute("begin")
                yield connection
            except BaseException:
                # What was being read stays open for as long as somebody keeps the error, and with it the state of the
                # store that it was read in: whoever is lent the connection next would see that one.
                connection.close()
                raise
            self._give_back(connection)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Lend the writing connection in a transaction: committed at the end, rolled back when anything is raised.

        Args:
            durable: Whether the transaction is on the disk when this returns. One that is not outlives the process, and
                is on the disk with the next that is; a power failure before that undoes it.
        """
        self.leave_parent()
        # In a child that was forked in here it is another one.
        write_lock = self._write_lock
        if not write_lock.acquire(timeout=self._patience):
            raise busy(self.path)
        try:
            with GATE, translated(self.path):
                writer = self._writing_connection()
                if self._durable is not durable:
                    writer.execute(f"pragma synchronous = {'full' if durable else 'normal'}")
                    self._durable = durable
                writer.execute("begin immediate")
                try:
                    refuse_newer(writer, self.path)
                    number = self._note_cleared(writer)
                    self._erases = False
                    yield writer
                    if self._erases:
                        number = _next_number(number, odd=1)
                        writer.execute(f"pragma user_version = {number}")
                    writer.execute("commit")
                except BaseException as error:
                    if writer.in_transaction:
                        writer.execute("rollback")
                    if isinstance(error, StorageBroken):
                        self._drop_writer(writer)
                    raise
                if number % 2:
                    self._clear_log(patience=_CHECKPOINT_PATIENCE if self._erases else 0)
        finally:
            write_lock.release()

    @contextmanager
    def apart(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection of its own, in no transaction."""
        self.check_open()
        with translated(self.path):
            connection = self._connect()
            try:
                yield connection
            finally:
                connection.close()

    def clear_log_after_this(self) -> None:
        """Have the write-ahead log emptied after the present transaction: it holds pages from before an erasure."""
        self._erases = True

    def close(self) -> None:
        """Close every connection; one that is lent is closed when it comes back."""
        self.leave_parent()
        with self._write_lock, GATE, translated(self.path):
            if self._closed:
                return
            self._clear_log(patience=_CHECKPOINT_PATIENCE)
            with self._lock:
                self._closed = True
                idle, self._idle = self._idle, []
            for connection in idle:
                connection.close()
            if self._writer is not None:
                self._writer.close()

    def check_open(self) -> None:
        """Raise `StorageUnavailable` after `close`."""
        if self._closed:
            raise refusals.closed()

    def let_go(self) -> None:
        """Close whatever is open, while nobody works with it; what is needed again is opened again."""
        with suppress(sqlite3.Error):
            while self._idle:
                self._idle.pop().close()
            if self._writer is not None:
                self._drop_writer(self._writer)

    def leave_parent(self) -> None:
        """Begin anew in a child that was forked off: nothing that its parent had open may be used or closed here."""
        if self._process != os.getpid():
            _INHERITED.append((self._idle, self._writer))
            self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._write_lock = Lock()
        self._idle = []
        self._writer = None
        self._durable = True
        self._erases = False
        self._cleared = 0

    def _connect(self) -> sqlite3.Connection:
        # "rw": never creates the file, which must come into being with the right mode.
        connection = sqlite3.connect(
            f"{self._uri}?mode=rw", uri=True, timeout=self._patience, isolation_level=None, check_same_thread=False
        )
        try:
            for setting in _SETTINGS:
                connection.execute(f"pragma {setting}").close()
        except BaseException:  # whatever stopped it, nobody else has the connection to close it
            connection.close()
            raise
        return connection

    def _borrow(self) -> sqlite3.Connection:
        self.leave_parent()
        with self._lock:
            self.check_open()
            if self._idle:
                return self._idle.pop()
        reader = self._connect()
        # A quarter of what SQLite takes unasked: a scan uses each page once, and the upper pages of the trees fit.
        reader.execute("pragma cache_size = -512").close()
        return reader

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("rollback")
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _writing_connection(self) -> sqlite3.Connection:
        self.check_open()
        if self._writer is None:
            self._writer = self._connect()
        return self._writer

    def _drop_writer(self, writer: sqlite3.Connection) -> None:
        """Close the writing connection, as a reading one is closed when something was wrong with what it read."""
        writer.close()
        self._writer = None
        self._durable = True

    def _note_cleared(self, writer: sqlite3.Connection) -> int:
        """Return the number of the latest erasure, odd while the log may hold traces of it.

        Written down here, and not when the log was cleared: that would be a commit of its own.
        """
        number = _number(writer)
        if number % 2 and number == self._cleared:
            number = _next_number(number, odd=0)
            writer.execute(f"pragma user_version = {number}")
        return number

    def _clear_log(self, *, patience: float) -> None:
        """Empty the log if it may hold what was erased; whoever comes next tries again if it cannot be done now.

        A reader that still needs the log must not fail a commit that is already durable.
        """
        try:
            writer = self._writing_connection()
            number = _number(writer)
            if not number % 2 or number == self._cleared:
                return
            writer.execute(f"pragma busy_timeout = {int(patience * 1000)}")
            try:
                blocked = writer.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
            finally:
                writer.execute(f"pragma busy_timeout = {int(self._patience * 1000)}")
        except sqlite3.Error:
            return
        if not blocked:
            self._cleared = number


def _number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def _next_number(number: int, *, odd: int) -> int:
    """Return the next number that is odd, or even; after the last one that the file's header takes, the first ones."""
    return (number + 1 + (number % 2 == odd)) % (1 << 31)


def _prepare(path: Path) -> None:
    """Make sure that there is a file for the store: an empty one, readable by its owner only, where there was none."""
    folder = path.parent
    if not folder.is_dir():
        raise StorageUnavailable("the folder of the store does not exist", where=str(folder), cure="Create it first.")
    if path.exists() and not path.is_file():
        raise StorageBroken("the store is not a file", where=str(path), cure="Name a file.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageUnavailable(
            "the folder of the store is read-only",
            where=str(folder),
            cure="Make it writable for this user: SQLite keeps its log beside the store.",
        )
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
    except FileExistsError:
        if not os.access(path, os.R_OK | os.W_OK):
            raise StorageUnavailable(
                "the store is not readable and writable", where=str(path), cure="Make it so for this user."
            ) from None
        size = path.stat().st_size
        if not size:
            path.chmod(_OWNER_ONLY)
        elif size == 1:
            # SQLite takes a file of a single byte for an empty one, and would write over it.
            raise not_a_database(path) from None
    except OSError as error:
        raise StorageUnavailable(
            f"the store cannot be created: {os.strerror(error.errno or 0)}", where=str(path), cure="Check the folder."
        ) from None
