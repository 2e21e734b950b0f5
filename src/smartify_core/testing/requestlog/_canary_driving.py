"""Calls applications as a server would, and survives whatever they raise."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any, Final, NoReturn, TypeAlias
from wsgiref.util import FileWrapper

from attrs import frozen

from ._canary_requests import Plant, PlantedRequest

Message: TypeAlias = MutableMapping[str, Any]
WSGIApplication: TypeAlias = Callable[..., Iterable[bytes]]
ASGIApplication: TypeAlias = Callable[..., Awaitable[None]]

#: After how many parts of a body the client goes away: some have no end.
_MOST_PARTS: Final = 50
#: How long an application may leave a connection without an answer, in seconds, before it is cancelled.
_PATIENCE: Final = 10.0


@frozen
class Surroundings:
    """What a server knows of a connection besides the request.

    Args:
        plant: Makes the secret of a place.
        error: Makes the exception with which a connection breaks.
    """

    plant: Plant
    error: Callable[[], Exception]

    @property
    def peer(self) -> str:
        """The client's address. Of its network, /48, nothing is a secret."""
        return f"2001:db8:12:{self.plant('the address of the client, its host part', 'host part')}:1"


class _BrokenBody(io.RawIOBase):
    """A body that fails when it is read."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error

    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object) -> NoReturn:
        raise self._error()


def run_wsgi(app: WSGIApplication, request: PlantedRequest, around: Surroundings) -> int | None:
    """Run one request through a WSGI application; return the status of its answer, None where there was none."""
    answered: int | None = None
    body: io.IOBase = io.BytesIO(request.body)
    if request.breaks == "reading":
        body = io.BufferedReader(_BrokenBody(around.error))

    def write(_data: bytes) -> None:
        if request.breaks == "sending":
            raise around.error()

    def start(status: str, _headers: object, _exc_info: object = None) -> Callable[[bytes], None]:
        nonlocal answered
        answered = int(status.split(maxsplit=1)[0])
        return write

    # A server logs what an application raises, and goes on.
    with suppress(Exception):
        parts = app(_environ(request, around, body), start)
        try:
            for number, part in enumerate(parts, 1):
                write(part)
                if number >= _MOST_PARTS:
                    break
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
    return answered


def _environ(request: PlantedRequest, around: Surroundings, body: io.IOBase) -> dict[str, Any]:
    plant = around.plant
    whole = f"{request.mounted_at}{request.target}?{request.query}"
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mounted_at,
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": around.peer,
        # What many servers add.
        "REMOTE_USER": plant("REMOTE_USER", "email"),
        "REMOTE_HOST": plant("REMOTE_HOST", "token"),
        "REQUEST_URI": whole,
        "RAW_URI": whole,
        "SSL_CLIENT_S_DN": f"CN={plant('the certificate of the client', 'token')}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": body,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in request.headers:
        variable = name.upper().replace("-", "_")
        if variable not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            variable = f"HTTP_{variable}"
        environ[variable] = f"{environ[variable]},{value}" if variable in environ else value
    return environ


async def run_asgi(app: ASGIApplication, request: PlantedRequest, around: Surroundings) -> int | None:
    """Run one request through an ASGI application; return the status of its answer, None where there was none."""
    answered: int | None = None
    ended = asyncio.Event()
    parts = 0
    asked: list[Message] = [
        {"type": "http.request", "body": request.body, "more_body": request.breaks == "reading"},
    ]

    async def receive() -> Message:
        if asked:
            return asked.pop()
        if request.breaks == "reading":
            raise around.error()
        await ended.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal parts, answered
        await asyncio.sleep(0)
        if message["type"] == "http.response.start":
            answered = int(message["status"])
            return
        if request.breaks == "sending":
            raise around.error()
        parts += 1
        if parts >= _MOST_PARTS or not message.get("more_body", False):
            ended.set()
        if parts > 2 * _MOST_PARTS:
            raise OSError

    scope = _scope(request, around) | {"type": "http", "method": request.method, "scheme": "http"}
    await _survived(app, scope, receive, send)
    return answered


async def talk(app: ASGIApplication, request: PlantedRequest, around: Surroundings) -> None:
    """Open a WebSocket, say something, and close it."""
    plant = around.plant
    asked: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": plant("a WebSocket, text", "email"), "bytes": None},
        {"type": "websocket.receive", "text": None, "bytes": plant("a WebSocket, bytes", "bytes").encode("latin-1")},
        {"type": "websocket.disconnect", "code": 1001, "reason": plant("a WebSocket, why it closes", "token")},
    ]

    async def receive() -> Message:
        await asyncio.sleep(0)
        return asked.pop(0) if len(asked) > 1 else asked[0]

    async def send(_message: Message) -> None:
        await asyncio.sleep(0)

    scope = _scope(request, around) | {"type": "websocket", "scheme": "ws"}
    scope["subprotocols"] = [plant("a WebSocket, its protocol", "token")]
    await _survived(app, scope, receive, send)


async def _survived(
    app: ASGIApplication,
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    with suppress(Exception):
        async with asyncio.timeout(_PATIENCE):
            await app(scope, receive, send)


def _scope(request: PlantedRequest, around: Surroundings) -> dict[str, Any]:
    path = request.path.decode("utf-8", "surrogateescape")
    return {
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "path": request.mounted_at + path,
        "raw_path": (request.mounted_at + request.target).encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "root_path": request.mounted_at,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
        "client": (around.peer, 4711),
        "server": ("app.example", 80),
        "state": {},
        "extensions": {},
    }
