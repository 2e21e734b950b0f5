"""The request log of a Pyramid application.

Two lines: one to the configuration, one around the application that it makes::

    config.include("smartify_core.requestlog.pyramid")
    application = install(config.make_wsgi_app(), log)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from pyramid.config import Configurator
from pyramid.interfaces import IRoutesMapper, ITweens
from pyramid.router import Router
from pyramid.tweens import INGRESS

from smartify_core.errors import UsageError

from ._event._names import ERROR_KEY, FEATURE_KEY
from ._request_log import RequestLog
from ._routing._installing import check_call, installed_already
from ._routing._patterns import without_regexes
from .wsgi import Application, RequestLogMiddleware

_TWEEN: Final = f"{__name__}.tween_factory"
#: A request, response or route: Pyramid has no types.
_Untyped: TypeAlias = Any
_Handler: TypeAlias = Callable[[_Untyped], _Untyped]


def includeme(config: Configurator) -> None:
    """Add the tween that leaves a route's pattern, outermost."""
    config.add_tween(_TWEEN, under=INGRESS)


def tween_factory(handler: _Handler, _registry: object) -> _Handler:
    """Return a tween that leaves the pattern of the route, and the class of an exception that a view answered."""

    def tween(request: _Untyped) -> _Untyped:
        try:
            response = handler(request)
        finally:
            route = getattr(request, "matched_route", None)
            if route is not None:
                request.environ[FEATURE_KEY] = _template(route)
        error = getattr(request, "exception", None)
        if error is not None:
            request.environ[ERROR_KEY] = type(error)
        return response

    return tween


def install(app: Router, log: RequestLog) -> RequestLogMiddleware:
    """Record every request of an application. What is found by traversal alone is ``unmatched``.

    Args:
        app: What ``config.make_wsgi_app()`` returned.
        log: Where requests are recorded.

    Returns:
        What the server has to run in the application's place.

    Raises:
        UsageError: It is no such application, has a request log already, or its configuration does not include this
            module.
    """
    check_call("pyramid", app, (Router,), log)
    tweens = app.registry.queryUtility(ITweens)
    names = [] if tweens is None else [name for name, _ in tweens.explicit or tweens.implicit()]
    if _TWEEN not in names:
        raise UsageError(
            "the application has no tween that tells the pattern of a request's route",
            where="install of smartify_core.requestlog.pyramid",
            cure=f'Call config.include("{__name__}") first; where the tweens are listed by hand, list {_TWEEN} first.',
        )
    if app.registry.get(_TWEEN):
        raise installed_already("pyramid")
    app.registry[_TWEEN] = True
    mapper = app.registry.queryUtility(IRoutesMapper)
    log.learn(_template(route) for route in ([] if mapper is None else mapper.get_routes(include_static=True)))
    return RequestLogMiddleware(cast("Application", app), log)


def _template(route: _Untyped) -> str:
    return "/" + without_regexes(route.pattern).lstrip("/")
