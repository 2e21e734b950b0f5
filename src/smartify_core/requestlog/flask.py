"""The request log of a Flask application.

One line, once the routes are there::

    app = Flask(__name__)
    ...
    install(app, log)
"""

from __future__ import annotations

from typing import Final, cast

from flask import Flask, got_request_exception, has_request_context, request, request_tearing_down
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from ._event._names import ERROR_KEY, FEATURE_KEY
from ._request_log import RequestLog
from ._routing._installing import check_call, installed_already
from .wsgi import Application, Environ, RequestLogMiddleware

_INSTALLED: Final = "smartify_core.requestlog"


def install(app: Flask, log: RequestLog) -> Flask:
    """Record every request of an application.

    The collector stands outside of what was wrapped around ``app.wsgi_app`` before. Routes that are added later are
    recorded as well; referring pages are told by them once they were asked for.

    Args:
        app: The application.
        log: Where requests are recorded.

    Returns:
        The same application.

    Raises:
        UsageError: It is no Flask application, or has a request log.
    """
    check_call("flask", app, (Flask,), log)
    if _INSTALLED in app.extensions:
        raise installed_already("flask")
    app.extensions[_INSTALLED] = log
    log.learn(rule.rule for rule in app.url_map.iter_rules())
    answer = app.handle_user_exception

    def answer_and_leave(e: Exception) -> HTTPException | ResponseReturnValue:
        request.environ[ERROR_KEY] = type(e)
        return answer(e)

    # The signal tells only of exceptions that nobody handles. This is called for each that a view raises.
    app.handle_user_exception = answer_and_leave  # type: ignore[method-assign]
    got_request_exception.connect(_leave_error, app, weak=False)
    request_tearing_down.connect(_leave_rule, app, weak=False)
    wrapped = RequestLogMiddleware(cast("Application", app.wsgi_app), log, feature_of=_template)
    app.wsgi_app = wrapped  # type: ignore[method-assign]  # as Flask's documentation has it
    return app


def _leave_error(_app: Flask, exception: BaseException, **_more: object) -> None:
    # Others send this signal too, of what failed outside of a request.
    if has_request_context():
        request.environ[ERROR_KEY] = type(exception)


def _leave_rule(_app: Flask, exc: BaseException | None = None, **_more: object) -> None:
    # Where an exception is passed on to the server, no response begins while the rule is known.
    if exc is not None and has_request_context() and request.url_rule is not None:
        request.environ[FEATURE_KEY] = request.url_rule.rule


def _template(environ: Environ) -> str | None:
    """Return the rule of the request that is answered. Flask forgets it when the response has begun."""
    try:
        rule = environ["werkzeug.request"].url_rule
    except (KeyError, AttributeError):
        # Something else made a request of its own of the same environ.
        rule = request.url_rule if has_request_context() else None
    template: str | None = environ.get(FEATURE_KEY) if rule is None else rule.rule
    return template
