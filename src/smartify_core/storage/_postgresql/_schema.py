"""The tables of the PostgreSQL store, and how a schema comes to have them.

Several hosts may start at once: whoever migrates holds a lock, and looks again once it has it. A migration takes the
table ``tenant`` for itself. Every write begins with a statement that reads both that table and the version, so a writer
is either through before the migration or sees its version; it refuses to write to tables newer than it knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import Final
from zlib import crc32

from smartify_core.errors import ForeignStore, SmartifyError, StorageBroken, StorageUnavailable, UsageError

from ._connections import Connections
from ._errors import broken_schema, newer_schema
from ._lent import Lent

#: The oldest PostgreSQL that is still maintained when this is written is 14.
_OLDEST: Final = 130000
#: "smar": the first half of the key of the lock under which migrations run; the second is the schema's.
_LOCK: Final = 0x736D6172
#: Seconds to wait for another host that migrates.
_PATIENCE: Final = 120.0

#: Each entry takes a store from the version that is its position to the next. Entries are never changed once released.
MIGRATIONS: Final[Sequence[Sequence[str]]] = (
    (
        # Ids compare by their bytes, whatever the database's locale. Times are microseconds since 1970, UTC. A lease
        # that nobody holds has no expiry. ``ended`` counts tombstones, so that newcomers to a tenant without any are
        # not looked up among them; ``digest`` is the sum of the fingerprints modulo 2^128, ``batch`` the id of the
        # latest commit. ``position`` and ``trimmed`` are the outbox's. Rows of this table change all the time.
        r"""create table @tenant (
            id bigint generated always as identity primary key,
            fence bigint not null default 0,
            expires_at bigint,
            due_at bigint,
            revision bigint not null default 0,
            accounts bigint not null default 0,
            ended bigint not null default 0,
            position bigint not null default 0,
            trimmed bigint not null default 0,
            name text collate "C" not null unique,
            digest bytea not null default '\x00000000000000000000000000000000',
            batch text
        ) with (autovacuum_vacuum_scale_factor = 0.02, fillfactor = 80)""",
        # Free tenants in the order in which they are due: however many are leased, none of them is in the way.
        "create index tenant_due on @tenant (due_at, name) where due_at is not null and expires_at is null",
        "create index tenant_leased on @tenant (expires_at) where due_at is not null and expires_at is not null",
        # Pages are left with room for another version of one row, which no index then has to know of. No table refers
        # to ``tenant`` by a foreign key: checking it costs a newcomer as much as being written, and nobody ever removes
        # a tenant.
        """create table @account (
            tenant bigint not null,
            version bigint not null,
            created_at bigint not null,
            updated_at bigint not null,
            state smallint not null,
            inactive_reason smallint not null,
            adopted boolean not null,
            fingerprint bytea not null,
            email_index bytea not null,
            source_id text collate "C" not null,
            account_id text collate "C" not null,
            predecessor text collate "C",
            group_indexes bytea not null,
            wrapped_key bytea not null,
            payload bytea not null,
            primary key (tenant, source_id)
        ) with (fillfactor = 90)""",
        "create unique index account_by_account_id on @account (tenant, account_id)",
        # A hash of it: an ordered index on random bytes costs a newcomer three times as much.
        "create index account_by_email on @account using hash (email_index)",
        # Sealed bytes do not get shorter, so nobody tries.
        "alter table @account alter column payload set storage external",
        """create table @tombstone (
            tenant bigint not null,
            created_at bigint not null,
            deleted_at bigint not null,
            account_id text collate "C" not null,
            source_id text collate "C" not null,
            primary key (tenant, account_id)
        )""",
        "create index tombstone_by_source_id on @tombstone (tenant, source_id, deleted_at)",
        # One row a commit: so many entries from the position ``first`` on, each after its length.
        """create table @journal (
            tenant bigint not null,
            first bigint not null,
            entries bigint not null,
            name text collate "C" not null,
            record bytea not null,
            primary key (tenant, name, first)
        )""",
        # Of journals other than the outbox.
        """create table @journal_position (
            tenant bigint not null,
            position bigint not null,
            trimmed bigint not null default 0,
            name text collate "C" not null,
            primary key (tenant, name)
        )""",
        """create table @document (
            tenant bigint not null,
            version bigint not null,
            kind text collate "C" not null,
            name text collate "C" not null,
            value bytea not null,
            primary key (tenant, kind, name)
        )""",
        "alter table @document alter column value set storage external",
    ),
)

_SCHEMA_TABLE: Final = """create table @smartify_schema (
    version integer primary key, applied_at timestamptz not null, library text not null
)"""
#: How many things there are in the schema, ``null`` where there is no schema; whether our own table is among them.
_LOOK: Final = (
    "select (select count(*) from pg_catalog.pg_class c where c.relnamespace = n.oid),"
    " exists(select 1 from pg_catalog.pg_class c where c.relnamespace = n.oid and c.relname = 'smartify_schema'),"
    " has_schema_privilege(n.oid, 'usage')"
    " from pg_catalog.pg_namespace n where n.nspname = $1"
)
_VERSION: Final = "select max(version) from @smartify_schema"

#: What every statement that writes by itself begins with. ``given`` has the version of the tables, and sees to it that
#: a lock is not waited for too long ($1, in milliseconds; ``null`` for the server's own limit) and that what was
#: answered is kept, or not waited for, where that is ``off`` ($2).
GIVEN: Final = (
    "with given as materialized (select max(version)::bigint as version,"
    " case when $1::bigint is not null then set_config('lock_timeout', $1::bigint::text, true) end as wait,"
    " case when $2::text = 'off' or current_setting('synchronous_commit') = 'off'"
    " then set_config('synchronous_commit', $2::text, true) end as kept from @smartify_schema)"
)


def prepare(connections: Connections, *, migrate: bool, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Check the server, and bring the schema's tables up to date where that is wanted.

    Raises:
        StorageUnavailable: The server is too old or has another encoding than UTF-8; or the store is to be read only,
            and there is none.
        UsageError: The store is to be read only, and an older version of this library wrote the tables.
        StorageBroken: The tables are behind, and ``migrate`` is false.
        NewerSchema: A newer version of this library wrote them; they were not touched.
        ForeignStore: The schema holds something else; it was not touched.
    """
    where = connections.place.where
    with connections.lent() as lent:
        if connections.read_only:
            lent.later("begin isolation level read committed read only")  # ended by whoever takes the connection back
        _check_server(lent, where)
        version = _version(lent, where, len(migrations))
        if version == len(migrations):
            return
        if connections.read_only:
            raise _cannot_be_read(where, version, len(migrations))
        if not migrate:
            raise StorageBroken(
                f"the store has schema {version}; this version of the library needs {len(migrations)}",
                where=where,
                cure="Open it once with migrate=True, by a role that may create tables in the schema.",
            )
        lent.later("begin isolation level read committed read write")
        lent.later(f"set local lock_timeout = {round(_PATIENCE * 1000)}")
        lent.run("select pg_advisory_xact_lock($1, $2)", (_LOCK, _key(lent.place.schema)))
        version = _version(lent, where, len(migrations))
        if version == 0:
            if lent.run(_LOOK, (lent.place.schema,)).fetchone() is None:
                lent.connection.execute(f"create schema {lent.place.quoted_schema}".encode())
            lent.run(_SCHEMA_TABLE)
        else:
            lent.run("lock table @tenant in access exclusive mode")
        for number, statements in enumerate(migrations[version:], start=version + 1):
            for statement in statements:
                lent.run(statement)
            lent.run("insert into @smartify_schema values ($1, now(), $2)", (number, _library()))
        lent.commit()


