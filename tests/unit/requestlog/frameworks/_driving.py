"""Drives WSGI and ASGI applications in the process, as a server would, and keeps all that a client would see."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from attrs import define, field

Application = Any


class ClientDisconnected(OSError):
    """What a server raises where an application goes on sending to nobody, by the name that uvicorn has for it."""


@define
class Answer:
    """What came back: the start of the response, its body part by part, and what was raised to the server."""

    status: int | None = None
    headers: list[tuple[Any, Any]] = field(factory=list)
    parts: list[Any] = field(factory=list)
    raised: str | None = None


@define
class Request:
    """What is asked. ``target`` is what stands in the request line: a path, still escaped, and perhaps a query."""

    target: str
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    #: After how many parts of the body the client goes away.
    gone_after: int | None = None
    #: Where the application is mounted by the server: SCRIPT_NAME, or root_path.
    mounted_at: str = ""

    @property
    def path(self) -> bytes:
        """The path as bytes, no longer escaped."""
        return unquote_to_bytes(self.target.partition("?")[0])

    @property
    def query(self) -> str:
        """What comes after the question mark."""
        return self.target.partition("?")[2]


def ask_wsgi(app: Application, request: Request) -> Answer:
    """Run one request through a WSGI application."""
    answer = Answer()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": request.mounted_at,
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "app.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "203.0.113.9",
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_HOST": "app.example",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers},
    }
    # PEP 3333 has two headers without the prefix.
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        answer.status, answer.headers = int(status[:3]), list(headers)
        return answer.parts.append

    body: Any = ()
    try:
        body = app(environ, start)
        for number, part in enumerate(body, 1):
            answer.parts.append(part)
            if number == request.gone_after:
                break
    except Exception as error:  # noqa: BLE001 - a server survives whatever is raised
        answer.raised = type(error).__name__
    finally:
        try:
            getattr(body, "close", lambda: None)()
        except Exception as error:  # noqa: BLE001 - a server survives whatever is raised
            answer.raised = type(error).__name__
    return answer


def ask_asgi(app: Application, request: Request) -> Answer:
    """Run one request through an ASGI application, in an event loop of its own."""
    answer = Answer()
    scope = scope_of(request) | {"type": "http", "method": request.method}
    asyncio.run(_http(app, request, scope, answer))
    return answer


def scope_of(request: Request) -> dict[str, Any]:
    """Return what requests and WebSockets have in common."""
    mounted = request.mounted_at
    return {
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http",
        "path": mounted + request.path.decode("utf-8", errors="replace"),
        "raw_path": request.target.partition("?")[0].encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "root_path": mounted,
        "headers": [
            (b"host", b"app.example"),
            (b"content-length", str(len(request.body)).encode()),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers),
        ],
        "client": ("203.0.113.9", 4711),
        "server": ("app.example", 80),
        "state": {},
        "extensions": {},
    }


async def _http(app: Application, request: Request, scope: dict[str, Any], answer: Answer) -> None:
    gone = asyncio.Event()
    most = 1_000_000 if request.gone_after is None else request.gone_after
    asked = [{"type": "http.request", "body": request.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = int(message["status"]), list(message["headers"])
        else:
            is_last = not message.get("more_body")
            if message.get("body") or is_last:
                answer.parts.append(message.get("body", b""))
            if is_last or len(answer.parts) >= most:
                gone.set()
        if len(answer.parts) > most + 20:
            raise ClientDisconnected
        await asyncio.sleep(0)

    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - a server survives whatever is raised
        answer.raised = type(error).__name__


def ask_and_cancel(app: Application, request: Request, waiting: Callable[[], Awaitable[object]]) -> str:
    """Run one request through an ASGI application, cancel it once ``waiting`` returns, and say how it ended."""

    async def run() -> str:
        answer = Answer()
        scope = scope_of(request) | {"type": "http", "method": request.method}
        task = asyncio.create_task(_http(app, request, scope, answer))
        await waiting()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "ended"

    return asyncio.run(run())


def talk(app: Application, request: Request, *said: str) -> list[dict[str, Any]]:
    """Open a WebSocket, say something, close it, and return the messages that the server got; and the class raised."""
    messages: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": text} for text in said),
        {"type": "websocket.disconnect", "code": 1000},
    ]
    scope = scope_of(request) | {"type": "websocket", "scheme": "ws", "subprotocols": []}

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return asked.pop(0) if len(asked) > 1 else asked[0]

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    async def run() -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - a server survives whatever is raised
            messages.append({"type": "raised", "error": type(error).__name__})

    asyncio.run(run())
    return messages
