from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import ClientDisconnect
from starlette.requests import Request as StarletteRequest
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket
from tests.unit.requestlog.conftest import Kept

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.starlette import install

from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_and_cancel, ask_asgi, talk
from ._faults import BIG, MORE, Broken, Handled, Refused


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
            yield MORE
            await asyncio.sleep(0)

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

    templates: ClassVar = TEMPLATES
    different: ClassVar = PASSED_ON
    is_async: ClassVar = True

    def make(self, folder: Path) -> Any:
        handlers: dict[Any, Any] = {Handled: answer_handled, Refused: answer_refused}
        return Starlette(routes=routes(folder), exception_handlers=handlers)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)


def recorded(log: RequestLog, *more: Any, **options: Any) -> Starlette:
    """Return an application with these routes, recorded."""
    return install(Starlette(routes=list(more), **options), log)


def found(kept: Kept) -> tuple[str, int | None, str | None, str | None]:
    """Return what the log says of its last request: feature, status, error, failed."""
    nothing_of(kept)
    event = kept.events[-1]
    return event["feature"], event.get("status"), event.get("error"), event.get("failed")


async def opaque(scope: Any, receive: Any, send: Any) -> None:
    """Answer without any routes."""
    await PlainTextResponse("opaque")(scope, receive, send)


class Wrapping:
    """A middleware like most: it keeps what it wraps in ``app``."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class Copying(Wrapping):
    """A middleware that hands a copy of the scope on."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(dict(scope), receive, send)


def sub(**options: Any) -> Starlette:
    """Return an application that is mounted in others."""
    return Starlette(
        routes=[Route("/", plain), Route("/in/{n}", plain), Route("/fails/{n}", handled), Route("/raises/{n}", raises)],
        **options,
    )


@pytest.mark.parametrize(
    ("target", "template", "status"),
    [
        (f"/t/{WHO}/in/1", "/t/{tenant}/in/{n}", 200),
        (f"/t/{WHO}/", "/t/{tenant}/", 200),
        (f"/t/{WHO}/nothing", "unmatched", 404),
        (f"/w/{WHO}/in/1", "/w/{tenant}/in/{n}", 200),
        (f"/m/{WHO}/in/1", "/m/{tenant}/in/{n}", 200),
        (f"/o/{WHO}/in/1", "/o/{tenant}/{path:path}", 200),
        (f"/hidden/{WHO}/in/1", "unmatched", 200),
        (f"/t/{WHO}/in/1/", "unmatched", 307),
    ],
)
def test_a_mount_that_names_a_customer_is_told_by_its_template(
    log: RequestLog, kept: Kept, target: str, template: str, status: int
) -> None:
    """Whatever is mounted, and through whatever it is wrapped: pieces of templates are joined, never a value."""
    inside = sub()

    async def hidden(scope: Any, receive: Any, send: Any) -> None:
        await Starlette(routes=[Route("/in/{n}", post_nothing)])(scope, receive, send)

    async def post_nothing(request: StarletteRequest) -> Response:
        return PlainTextResponse("hidden")

    app = recorded(
        log,
        Mount("/t/{tenant}", inside),
        Mount("/w/{tenant}", Wrapping(Wrapping(sub()))),
        Mount("/m/{tenant}", sub(), middleware=[Middleware(Wrapping)]),
        Mount("/o/{tenant}", opaque),
        Mount("/hidden/{tenant}", hidden),
    )
    ask_asgi(app, Request(target, mounted_at="/zqxj"))
    assert found(kept)[:2] == (template, status)


@pytest.mark.parametrize(
    ("target", "method", "template"),
    [
        ("/one/zqxj/in/1", "GET", "/one/{a}/in/{n}"),
        ("/two/zqxj/in/1", "GET", "/two/{b:int}/in/{n}"),
        ("/two/4711/in/1", "GET", "/two/{b:int}/in/{n}"),
        ("/x/zqxj", "GET", "/x/{x}"),
        ("/x/zqxj", "POST", "/x/{y}"),
        ("/y/zqxj", "POST", "/y/{y}"),
    ],
)
def test_what_answers_in_several_places_is_told_by_where_it_was_found(
    log: RequestLog, kept: Kept, target: str, method: str, template: str
) -> None:
    """One application mounted twice, or one endpoint of several routes: the way that the path went is told."""
    inside = sub()
    app = recorded(
        log,
        Mount("/one/{a}", inside),
        Mount("/two/{b:int}", inside),
        Route("/x/{x}", plain),
        Route("/x/{y}", plain, methods=["POST"]),
        Route("/y/{y}", plain, methods=["POST"]),
    )
    answer = ask_asgi(app, Request(target, method))
    expected = "unmatched" if answer.status == 404 else template
    assert found(kept)[0] == expected
    assert (answer.status == 404) == (target == "/two/zqxj/in/1")


def test_routes_that_are_added_later_are_found(log: RequestLog, kept: Kept) -> None:
    """An application may get routes while it runs."""
    app = recorded(log, Route("/plain/{who}", plain))
    ask_asgi(app, Request("/plain/1"))
    app.router.routes.append(Route("/later/{who}", stream))
    ask_asgi(app, Request(f"/later/{WHO}"))
    assert found(kept)[0] == "/later/{who}"


