"""The request log of a Falcon application, WSGI or ASGI.

Around the application that the server runs::

    app = falcon.App()
    ...
    application = install(app, log)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast, overload

import falcon
import falcon.asgi

from . import asgi, wsgi
from ._event._names import ERROR_KEY, FEATURE_KEY
from ._request_log import RequestLog
from ._routing._installing import check_call, installed_already


@overload
def install(  # type: ignore[overload-overlap]  # an ASGI application is a kind of the other one
    app: falcon.asgi.App[Any, Any], log: RequestLog
) -> asgi.RequestLogMiddleware: ...
@overload
def install(app: falcon.App[Any, Any], log: RequestLog) -> wsgi.RequestLogMiddleware: ...
def install(app: falcon.App[Any, Any], log: RequestLog) -> wsgi.RequestLogMiddleware | asgi.RequestLogMiddleware:
    """Record every request and WebSocket of an application.

    Adds a middleware, and a reporter of errors in front of the one that the application may have: set yours before.

    Args:
        app: The application.
        log: Where requests are recorded.

    Returns:
        What the server has to run in the application's place.

    Raises:
        UsageError: It is no Falcon application, or has a request log.
    """
    check_call("falcon", app, (falcon.App,), log)
    if any(isinstance(one, _Leaving) for one in getattr(app, "_unprepared_middleware", ())):
        raise installed_already("falcon")
    _report_errors(app)
    log.learn(_templates(getattr(getattr(app, "_router", None), "_roots", ())))
    if isinstance(app, falcon.asgi.App):
        app.add_middleware(_LeavingAsync())
        return asgi.RequestLogMiddleware(cast("asgi.Application", app), log)
    app.add_middleware(_LeavingSync())
    return wsgi.RequestLogMiddleware(cast("wsgi.Application", app), log)


#: From here on a status is an error of the application (RFC 9110, section 15.6).
_ERRORS: Final = 500
#: An application of either kind, with what its type leaves out.
_App: TypeAlias = Any
#: A step of a route in its router.
_Node: TypeAlias = Any


class _Leaving:
    """Leaves the template of the route. What comes with a response is called also where others cut a request short."""


class _LeavingSync(_Leaving):
    def process_resource(self, req: falcon.Request, _resp: object, _resource: object, _params: object) -> None:
        _leave(req.env, req.uri_template)

    def process_response(self, req: falcon.Request, _resp: object, _resource: object, _succeeded: object) -> None:
        _leave(req.env, req.uri_template)


class _LeavingAsync(_Leaving):
    async def process_resource(
        self, req: falcon.asgi.Request, _resp: object, _resource: object, _params: object
    ) -> None:
        _leave(req.scope, req.uri_template)

    async def process_response(
        self, req: falcon.asgi.Request, _resp: object, _resource: object, _succeeded: object
    ) -> None:
        _leave(req.scope, req.uri_template)

    async def process_resource_ws(
        self, req: falcon.asgi.Request, _ws: object, _resource: object, _params: object
    ) -> None:
        _leave(req.scope, req.uri_template)


def _templates(nodes: Iterable[_Node], before: str = "") -> Iterator[str]:
    """Yield the templates of the framework's own router; of another kind of router they are learned from requests.

    ``falcon.inspect`` tells them too, after it has parsed the source of each resource: seconds, for many.
    """
    for node in nodes:
        template = f"{before}/{node.raw_segment}"
        if node.resource is not None:
            yield template
        yield from _templates(node.children, template)


def _leave(place: dict[str, Any], template: str | None) -> None:
    if template is not None:
        place[FEATURE_KEY] = template


def _report_errors(app: _App) -> None:
    """Have the application tell of the exceptions that it answers, where its version can (4.4)."""
    if not hasattr(app, "set_error_reporter"):
        return
    before = app._report_error  # noqa: SLF001 - it cannot be asked for; without it the host's own would be lost

    def report(req: falcon.Request, error: Exception, params: object, handled: bool) -> None:  # noqa: FBT001 - Falcon's own signature
        # Telling a client of its mistake is no error, in a WebSocket neither, which has no status to tell it by.
        # A status that is none is the application's mistake, and no reporter may raise.
        with suppress(Exception):
            if not isinstance(error, (falcon.HTTPError, falcon.HTTPStatus)) or error.status_code >= _ERRORS:
                place = req.scope if isinstance(req, falcon.asgi.Request) else req.env
                place[ERROR_KEY] = type(error)
        if before is not None:
            before(req, error, params, handled)

    app.set_error_reporter(report)
