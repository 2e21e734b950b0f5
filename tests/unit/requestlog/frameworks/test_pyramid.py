from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyramid.config import Configurator
from pyramid.response import FileIter, Response

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.pyramid import install

from ..conftest import Kept
from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_wsgi
from ._faults import BIG, Broken, Handled, Refused

OURS = "smartify_core.requestlog.pyramid"
TEMPLATES = {
    "nested": "/v1/{tenant}/mid/in/items/{n}",
    "static": "/static/*subpath",
    **{
        name: f"/{name}/{{who}}"
        for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
    },
}


def broken() -> Iterator[bytes]:
    yield b"one"
    raise Broken


def more() -> Iterator[bytes]:
    while True:
        yield b"more"


def view(request: Any) -> Any:
    """Answer as the name of the route says."""
    match request.matched_route.name:
        case "raises":
            raise Broken
        case "handled":
            raise Handled
        case "refused":
            raise Refused
        case "stream":
            return Response(app_iter=iter([b"one", b"two", b"three"]))
        case "breaks":
            return Response(app_iter=broken())
        case "endless":
            return Response(app_iter=more())
        case "file":
            import io

            return Response(app_iter=FileIter(io.BytesIO(BIG)), content_length=len(BIG))
        case "post":
            return Response(f"{len(request.POST)} fields")
        case _:
            return Response("plain")


def nested(config: Any) -> None:
    config.add_route("nested", r"/items/{n:\d{1,9}}")


def middle(config: Any) -> None:
    config.include(nested, route_prefix="in")


def answer_handled(error: Any, request: Any) -> Any:
    return Response("handled", status=500)


def answer_refused(error: Any, request: Any) -> Any:
    return Response("refused", status=422)


def configured(folder: Path) -> Any:
    """Return the configuration of an application with every kind of route."""
    config = Configurator()
    for name in TEMPLATES:
        if name not in {"nested", "static"}:
            config.add_route(name, f"{name}/{{who}}")
            config.add_view(view, route_name=name, request_method="POST" if name == "post" else ("GET", "HEAD"))
    config.include(middle, route_prefix="v1/{tenant}/mid")
    config.add_view(view, route_name="nested")
    config.add_static_view("static", str(folder))
    config.add_exception_view(answer_handled, context=Handled)
    config.add_exception_view(answer_refused, context=Refused)
    return config


class TestPyramid(Conformance):
    """The table."""

    templates = TEMPLATES
    different = {
        # No view for the method is no page to Pyramid.
        "another method": {"status": 404},
        "a method of its own": {"status": 404},
        # It has no page of its own for errors.
        "an exception": {"status": None, "failed": "before_start"},
        # It tries to decode a path before it looks for a route.
        "no text in the path": {"status": None, "feature": None, "error": "URLDecodeError", "failed": "before_start"},
    }

    def make(self, folder: Path) -> Any:
        return configured(folder)

    def ask(self, app: Any, request: Request) -> Any:
        return ask_wsgi(app.make_wsgi_app() if isinstance(app, Configurator) else app, request)

    def install(self, app: Any, log: RequestLog) -> Any:
        app.include(OURS)
        return install(app.make_wsgi_app(), log)
