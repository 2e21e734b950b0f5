"""The request log of a Django application, WSGI or ASGI.

Two lines: the middleware, first of all, and the collector around the application that the server runs::

    MIDDLEWARE = ["smartify_core.requestlog.django.RouteMiddleware", ...]
    application = install(get_wsgi_application(), log)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, TypeAlias, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django import conf
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import got_request_exception
from django.urls import get_resolver
from django.urls.resolvers import LocalePrefixPattern, URLResolver

from smartify_core.errors import UsageError

from . import asgi, wsgi
from ._event._names import ERROR_KEY, FEATURE_KEY
from ._request_log import RequestLog
from ._routing._installing import check_call, installed_already
from ._routing._patterns import template_of_regex

#: A request or response, or a pattern of URLs: Django has no types.
_Untyped: TypeAlias = Any
_LANGUAGE: Final = "{language}/"
_DEEPEST: Final = 20


class RouteMiddleware:
    """Leaves the template of the route where the collector looks for it. It is best the first of ``MIDDLEWARE``.

    Args:
        get_response: The rest of the application, in sync or async form.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[_Untyped], _Untyped]) -> None:
        self._get_response = get_response
        # Of the form that the application has: Django would run the other one in a thread of its own.
        self.process_view: Callable[..., Any] = _leave_route
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            self.process_view = _leave_route_async

    def __call__(self, request: _Untyped) -> _Untyped:
        """Pass the request on."""
        return self._get_response(request)


def install(
    application: WSGIHandler | ASGIHandler, log: RequestLog
) -> wsgi.RequestLogMiddleware | asgi.RequestLogMiddleware:
    """Record every request of an application. Loads its URL configuration.

    Args:
        application: What ``get_wsgi_application()`` or ``get_asgi_application()`` returned.
        log: Where requests are recorded.

    Returns:
        What the server has to run in the application's place.

    Raises:
        UsageError: It is no such application, has a request log already, or `RouteMiddleware` is not in
            ``MIDDLEWARE``.
    """
    check_call("django", application, (WSGIHandler, ASGIHandler), log)
    name = f"{__name__}.{RouteMiddleware.__name__}"
    # Not that it is the first: OpenTelemetry's instrumentation puts its own before whatever is.
    if name not in conf.settings.MIDDLEWARE:
        raise UsageError(
            "MIDDLEWARE has not the middleware that tells the template of a request's route",
            where="install of smartify_core.requestlog.django",
            cure=f'Put "{name}" first in MIDDLEWARE.',
        )
    # The signal tells of exceptions that become Django's own page; these are asked first for each that a view raises.
    # As a middleware's, it would be asked last, which is never where another one answers.
    answering: list[Any] = application._exception_middleware  # noqa: SLF001 - said above
    if _leave_exception in answering:
        raise installed_already("django")
    answering.insert(0, _leave_exception)
    got_request_exception.connect(_leave_error, dispatch_uid=name)
    log.learn(_templates(get_resolver().url_patterns, "", 0))
    if isinstance(application, ASGIHandler):
        return asgi.RequestLogMiddleware(cast("asgi.Application", application), log)
    return wsgi.RequestLogMiddleware(cast("wsgi.Application", application), log)


def _place_of(request: _Untyped) -> dict[str, Any]:
    """Return what the collector was given for the request: the scope of ASGI, or the environ of WSGI."""
    place: dict[str, Any] = request.scope if hasattr(request, "scope") else request.environ
    return place


def _leave_exception(request: _Untyped, exception: Exception) -> None:
    with suppress(Exception):
        _place_of(request)[ERROR_KEY] = type(exception)


def _leave_error(request: _Untyped = None, **_more: object) -> None:
    error = sys.exc_info()[0]
    with suppress(Exception):
        _place_of(request)[ERROR_KEY] = error


async def _leave_route_async(request: _Untyped, *view: object) -> None:
    _leave_route(request, *view)


def _leave_route(request: _Untyped, *_view: object) -> None:
    # A request of a test may have no server, and a site may do its own things with URLs: no template is no trouble.
    with suppress(Exception):
        _place_of(request)[FEATURE_KEY] = _template_of(request)


def _template_of(request: _Untyped) -> str:
    match = request.resolver_match
    # The prefix of a language is one parameter, not as many routes as there are languages.
    language = f"{getattr(request, 'LANGUAGE_CODE', None)}/"
    prefixed = match.route.startswith(language) and _has_language_prefix(getattr(request, "urlconf", None))
    route = _LANGUAGE + match.route[len(language) :] if prefixed else match.route
    return _template(route)


@lru_cache(maxsize=64)
def _has_language_prefix(urlconf: _Untyped) -> bool:
    patterns = get_resolver(urlconf).url_patterns
    return any(isinstance(getattr(one, "pattern", None), LocalePrefixPattern) for one in patterns)


@lru_cache(maxsize=4_096)
def _template(route: str) -> str:
    is_regex = any(sign in route for sign in "^$(\\")
    return "/" + (template_of_regex(route) if is_regex else route).lstrip("/")


def _templates(patterns: Iterable[_Untyped], before: str, depth: int) -> Iterator[str]:
    """Yield the templates of all patterns, each as a request that matches it will have it."""
    for one in patterns:
        piece = _LANGUAGE if isinstance(one.pattern, LocalePrefixPattern) else str(one.pattern)
        route = before + piece.removeprefix("^") if before else piece
        if not isinstance(one, URLResolver):
            yield _template(route)
        elif depth < _DEEPEST:
            yield from _templates(one.url_patterns, route, depth + 1)
