"""What psycopg raises, as errors of ours: they name server, database and the kind of trouble, and quote nothing.

A message of the server may hold a row, and one of libpq a password, so neither is passed on. While a connection is
being made there is no code to go by, only the English text; what is not recognised in it gets a sentence that fits all.
"""

from __future__ import annotations

import re
from typing import Final

import psycopg

from smartify_core.errors import (
    NewerSchema,
    SmartifyError,
    StorageBroken,
    StorageBusy,
    StorageError,
    StorageUnavailable,
)

#: Another transaction was in the way, and nothing of this one was kept: it may simply be done again.
TRY_AGAIN: Final = frozenset({"40001", "40P01"})
#: Nothing can be written through this connection.
READ_ONLY: Final = "25006"
#: The server says farewell, or the connection is of no more use for writing.
GONE: Final = frozenset({"57P01", "57P02", "57P03", "57P05", READ_ONLY})
#: A table, a column or the schema is not there.
MISSING: Final = frozenset({"42P01", "42703", "3F000"})

_RESTART: Final = "Wait until it is up again; the storage connects anew by itself."
_GRANT: Final = "Grant the role what the guide on PostgreSQL says, or name another role."
_RESTORE: Final = "Restore the database from a backup; the next sync brings it up to date."

#: What happened and what to do, by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_TROUBLES: Final[dict[str, tuple[type[SmartifyError], str, str]]] = {
    "55P03": (StorageBusy, "another transaction held a lock for longer than lock_timeout", "Try again."),
    "57014": (
        StorageBusy,
        "a statement took longer than the time allowed, or was cancelled",
        "Try again, or allow more time with statement_timeout.",
    ),
    "40001": (StorageBusy, "other transactions were in the way each time it was tried", "Try again."),
    "40P01": (StorageBusy, "other transactions were in the way each time it was tried", "Try again."),
    "42501": (StorageUnavailable, "the role may not do this", _GRANT),
    "28000": (StorageUnavailable, "the server does not let this role in", "Check the role's name and pg_hba.conf."),
    "28P01": (StorageUnavailable, "the server did not accept the password", "Check the role's name and password."),
    "3D000": (StorageUnavailable, "the database does not exist", "Create it, or correct its name in the URL."),
    "25006": (
        StorageUnavailable,
        "the server takes no writes: it is a standby, or was set to read only",
        "Name the primary, or add target_session_attrs=read-write to the URL.",
    ),
    "53100": (StorageUnavailable, "the server's disk is full", "Free some space; nothing of the write was kept."),
    "53200": (StorageUnavailable, "the server ran out of memory", "Give it more; nothing of the write was kept."),
    "53300": (
        StorageUnavailable,
        "the server has no connection left",
        "Lower pool_size, raise max_connections, or put a pooling proxy in between.",
    ),
    "57P01": (StorageUnavailable, "the server is shutting down or ended the connection", _RESTART),
    "57P02": (StorageUnavailable, "the server crashed and is starting again", _RESTART),
    "57P03": (StorageUnavailable, "the server is starting up or shutting down", _RESTART),
    "57P05": (StorageUnavailable, "the server ended a connection that was idle for too long", "Try again."),
    "XX001": (StorageBroken, "the database is damaged", _RESTORE),
    "XX002": (StorageBroken, "an index of the database is damaged", "Run reindex schema, then check again."),
}
_LOST: Final = "the connection to the server was lost"

#: What the text of an attempt to connect tells, in the order in which it is looked for.
_REFUSALS: Final[tuple[tuple[str, str, str], ...]] = (
    ("password authentication failed", "the server did not accept the password", "Check the role's name and password."),
    ("no password supplied", "the server wants a password", "Put one into the URL, a password file or PGPASSWORD."),
    ('database ".*" does not exist', "the database does not exist", "Create it, or correct its name in the URL."),
    ('role ".*" does not exist', "the role does not exist", "Create it, or correct its name in the URL."),
    ("permission denied for database", "the role may not connect to the database", _GRANT),
    (
        "too many (clients|connections)|remaining connection slots",
        "the server has no connection left",
        "Lower pool_size, raise max_connections, or put a pooling proxy in between.",
    ),
    (
        "pg_hba.conf",
        "the server does not let this role in from here",
        "Check the URL's sslmode, and add a line to pg_hba.conf.",
    ),
    ("starting up|shutting down|recovery mode", "the server is starting up or shutting down", _RESTART),
    (
        "does not support SSL|SSL was required|certificate|SSL error|sslmode|root\\.crt",
        "there is no TLS as the URL asks for it",
        "Check sslmode and sslrootcert in the URL, and the server's certificate.",
    ),
    ("resolve host|translate host name", "the server's name is not known", "Correct the host in the URL."),
    ("timeout expired|timed out", "the server did not answer in time", "Check the host, the port and the firewall."),
    (
        "refused|No such file or directory|not exist",
        "no server listens there",
        "Start it, or correct host and port in the URL.",
    ),
)


def as_our_error(error: psycopg.Error, where: str) -> SmartifyError:
    """Return our error for psycopg's."""
    state = error.sqlstate
    if state in _TROUBLES:
        kind, what, cure = _TROUBLES[state]
        return kind(what, where=where, cure=cure)
    if state in MISSING:
        return broken_schema(where)
    if state is None or state.startswith("08"):
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return lost(where)
        return StorageUnavailable(
            f"psycopg refused ({type(error).__name__})", where=where, cure="Check that the server is PostgreSQL."
        )
    return StorageUnavailable(
        f"PostgreSQL refused (SQLSTATE {state})", where=where, cure="Look it up in the server's log."
    )


def as_refused_connection(error: psycopg.Error, where: str) -> SmartifyError:
    """Return our error for a connection that was not made."""
    if error.sqlstate in _TROUBLES:
        return as_our_error(error, where)
    told = str(error)
    for pattern, what, cure in _REFUSALS:
        if re.search(pattern, told):
            return StorageUnavailable(what, where=where, cure=cure)
    return StorageUnavailable("no connection can be made", where=where, cure="Look into the server's log for why.")


def lost(where: str) -> StorageError:
    """Return the error for a connection that broke before a write was to be kept, or while something was read."""
    return StorageUnavailable(_LOST, where=where, cure="Try again; the storage connects anew by itself.")


def lost_at_commit(where: str) -> StorageError:
    """Return the error for a connection that broke while a write was to be kept."""
    return StorageUnavailable(
        f"{_LOST} before it said whether the write was kept",
        where=where,
        cure="Try again: a commit with the id of its batch is not applied twice.",
    )


def busy_pool(where: str, size: int) -> StorageBusy:
    """Return the error for a connection that did not come free in time."""
    return StorageBusy(
        f"all {size} connections were in use for longer than the time allowed",
        where=where,
        cure="Allow more with pool_size, or use fewer threads.",
    )


def newer_schema(where: str, found: int, known: int) -> NewerSchema:
    """Return the error for tables that a newer version of this library wrote."""
    return NewerSchema(
        f"the store has schema {found}; this version of the library knows {known}; it was not touched",
        where=where,
        cure="Upgrade smartify-core.",
    )


def broken_schema(where: str) -> StorageBroken:
    """Return the error for tables that are not as any version of this library makes them."""
    return StorageBroken(
        "the tables of the store are not as this version of the library made them",
        where=where,
        cure="Restore the schema from a backup, or begin a new one and sync.",
    )
