from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, BackgroundTasks, FastAPI, UploadFile, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.requests import Request as StarletteRequest
from starlette.staticfiles import StaticFiles

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.starlette import install

from ..conftest import Kept
from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_asgi, talk
from ._faults import BIG, Broken, Handled, Refused
from .test_starlette import PASSED_ON, TEMPLATES, answer_handled, answer_refused


def make(folder: Path) -> FastAPI:
    """Return an application with every kind of route."""
    app = FastAPI()
    (folder / "sent.txt").write_bytes(BIG)

    @app.api_route("/plain/{who}", methods=["GET", "HEAD"])
    async def plain(who: str) -> str:
        return "plain"

    @app.post("/post/{who}")
    def post(who: str) -> str:
        return "posted"

    inner = APIRouter(prefix="/in")

    @inner.get("/items/{n}")
    async def nested(tenant: str, n: int) -> str:
        return f"item of {len(tenant)}"

    middle = APIRouter()
    middle.include_router(inner, prefix="/mid")
    app.include_router(middle, prefix="/v1/{tenant}")

    @app.get("/raises/{who}")
    def raises(who: str) -> str:
        raise Broken

    @app.get("/handled/{who}")
    async def handled(who: str) -> str:
        raise Handled

    @app.get("/refused/{who}")
    def refused(who: str) -> str:
        raise Refused

    @app.get("/stream/{who}")
    def stream(who: str) -> Response:
        return StreamingResponse(iter([b"one", b"two", b"three"]))

    @app.get("/breaks/{who}")
    def breaks(who: str) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise Broken

        return StreamingResponse(parts())

    @app.get("/endless/{who}")
    def endless(who: str) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            while True:
                yield b"more"

        return StreamingResponse(parts())

    @app.get("/file/{who}")
    def file(who: str) -> Response:
        return FileResponse(folder / "sent.txt")

    app.mount("/static", StaticFiles(directory=folder))
    app.add_exception_handler(Handled, answer_handled)
    app.add_exception_handler(Refused, answer_refused)
    return app


class TestFastAPI(Conformance):
    """The table."""

    templates = {**TEMPLATES, "nested": "/v1/{tenant}/mid/in/items/{n}"}
    different = PASSED_ON
    is_async = True

    def make(self, folder: Path) -> Any:
        return make(folder)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)
