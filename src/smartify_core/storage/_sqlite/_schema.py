"""The tables of the SQLite store, and how a store comes to have them.

How erased bytes are really gone
    SQLite's ``secure_delete`` zeroes what is deleted, but not the stale copies that an ordinary b-tree leaves in the
    slack of its pages when it splits and merges them. So everything that must be destroyable lives in rows that never
    move: ``digest``, ``sealed``, ``total`` and ``content`` are only ever appended to, and their rows only ever
    overwritten by others of the same length, in place. An erased row is overwritten with zeros and its place noted in
    ``vacancy`` for the next record of its size. The b-trees that do get rebalanced hold ids (which the tombstone keeps
    anyway), names of journals and documents and, for looking addresses up, 12 to 16 bits of an index.

What the log still holds
    The log keeps the pages from before an erasure until it is emptied, and a reader may hold that up. So a transaction
    that erases makes ``user_version`` odd, and whoever commits, closes or opens next knows that the log is to be
    emptied. Once it was, somebody's next transaction makes the number even. It only ever grows, so that nobody takes a
    later erasure for the one that was dealt with.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from threading import Event
from typing import Final

from smartify_core.errors import ForeignStore, NewerSchema, StorageBroken, StorageUnavailable
from smartify_core.storage._numbers import total_record

from ._content import content_record
from ._errors import as_storage_error, busy
from ._rows import fingerprint_number

#: "smar", in the four bytes of the file's header that say which program a SQLite file belongs to.
APPLICATION_ID: Final = 0x736D6172

#: Each entry takes a store from the version that is its position to the next. Entries are never changed once released.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        # Times are microseconds since 1970, UTC. A lease that nobody holds has no expiry.
        """create table tenant (
            id integer primary key,
            name text not null unique,
            fence integer not null,
            expires_at integer,
            revision integer not null
        )""",
        """create table account (
            tenant integer not null references tenant,
            source_id text not null,
            account_id text not null,
            state integer not null,
            inactive_reason integer not null,
            version integer not null,
            created_at integer not null,
            updated_at integer not null,
            predecessor text,
            email_bucket integer not null,
            digest integer not null,
            sealed integer not null,
            primary key (tenant, source_id)
        ) without rowid""",
        "create unique index account_by_account_id on account (tenant, account_id)",
        "create index account_by_email_bucket on account (tenant, email_bucket)",
        "create table digest (id integer primary key, record blob not null)",
        "create table sealed (id integer primary key, record blob not null)",
        """create table vacancy (
            slab integer not null, size integer not null, id integer not null, primary key (slab, size, id)
        ) without rowid""",
        """create table tombstone (
            tenant integer not null references tenant,
            account_id text not null,
            source_id text not null,
            created_at integer not null,
            deleted_at integer not null,
            primary key (tenant, account_id)
        ) without rowid""",
        "create index tombstone_by_source_id on tombstone (tenant, source_id, deleted_at, account_id)",
    ),
    (
        "alter table tenant add column due_at integer",
        "alter table tenant add column accounts integer not null default 0",
        "alter table tenant add column position integer not null default 0",
        "alter table tenant add column trimmed integer not null default 0",
        # The id of the latest commit. Its receipt tells the revision, which nothing has changed since.
        "alter table tenant add column batch text",
        # The place of the sum of the tenant's fingerprints; null until accounts are written. The sum of one account is
        # its fingerprint, so it lies in a row that never moves, too.
        "alter table tenant add column total integer references total",
        "create table total (id integer primary key, record blob not null)",
        # Free tenants in the order in which they are due: however many are leased, none of them is in the way.
        "create index tenant_due on tenant (due_at, name) where due_at is not null and expires_at is null",
        "create index tenant_leased on tenant (expires_at) where due_at is not null and expires_at is not null",
        "alter table account add column adopted integer not null default 0",
        """insert into total (id, record)
            select a.tenant, fingerprint_sum(d.record) from account a join digest d on d.id = a.digest
            group by a.tenant""",
        """update tenant set total = id, accounts = (select count(*) from account where tenant = tenant.id)
            where id in (select id from total)""",
        # One row a commit: so many entries from the position ``first`` on, each after its length.
        """create table journal (
            id integer primary key,
            tenant integer not null references tenant,
            first integer not null,
            entries integer not null,
            record blob not null
        )""",
        "create unique index journal_by_position on journal (tenant, first)",
        """create table document (
            id integer primary key,
            tenant integer not null references tenant,
            kind text not null,
            name text not null,
            version integer not null,
            value blob not null
        )""",
        "create unique index document_by_name on document (tenant, kind, name)",
    ),
    (
        # With the place of the whole index in it, candidates for an address are compared without looking at accounts.
        "drop index account_by_email_bucket",
        "create index account_by_email_bucket on account (tenant, email_bucket, digest)",
    ),
    (
        # Several journals to a tenant; what there was is its outbox, whose numbers stay in the row of the tenant.
        "alter table journal add column name text not null default 'outbox'",
        "drop index journal_by_position",
        "create unique index journal_by_position on journal (tenant, name, first)",
        """create table journal_position (
            tenant integer not null references tenant,
            name text not null,
            position integer not null,
            trimmed integer not null,
            primary key (tenant, name)
        ) without rowid""",
    ),
    (
        # What journals and documents hold goes into rows that never move. The tables that it was in are dropped, and
        # with them all that their pages kept of what had been moved or removed.
        "create table content (id integer primary key, record blob not null)",
        "drop index journal_by_position",
        "alter table journal rename to journal_before",
        """create table journal (
            tenant integer not null references tenant,
            name text not null,
            first integer not null,
            entries integer not null,
            content integer not null,
            primary key (tenant, name, first)
        ) without rowid""",
        """insert into content (id, record)
            select id, content_record(cast(record as blob)) from journal_before order by id""",
        """insert into journal (tenant, name, first, entries, content)
            select tenant, name, first, entries, id from journal_before""",
        "drop table journal_before",
        "drop index document_by_name",
        "alter table document rename to document_before",
        """create table document (
            tenant integer not null references tenant,
            kind text not null,
            name text not null,
            version integer not null,
            content integer not null,
            primary key (tenant, kind, name)
        ) without rowid""",
        """insert into content (id, record)
            select id + (select coalesce(max(content), 0) from journal), content_record(cast(value as blob))
            from document_before order by id""",
        """insert into document (tenant, kind, name, version, content)
            select tenant, kind, name, version, id + (select coalesce(max(content), 0) from journal)
            from document_before""",
        "drop table document_before",
        # A journal may begin behind a position. That one is noted as trimmed from now on, so that of every journal it
        # is known which entries are there.
        """update tenant set trimmed = max(trimmed, coalesce(
            (select min(first) - 1 from journal where tenant = tenant.id and name = 'outbox'), position))""",
        """update journal_position set trimmed = max(trimmed, coalesce(
            (select min(first) - 1 from journal j where j.tenant = journal_position.tenant
                and j.name = journal_position.name), position))""",
        # The log is to be emptied: it holds the pages of those tables.
        "pragma user_version = 1",
    ),
)

#: How long a file that looks cut short is given to be whole, while the journal of whoever makes it is there: seconds.
_PATIENCE_WITH_MAKERS: Final = 2.0

_SCHEMA_TABLE: Final = """create table smartify_schema (
    version integer primary key, applied_at integer not null, library text not null
)"""


class _FingerprintSum:
    """What a migration calls ``fingerprint_sum``: takes records of the table ``digest``, gives one of ``total``."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, record: object, /) -> None:
        """Add one. A damaged record counts as none here; loading its account says what it is."""
        if isinstance(record, bytes):
            self._sum += fingerprint_number(record)

    def finalize(self) -> bytes:
        """Return the sum."""
        return total_record(self._sum)