def test_an_endpoint_of_no_known_route_is_looked_for_once(log: RequestLog, kept: Kept) -> None:
    """The routes are not read again for each request of an application that hides its own."""
    inside = Starlette(routes=[Route("/in/{n}", stream)])

    async def hidden(scope: Any, receive: Any, send: Any) -> None:
        await inside(scope, receive, send)

    reads: list[int] = []

    class Routes(list[Any]):
        def __iter__(self) -> Any:
            reads.append(1)
            return super().__iter__()

    app = recorded(log)
    app.router.routes = Routes([Mount("/hidden/{tenant}", hidden)])
    counts = []
    for _ in range(3):
        reads.clear()
        ask_asgi(app, Request(f"/hidden/{WHO}/in/1"))
        counts.append(len(reads))
    assert counts[0] > counts[1] == counts[2]
    assert found(kept)[0] == "unmatched"


def test_routes_of_a_host_are_told_without_it(log: RequestLog, kept: Kept) -> None:
    """The name of a host may be a customer's; it is no part of a path's template."""
    app = recorded(log, Host("{customer}.example", app=Router([Route("/in/{n}", plain)])))
    ask_asgi(app, Request("/in/zqxj"))
    assert found(kept)[0] == "/in/{n}"


class Endpoint(HTTPEndpoint):
    """An endpoint that is a class."""

    async def get(self, request: StarletteRequest) -> Response:
        return PlainTextResponse("class")


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("PUT", 405), ("OPTIONS", 405)])
def test_an_endpoint_may_be_a_class(log: RequestLog, kept: Kept, method: str, status: int) -> None:
    """Its route is found, also where it has no such method."""
    ask_asgi(recorded(log, Route("/class/{who}", Endpoint)), Request(f"/class/{WHO}", method))
    assert found(kept)[:2] == ("/class/{who}", status)


class Between(BaseHTTPMiddleware):
    """The framework's own kind of middleware, which runs the application in a task of its own."""

    async def dispatch(self, request: StarletteRequest, call_next: RequestResponseEndpoint) -> Response:
        if request.headers.get("x-refuse"):
            raise Broken
        return await call_next(request)


@pytest.mark.parametrize(
    ("target", "headers", "expected"),
    [
        ("plain", [], ("/plain/{who}", 200, None, None)),
        ("raises", [], ("/raises/{who}", 500, "Broken", "before_start")),
        ("handled", [], ("/handled/{who}", 500, "Handled", None)),
        # This kind of middleware ends the response before it passes the exception on: the client sees a whole one.
        ("breaks", [], ("/breaks/{who}", 200, "Broken", "after_end")),
        ("nothing", [], ("unmatched", 404, None, None)),
        ("plain", [("X-Refuse", "1")], ("unmatched", 500, "Broken", "before_start")),
    ],
)
def test_a_middleware_between_changes_nothing(
    log: RequestLog, kept: Kept, folder: Path, target: str, headers: list[tuple[str, str]], expected: object
) -> None:
    """Middlewares that are added after the request log stand inside of it all the same."""
    app = install(Starlette(routes=routes(folder), exception_handlers={Handled: answer_handled}), log)
    app.add_middleware(Between)
    app.add_middleware(Wrapping)
    ask_asgi(app, Request(f"/{target}/{WHO}", headers=headers))
    assert found(kept) == expected


def test_a_middleware_that_copies_the_scope_hides_the_route(log: RequestLog, kept: Kept) -> None:
    """What happens in a copy cannot be seen from outside: unmatched, and still no path."""
    app = recorded(log, Route("/plain/{who}", plain))
    app.add_middleware(Copying)
    ask_asgi(app, Request(f"/plain/{WHO}"))
    assert found(kept)[0] == "unmatched"


def test_an_error_of_a_mounted_application_is_told(log: RequestLog, kept: Kept) -> None:
    """A mounted application has handlers of its own; the class that they answer is told as well."""
    app = recorded(log, Mount("/t/{tenant}", sub(exception_handlers={Handled: answer_handled})))
    ask_asgi(app, Request(f"/t/{WHO}/fails/1"))
    assert found(kept) == ("/t/{tenant}/fails/{n}", 500, "Handled", None)
    ask_asgi(app, Request(f"/t/{WHO}/raises/1"))
    assert found(kept) == ("/t/{tenant}/raises/{n}", 500, "Broken", "before_start")


def test_the_applications_own_handlers_stay_what_they_are(log: RequestLog) -> None:
    """The host finds its handlers as it registered them."""
    app = recorded(log, exception_handlers={Handled: answer_handled})
    ask_asgi(app, Request("/"))
    assert app.exception_handlers == {Handled: answer_handled}


