from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.test.utils import override_settings
from tests.unit.requestlog.conftest import Kept

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.django import RouteMiddleware, install

from . import _django_site as site
from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_and_cancel, ask_wsgi

TEMPLATES = {
    "nested": "/v1/<tenant>/mid/in/items/<int:number>",
    "static": "/static/{path}",
    **{
        name: f"/{name}/<who>"
        for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
    },
}


class TestDjangoWSGI(Conformance):
    """The table, behind a WSGI server."""

    templates: ClassVar = TEMPLATES

    def make(self, folder: Path) -> Any:
        site.urlpatterns[-2].default_args["document_root"] = str(folder)
        with override_settings(MIDDLEWARE=site.OTHERS):
            return WSGIHandler()

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(WSGIHandler(), log)


@pytest.mark.usefixtures("tidy")
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile:ResourceWarning")
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning")
class TestDjangoASGI(Conformance):
    """The table, behind an ASGI server."""

    templates: ClassVar = TEMPLATES
    is_async: ClassVar = True

    def make(self, folder: Path) -> Any:
        site.urlpatterns[-2].default_args["document_root"] = str(folder)
        with override_settings(MIDDLEWARE=site.OTHERS):
            return ASGIHandler()

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(ASGIHandler(), log)


@pytest.fixture
def app(log: RequestLog) -> Any:
    """Return an application with a request log."""
    return install(WSGIHandler(), log)


def found(kept: Kept) -> tuple[str, int | None, str | None, str | None]:
    """Return what the log says of its only request: feature, status, error, failed."""
    (event,) = kept.events
    nothing_of(kept)
    return event["feature"], event.get("status"), event.get("error"), event.get("failed")


@pytest.mark.parametrize(
    ("target", "template"),
    [
        ("/articles/2024/", "/articles/{year}/"),
        ("/v1/zqxj/mid/in/by-year/2024/", "/v1/<tenant>/mid/in/by-year/{year}/page-{page}/"),
        ("/v1/zqxj/mid/in/by-year/2024/page-7/", "/v1/<tenant>/mid/in/by-year/{year}/page-{page}/"),
        ("/v1/zqxj/mid/in/v12.34/zqxj/vkqx", "/v1/<tenant>/mid/in/v{}.{}/{rest}"),
        ("/de/about/zqxj/", "/{language}/about/<who>/"),
        ("/en/about/zqxj/", "/{language}/about/<who>/"),
    ],
)
def test_every_kind_of_pattern_becomes_a_template(app: Any, kept: Kept, target: str, template: str) -> None:
    """Regular expressions, includes of them, and the prefix of a language read as routes do."""
    ask_wsgi(app, Request(target))
    assert found(kept) == (template, 200, None, None)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (f"/slash/{WHO}", ("unmatched", 301, None, None)),
        (f"/slash/{WHO}/cut-short/", ("unmatched", 200, None, None)),
        (f"/denied/{WHO}", ("/denied/<who>", 403, None, None)),
        (f"/about/{WHO}", ("unmatched", 302, None, None)),
    ],
)
def test_what_is_answered_without_a_view(
    app: Any, kept: Kept, target: str, expected: tuple[str, int, str | None, str | None]
) -> None:
    """Redirects and middlewares that answer themselves have no route; a refusal of the view's has, and is no error."""
    ask_wsgi(app, Request(target))
    assert found(kept) == expected


def test_a_page_in_any_language_is_a_known_one(app: Any, kept: Kept) -> None:
    """A referring page with the prefix of a language is told by the template that all languages share."""
    ask_wsgi(app, Request(f"/plain/{WHO}", headers=[("Referer", "http://app.example/de/about/zqxj/")]))
    assert kept.events[0]["referrer"] == "/{language}/about/<who>/"


@pytest.mark.usefixtures("tidy")
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile:ResourceWarning")
def test_a_cancelled_request_is_told(log: RequestLog, kept: Kept) -> None:
    """A server that gives a request up cancels it; the log has the template, and no status."""
    waiting = site.Waiting()
    site.waiting.append(waiting)
    with override_settings(MIDDLEWARE=[site.ROUTE]):
        app = install(ASGIHandler(), log)
    assert ask_and_cancel(app, Request(f"/waits/{WHO}"), waiting.reached.wait) == "cancelled"
    assert found(kept) == ("/waits/<who>", None, None, "cancelled")


@pytest.mark.parametrize("middleware", [[], site.OTHERS])
def test_the_middleware_has_to_be_there(log: RequestLog, middleware: list[str]) -> None:
    """Without the middleware no request would have a template."""
    with override_settings(MIDDLEWARE=middleware), pytest.raises(UsageError, match="MIDDLEWARE has not the middleware"):
        install(WSGIHandler(), log)


def test_the_middleware_may_stand_behind_others(log: RequestLog, kept: Kept) -> None:
    """What instruments a site puts its own middleware first, after the settings were read."""
    with override_settings(MIDDLEWARE=[*site.OTHERS, site.ROUTE]):
        app = install(WSGIHandler(), log)
    ask_wsgi(app, Request(f"/handled/{WHO}"))
    assert found(kept) == ("/handled/<who>", 500, "Handled", None)


def test_what_is_no_request_of_a_server_passes() -> None:
    """A request that a test made by hand has neither environ nor scope; nothing is left, and nothing raised."""
    from django.http import HttpRequest

    request = HttpRequest()
    RouteMiddleware(lambda request: None).process_view(request)
    got_request_exception.send(sender=None, request=request)
    got_request_exception.send(sender=None)


def test_a_wrong_call_is_told(app: Any, log: RequestLog) -> None:
    """An application that has a request log already, another one, and another log are the caller's mistakes."""
    wrongs: list[Any] = [app, lambda environ, start: []]
    for wrong in wrongs:
        with pytest.raises(UsageError, match="no WSGIHandler or ASGIHandler"):
            install(wrong, log)
    with pytest.raises(UsageError, match="no RequestLog"):
        install(WSGIHandler(), "log")  # type: ignore[arg-type]
    assert settings.configured


@pytest.mark.parametrize("handler", [WSGIHandler, ASGIHandler])
def test_an_application_is_recorded_once(log: RequestLog, handler: Any) -> None:
    """A second call on the framework's own application would write each line twice."""
    application = handler()
    install(application, log)
    with pytest.raises(UsageError, match="has a request log already"):
        install(application, log)