def refuse_foreign(uri: str, path: Path) -> None:
    """Look at the file without locking it or writing beside it, and raise when it is not ours.

    Raises:
        ForeignStore: It is another program's database.
        StorageUnavailable: It is no database, or cut short.
    """
    log, journal = (path.with_name(path.name + end) for end in ("-wal", "-journal"))
    deadline = time.monotonic() + _PATIENCE_WITH_MAKERS
    while True:
        making = journal.exists() or log.exists()
        try:
            return _probe(uri, path)
        except sqlite3.DatabaseError as error:
            cut_short = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_CORRUPT
            # After a crash in the middle of a checkpoint the file may look cut short until its log is read.
            if cut_short and log.exists() and log.stat().st_size:
                return None
            # While another process makes the store, or has just moved its log into it, pages come one after the other.
            if not (cut_short and (making or journal.exists() or log.exists())) or time.monotonic() >= deadline:
                raise as_storage_error(error, path) from None
        Event().wait(0.01)


def _probe(uri: str, path: Path) -> None:
    # "immutable" reads the file as it lies there, without its write-ahead log. That is enough: the application id is
    # written before there is a log.
    probe = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True)
    try:
        # In this order: a store that another process is just making has its id together with its first page.
        if _number(probe, "pragma page_count") and _number(probe, "pragma application_id") != APPLICATION_ID:
            raise _foreign(path)
    finally:
        probe.close()


