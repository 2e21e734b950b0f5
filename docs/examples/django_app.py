"""A vendor's Django application with a request log: ``REQUEST_LOG=logs gunicorn --workers 2 django_app:application``.

What Django spreads over ``settings.py``, ``urls.py`` and ``wsgi.py`` stands in one file here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import include, path, re_path

from smartify_core.requestlog import Collecting, RequestLog, TrustedProxies
from smartify_core.requestlog.django import install
from smartify_core.requestlog.files import JsonLinesFile

# settings.py
settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["smartify_core.requestlog.django.RouteMiddleware", "django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ.get("SECRET_KEY", "only for this example"),
)


class OutOfStock(Exception):
    """What was ordered is not there."""


def show(_request: HttpRequest, tenant: str, number: str) -> JsonResponse:
    """Show an order. Its log line says ``/t/<tenant>/orders/{number}``, and neither whose it is nor which."""
    if number == "0":
        raise Http404
    return JsonResponse({"tenant": tenant, "number": number})


def place(request: HttpRequest, tenant: str) -> HttpResponse:
    """Take an order. A body is never looked at by the log."""
    if "coupon" in request.POST:
        raise OutOfStock(f"{tenant} asked for {request.POST['coupon']}")
    return JsonResponse({"tenant": tenant}, status=201)


def export(_request: HttpRequest, tenant: str, name: str) -> StreamingHttpResponse:
    """Stream a file. Its line is written when the last part is out, or when the client has gone."""

    def rows() -> Iterator[str]:
        for number in range(50):
            yield f"{number},{tenant},{name}\n" * 100

    return StreamingHttpResponse(rows(), content_type="text/csv")


# urls.py
orders = [re_path(r"^(?P<number>\d+)$", show), path("", place), path("export/<name>.csv", export)]
urlpatterns = [path("t/<tenant>/orders/", include(orders))]

# wsgi.py
collecting = Collecting(
    proxies=TrustedProxies(("127.0.0.0/8",), "x-forwarded-for"),
    own_hosts=("*.app.example",),
    time_zone_header="X-Time-Zone",
)
log = RequestLog(JsonLinesFile(os.environ.get("REQUEST_LOG", "logs")), collecting)
application: Any = install(get_wsgi_application(), log)
