"""Every framework behind real servers: what goes over the wire is the same with and without the request log."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from tests.unit.requestlog.conftest import Kept

from smartify_core.requestlog import Record, RequestLog, read_line
from smartify_core.requestlog.files import log_files
from smartify_core.requestlog.starlette import install

from . import _serving as serving
from . import test_django, test_falcon, test_fastapi, test_flask, test_litestar, test_pyramid, test_starlette
from ._conformance import WHO, Conformance, nothing_of

PAIRS: list[tuple[type[Conformance], str]] = [
    (test_flask.TestFlask, "wsgiref"),
    (test_flask.TestFlask, "waitress"),
    (test_django.TestDjangoWSGI, "waitress"),
    (test_falcon.TestFalconWSGI, "waitress"),
    (test_pyramid.TestPyramid, "waitress"),
    (test_starlette.TestStarlette, "uvicorn"),
    (test_starlette.TestStarlette, "hypercorn"),
    (test_fastapi.TestFastAPI, "uvicorn"),
    (test_falcon.TestFalconASGI, "uvicorn"),
    (test_litestar.TestLitestar, "uvicorn"),
    (test_django.TestDjangoASGI, "uvicorn"),
]


class Waited(Kept):
    """A sink that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def put(self, record: Record) -> None:
        with self._changed:
            super().put(record)
            self._changed.notify_all()

    def wait(self, is_there: Callable[[], bool]) -> None:
        """Return once ``is_there``."""
        with self._changed:
            assert self._changed.wait_for(is_there, serving.TIME_LIMIT), self.events


def line(method: str, target: str, *headers: str, version: str = "1.1", body: str = "") -> str:
    """Return a request as it is sent; ``{}`` in its target is where the first step of the path goes."""
    more = [f"Content-Length: {len(body)}"] if body else []
    told = [f"{method} {{}}{target} HTTP/{version}", "Host: app.example", *headers, *more]
    return "\r\n".join([*told, "", body])


CLOSE = "Connection: close"
FORM = '--b\r\ncontent-disposition: form-data; name="q"; filename="zqxj.pdf"\r\n\r\nvkqx\r\n--b--\r\n'
SENT = {
    "plain": line("GET", f"/plain/{WHO}?token=zqxj", CLOSE, "Cookie: id=vkqx"),
    "head": line("HEAD", f"/plain/{WHO}", CLOSE),
    "an old client": line("GET", f"/plain/{WHO}", version="1.0"),
    "two on one connection": line("GET", f"/plain/{WHO}") + line("GET", f"/plain/{WHO}", CLOSE),
    "a form": line("POST", f"/post/{WHO}", CLOSE, "Content-Type: multipart/form-data; boundary=b", body=FORM),
    "no such route": line("GET", f"/nothing/{WHO}", CLOSE),
    "another method": line("PUT", f"/post/{WHO}", CLOSE),
    "a method of its own": line("PURGE", f"/plain/{WHO}", CLOSE),
    "an exception": line("GET", f"/raises/{WHO}", CLOSE),
    "a handled exception": line("GET", f"/handled/{WHO}", CLOSE),
    "a stream": line("GET", f"/stream/{WHO}", CLOSE),
    "a stream that breaks": line("GET", f"/breaks/{WHO}", CLOSE),
    "a file": line("GET", f"/file/{WHO}", CLOSE),
    "a piece of a file": line("GET", f"/file/{WHO}", CLOSE, "Range: bytes=10-20"),
    "a static file": line("GET", "/static/big.txt", CLOSE),
    "another script": line("GET", "/plain/%D0%96%D1%83%D0%BA", CLOSE),
    "no text": line("GET", "/plain/%FF%FEzqxj", CLOSE),
}


