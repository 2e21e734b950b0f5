"""The request log of a Starlette or FastAPI application.

One line, wherever the application is made::

    app = FastAPI()
    install(app, log)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeAlias, TypeVar, cast

from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from smartify_core.errors import UsageError

from ._event._names import ERROR_KEY
from ._request_log import RequestLog
from ._routing._installing import check_call, installed_already
from ._routing._starlette_routes import Templates, applications
from .asgi import Application, Receive, RequestLogMiddleware, Scope, Send

_App = TypeVar("_App", bound=Starlette)
_Handler: TypeAlias = Callable[..., Any]
_INSTALLED: Final = "_smartify_request_log"


def install(app: _App, log: RequestLog) -> _App:
    """Record every request and WebSocket of an application.

    The collector stands outside of all middlewares, of those too that are added later, and of the page that answers
    errors: the application becomes one of a class of its own, a subclass of what it was. Routes are read when it
    handles its first message, so it does not matter when they are added.

    Args:
        app: A `Starlette` or a `FastAPI`. What is mounted in it belongs to it: install the outermost only.
        log: Where requests are recorded.

    Returns:
        The same application.

    Raises:
        UsageError: It is no such application, has a request log, or has handled messages already.
    """
    check_call("starlette", app, (Starlette,), log)
    if hasattr(app, _INSTALLED):
        raise installed_already("starlette")
    if app.middleware_stack is not None:
        raise UsageError(
            "the application has handled messages already",
            where="install of smartify_core.requestlog.starlette",
            cure="Install the request log where the application is made.",
        )
    templates = Templates(app.router)

    def read_routes() -> None:
        log.learn(templates.read())
        for mounted in applications(app.router):
            if isinstance(mounted, Starlette) and mounted.middleware_stack is None:
                _leave_errors(mounted)

    _leave_errors(app, read_routes)
    call = cast("Application", app.__call__)
    setattr(app, _INSTALLED, RequestLogMiddleware(call, log, feature_of=templates))
    _stand_outside(app)
    return app


def _stand_outside(app: Starlette) -> None:
    """Have the application called through the middleware that it was given.

    A middleware that is added in the way of the framework stands inside of its error page, and would not see it. What
    is put around the stack of middlewares is taken for the stack by others that look for the error page there, as
    OpenTelemetry's instrumentation does. And around the application it would hide the application. So the application
    becomes one of a class of its own, which differs in how it is called.
    """
    kind = type(app)

    async def call(self: Starlette, scope: Scope, receive: Receive, send: Send) -> None:
        await getattr(self, _INSTALLED)(scope, receive, send)

    same = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    app.__class__ = type(kind.__name__, (kind,), {**same, "__call__": call})


def _leave_errors(app: Starlette, first: Callable[[], None] = lambda: None) -> None:
    """Have the application's handlers of exceptions leave the class of each exception that they answer.

    ``first`` is called before the stack of middlewares is built, which is when the first message comes.
    """
    build = app.build_middleware_stack

    def build_leaving() -> ASGIApp:
        first()
        handlers = app.exception_handlers
        app.exception_handlers = {key: _leaving(handler) for key, handler in handlers.items()}
        try:
            return build()
        finally:
            app.exception_handlers = handlers

    app.build_middleware_stack = build_leaving  # type: ignore[method-assign]  # the stack is as it was


def _leaving(handler: _Handler) -> _Handler:
    inner: Any = handler
    while isinstance(inner, partial):
        inner = inner.func
    # The framework runs a handler that is no coroutine function in a thread, and asks it as this does.
    if iscoroutinefunction(inner) or iscoroutinefunction(getattr(inner, "__call__", None)):  # noqa: B004 - not whether it can be called

        async def left(connection: HTTPConnection, error: Exception) -> object:
            connection.scope[ERROR_KEY] = type(error)
            return await handler(connection, error)

        return wraps(handler)(left)

    def left_in_thread(connection: HTTPConnection, error: Exception) -> object:
        connection.scope[ERROR_KEY] = type(error)
        return handler(connection, error)

    return wraps(handler)(left_in_thread)
