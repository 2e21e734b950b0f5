from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import falcon
import falcon.asgi
import pytest
from tests.unit.requestlog.conftest import Kept

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.falcon import install

from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_wsgi, talk
from ._faults import BIG, MORE, Broken, Handled, Refused

TEMPLATES = {
    "nested": "/v1/{tenant}/mid/in/items/{n:int}",
    "static": "/static/{path:path}",
    **{
        name: f"/{name}/{{who}}"
        for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
    },
}
# A folder of static files is no route to Falcon; and it has never heard of a method of one's own.
DIFFERENT: dict[str, dict[str, Any]] = {
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
        yield MORE


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

    templates: ClassVar = TEMPLATES
    different: ClassVar = DIFFERENT

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

    templates: ClassVar = TEMPLATES
    # Its ASGI applications take the server's root_path for a part of their own paths.
    different: ClassVar = {**DIFFERENT, "mounted by the server": {"status": 404, "feature": None}}
    is_async: ClassVar = True

    def make(self, folder: Path) -> Any:
        app: Any = fill(falcon.asgi.App(), folder, AsyncResource, AsyncPosted)
        app.add_error_handler(Handled, answer_handled_later)
        app.add_error_handler(Refused, answer_refused_later)
        return app

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)


def found(kept: Kept) -> tuple[str, int | None, str | None, str | None]:
    """Return what the log says of its last request: feature, status, error, failed."""
    nothing_of(kept)
    event = kept.events[-1]
    return event["feature"], event.get("status"), event.get("error"), event.get("failed")


@pytest.mark.parametrize(
    ("status", "error"), [(404, None), (409, None), (500, "HTTPInternalServerError"), (503, "HTTPServiceUnavailable")]
)
def test_an_http_error_is_an_error_from_500_on(log: RequestLog, kept: Kept, status: int, error: str | None) -> None:
    """A resource that raises 404 has a route, and has not failed."""
    kinds = {404: falcon.HTTPNotFound, 409: falcon.HTTPConflict, 503: falcon.HTTPServiceUnavailable}

    class Raising:
        def on_get(self, req: Any, resp: Any, who: str) -> None:
            raise kinds.get(status, falcon.HTTPInternalServerError)(description="zqxj")

    app = falcon.App()
    app.add_route("/raising/{who}", Raising())
    ask_wsgi(install(app, log), Request(f"/raising/{WHO}"))
    assert found(kept) == ("/raising/{who}", status, error, None)


class CuttingShort:
    """A middleware that answers itself, before there is a route or once there is one."""

    def process_request(self, req: Any, resp: Any) -> None:
        if req.get_header("x-early"):
            resp.complete = True

    def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:
        if req.get_header("x-late"):
            resp.complete = True


@pytest.mark.parametrize("independent", [True, False])
@pytest.mark.parametrize(("header", "feature"), [("X-Early", "unmatched"), ("X-Late", "/plain/{who}")])
def test_a_middleware_may_cut_a_request_short(
    log: RequestLog, kept: Kept, independent: bool, header: str, feature: str
) -> None:
    """Where there was no route yet there is no template; where there was, others cannot hide it."""
    app = falcon.App(middleware=[CuttingShort()], independent_middleware=independent)
    app.add_route("/plain/{who}", Resource("plain"))
    ask_wsgi(install(app, log), Request(f"/plain/{WHO}", headers=[(header, "1")]))
    assert found(kept) == (feature, 200, None, None)


def test_a_sink_is_no_route(log: RequestLog, kept: Kept) -> None:
    """A sink takes whatever comes, so there is no template."""
    app = falcon.App()
    app.add_sink(lambda req, resp, **values: None, r"/sink/(?P<who>.+)")
    ask_wsgi(install(app, log), Request(f"/sink/{WHO}"))
    assert found(kept) == ("unmatched", 200, None, None)


def test_the_hosts_own_reporter_of_errors_goes_on(log: RequestLog, kept: Kept) -> None:
    """Falcon has one reporter; the one that was there is called as before."""
    told: list[tuple[type, bool]] = []
    app = falcon.App()
    app.add_route("/raises/{who}", Resource("raises"))
    app.set_error_reporter(lambda req, error, params, handled: told.append((type(error), handled)))
    ask_wsgi(install(app, log), Request(f"/raises/{WHO}"))
    assert told == [(Broken, True)]
    assert found(kept) == ("/raises/{who}", 500, "Broken", None)


class OwnRouter:
    """A router that nobody can ask for its routes."""

    def __init__(self) -> None:
        self.resources: list[Any] = []

    def add_route(self, uri_template: str, resource: Any, **values: Any) -> None:
        self.resources.append(resource)

    def find(self, uri: str, req: Any = None) -> Any:
        resource = self.resources[0]
        return resource, falcon.routing.map_http_methods(resource), {"who": uri}, "/plain/{who}"


def test_a_router_of_the_hosts_own_is_served(log: RequestLog, kept: Kept) -> None:
    """Its templates cannot be listed; they are told with each request."""
    app = falcon.App(router=OwnRouter())  # type: ignore[call-overload]  # its annotation names its own router only
    app.add_route("/plain/{who}", Resource("plain"))
    ask_wsgi(install(app, log), Request(f"/plain/{WHO}"))
    assert found(kept) == ("/plain/{who}", 200, None, None)


class Socket:
    """WebSockets of each kind, by the name in the path."""

    async def on_websocket(self, req: Any, ws: Any, kind: str, who: str) -> None:
        if kind == "refuses":
            raise falcon.HTTPForbidden(description=who)
        if kind == "fails_first":
            raise Broken
        await ws.accept()
        if kind == "fails":
            raise Broken
        await ws.send_text(await ws.receive_text())
        if kind == "listens":
            await ws.receive_text()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("echoes", ("/ws/{kind}/{who}", 101, None, "cancelled")),
        ("refuses", ("/ws/{kind}/{who}", 403, None, None)),
        ("fails", ("/ws/{kind}/{who}", 101, "Broken", None)),
        ("fails_first", ("/ws/{kind}/{who}", 403, "Broken", None)),
        ("nothing/at/all", ("unmatched", 403, None, None)),
    ],
)
def test_a_websocket_is_told_by_its_template(log: RequestLog, kept: Kept, kind: str, expected: object) -> None:
    """Falcon closes a WebSocket whose resource fails: the error is told, and no failure; a client that leaves is."""

    def make() -> Any:
        app: Any = falcon.asgi.App()
        app.add_route("/ws/{kind}/{who}", Socket())
        return app

    request = Request(f"/ws/{kind}/{WHO}?token=zqxj")
    assert talk(install(make(), log), request, "vkqx") == talk(make(), request, "vkqx")
    assert found(kept) == expected


def test_a_wrong_call_is_told(log: RequestLog) -> None:
    """A second request log, another application, and another log are the caller's mistakes."""
    for app in (falcon.App(), falcon.asgi.App()):
        once = install(app, log)
        with pytest.raises(UsageError, match="has a request log already"):
            install(app, log)
        with pytest.raises(UsageError, match="is a RequestLogMiddleware, and no App"):
            install(once, log)  # type: ignore[call-overload]  # wrong on purpose
        with pytest.raises(UsageError, match="no RequestLog"):
            install(falcon.App(), "log")  # type: ignore[call-overload]  # as above
