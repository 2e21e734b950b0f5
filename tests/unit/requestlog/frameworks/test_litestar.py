from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from litestar import Litestar, Router, asgi, get, post, route, websocket
from litestar.background_tasks import BackgroundTask
from litestar.connection import Request as LitestarRequest
from litestar.connection import WebSocket
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.params import FromPath
from litestar.response import File, Response, Stream
from litestar.static_files import create_static_files_router
from litestar.types import Receive, Scope, Send
from tests.unit.requestlog.conftest import Kept

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.litestar import install

from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_asgi, talk
from ._faults import BIG, MORE, Broken, Handled, Refused

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
        yield MORE
        await asyncio.sleep(0)


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

    templates: ClassVar = TEMPLATES
    different: ClassVar = {
        # It looks for a method before it tells a template.
        "another method": {"feature": None},
        "a method of its own": {"feature": None},
        "a stream that breaks": {"error": "LitestarException"},
    }
    is_async: ClassVar = True

    def make(self, folder: Path) -> Any:
        return make(folder)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)


def found(kept: Kept) -> tuple[str, int | None, str | None, str | None]:
    """Return what the log says of its last request: feature, status, error, failed."""
    nothing_of(kept)
    event = kept.events[-1]
    return event["feature"], event.get("status"), event.get("error"), event.get("failed")


def recorded(log: RequestLog, *handlers: Any, **options: Any) -> Litestar:
    """Return an application with these handlers, recorded."""
    return install(Litestar(list(handlers), logging_config=None, openapi_config=None, **options), log)


@asgi("/mounted", is_mount=True, copy_scope=True)
async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"mounted", "more_body": False})


@asgi("/single", copy_scope=True)
async def single(scope: Scope, receive: Receive, send: Send) -> None:
    await mounted.fn(scope, receive, send)


@pytest.mark.parametrize(
    ("target", "template"),
    [
        (f"/mounted/{WHO}/zqxj", "/mounted/{path:path}"),
        ("/mounted", "/mounted/{path:path}"),
        (f"/single?{WHO}", "/single"),
    ],
)
def test_an_application_that_is_mounted_is_told_by_where(
    log: RequestLog, kept: Kept, target: str, template: str
) -> None:
    """For a mount the framework tells the template of its root; the log has the mount's."""
    assert ask_asgi(recorded(log, mounted, single), Request(target)).parts == [b"mounted"]
    assert found(kept) == (template, 200, None, None)


@pytest.mark.parametrize(("status", "error"), [(404, None), (409, None), (503, "HTTPException")])
def test_an_http_exception_is_an_error_from_500_on(log: RequestLog, kept: Kept, status: int, error: str | None) -> None:
    """A handler that raises 404 has a route, and has not failed."""

    @get("/raising/{who:str}")
    async def raising(who: FromPath[str]) -> str:
        raise HTTPException(who, status_code=status)

    ask_asgi(recorded(log, raising), Request(f"/raising/{WHO}"))
    assert found(kept) == ("/raising/{who:str}", status, error, None)


def test_work_in_the_background_is_told_where_it_fails(log: RequestLog, kept: Kept) -> None:
    """The response was whole, and what ran after it failed. The framework tells it by an exception of its own."""

    async def fail() -> None:
        raise Broken

    @get("/later/{who:str}")
    async def later(who: FromPath[str]) -> Response[str]:
        return Response("later", background=BackgroundTask(fail))

    answer = ask_asgi(recorded(log, later), Request(f"/later/{WHO}"))
    assert (answer.status, answer.raised) == (200, "LitestarException")
    assert found(kept) == ("/later/{who:str}", 200, "LitestarException", "after_end")


def test_routes_that_are_added_later_and_hooks_of_the_host_are_seen(log: RequestLog, kept: Kept) -> None:
    """The host's own hook for exceptions goes on; a route that is registered later has its template."""
    told: list[type] = []

    async def tell(error: Exception, scope: Any) -> None:
        told.append(type(error))

    app = recorded(log, plain, after_exception=[tell])
    app.register(raises)
    ask_asgi(app, Request(f"/raises/{WHO}"))
    assert told == [Broken]
    assert found(kept) == ("/raises/{who:str}", 500, "Broken", None)


@websocket("/ws/{kind:str}/{who:str}")
async def talks(socket: WebSocket[Any, Any, Any], kind: FromPath[str], who: FromPath[str]) -> None:
    if kind == "refuses":
        raise PermissionDeniedException(who)
    if kind == "fails_first":
        raise Broken
    await socket.accept()
    if kind == "fails":
        raise Broken
    await socket.send_text(await socket.receive_text())
    if kind == "listens":
        await socket.receive_text()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("echoes", ("/ws/{kind:str}/{who:str}", 101, None, None)),
        ("refuses", ("/ws/{kind:str}/{who:str}", 403, None, None)),
        ("fails", ("/ws/{kind:str}/{who:str}", 101, "Broken", None)),
        ("fails_first", ("/ws/{kind:str}/{who:str}", 403, "Broken", None)),
        ("listens", ("/ws/{kind:str}/{who:str}", 101, None, "cancelled")),
        ("nothing/at/all", ("unmatched", 403, None, None)),
    ],
)
def test_a_websocket_is_told_by_its_template(log: RequestLog, kept: Kept, kind: str, expected: object) -> None:
    """The framework closes a WebSocket whose handler fails, so that the error is told, and no failure of the line."""

    def make() -> Litestar:
        return Litestar([talks], logging_config=None, openapi_config=None)

    request = Request(f"/ws/{kind}/{WHO}?token=zqxj")
    assert talk(install(make(), log), request, "vkqx") == talk(make(), request, "vkqx")
    assert found(kept) == expected


def test_a_wrong_call_is_told(log: RequestLog) -> None:
    """A second request log, another application, and another log are the caller's mistakes."""
    app = recorded(log)
    with pytest.raises(UsageError, match="has a request log already"):
        install(app, log)
    with pytest.raises(UsageError, match="is a function, and no Litestar"):
        install(lambda scope: None, log)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(UsageError, match="no RequestLog"):
        install(Litestar(openapi_config=None), "log")  # type: ignore[arg-type]
