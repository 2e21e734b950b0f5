from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request as StarletteRequest
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.starlette import install

from ..conftest import Kept
from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_and_cancel, ask_asgi, talk
from ._faults import BIG, Broken, Handled, Refused


async def plain(request: StarletteRequest) -> Response:
    return PlainTextResponse("plain")


async def post(request: StarletteRequest) -> Response:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def raises(request: StarletteRequest) -> Response:
    raise Broken


async def handled(request: StarletteRequest) -> Response:
    raise Handled


def refused(request: StarletteRequest) -> Response:
    raise Refused


async def stream(request: StarletteRequest) -> Response:
    return StreamingResponse(iter([b"one", b"two", b"three"]))


async def breaks(request: StarletteRequest) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise Broken

    return StreamingResponse(parts())


async def endless(request: StarletteRequest) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"more"

    return StreamingResponse(parts())


def routes(folder: Path) -> list[Any]:
    """Return every kind of route."""
    (folder / "sent.txt").write_bytes(BIG)

    async def file(request: StarletteRequest) -> Response:
        return FileResponse(folder / "sent.txt")

    return [
        Route("/plain/{who}", plain),
        Route("/post/{who}", post, methods=["POST"]),
        Mount("/v1/{tenant}", routes=[Mount("/mid", Router([Mount("/in", routes=[Route("/items/{n:int}", plain)])]))]),
        Route("/raises/{who}", raises),
        Route("/handled/{who}", handled),
        Route("/refused/{who}", refused),
        Route("/stream/{who}", stream),
        Route("/breaks/{who}", breaks),
        Route("/endless/{who}", endless),
        Route("/file/{who}", file),
        Mount("/static", StaticFiles(directory=folder)),
    ]


async def answer_handled(request: StarletteRequest, error: Exception) -> Response:
    return PlainTextResponse("handled", 500)


def answer_refused(request: StarletteRequest, error: Exception) -> Response:
    return PlainTextResponse("refused", 422)


#: Its page for errors is sent, and the exception is passed on to the server.
PASSED_ON = {"an exception": {"failed": "before_start"}}
TEMPLATES = {
    "nested": "/v1/{tenant}/mid/in/items/{n:int}",
    "static": "/static/{path:path}",
    **{
        name: f"/{name}/{{who}}"
        for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
    },
}


class TestStarlette(Conformance):
    """The table."""

    templates = TEMPLATES
    different = PASSED_ON
    is_async = True

    def make(self, folder: Path) -> Any:
        handlers: dict[Any, Any] = {Handled: answer_handled, Refused: answer_refused}
        return Starlette(routes=routes(folder), exception_handlers=handlers)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)
