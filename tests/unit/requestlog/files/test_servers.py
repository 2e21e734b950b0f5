"""Real servers with several workers: none loses an event when it recycles one, or is told to end."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog.files import LogFile, log_files

pytestmark = pytest.mark.slow

#: Applications that do nothing but put an event, with a sink that would not write by itself for a minute.
APPLICATION = """
import os
from smartify_core.requestlog import Client, Feature, RequestEvent
from smartify_core.requestlog.files import JsonLinesFile

sink = JsonLinesFile(os.environ["LOG"], flush_every=60.0)
EVENT = RequestEvent(5, Feature("page"), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"))

def wsgi(environ, start_response):
    sink.put(EVENT)
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("no lifespan here")
    sink.put(EVENT)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})
"""
Ask = Callable[[int], int]


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Any]:
    """Return what runs a server on loopback for as long as a block takes, and then ends it by SIGTERM."""
    (tmp_path / "application.py").write_text(APPLICATION)

    @contextmanager
    def served(*command: str) -> Iterator[Ask]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            filled = [word.replace("FD", str(listening.fileno())) for word in command]
            environment = {**os.environ, "LOG": str(tmp_path / "log"), "PYTHONPATH": os.pathsep.join(sys.path)}
            with (tmp_path / "server.log").open("wb") as output:
                process = subprocess.Popen(
                    [sys.executable, "-m", *filled],
                    cwd=tmp_path,
                    env=environment,
                    pass_fds=[listening.fileno()],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            try:
                yield lambda count: _ask(listening.getsockname()[1], count)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    return served


def _ask(port: int, count: int) -> int:
    """Have so many requests answered, by four threads; return how many were made.

    A server that recycles a worker may cut off a connection that it has not read from. Such a request is made again.
    """
    made: list[int] = []

    def work() -> None:
        answered = 0
        while answered < count // 4:
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            made.append(1)
            try:
                connection.request("GET", "/", headers={"Connection": "close"})
                answered += connection.getresponse().status == 200
            except OSError:
                pass
            finally:
                connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(made)


def _written(directory: Path) -> tuple[int, list[LogFile]]:
    files = [*log_files(directory)]
    count = 0
    for file in files:
        data = file.path.read_bytes()
        count += len([json.loads(line) for line in (gzip.decompress(data) if file.compressed else data).splitlines()])
    return count, files


@pytest.mark.parametrize("kind", ["sync", "gthread"])
@pytest.mark.parametrize("preload", [[], ["--preload"]], ids=["", "preload"])
def test_gunicorn(serve: Any, tmp_path: Path, kind: str, preload: list[str]) -> None:
    """Workers that are recycled after some requests, and SIGTERM at the end, lose no event; neither does a preload."""
    pytest.importorskip("gunicorn")
    options = ["--workers", "2", "--max-requests", "25", "--graceful-timeout", "20", "--worker-class", kind]
    with serve("gunicorn", "--bind", "fd://FD", *options, *preload, "application:wsgi") as ask:
        made = ask(200)
    count, files = _written(tmp_path / "log")
    assert 200 <= count <= made, (tmp_path / "server.log").read_text()
    assert len({file.pid for file in files}) > 4


def test_uvicorn_workers(serve: Any, tmp_path: Path) -> None:
    """Workers that end by SIGTERM itself, without an exit handler and without a lifespan, lose no event."""
    pytest.importorskip("uvicorn")
    with serve("uvicorn", "--fd", "FD", "--workers", "2", "application:asgi") as ask:
        made = ask(200)
    count, files = _written(tmp_path / "log")
    assert 200 <= count <= made, (tmp_path / "server.log").read_text()
    assert 1 <= len({file.pid for file in files}) <= 2


def test_uvicorn_recycles(serve: Any, tmp_path: Path) -> None:
    """A worker that leaves after some requests has written them."""
    pytest.importorskip("uvicorn")
    with serve("uvicorn", "--fd", "FD", "--workers", "2", "--limit-max-requests", "40", "application:asgi") as ask:
        asked = made = 0
        for _ in range(1_000):  # a worker counts ten times a second, whatever it has answered by then
            asked += 40
            made += ask(40)
            if len({file.pid for file in log_files(tmp_path / "log")}) > 3:
                break
    count, files = _written(tmp_path / "log")
    assert asked <= count <= made, (tmp_path / "server.log").read_text()
    assert len({file.pid for file in files}) > 3