def bring_up_to_date(
    connection: sqlite3.Connection, path: Path, *, patience: float, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Create or migrate the tables, under the store's write lock and all or nothing, and turn the write-ahead log on.

    Raises:
        NewerSchema: A newer version of this library wrote the store; it was not touched.
        ForeignStore: The database is another program's.
    """
    if _version(connection, path, len(migrations)) < len(migrations):
        _lend_functions(connection)
        connection.execute("begin exclusive")
        try:
            # Read again: another process may have done it while this one waited for the lock.
            version = _version(connection, path, len(migrations))
            if version == 0:
                connection.execute(f"pragma application_id = {APPLICATION_ID}")
                connection.execute(_SCHEMA_TABLE)
            for number, statements in enumerate(migrations[version:], start=version + 1):
                for statement in statements:
                    connection.execute(statement)
                applied = (number, time.time_ns() // 1000, _library())
                connection.execute("insert into smartify_schema values (?, ?, ?)", applied)
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
    _use_log(connection, path, patience)


def made_anew() -> sqlite3.Connection:
    """Return a store in memory as this version makes it: to compare others with."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _lend_functions(connection)
    for statement in (_SCHEMA_TABLE, *(one for statements in MIGRATIONS for one in statements)):
        connection.execute(statement)
    return connection


def _lend_functions(connection: sqlite3.Connection) -> None:
    """Have the connection know what migrations call."""
    connection.create_aggregate("fingerprint_sum", 1, _FingerprintSum)  # type: ignore[arg-type]  # typed for ints
    connection.create_function("content_record", 1, content_record, deterministic=True)


def refuse_newer(connection: sqlite3.Connection, path: Path) -> None:
    """Raise `NewerSchema` when a newer version of this library has migrated the store since it was opened."""
    _version(connection, path, len(MIGRATIONS))


def refuse_other_schema(connection: sqlite3.Connection, path: Path, *, cure: str) -> None:
    """Raise unless the tables are those that this version of the library reads.

    Raises:
        StorageBroken: An older version wrote them, and ``cure`` says what to do; or there are none.
        NewerSchema: A newer version wrote them.
    """
    version = _version(connection, path, len(MIGRATIONS))
    if not version:
        raise StorageBroken("the file holds no store, or a damaged one", where=str(path), cure="Name another file.")
    if version < len(MIGRATIONS):
        raise StorageBroken(
            f"the store has schema {version}, and only {len(MIGRATIONS)} is read; reading migrates nothing",
            where=str(path),
            cure=cure,
        )


def _version(connection: sqlite3.Connection, path: Path, known: int) -> int:
    """Return the version of the tables; 0 for a file without any."""
    with _one_state(connection):
        if _number(connection, "pragma application_id") != APPLICATION_ID:
            if _number(connection, "select count(*) from sqlite_master"):
                raise _foreign(path)
            return 0
        version = _number(connection, "select max(version) from smartify_schema")
    if version > known:
        raise NewerSchema(
            f"the store has schema {version}; this version of the library knows {known}; it was not touched",
            where=str(path),
            cure="Upgrade smartify-core.",
        )
    return version


@contextmanager
def _one_state(connection: sqlite3.Connection) -> Iterator[None]:
    """Have all that is read inside be of one state of the store: another process may be making it at this moment."""
    if connection.in_transaction:
        yield
        return
    connection.execute("begin")
    try:
        yield
    finally:
        connection.rollback()  # does nothing where an error has ended the transaction already


def _use_log(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    """Switch the store to its write-ahead log.

    The switch needs the file alone, and SQLite does not wait for that by itself.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() >= deadline:
                raise busy(path) from None
            Event().wait(0.01)
            continue
        if mode != "wal":
            raise StorageUnavailable(
                "the file system cannot hold a write-ahead log", where=str(path), cure="Keep the store on a local disk."
            )
        return


def _foreign(path: Path) -> ForeignStore:
    return ForeignStore(
        "the database belongs to another program; it was not touched", where=str(path), cure="Name another file."
    )


def _number(connection: sqlite3.Connection, statement: str) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0] or 0)


def _library() -> str:
    try:
        return metadata.version("smartify-core")
    except metadata.PackageNotFoundError:
        return "unknown"
