from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.requests import Request as StarletteRequest
from starlette.staticfiles import StaticFiles
from tests.unit.requestlog.conftest import Kept

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.starlette import install

from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_asgi, talk
from ._faults import BIG, MORE, Broken, Handled, Refused
from .test_starlette import PASSED_ON, TEMPLATES, answer_handled, answer_refused


def make(folder: Path) -> FastAPI:  # noqa: C901 - as many routes as the table has
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
                yield MORE
                await asyncio.sleep(0)

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

    templates: ClassVar = {**TEMPLATES, "nested": "/v1/{tenant}/mid/in/items/{n}"}
    different: ClassVar = PASSED_ON
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


def larger() -> FastAPI:
    """Return an application of routers that are included in one another, and of others that are mounted."""
    app = FastAPI()
    inner = APIRouter(prefix="/in")

    @inner.get("/items/{n}")
    async def item(n: int) -> int:
        return n

    @inner.websocket("/ws/{n}")
    async def echo(websocket: WebSocket, n: str) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    async def plainly(request: StarletteRequest) -> Response:
        return PlainTextResponse("plainly")

    inner.add_route("/plainly/{n}", plainly)
    inside = FastAPI()
    inside.include_router(inner, prefix="/again/{b}")

    @inside.get("/direct/{n}")
    async def direct(n: str) -> str:
        return n

    inner.mount("/mounted/{c}", inside)
    app.include_router(inner, prefix="/one/{a}")
    app.include_router(inner, prefix="/two/{a}")
    app.mount("/t/{tenant}", inside)
    return app


def test_the_same_router_may_be_included_in_several_places(log: RequestLog, kept: Kept) -> None:
    """Each place has its own template, also below a mount, in a router that is included, or in both."""
    app = install(larger(), log)
    for target, template in {
        "/one/zqxj/in/items/1": "/one/{a}/in/items/{n}",
        "/two/zqxj/in/items/1": "/two/{a}/in/items/{n}",
        "/two/zqxj/plainly/vkqx": "/two/{a}/plainly/{n}",
        f"/t/{WHO}/again/zqxj/in/items/1": "/t/{tenant}/again/{b}/in/items/{n}",
        f"/t/{WHO}/direct/zqxj": "/t/{tenant}/direct/{n}",
        f"/one/zqxj/mounted/{WHO}/direct/vkqx": "/one/{a}/mounted/{c}/direct/{n}",
        f"/two/zqxj/mounted/{WHO}/again/vkqx/in/items/1": "/two/{a}/mounted/{c}/again/{b}/in/items/{n}",
        f"/t/{WHO}/openapi.json": "/t/{tenant}/openapi.json",
        "/docs": "/docs",
    }.items():
        assert ask_asgi(app, Request(target)).status == 200
        assert found(kept) == (template, 200, None, None)


def test_what_matches_no_route_below_a_prefix_is_unmatched(log: RequestLog, kept: Kept) -> None:
    """Neither a router's prefix nor a mount makes a path known."""
    app = install(larger(), log)
    for target in (f"/one/{WHO}/in/nothing", f"/t/{WHO}/nothing", f"/t/{WHO}"):
        ask_asgi(app, Request(target))
        assert found(kept)[0] == "unmatched"


def test_a_websocket_of_an_included_router_is_told(log: RequestLog, kept: Kept) -> None:
    """Its template has every prefix."""
    request = Request(f"/two/{WHO}/in/ws/zqxj")
    assert talk(install(larger(), log), request, "vkqx") == talk(larger(), request, "vkqx")
    assert found(kept) == ("/two/{a}/in/ws/{n}", 101, None, None)


def test_a_wrong_value_is_no_error(log: RequestLog, kept: Kept) -> None:
    """The framework tells the client what is wrong, quoting it; the log has the template and 422."""
    answer = ask_asgi(install(larger(), log), Request("/one/zqxj/in/items/vkqx"))
    assert b"vkqx" in answer.parts[0]
    assert found(kept) == ("/one/{a}/in/items/{n}", 422, None, None)


def test_a_dependency_that_fails_is_told(log: RequestLog, kept: Kept) -> None:
    """Dependencies run before and after the endpoint; either may fail."""
    from fastapi import Depends

    app = FastAPI()

    def fails() -> None:
        raise Broken

    async def fails_after() -> AsyncIterator[None]:
        yield
        raise Broken

    @app.get("/before/{who}", dependencies=[Depends(fails)])
    async def before(who: str) -> str:
        return who

    @app.get("/after/{who}", dependencies=[Depends(fails_after)])
    async def after(who: str) -> str:
        return who

    install(app, log)
    ask_asgi(app, Request(f"/before/{WHO}"))
    assert found(kept) == ("/before/{who}", 500, "Broken", "before_start")
    ask_asgi(app, Request(f"/after/{WHO}"))
    feature, _, error, failed = found(kept)
    # Newer versions end a dependency after the response, older ones before it.
    assert (feature, error, failed in {"after_end", "before_start"}) == ("/after/{who}", "Broken", True)


def test_work_in_the_background_is_told_where_it_fails(log: RequestLog, kept: Kept) -> None:
    """The response was whole, and what ran after it failed."""
    app = FastAPI()

    def fail() -> None:
        raise Broken

    @app.post("/later/{who}")
    async def later(who: str, tasks: BackgroundTasks) -> str:
        tasks.add_task(fail)
        return "later"

    ask_asgi(install(app, log), Request(f"/later/{WHO}", "POST"))
    assert found(kept) == ("/later/{who}", 200, "Broken", "after_end")