@pytest.mark.parametrize("debug", [False, True])
def test_an_http_exception_is_the_frameworks_own_way_to_answer(log: RequestLog, kept: Kept, debug: bool) -> None:
    """A status that the application asks for is told by its number."""

    async def unavailable(request: StarletteRequest) -> Response:
        raise HTTPException(503, detail="zqxj")

    ask_asgi(recorded(log, Route("/u/{who}", unavailable), debug=debug), Request(f"/u/{WHO}"))
    assert found(kept) == ("/u/{who}", 503, None, None)


def test_work_in_the_background_is_told_where_it_fails(log: RequestLog, kept: Kept) -> None:
    """The response was whole, and what ran after it failed."""

    def fail() -> None:
        raise Broken

    async def later(request: StarletteRequest) -> Response:
        return PlainTextResponse("later", background=BackgroundTask(fail))

    answer = ask_asgi(recorded(log, Route("/later/{who}", later)), Request(f"/later/{WHO}"))
    assert (answer.status, answer.raised) == (200, "Broken")
    assert found(kept) == ("/later/{who}", 200, "Broken", "after_end")


def test_a_cancelled_request_is_told_and_passed_on(log: RequestLog, kept: Kept) -> None:
    """A server that gives up on a request cancels it; the template is known, a status is not."""
    reached = asyncio.Event()

    async def waits(request: StarletteRequest) -> Response:
        reached.set()
        await asyncio.Event().wait()
        return PlainTextResponse("never")

    assert ask_and_cancel(recorded(log, Route("/w/{who}", waits)), Request(f"/w/{WHO}"), reached.wait) == "cancelled"
    assert found(kept) == ("/w/{who}", None, None, "cancelled")


def test_a_client_that_goes_away_while_it_sends_is_told(log: RequestLog, kept: Kept) -> None:
    """Who leaves in the middle of an upload has cancelled the request; it is no error of the application."""

    async def upload(scope: Any, receive: Any, send: Any) -> None:
        await StarletteRequest(scope, receive).body()

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        """Take it."""

    app = recorded(log, Mount("/up/{who}", upload))
    scope = {"type": "http", "method": "POST", "path": f"/up/{WHO}/x", "headers": [], "query_string": b""}
    with pytest.raises(ClientDisconnect):
        asyncio.run(app(scope, gone, send))
    assert found(kept)[::3] == ("/up/{who}/{path:path}", "cancelled")


async def echoes(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


async def refuses(websocket: WebSocket) -> None:
    await websocket.close(4000)


async def fails(websocket: WebSocket) -> None:
    await websocket.accept()
    raise Broken


async def fails_first(websocket: WebSocket) -> None:
    raise Broken


async def listens(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.receive_text()


WEBSOCKETS = [
    ("echoes", ("/ws/{tenant}/echoes/{who}", 101, None, None)),
    ("refuses", ("/ws/{tenant}/refuses/{who}", 403, None, None)),
    ("fails", ("/ws/{tenant}/fails/{who}", 101, "Broken", "streaming")),
    ("fails_first", ("/ws/{tenant}/fails_first/{who}", None, "Broken", "before_start")),
    ("listens", ("/ws/{tenant}/listens/{who}", 101, None, "cancelled")),
    ("nothing", ("unmatched", 403, None, None)),
]


@pytest.mark.parametrize(("name", "expected"), WEBSOCKETS)
def test_a_websocket_is_told_by_its_template(log: RequestLog, kept: Kept, name: str, expected: object) -> None:
    """Accepted, refused, broken, left, or asked for where there is none; and the client sees what it saw before."""
    answering = [echoes, refuses, fails, fails_first, listens]
    inside = [WebSocketRoute(f"/{one.__name__}/{{who}}", one) for one in answering]
    plainly = Starlette(routes=[Mount("/ws/{tenant}", routes=inside)])
    app = recorded(log, Mount("/ws/{tenant}", routes=inside))
    request = Request(f"/ws/{WHO}/{name}/zqxj?token=zqxj")
    assert talk(app, request, "zqxj") == talk(plainly, request, "zqxj")
    assert found(kept) == expected
    assert kept.events[0]["method"] == "WEBSOCKET"


def test_lifespan_is_untouched(log: RequestLog, kept: Kept) -> None:
    """The application starts and stops as it did, and routes that it adds while it starts are known."""
    said: list[str] = []

    async def run() -> None:
        asked = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

        async def receive() -> Any:
            return asked.pop(0)

        async def send(message: Any) -> None:
            said.append(message["type"])

        await recorded(log)({"type": "lifespan", "state": {}, "asgi": {}}, receive, send)

    asyncio.run(run())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert kept.records == []


def test_a_wrong_call_is_told(log: RequestLog) -> None:
    """A second request log, one that comes too late, another application and another log are mistakes."""
    app = recorded(log)
    with pytest.raises(UsageError, match="has a request log already"):
        install(app, log)
    started = Starlette()
    ask_asgi(started, Request("/"))
    with pytest.raises(UsageError, match="has handled messages already"):
        install(started, log)
    with pytest.raises(UsageError, match="is a Router, and no Starlette"):
        install(Router(), log)  # type: ignore[type-var]
    with pytest.raises(UsageError, match="no RequestLog"):
        install(Starlette(), "log")  # type: ignore[arg-type]
