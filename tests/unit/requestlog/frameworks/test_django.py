from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test.utils import override_settings

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.django import install

from . import _django_site as site
from ._conformance import Conformance

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

    templates = TEMPLATES

    def make(self, folder: Path) -> Any:
        site.urlpatterns[-2].default_args["document_root"] = str(folder)
        with override_settings(MIDDLEWARE=site.OTHERS):
            return WSGIHandler()

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(WSGIHandler(), log)


@pytest.fixture
def tidy() -> Iterator[None]:
    """Have what Django leaves open when a client goes away collected, and told of, in the test that left it."""
    yield
    gc.collect()


@pytest.mark.usefixtures("tidy")
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile:ResourceWarning")
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning")
class TestDjangoASGI(Conformance):
    """The table, behind an ASGI server."""

    templates = TEMPLATES
    is_async = True

    def make(self, folder: Path) -> Any:
        site.urlpatterns[-2].default_args["document_root"] = str(folder)
        with override_settings(MIDDLEWARE=site.OTHERS):
            return ASGIHandler()

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(ASGIHandler(), log)
