from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pyramid.config import Configurator
from pyramid.response import FileIter, Response
from tests.unit.requestlog.conftest import Kept

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.pyramid import install

from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_wsgi
from ._faults import BIG, MORE, Broken, Handled, Refused

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
        yield MORE


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

    templates: ClassVar = TEMPLATES
    different: ClassVar = {
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


def found(kept: Kept) -> tuple[str, int | None, str | None, str | None]:
    """Return what the log says of its last request: feature, status, error, failed."""
    nothing_of(kept)
    event = kept.events[-1]
    return event["feature"], event.get("status"), event.get("error"), event.get("failed")


def recorded(log: RequestLog, config: Any) -> Any:
    """Return the application, with a request log."""
    config.include(OURS)
    return install(config.make_wsgi_app(), log)


def test_traversal_is_unmatched(log: RequestLog, kept: Kept) -> None:
    """What is found by walking along a path's steps has no pattern; where a route begins the walk, it has."""
    config = Configurator(root_factory=lambda request: {"zqxj": {"vkqx": {}}})
    config.add_view(lambda context, request: Response("walked"))
    config.add_route("hybrid", "/hybrid/{who}/*traverse")
    config.add_view(lambda context, request: Response("walked"), route_name="hybrid")
    app = recorded(log, config)
    assert ask_wsgi(app, Request("/zqxj/vkqx")).status == 200
    assert found(kept) == ("unmatched", 200, None, None)
    assert ask_wsgi(app, Request("/hybrid/1/zqxj/vkqx")).status == 200
    assert found(kept) == ("/hybrid/{who}/*traverse", 200, None, None)


@pytest.mark.parametrize(("status", "error"), [(404, None), (403, None), (503, "HTTPServiceUnavailable")])
def test_an_http_exception_is_an_error_from_500_on(log: RequestLog, kept: Kept, status: int, error: str | None) -> None:
    """A view that raises 404 has a route, and has not failed."""
    from pyramid.httpexceptions import exception_response

    def raising(request: Any) -> Any:
        raise exception_response(status, detail="zqxj")

    config = Configurator()
    config.add_route("raising", "/raising/{who}")
    config.add_view(raising, route_name="raising")
    ask_wsgi(recorded(log, config), Request(f"/raising/{WHO}"))
    assert found(kept) == ("/raising/{who}", status, error, None)


def test_a_page_for_every_error_leaves_the_class(log: RequestLog, kept: Kept) -> None:
    """Where the host answers any exception, the log has its class."""
    config = configured(Path())
    config.add_exception_view(lambda error, request: Response("sorry", status=500), context=Exception)
    ask_wsgi(recorded(log, config), Request(f"/raises/{WHO}"))
    assert found(kept) == ("/raises/{who}", 500, "Broken", None)


def other_tween(handler: Any, registry: Any) -> Any:
    """Return a tween of the host's that does nothing."""
    return handler


@pytest.mark.parametrize(
    ("tweens", "is_right"),
    [
        (f"{OURS}.tween_factory pyramid.tweens.excview_tween_factory", True),
        (f"pyramid.tweens.excview_tween_factory {__name__}.other_tween", False),
    ],
)
def test_tweens_that_are_listed_by_hand_have_to_list_ours(log: RequestLog, tweens: str, is_right: bool) -> None:
    """Where the host lists its tweens, what is included adds none; that is told when the application is made."""
    config = Configurator(settings={"pyramid.tweens": tweens.replace(f" {__name__}.other_tween", "")})
    config.add_route("plain", "/plain")
    config.include(OURS)
    app = config.make_wsgi_app()
    if is_right:
        assert ask_wsgi(install(app, log), Request("/plain")).status == 404
    else:
        with pytest.raises(UsageError, match=r"list smartify_core\.requestlog\.pyramid\.tween_factory first"):
            install(app, log)


def test_a_wrong_call_is_told(log: RequestLog) -> None:
    """A configuration without the tween, another application, and another log are the caller's mistakes."""
    with pytest.raises(UsageError, match="no tween"):
        install(Configurator().make_wsgi_app(), log)
    config = Configurator()
    once = recorded(log, config)
    for wrong in (once, config):
        with pytest.raises(UsageError, match="and no Router"):
            install(wrong, log)
    with pytest.raises(UsageError, match="has a request log already"):
        install(once.app, log)
    with pytest.raises(UsageError, match="no RequestLog"):
        install(config.make_wsgi_app(), "log")  # type: ignore[arg-type]
