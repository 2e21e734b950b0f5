"""The connections of one open PostgreSQL store: who gets one, what is tried again, and what is told when it breaks."""

from __future__ import annotations

import os
import re
import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from random import random
from threading import BoundedSemaphore, Event, Lock
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from smartify_core.errors import UsageError
from smartify_core.storage import refusals

from ._errors import (
    GONE,
    MISSING,
    READ_ONLY,
    TRY_AGAIN,
    as_our_error,
    as_refused_connection,
    busy_pool,
    lost_at_commit,
)
from ._lent import Lent, Place, teach

P = ParamSpec("P")
T = TypeVar("T")

#: How often a transaction is tried that others were in the way of, and the longest pause before the second try in
#: seconds; each pause may be twice as long as the one before.
_TRIES: Final = 8
_PAUSE: Final = 0.005
#: Seconds that anything waits for which the host has not said how long it may take.
_PATIENCE: Final = 10.0
#: What a URL may say otherwise. A server that is cut off is noticed within a minute.
_UNLESS_GIVEN: Final[Mapping[str, str]] = {
    "connect_timeout": "10",
    "fallback_application_name": "smartify",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
#: What the keyword for ports may say: one for each host.
_PORTS: Final = re.compile(r"[0-9,]*")
_OPTION: Final = re.compile(r"[a-z_]+")
#: Connections that a forked child inherits. They may be neither used nor closed there, so they are kept for ever.
_INHERITED: Final[list[object]] = []


class Connections:
    """Hands connections out; every call translates what psycopg raises.

    Args:
        conninfo: A URL or a string of keywords, as libpq knows them.
        schema: The schema of the store.
        pool_size: The most connections at once.
        statement_timeout: Seconds that one statement may take.
        lock_timeout: Seconds to wait for a lock.
        prepare_threshold: After how many times a statement is prepared on the server; ``None`` for never.
        read_only: Whether whoever asks to write is refused.
        explain: Called when tables are missing, outside of any transaction: it may know a better reason, and raise it.
    """

    _process: int
    _free: BoundedSemaphore
    #: Guards the two below it, for moments only.
    _lock: Lock
    _idle: list[psycopg.Connection[tuple[Any, ...]]]
    _closed: bool

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str,
        pool_size: int,
        statement_timeout: float | None,
        lock_timeout: float | None,
        prepare_threshold: int | None,
        read_only: bool,
        explain: Callable[[Lent], None],
    ) -> None:
        keywords = _keywords(conninfo)
        database = keywords.get("dbname") or "the user's database"
        host = ":".join(str(keywords[key]) for key in ("host", "port") if keywords.get(key)) or "the default host"
        self.place = Place(f"{host}/{database}, schema {schema}", schema, statement_timeout, lock_timeout)
        self.read_only = read_only
        self._explain = explain
        self._keywords = {**_UNLESS_GIVEN, **keywords, "client_encoding": "utf8"}
        self._prepare_threshold = prepare_threshold
        self._pool_size = pool_size
        self._patience = _PATIENCE if lock_timeout is None else lock_timeout
        self._closed = False
        self._limits_statements = statement_timeout is not None
        self._reset()

    def read(self, work: Callable[Concatenate[Lent, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that asks, each time in a transaction of its own: by one question it sees one state of the store."""

        def once(lendings: list[Lent]) -> T:
            with self._borrowed(lendings) as lent:
                return work(lent, *args, **kwargs)

        def once_or_twice(lendings: list[Lent]) -> T:
            try:
                return once(lendings)
            except psycopg.OperationalError:
                # It changes nothing, so that it may be asked again where the server was away for a moment.
                if not lendings[-1].connection.closed:
                    raise
                return once(lendings)

        return self._tried(once_or_twice)

    def write(self, work: Callable[Concatenate[Lent, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work in a transaction: committed at the end, rolled back when anything is raised.

        It may be done several times over, each time from the beginning, and so must do nothing beside.

        Raises:
            UsageError: The store was opened for reading only.
        """
        return self._tried(lambda lendings: self._write(lendings, lambda lent: work(lent, *args, **kwargs), begun=True))

    def write_at_once(self, work: Callable[Concatenate[Lent, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that writes by one statement, which sets its own limits and is a transaction by itself.

        Raises:
            UsageError: The store was opened for reading only.
        """
        begun = self._limits_statements
        return self._tried(
            lambda lendings: self._write(lendings, lambda lent: work(lent, *args, **kwargs), begun=begun)
        )

    @contextmanager
    def lent(self) -> Iterator[Lent]:
        """Lend a connection outside of any transaction, for whoever begins one by themselves."""
        with self._translated(explained=False) as lendings, self._borrowed(lendings) as lent:
            yield lent

    def close(self) -> None:
        """Close every connection; one that is lent is closed when it comes back."""
        self._leave_parent()
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def check_open(self) -> None:
        """Raise `StorageUnavailable` after `close`."""
        if self._closed:
            raise refusals.closed()

    def _tried(self, once: Callable[[list[Lent]], T]) -> T:
        """Do something that is a transaction, again and again where others were in its way."""
        with self._translated() as lendings:
            for number in range(1, _TRIES):
                try:
                    return once(lendings)
                except psycopg.Error as error:
                    if error.sqlstate not in TRY_AGAIN:
                        raise
                Event().wait(random() * _PAUSE * 2**number)  # noqa: S311 - only to step out of each other's way
            return once(lendings)

    def _write(self, lendings: list[Lent], work: Callable[[Lent], T], *, begun: bool) -> T:
        self.check_open()
        if self.read_only:
            raise refusals.only_read(self.place.where)
        with self._borrowed(lendings) as lent:
            if not begun:
                lent.ending = True
                return work(lent)
            for statement in self.place.begin_writing:
                lent.later(statement)
            answer = work(lent)
            lent.commit()
            return answer

    @contextmanager
    def _translated(self, *, explained: bool = True) -> Iterator[list[Lent]]:
        """Raise what psycopg raises inside as an error of ours; gives a list for what is lent, which tells more."""
        lendings: list[Lent] = []
        try:
            yield lendings
        except psycopg.Error as error:
            if explained and error.sqlstate in MISSING and not self._closed:
                with self.lent() as lent:
                    self._explain(lent)
            last = lendings[-1] if lendings else None
            if last is not None and last.ending and last.connection.closed and error.sqlstate != READ_ONLY:
                raise lost_at_commit(self.place.where) from None
            raise as_our_error(error, self.place.where) from None

    @contextmanager
    def _borrowed(self, lendings: list[Lent]) -> Iterator[Lent]:
        self._leave_parent()
        self.check_open()
        free = self._free
        if not free.acquire(timeout=self._patience):
            raise busy_pool(self.place.where, self._pool_size)
        try:
            connection = self._connection()
            lendings.append(lent := Lent(connection, self.place))
            try:
                yield lent
            except psycopg.Error as error:
                if error.sqlstate in GONE:
                    connection.close()
                raise
            finally:
                self._give_back(connection)
        finally:
            free.release()

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        while True:
            with self._lock:
                self.check_open()
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            if _is_alive(connection):
                return connection
            connection.close()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        try:
            connection = psycopg.connect(
                autocommit=True,
                prepare_threshold=self._prepare_threshold,
                cursor_factory=psycopg.RawCursor,
                **self._keywords,
            )
        except psycopg.Error as error:
            raise as_refused_connection(error, self.place.where) from None
        teach(connection)
        return connection

    def _give_back(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        if not connection.closed and connection.info.transaction_status is not TransactionStatus.IDLE:
            try:
                connection.execute("rollback")
            except psycopg.Error:
                connection.close()  # the server rolls back what nobody is connected to
        if connection.closed:
            return
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = Lock()
        self._free = BoundedSemaphore(self._pool_size)
        self._idle = []

    def _leave_parent(self) -> None:
        if self._process != os.getpid():
            _INHERITED.append(self._idle)
            self._reset()


def _keywords(conninfo: object) -> dict[str, Any]:
    """Return the keywords of a URL."""
    # Nothing is raised inside of the handler: what libpq says quotes the URL, and it may hold a password.
    keywords: dict[str, Any] | None = None
    with suppress(psycopg.Error, UnicodeError):
        keywords = dict(conninfo_to_dict(conninfo)) if isinstance(conninfo, str) else None
    if keywords is None:
        _refuse_unknown(conninfo)
        keywords = {"port": "none that could be read"}
    # A character that is not encoded cuts a URL elsewhere than was meant, and a part of the password becomes the host,
    # the port or the database, which errors name.
    cut_amiss = "@" in f"{keywords.get('host')}{keywords.get('dbname')}"
    if cut_amiss or not _PORTS.fullmatch(str(keywords.get("port") or "")):
        raise UsageError(
            "the PostgreSQL URL cannot be read",
            cure="Write postgresql://ROLE@HOST:PORT/DATABASE, with special characters percent-encoded.",
        )
    return keywords


def _refuse_unknown(conninfo: object) -> None:
    """Raise for an option in a URL that libpq does not have. What may be a part of something else is not quoted."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    for part in str(conninfo).partition("?")[2].split("&"):
        name = part.partition("=")[0]
        if _OPTION.fullmatch(name) and name not in known:
            raise UsageError(
                f"the PostgreSQL URL has an option {name}, which libpq does not know",
                cure="Correct it. Options of this library are arguments; in a URL they are known to open_storage and"
                " the command.",
            )


def _is_alive(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Return whether an idle connection may be used.

    A server that goes away says so, and nobody else says anything to a connection that asks nothing. So as long as
    there is nothing to be read, it costs no journey to know.
    """
    if connection.closed:
        return False
    try:
        if not _is_readable(connection.fileno()):
            return True
        connection.execute("select 1")
    except psycopg.Error:
        return False
    return True


def _is_readable(descriptor: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])
