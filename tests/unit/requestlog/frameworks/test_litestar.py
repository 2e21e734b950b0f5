from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Router, asgi, get, post, route, websocket
from litestar.background_tasks import BackgroundTask
from litestar.connection import Request as LitestarRequest
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.response import File, Response, Stream
from litestar.static_files import create_static_files_router
from litestar.types import Receive, Scope, Send

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.litestar import install

from ..conftest import Kept
from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_asgi, talk
from ._faults import BIG, Broken, Handled, Refused

TEMPLATES = {
    "nested": "/v1/{tenant:str}/mid/in/items/{n:int}",
    "static": "/static/{file_path:path}",
    **{
        name: f"/{name}/{{who:str}}"
        for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
    },
}


@route("/plain/{who:str}", http_method=["GET", "HEAD"])
async def plain(who: FromPath[str]) -> Response[str]:
    return Response("plain")


@post("/post/{who:str}", status_code=200)
async def posted(who: FromPath[str], request: LitestarRequest[Any, Any, Any]) -> str:
    return f"{len(await request.form())} fields"


@get("/items/{n:int}", sync_to_thread=False)
def nested(tenant: FromPath[str], n: FromPath[int]) -> str:
    return f"item of {len(tenant)}"


@get("/raises/{who:str}", sync_to_thread=False)
def raises(who: FromPath[str]) -> str:
    raise Broken


@get("/handled/{who:str}")
async def handled(who: FromPath[str]) -> str:
    raise Handled


@get("/refused/{who:str}")
async def refused(who: FromPath[str]) -> str:
    raise Refused


@get("/stream/{who:str}")
async def stream(who: FromPath[str]) -> Stream:
    return Stream(iter([b"one", b"two", b"three"]))


async def broken() -> AsyncIterator[bytes]:
    yield b"one"
    raise Broken


async def more() -> AsyncIterator[bytes]:
    while True:
        yield b"more"


@get("/breaks/{who:str}")
async def breaks(who: FromPath[str]) -> Stream:
    return Stream(broken())


@get("/endless/{who:str}")
async def endless(who: FromPath[str]) -> Stream:
    return Stream(more())


def answer_handled(request: Any, error: Exception) -> Response[str]:
    return Response("handled", status_code=500)


def answer_refused(request: Any, error: Exception) -> Response[str]:
    return Response("refused", status_code=422)


def make(folder: Path) -> Litestar:
    """Return an application with every kind of route."""
    (folder / "sent.txt").write_bytes(BIG)

    @get("/file/{who:str}")
    async def file(who: FromPath[str]) -> File:
        return File(folder / "sent.txt")

    inner = Router("/in", route_handlers=[nested])
    middle = Router("/mid", route_handlers=[inner])
    return Litestar(
        [
            plain,
            posted,
            Router("/v1/{tenant:str}", route_handlers=[middle]),
            raises,
            handled,
            refused,
            stream,
            breaks,
            endless,
            file,
            create_static_files_router("/static", directories=[folder]),
        ],
        exception_handlers={Handled: answer_handled, Refused: answer_refused},
        logging_config=None,
        openapi_config=None,
    )


class TestLitestar(Conformance):
    """The table."""

    templates = TEMPLATES
    different = {
        # It looks for a method before it tells a template.
        "another method": {"feature": None},
        "a method of its own": {"feature": None},
        "a stream that breaks": {"error": "LitestarException"},
    }
    is_async = True

    def make(self, folder: Path) -> Any:
        return make(folder)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)
