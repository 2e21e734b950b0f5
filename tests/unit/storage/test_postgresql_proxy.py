"""Behind a proxy that gives each transaction another connection to the server."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from smartify_core.model import Append, Batch, SealedAccount
from smartify_core.storage._postgresql import _lent as lending
from smartify_core.storage.postgresql import PostgreSQLStorage

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")

MakeAccount = Callable[..., SealedAccount]
MakeBatch = Callable[..., Batch]


@pytest.fixture
def proxy(postgresql_url: str) -> Iterator[str]:
    """Give the URL of a PgBouncer that has two connections to the server and lends them for a transaction each."""
    if PROGRAM is None:
        pytest.skip("the program pgbouncer is not installed")
    told = conninfo_to_dict(postgresql_url)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="smartify-proxy-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "settings.ini").write_text(
            "[databases]\n"
            f"* = host={told.get('host') or '127.0.0.1'} port={told.get('port') or 5432} user={told['user']}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 50\n",
            encoding="utf-8",
        )
        # It refuses to run as root, and must reach the server's socket.
        host = Path(str(told.get("host")))
        user = None if os.getuid() else host.owner() if host.is_absolute() else "nobody"
        program: Any = subprocess.Popen(
            [PROGRAM, str(folder / "settings.ini")],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=user,
        )
        with program:
            try:
                assert any("process up" in line for line in program.stdout), "pgbouncer did not start"
                # It goes on telling what it does, to somebody who reads.
                threading.Thread(target=program.stdout.read, daemon=True).start()
                yield f"postgresql://{told['user']}@127.0.0.1:{port}/{told.get('dbname') or 'postgres'}"
            finally:
                program.terminate()


def test_every_method_works_behind_a_proxy(
    proxy: str, schema: str, everything_done: Callable[[PostgreSQLStorage], None]
) -> None:
    """Tables are made, and every method is used, with time limits too."""
    with PostgreSQLStorage(proxy, schema=schema, statement_timeout=30, lock_timeout=30) as storage:
        everything_done(storage)


def test_many_threads_share_the_few_connections_of_a_proxy(
    proxy: str, schema: str, put: MakeBatch, account: MakeAccount
) -> None:
    """Each claims and writes tenants of its own, and all find what they wrote."""
    with PostgreSQLStorage(proxy, schema=schema, lock_timeout=30) as storage:
        raised: list[BaseException] = []

        def work(place: int) -> None:
            try:
                name = f"t{place}"
                claim = storage.claim(name, now=NOON, ttl=HOUR)
                for version in range(1, 11):
                    storage.commit(claim, put(account("s", version, tenant=name)))
                    storage.record(name, appends=[Append("audit", (b"x",), version - 1)])
                assert storage.tenant(name).revision == 10
                assert storage.heads(name)[0].version == 10
                assert len(storage.entries(name, journal="audit")) == 10
            except BaseException as error:  # noqa: BLE001 - told below
                raised.append(error)

        threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert raised == []


def test_a_proxys_connections_are_found_as_they_were(proxy: str, schema: str) -> None:
    """What one transaction set for itself is not there for the next, whoever has it."""
    with PostgreSQLStorage(proxy, schema=schema, statement_timeout=30, lock_timeout=30) as storage:
        storage.release(storage.claim("acme", now=NOON, ttl=HOUR))
        storage.record("acme", appends=[Append("audit", (b"x",))])
        storage.heads("acme")
    names = "('statement_timeout', 'lock_timeout', 'synchronous_commit', 'jit', 'enable_seqscan', 'enable_sort')"
    with psycopg.connect(proxy, autocommit=True, prepare_threshold=None) as connection:
        for _ in range(4):
            rows = connection.execute(
                f"select name from pg_settings where name in {names} and source = 'session'".encode()
            ).fetchall()
            assert rows == []
            assert connection.execute("select count(*) from pg_prepared_statements").fetchall() == [(0,)]


def test_nothing_is_prepared_unless_it_is_asked_for(postgresql_url: str, schema: str) -> None:
    """A threshold prepares what is run that often, on the connection that ran it."""
    for threshold, some in ((None, False), (1, True)):
        with PostgreSQLStorage(postgresql_url, schema=schema, pool_size=1, prepare_threshold=threshold) as storage:
            for _ in range(8):
                storage.tenant("acme")
                storage.release(storage.claim("acme", now=NOON, ttl=HOUR))
            with storage._connections.lent() as lent:
                ((number,),) = lent.run("select count(*) from pg_prepared_statements").fetchall()
            assert bool(number) is some


def test_nothing_is_left_in_a_session(postgresql_url: str, schema: str, everything_done: Callable[..., None]) -> None:
    """After every method a connection of the pool has no table, lock, cursor, listener or setting of its own."""
    with PostgreSQLStorage(postgresql_url, schema=schema, pool_size=1, statement_timeout=30) as storage:
        everything_done(storage)
        with storage._connections.lent() as lent:
            assert isinstance(lent, lending.Lent)
            for what in (
                "pg_prepared_statements",
                "pg_cursors",
                "pg_listening_channels() as channel",
                "pg_locks where pid = pg_backend_pid() and locktype in ('advisory', 'tuple')",
                "pg_class where relpersistence = 't' and pg_table_is_visible(oid)",
                "pg_settings where source = 'session'",
            ):
                ((number,),) = lent.connection.execute(f"select count(*) from {what}".encode()).fetchall()
                assert (what, number) == (what, 0)
