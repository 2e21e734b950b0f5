"""A Django site with every kind of route. Django is set up once for a process; so every test has this one."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from typing import Any

import django
from django.conf import settings
from django.conf.urls.i18n import i18n_patterns
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import include, path, re_path
from django.views.decorators.http import require_GET, require_POST
from django.views.static import serve

from ._faults import BIG, MORE, Broken, Handled, Refused

ROUTE = "smartify_core.requestlog.django.RouteMiddleware"
OTHERS = [
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    f"{__name__}.AnsweringMiddleware",
]

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[ROUTE, *OTHERS],
        ROOT_URLCONF=__name__,
        SECRET_KEY="none",
        USE_I18N=True,
        LANGUAGES=[("en", "English"), ("de", "Deutsch")],
    )
    django.setup()


class AnsweringMiddleware:
    """Answers two kinds of exceptions, as hosts do."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        if request.path.endswith("/cut-short/"):
            return HttpResponse("cut short")
        return self.get_response(request)

    def process_exception(self, request: Any, exception: Exception) -> Any:
        if isinstance(exception, Handled):
            return HttpResponse("handled", status=500)
        return HttpResponse("refused", status=422) if isinstance(exception, Refused) else None


@require_GET  # type: ignore[untyped-decorator]  # Django has no types
def only_get(request: Any, **values: Any) -> HttpResponse:
    return HttpResponse("plain")


def plain(request: Any, **values: Any) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return HttpResponse(status=405)
    return HttpResponse("plain")


@require_POST  # type: ignore[untyped-decorator]  # as above
def post(request: Any, **values: Any) -> HttpResponse:
    return HttpResponse(f"{len(request.FILES)} files")


def raises(request: Any, **values: Any) -> HttpResponse:
    raise Broken


def handled(request: Any, **values: Any) -> HttpResponse:
    raise Handled


def refused(request: Any, **values: Any) -> HttpResponse:
    raise Refused


def denied(request: Any, **values: Any) -> HttpResponse:
    raise PermissionDenied("qzxj")


def _is_async(request: Any) -> bool:
    return hasattr(request, "scope")


def stream(request: Any, **values: Any) -> StreamingHttpResponse:
    async def later() -> AsyncIterator[bytes]:
        for part in (b"one", b"two", b"three"):
            yield part

    return StreamingHttpResponse(later() if _is_async(request) else iter([b"one", b"two", b"three"]))


def breaks(request: Any, **values: Any) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"one"
        raise Broken

    async def later() -> AsyncIterator[bytes]:
        yield b"one"
        raise Broken

    return StreamingHttpResponse(later() if _is_async(request) else parts())


def endless(request: Any, **values: Any) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        while True:
            yield MORE

    async def later() -> AsyncIterator[bytes]:
        while True:
            yield MORE
            await asyncio.sleep(0)

    return StreamingHttpResponse(later() if _is_async(request) else parts())


def file(request: Any, **values: Any) -> FileResponse:
    return FileResponse(io.BytesIO(BIG), content_type="text/plain")


class Waiting:
    """A view that waits until it is cancelled."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def __call__(self) -> HttpResponse:
        self.reached.set()
        await asyncio.Event().wait()
        return HttpResponse("never")


waiting: list[Waiting] = []


async def waits(request: Any, **values: Any) -> HttpResponse:
    return await waiting[-1]()


items = [
    path("items/<int:number>", plain),
    re_path(r"^by-year/(?P<year>[0-9]{4})/(?:page-(?P<page>\d+)/)?$", plain),
    re_path(r"^v(\d+)\.(\d+)/(?P<rest>.*)$", plain),
]
urlpatterns = [
    path("plain/<who>", plain),
    path("get/<who>", only_get),
    path("post/<who>", post),
    path("v1/<tenant>/mid/", include([path("in/", include(items))])),
    path("raises/<who>", raises),
    path("handled/<who>", handled),
    path("refused/<who>", refused),
    path("denied/<who>", denied),
    path("stream/<who>", stream),
    path("breaks/<who>", breaks),
    path("endless/<who>", endless),
    path("file/<who>", file),
    path("waits/<who>", waits),
    path("slash/<who>/", plain),
    re_path(r"^articles/(?P<year>[0-9]{4})/$", plain),
    re_path(r"^static/(?P<path>.*)$", serve, {"document_root": "."}),
    *i18n_patterns(path("about/<who>/", plain), prefix_default_language=True),
]
