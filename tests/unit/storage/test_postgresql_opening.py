"""What can be wrong with a URL, a server, a role, a database or a schema, and what is said of it."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests import _postgresql as postgresql

from smartify_core.errors import (
    ForeignStore,
    NewerSchema,
    SmartifyError,
    StorageBroken,
    StorageUnavailable,
    UsageError,
)
from smartify_core.storage._postgresql._schema import MIGRATIONS
from smartify_core.storage.postgresql import PostgreSQLStorage

PASSWORD = "hunter2-Zx9"


@pytest.fixture(scope="module")
def strict() -> Iterator[str]:
    """Give the URL of a server that asks the role ``vendor`` for a password, and lets ``stranger`` in nowhere."""
    server = postgresql.OwnServer()
    postgresql.run(server.url, f"create role vendor login password '{PASSWORD}'", "create role stranger login")
    rules = server.data / "pg_hba.conf"
    told = rules.read_text(encoding="utf-8")
    rules.write_text(f"local all vendor scram-sha-256\nlocal all stranger reject\n{told}", encoding="utf-8")
    server.reload()
    yield server.url
    server.remove()


def refusal(conninfo: str, **options: object) -> SmartifyError:
    """Return what opening a store raises, having seen that it tells no password, and has a cure."""
    with pytest.raises(SmartifyError) as caught:
        PostgreSQLStorage(conninfo, **options).close()  # type: ignore[arg-type]  # some of these are wrong on purpose
    told = "".join((str(caught.value), repr(caught.value), *map(str, caught.value.args)))
    assert PASSWORD not in told
    assert caught.value.cure
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    "conninfo",
    [
        f"postgresql://vendor:{PASSWORD}@localhost/db?nonsense=1",
        f"postgresql://vendor:{PASSWORD}@[::1/db",
        f"host=localhost password={PASSWORD} nonsense=1",
        f"not a url {PASSWORD}",
        f"postgresql://vendor:{PASSWORD}@localhost:port/db",
        f"postgresql://vendor:{PASSWORD}@localhost/%00",
        f"postgresql://vendor:{PASSWORD}\udc80@localhost/db",
        f"postgresql://vendor:{PASSWORD}@localhost/db\0",
        f"postgresql://vendor:{PASSWORD}@localhost/db?sslmode=perhaps",
        f"postgresql://vendor:{PASSWORD}@localhost/db?connect_timeout=soon",
        # Characters of a password that are not encoded, by which it becomes the host, the port or the database.
        f"postgresql://vendor:{PASSWORD}/x@127.0.0.1:1/db",
        f"postgresql://vendor:12/{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://vendor:x@{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://vendor:{PASSWORD}?x={PASSWORD}@127.0.0.1:1/db",
        f"postgresql://vendor:12?dbname={PASSWORD}@127.0.0.1:1/db",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_quoted(conninfo: str) -> None:
    """Whatever is wrong with it, its password stays out of the error."""
    assert isinstance(refusal(conninfo), UsageError | StorageUnavailable)


@pytest.mark.parametrize("option", ["pool_sise", "migrate"])
def test_an_option_that_nobody_knows_is_named(option: str) -> None:
    """Whoever misspells an option, or gives the class one of the library's own in a URL, is told which."""
    error = refusal(f"postgresql://vendor:{PASSWORD}@localhost/db?sslmode=require&{option}=3")
    assert isinstance(error, UsageError)
    assert option in error.what
    assert "open_storage" in (error.cure or "")


def test_a_url_is_text() -> None:
    """A path is none."""
    with pytest.raises(UsageError):
        PostgreSQLStorage(Path("file.db"))  # type: ignore[arg-type]  # wrong on purpose


def test_a_server_that_is_not_there_is_named(tmp_path: object) -> None:
    """Neither at a port nor at a socket."""
    error = refusal(f"postgresql://vendor:{PASSWORD}@127.0.0.1:1/db")
    assert (type(error), error.what) == (StorageUnavailable, "no server listens there")
    assert error.where == "127.0.0.1:1/db, schema smartify"
    assert refusal(f"host={tmp_path} dbname=db").what == "no server listens there"
    assert refusal("postgresql://nobody.invalid/db").what == "the server's name is not known"


def test_tls_that_cannot_be_had_is_named(postgresql_url: str) -> None:
    """A URL that asks for TLS is not served without it."""
    with postgresql.wire(postgresql_url) as wire:
        error = refusal(postgresql.with_parts(wire.url, sslmode="verify-full", sslrootcert="/no/such/file"))
        assert error.what == "there is no TLS as the URL asks for it"


