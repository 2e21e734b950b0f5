from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import falcon
import falcon.asgi
import pytest

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.falcon import install

from ..conftest import Kept
from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_asgi, ask_wsgi, talk
from ._faults import BIG, Broken, Handled, Refused

TEMPLATES = {
    "nested": "/v1/{tenant}/mid/in/items/{n:int}",
    "static": "/static/{path:path}",
    **{
        name: f"/{name}/{{who}}"
        for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
    },
}
# A folder of static files is no route to Falcon; and it has never heard of a method of one's own.
DIFFERENT = {
    "a static file": {"feature": None},
    "no static file": {"feature": None},
    "a method of its own": {"status": 400},
}


class Resource:
    """A resource of a WSGI application; what it does is said by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_get(self, req: Any, resp: Any, **values: Any) -> None:
        match self.name:
            case "raises":
                raise Broken
            case "handled":
                raise Handled
            case "refused":
                raise Refused
            case "stream":
                resp.stream = iter([b"one", b"two", b"three"])
            case "breaks":
                resp.stream = broken()
            case "endless":
                resp.stream = more()
            case "file":
                resp.set_stream(io.BytesIO(BIG), len(BIG))
            case _:
                resp.text = "plain"

    def on_head(self, req: Any, resp: Any, **values: Any) -> None:
        resp.text = "plain"


class Posted:
    """A resource that takes forms only."""

    def on_post(self, req: Any, resp: Any, **values: Any) -> None:
        resp.text = f"{len(list(req.get_media()))} parts"


def broken() -> Iterator[bytes]:
    yield b"one"
    raise Broken


def more() -> Iterator[bytes]:
    while True:
        yield b"more"


def fill(app: Any, folder: Path, resource: type, posted: type) -> Any:
    """Add every kind of route."""
    for name in TEMPLATES:
        if name not in {"nested", "static", "post"}:
            app.add_route(f"/{name}/{{who}}", resource(name))
    app.add_route("/post/{who}", posted())
    app.add_route("/v1/{tenant}/mid/in/items/{n:int}", resource("nested"))
    app.add_static_route("/static", folder)
    return app


def answer_handled(req: Any, resp: Any, error: Any, params: Any) -> None:
    resp.status, resp.text = 500, "handled"


def answer_refused(req: Any, resp: Any, error: Any, params: Any) -> None:
    resp.status, resp.text = 422, "refused"


class TestFalconWSGI(Conformance):
    """The table, for a WSGI application."""

    templates = TEMPLATES
    different = DIFFERENT

    def make(self, folder: Path) -> Any:
        app: Any = fill(falcon.App(), folder, Resource, Posted)
        app.add_error_handler(Handled, answer_handled)
        app.add_error_handler(Refused, answer_refused)
        return app

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)


class AsyncResource(Resource):
    """A resource of an ASGI application."""

    async def on_get(self, req: Any, resp: Any, **values: Any) -> None:  # type: ignore[override]  # Falcon has it so
        super().on_get(req, resp, **values)
        if resp.stream is not None:
            resp.stream = later(resp.stream)

    async def on_head(self, req: Any, resp: Any, **values: Any) -> None:  # type: ignore[override]  # as above
        resp.text = "plain"


class AsyncPosted:
    """A resource of an ASGI application that takes forms only."""

    async def on_post(self, req: Any, resp: Any, **values: Any) -> None:
        form = await req.get_media()
        resp.text = f"{len([part async for part in form])} parts"


async def later(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def answer_handled_later(req: Any, resp: Any, error: Any, params: Any) -> None:
    resp.status, resp.text = 500, "handled"


async def answer_refused_later(req: Any, resp: Any, error: Any, params: Any) -> None:
    resp.status, resp.text = 422, "refused"


class TestFalconASGI(Conformance):
    """The table, for an ASGI application."""

    templates = TEMPLATES
    # Its ASGI applications take the server's root_path for a part of their own paths.
    different = {**DIFFERENT, "mounted by the server": {"status": 404, "feature": None}}
    is_async = True

    def make(self, folder: Path) -> Any:
        app: Any = fill(falcon.asgi.App(), folder, AsyncResource, AsyncPosted)
        app.add_error_handler(Handled, answer_handled_later)
        app.add_error_handler(Refused, answer_refused_later)
        return app

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)