def given(lent: Lent, *, durable: bool = True) -> tuple[object, ...]:
    """Return the parameters of `GIVEN`, with the version that is known as the third."""
    return lent.place.lock_timeout, "on" if durable else "off", len(MIGRATIONS)


def refuse_version(found: int | None, where: str) -> None:
    """Raise when the tables have another version than the one that is known."""
    if found != len(MIGRATIONS):
        if found is not None and found > len(MIGRATIONS):
            raise newer_schema(where, found, len(MIGRATIONS))
        raise broken_schema(where)


def _cannot_be_read(where: str, found: int, known: int) -> SmartifyError:
    """Return the error for a store that is to be read only, and whose tables would have to be made or migrated."""
    if not found:
        return StorageUnavailable(
            "there is no store in the schema", where=where, cure="Name one that is there, or open it for writing."
        )
    return UsageError(
        f"the store has schema {found}, and only {known} is read; reading migrates nothing",
        where=where,
        cure="Open it once for writing, which brings it in order.",
    )


def _check_server(lent: Lent, where: str) -> None:
    if (number := lent.connection.info.server_version) < _OLDEST:
        raise StorageUnavailable(
            f"the server is PostgreSQL {number // 10000}, which is too old",
            where=where,
            cure="Use PostgreSQL 13 or newer.",
        )
    row = lent.run("select current_setting('server_encoding')").fetchone()
    encoding = row[0] if row else "unknown"
    if encoding != "UTF8":
        raise StorageUnavailable(
            f"the database's encoding is {encoding}, which cannot hold every id",
            where=where,
            cure="Create a database with: create database NAME encoding 'UTF8' template template0.",
        )


def _version(lent: Lent, where: str, known: int) -> int:
    """Return the version of the tables; 0 for a schema without any."""
    row = lent.run(_LOOK, (lent.place.schema,)).fetchone()
    number, ours, usable = row or (0, False, True)
    if not usable:
        raise StorageUnavailable(
            "the role may not use the schema", where=where, cure="Grant it usage, or name another schema."
        )
    if not ours:
        if number:
            raise ForeignStore(
                "the schema belongs to another program; it was not touched",
                where=where,
                cure="Name a schema of its own.",
            )
        return 0
    row = lent.run(_VERSION).fetchone()
    version = row[0] if row else None
    if version is None:
        raise broken_schema(where)
    if version > known:
        raise newer_schema(where, version, known)
    return int(version)


def explain(lent: Lent) -> None:
    """Raise `NewerSchema` where a newer version of this library is the reason that a table is not as it was."""
    _version(lent, lent.place.where, len(MIGRATIONS))


def _key(schema: str) -> int:
    return crc32(schema.encode()) - (1 << 31)


def _library() -> str:
    try:
        return metadata.version("smartify-core")
    except metadata.PackageNotFoundError:
        return "unknown"