def test_tls_is_used_as_the_url_asks_for_it(
    postgresql_url: str, schema: str, tmp_path: Path, everything_done: Callable[..., None]
) -> None:
    """The certificate is held against the authority and the name that the URL knows."""
    certificate, another = (self_signed(tmp_path / name) for name in ("server.pem", "another.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with postgresql.wire(postgresql_url, tls) as wire:
        url = postgresql.with_parts(wire.url, sslmode="verify-full", sslrootcert=str(certificate), gssencmode="disable")
        with PostgreSQLStorage(url, schema=schema) as storage:
            everything_done(storage)
        for wrong in ({"sslrootcert": str(another)}, {"host": "localhost", "hostaddr": "127.0.0.1"}):
            assert refusal(postgresql.with_parts(url, **wrong)).what == "there is no TLS as the URL asks for it"


def test_a_wrong_password_is_named(strict: str) -> None:
    """So is none at all, and the right one opens the store as far as the role may."""
    as_vendor = postgresql.with_parts(strict, user="vendor")
    assert refusal(postgresql.with_parts(as_vendor, password="wrong")).what == "the server did not accept the password"
    assert refusal(as_vendor).what == "the server wants a password"
    # The role may not create a schema: that is what is said now.
    assert refusal(postgresql.with_parts(as_vendor, password=PASSWORD)).what == "the role may not do this"


def test_a_role_or_database_that_is_not_there_is_named(strict: str) -> None:
    """And so is one that is not let in."""
    assert refusal(postgresql.with_parts(strict, user="nobody")).what == "the role does not exist"
    assert refusal(postgresql.with_parts(strict, dbname="nothing")).what == "the database does not exist"
    assert refusal(postgresql.with_parts(strict, user="stranger")).what.startswith("the server does not let this role")


def test_a_database_of_another_encoding_is_refused(strict: str) -> None:
    """Its text could not hold every id."""
    postgresql.run(strict, "create database latin encoding 'LATIN1' locale 'C' template template0")
    error = refusal(postgresql.with_parts(strict, dbname="latin"))
    assert error.what == "the database's encoding is LATIN1, which cannot hold every id"
    assert "encoding 'UTF8'" in str(error)


def test_a_server_without_a_connection_left_is_named(strict: str) -> None:
    """The role's limit is told like the server's."""
    postgresql.run(strict, "create role few login superuser connection limit 0", "alter role few nosuperuser")
    assert refusal(postgresql.with_parts(strict, user="few")).what == "the server has no connection left"


@pytest.mark.parametrize(
    "statement",
    [
        "create table {}.people (name text)",
        "create view {}.people as select 1",
        "create sequence {}.numbers",
        "create materialized view {}.people as select 1",
    ],
)
def test_a_schema_of_somebody_else_is_not_touched(postgresql_url: str, schema: str, statement: str) -> None:
    """Whatever is in it."""
    postgresql.run(postgresql_url, f"create schema {schema}", statement.format(schema))
    assert isinstance(refusal(postgresql_url, schema=schema), ForeignStore)
    assert isinstance(refusal(postgresql_url, schema=schema, migrate=False), ForeignStore)
    assert relations(postgresql_url, schema) == 1


def test_an_empty_schema_is_used(postgresql_url: str, schema: str) -> None:
    """It may have been made by somebody who may, for a role that may not."""
    postgresql.run(postgresql_url, f"create schema {schema}")
    with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
        assert not storage.tenants()


def test_a_newer_store_is_not_touched(postgresql_url: str, schema: str) -> None:
    """A version that is not known is refused, also where tables may be migrated."""
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    newer = len(MIGRATIONS) + 1
    postgresql.run(postgresql_url, f"insert into {schema}.smartify_schema values ({newer}, now(), 'later')")
    before = relations(postgresql_url, schema)
    for migrate in (True, False):
        error = refusal(postgresql_url, schema=schema, migrate=migrate)
        assert isinstance(error, NewerSchema)
        assert f"schema {newer}" in error.what
    assert relations(postgresql_url, schema) == before


def test_a_schema_that_is_behind_is_refused_where_nothing_is_to_be_migrated(postgresql_url: str, schema: str) -> None:
    """Nothing is made, and the error says what to do."""
    error = refusal(postgresql_url, schema=schema, migrate=False)
    assert isinstance(error, StorageBroken)
    assert "migrate=True" in str(error)
    assert postgresql.run(postgresql_url, f"select 1 from pg_namespace where nspname = '{schema}'") == []
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    PostgreSQLStorage(postgresql_url, schema=schema, migrate=False).close()


def test_a_table_of_versions_without_one_is_refused(postgresql_url: str, schema: str) -> None:
    """Somebody has emptied it: what the tables are is not known."""
    PostgreSQLStorage(postgresql_url, schema=schema).close()
    postgresql.run(postgresql_url, f"delete from {schema}.smartify_schema")
    assert isinstance(refusal(postgresql_url, schema=schema), StorageBroken)


@pytest.mark.parametrize("name", ["Größe", "select", 'a "quoted" name', "with@sign", "%s $1 {}", "🜚", "A", "a;b--"])
def test_a_schema_may_have_any_name(postgresql_url: str, name: str) -> None:
    """It is quoted wherever it stands."""
    postgresql.drop_schema(postgresql_url, name)
    try:
        with PostgreSQLStorage(postgresql_url, schema=name) as storage:
            assert not storage.check()
            assert not storage.heads("acme")
    finally:
        postgresql.drop_schema(postgresql_url, name)


@pytest.mark.parametrize(
    "options",
    [
        {"schema": ""},
        {"schema": "x" * 64},
        {"schema": "ü" * 32},
        {"schema": "a\0b"},
        {"schema": "\udc80"},
        {"schema": "pg_mine"},
        {"schema": "information_schema"},
        {"pool_size": 0},
        {"lock_timeout": 0},
        {"statement_timeout": -1.0},
    ],
)
def test_options_that_make_no_sense_are_refused(postgresql_url: str, options: dict[str, object]) -> None:
    """Before a connection is made."""
    assert isinstance(refusal(postgresql_url, **options), UsageError)


def test_a_role_without_the_schema_is_told(strict: str) -> None:
    """It may neither use it nor look inside."""
    with PostgreSQLStorage(strict, schema="closed"):
        error = refusal(postgresql.with_parts(strict, user="vendor", password=PASSWORD), schema="closed")
    assert (type(error), error.what) == (StorageUnavailable, "the role may not use the schema")


def test_neither_repr_nor_log_holds_a_password(strict: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nor the role's name."""
    caplog.set_level(logging.DEBUG)
    postgresql.run(strict, "create schema mine authorization vendor")
    url = postgresql.with_parts(strict, user="vendor", password=PASSWORD)
    with PostgreSQLStorage(url, schema="mine") as storage:
        assert "mine" in repr(storage)
        assert PASSWORD not in repr(storage)
        assert "vendor" not in repr(storage)
        assert storage.tenant("acme").fence == 0
    assert PASSWORD not in caplog.text


def test_a_role_that_owns_nothing_but_its_schema_is_enough(
    strict: str, everything_done: Callable[[PostgreSQLStorage], None]
) -> None:
    """It needs no right to create schemas, extensions or temporary tables."""
    postgresql.run(
        strict,
        "create database narrow",
    )
    narrow = postgresql.with_parts(strict, dbname="narrow")
    postgresql.run(
        narrow,
        "revoke all on database narrow from public",
        "grant connect on database narrow to vendor",
        "create schema owned authorization vendor",
        "drop extension if exists plpgsql",
    )
    with PostgreSQLStorage(postgresql.with_parts(narrow, user="vendor", password=PASSWORD), schema="owned") as storage:
        everything_done(storage)


def test_rights_to_read_and_write_are_enough_once_the_tables_are_there(
    strict: str, everything_done: Callable[[PostgreSQLStorage], None]
) -> None:
    """A role that owns nothing uses what another has made."""
    PostgreSQLStorage(strict, schema="made").close()
    postgresql.run(
        strict,
        "grant usage on schema made to vendor",
        "grant select, insert, update, delete on all tables in schema made to vendor",
        "revoke insert, update, delete on made.smartify_schema from vendor",
    )
    url = postgresql.with_parts(strict, user="vendor", password=PASSWORD)
    with PostgreSQLStorage(url, schema="made") as storage:
        everything_done(storage)


def test_no_search_path_matters(postgresql_url: str, schema: str, everything_done: Callable[..., None]) -> None:
    """Everything is found in its schema, whatever else the role looks into."""
    url = postgresql.with_parts(postgresql_url, options="-c search_path=nowhere")
    with PostgreSQLStorage(url, schema=schema) as storage:
        everything_done(storage)


def test_hosts_that_start_at_once_make_one_store(postgresql_url: str, schema: str) -> None:
    """Each finds the tables whole, whoever made them."""

    def start(_: int) -> int:
        with PostgreSQLStorage(postgresql_url, schema=schema) as storage:
            return len(storage.tenants())

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(start, range(8))) == [0] * 8
    versions = postgresql.run(postgresql_url, f"select version from {schema}.smartify_schema")
    assert versions == [(number,) for number in range(1, len(MIGRATIONS) + 1)]


def self_signed(path: Path) -> Path:
    """Write a key and a certificate of this machine that is its own authority, and return where."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    path.write_bytes(certificate.public_bytes(pem) + secret)
    return path


def relations(url: str, schema: str) -> int:
    """Return how many things there are in a schema."""
    ((number,),) = postgresql.run(
        url,
        f"select count(*) from pg_class where relnamespace = '{schema}'::regnamespace and relkind in ('r','v','S','m')",
    )
    return int(number)
