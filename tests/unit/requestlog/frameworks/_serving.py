"""Real servers on loopback, each in a thread of the test's own process, and a client that keeps every byte."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

#: The first step of a path: which of two applications answers.
WITH, WITHOUT = "/with", "/less"
TIME_LIMIT = 30.0  # seconds; only a hang comes near it


def free_socket() -> socket.socket:
    """Return a socket on loopback, bound to a port of its own."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", 0))
    return bound


@contextmanager
def _thread(run: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(TIME_LIMIT)
        assert not thread.is_alive(), "the server did not stop"


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@contextmanager
def wsgiref(app: Any) -> Iterator[int]:
    """Serve with the server of the standard library."""
    server = make_server("127.0.0.1", 0, app, _Threads, _Silent)
    with server, _thread(lambda: server.serve_forever(poll_interval=0.01), server.shutdown):
        yield server.server_port


@contextmanager
def waitress(app: Any) -> Iterator[int]:
    """Serve with waitress."""
    from waitress.server import create_server

    server = create_server(app, sockets=[free_socket()], threads=2, asyncore_loop_timeout=0.05)
    port: int = server.effective_port if hasattr(server, "effective_port") else server.socket.getsockname()[1]
    ended = threading.Event()

    def run() -> None:
        # Its own run() ends with the process only.
        while not ended.is_set():
            server.asyncore.loop(timeout=0.01, map=server._map, count=1)
        server.task_dispatcher.shutdown()
        server.close()
        for channel in [*server._map.values()]:
            channel.close()

    with _thread(run, ended.set):
        yield port


@contextmanager
def uvicorn(app: Any, ws: Any = "none") -> Iterator[int]:
    """Serve with uvicorn."""
    from uvicorn import Config, Server

    server = Server(
        Config(
            app,
            log_config=None,
            log_level="critical",
            lifespan="off",
            ws=ws,
            timeout_graceful_shutdown=5,
        )
    )
    bound = free_socket()
    with _thread(lambda: server.run([bound]), lambda: setattr(server, "should_exit", True)):
        bound.listen()
        yield bound.getsockname()[1]


@contextmanager
def hypercorn(app: Any) -> Iterator[int]:
    """Serve with hypercorn."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.errorlog = None
    bound = free_socket()
    bound.listen()
    config.bind = [f"fd://{bound.fileno()}"]
    ended = threading.Event()

    async def run() -> None:
        await serve(app, config, shutdown_trigger=lambda: asyncio.to_thread(ended.wait))

    with _thread(lambda: asyncio.run(run()), ended.set):
        yield bound.getsockname()[1]
    bound.detach()


@contextmanager
def gunicorn(module: str, **environment: str) -> Iterator[int]:
    """Serve a module's application with gunicorn, in processes of its own."""
    with free_socket() as free:
        port: int = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("gunicorn"))
    command = [program, "--workers", "1", "--threads", "2", "--log-level", "critical", "--bind", f"127.0.0.1:{port}"]
    paths = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [*command, f"{module}:app"], env=os.environ | environment | {"PYTHONPATH": paths}, stderr=subprocess.DEVNULL
    )
    pause = threading.Event()
    try:
        for _ in range(int(TIME_LIMIT / 0.05)):
            assert process.poll() is None, "the server ended"
            try:
                socket.create_connection(("127.0.0.1", port), 1.0).close()
                break
            except OSError:
                pause.wait(0.05)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(TIME_LIMIT)
        finally:
            process.kill()


SERVERS: dict[str, Any] = {"wsgiref": wsgiref, "waitress": waitress, "uvicorn": uvicorn, "hypercorn": hypercorn}
_varies = re.compile(rb"^(date|etag|last-modified): .*\r\n", re.IGNORECASE | re.MULTILINE)


def exchanged(port: int, sent: bytes) -> bytes:
    """Send ``sent`` over a connection of its own, and return every byte that comes back but dates."""
    with closing(socket.create_connection(("127.0.0.1", port), TIME_LIMIT)) as connection:
        connection.sendall(sent)
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return _varies.sub(b"", b"".join(pieces))


def leave(port: int, sent: bytes) -> bytes:
    """Send ``sent``, read the beginning of the answer, and go away."""
    with closing(socket.create_connection(("127.0.0.1", port), TIME_LIMIT)) as connection:
        connection.sendall(sent)
        return connection.recv(1_000)


def both_wsgi(recorded: Any, alone: Any) -> Any:
    """Return one application of two: which one answers is said by the first step of the path."""

    def app(environ: Any, start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        environ["PATH_INFO"] = path[5:]
        return (recorded if path.startswith(WITH) else alone)(environ, start_response)

    return app


def both_asgi(recorded: Any, alone: Any) -> Any:
    """Return one application of two, as above."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        inner = scope | {"path": path[5:], "raw_path": scope["raw_path"][5:]}
        await (recorded if path.startswith(WITH) else alone)(inner, receive, send)

    return app