@pytest.mark.parametrize(("suite", "server"), PAIRS, ids=lambda one: one if isinstance(one, str) else one.__name__)
@pytest.mark.usefixtures("tidy")
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile:ResourceWarning")
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning")
def test_every_byte_is_the_same_with_and_without(suite: type[Conformance], server: str, folder: Path) -> None:
    """Status, headers, body and its chunks; one line for each request, and one for a client that went away."""
    kept = Waited()
    ours = suite()
    recorded = ours.install(ours.make(folder), RequestLog(kept))
    alone = ours.make(folder)
    if suite is test_pyramid.TestPyramid:
        alone = alone.make_wsgi_app()
    app = (serving.both_asgi if suite.is_async else serving.both_wsgi)(recorded, alone)
    answered = 0
    with serving.SERVERS[server](app) as port:
        for name, sent in SENT.items():
            with_log = serving.exchanged(port, sent.replace("{}", serving.WITH).encode())
            without = serving.exchanged(port, sent.replace("{}", serving.WITHOUT).encode())
            assert with_log == without, name
            assert with_log.startswith(b"HTTP/1."), name
            # A server without lasting connections answers the first request of one only.
            answered += with_log.count(b"HTTP/1.")
        kept.wait(lambda: len(kept.events) == answered)
        # uvicorn lets an application send to a client that is gone, and Falcon sends on: it would never end.
        if suite is not test_falcon.TestFalconASGI:
            assert serving.leave(port, line("GET", f"/endless/{WHO}").replace("{}", serving.WITH).encode())
            kept.wait(lambda: len(kept.events) == answered + 1)
            assert kept.events[-1]["feature"] == ours.templates["endless"]
            assert kept.events[-1]["failed"] in {"cancelled", "streaming"}
    nothing_of(kept)


def test_every_byte_is_the_same_under_gunicorn(folder: Path, tmp_path: Path) -> None:
    """It sends files by itself where it knows its own wrapper; and it lets nobody's line be lost when it ends."""
    log = tmp_path / "log"
    module = f"{__name__.rpartition('.')[0]}._gunicorn_app"
    answered = 0
    with serving.gunicorn(module, REQUEST_LOG=str(log), STATIC_FOLDER=str(folder)) as port:
        for name, sent in SENT.items():
            with_log = serving.exchanged(port, sent.replace("{}", serving.WITH).encode())
            assert with_log == serving.exchanged(port, sent.replace("{}", serving.WITHOUT).encode()), name
            assert with_log.startswith(b"HTTP/1."), name
            answered += with_log.count(b"HTTP/1.")
    lines = [line for file in log_files(log) for line in file.path.read_bytes().splitlines()]
    assert len([read_line(line) for line in lines]) == answered


@pytest.mark.parametrize("name", ["echoes", "refuses", "fails", "listens", "nothing"])
def test_a_websocket_is_the_same_over_the_wire(name: str) -> None:
    """What a client of a WebSocket sees is the same; when it has ended there is one line."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    kept = Waited()
    answering = [test_starlette.echoes, test_starlette.refuses, test_starlette.fails, test_starlette.listens]
    inside = [Mount("/ws/{tenant}", routes=[WebSocketRoute(f"/{one.__name__}/{{who}}", one) for one in answering])]
    recorded = install(Starlette(routes=inside), RequestLog(kept))
    app = serving.both_asgi(recorded, Starlette(routes=inside))

    def seen(port: int, first: str) -> list[str]:
        told: list[str] = []
        try:
            with connect(f"ws://127.0.0.1:{port}{first}/ws/{WHO}/{name}/zqxj?vkqx=1") as client:
                client.send("zqxj")
                if name != "listens":
                    told.extend(str(client.recv()) for _ in range(2))
        except WebSocketException as error:
            told.append(f"{type(error).__name__} {error}")
        return told

    with serving.uvicorn(app, ws="websockets-sansio") as port:
        assert seen(port, serving.WITH) == seen(port, serving.WITHOUT)
        kept.wait(lambda: len(kept.events) == 1)
    expected = dict(test_starlette.WEBSOCKETS)[name]
    (event,) = kept.events
    assert (event["feature"], event.get("status"), event.get("error"), event.get("failed")) == expected
    nothing_of(kept)


def test_the_pairs_are_all_there() -> None:
    """Every suite of the table has a server."""
    table = {suite for suite in Conformance.__subclasses__() if suite.__name__.startswith("Test")}
    assert {suite for suite, _ in PAIRS} == table
    assert asyncio.iscoroutinefunction(serving.both_asgi(None, None))
