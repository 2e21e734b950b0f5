"""The request log of a Litestar application.

One line, once the application is made::

    app = Litestar(route_handlers=[...])
    install(app, log)
"""

from __future__ import annotations

from typing import Final, cast

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.routes import ASGIRoute
from litestar.types import ASGIApp
from litestar.types import Scope as LitestarScope

from ._event._names import ERROR_KEY
from ._request_log import RequestLog
from ._routing._installing import check_call, installed_already
from .asgi import Application, RequestLogMiddleware, Scope


def install(app: Litestar, log: RequestLog) -> Litestar:
    """Record every request and WebSocket of an application.

    The collector stands outside of all middlewares and of the pages that answer errors.

    Args:
        app: The application.
        log: Where requests are recorded.

    Returns:
        The same application.

    Raises:
        UsageError: It is no Litestar application, or has a request log.
    """
    check_call("litestar", app, (Litestar,), log)
    if isinstance(app.asgi_handler, RequestLogMiddleware):
        raise installed_already("litestar")
    templates = _Templates(app)
    log.learn(templates.read())
    app.after_exception.append(_leave)
    recorded = RequestLogMiddleware(cast("Application", app.asgi_handler), log, feature_of=templates)
    app.asgi_handler = cast("ASGIApp", recorded)
    return app


#: From here on a status is an error of the application (RFC 9110, section 15.6).
_ERRORS: Final = 500


async def _leave(error: Exception, scope: LitestarScope) -> None:
    # Telling a client of its mistake is no error, in a WebSocket neither, which has no status to tell it by.
    if not isinstance(error, HTTPException) or error.status_code >= _ERRORS:
        cast("Scope", scope)[ERROR_KEY] = type(error)


class _Templates:
    """Finds the template of a request's route, as the application declares it."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self._known: dict[str, str] = {}
        self._mounts: dict[int, str] = {}

    def read(self) -> list[str]:
        """Read the application's routes, and return their templates."""
        self._known = {route.path_format: route.path for route in self._app.routes}
        mounts = {
            id(route.route_handler): f"{route.path.rstrip('/')}/{{path:path}}"
            for route in self._app.routes
            if isinstance(route, ASGIRoute) and route.route_handler.is_mount
        }
        self._mounts = mounts
        return [*self._known.values(), *mounts.values()]

    def __call__(self, scope: Scope) -> str | None:
        """Return the template of the route that answers; None where none does."""
        handler = scope.get("route_handler")
        if handler is None:
            return None
        # For an application that is mounted, the framework tells the template of the root.
        if getattr(handler, "is_mount", False):
            return self._mounts.get(id(handler))
        template = scope.get("path_template", "")
        if template not in self._known:
            self.read()
        return self._known.get(template)
