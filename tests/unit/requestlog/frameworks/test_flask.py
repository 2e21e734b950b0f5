from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Blueprint, Flask, Response, abort, request, send_file
from tests.unit.requestlog.conftest import Kept
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.wrappers import Request as OtherRequest

from smartify_core.errors import UsageError
from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.flask import install

from ._conformance import WHO, Conformance, nothing_of
from ._driving import Request, ask_wsgi
from ._faults import BIG, MORE, Broken, Handled, Refused


def make(folder: Path | None = None) -> Flask:  # noqa: C901 - as many routes as the table has
    """Return an application with every kind of route."""
    app = Flask(__name__, static_folder=folder, static_url_path="/static")

    @app.route("/plain/<who>")
    def plain(who: str) -> str:
        return "plain"

    @app.post("/post/<who>")
    def post(who: str) -> str:
        return f"{len(request.files)} files"

    inner = Blueprint("inner", __name__)
    middle = Blueprint("middle", __name__)

    @inner.get("/items/<int:number>")
    def nested(tenant: str, number: int) -> str:
        return f"item of {len(tenant)}"

    middle.register_blueprint(inner, url_prefix="/in")
    app.register_blueprint(middle, url_prefix="/v1/<tenant>/mid")

    @app.get("/raises/<who>")
    def raises(who: str) -> str:
        raise Broken

    @app.get("/handled/<who>")
    def handled(who: str) -> str:
        raise Handled

    @app.get("/refused/<who>")
    def refused(who: str) -> str:
        raise Refused

    @app.get("/stream/<who>")
    def stream(who: str) -> Response:
        return Response(iter([b"one", b"two", b"three"]))

    @app.get("/breaks/<who>")
    def breaks(who: str) -> Response:
        def parts() -> Iterator[bytes]:
            yield b"one"
            raise Broken

        return Response(parts())

    @app.get("/endless/<who>")
    def endless(who: str) -> Response:
        def parts() -> Iterator[bytes]:
            while True:
                yield MORE

        return Response(parts())

    @app.get("/file/<who>")
    def file(who: str) -> Response:
        return send_file(io.BytesIO(BIG), mimetype="text/plain", etag=False)

    @app.errorhandler(Handled)
    def answer_handled(error: Handled) -> tuple[str, int]:
        return "handled", 500

    @app.errorhandler(Refused)
    def answer_refused(error: Refused) -> tuple[str, int]:
        return "refused", 422

    return app


class TestFlask(Conformance):
    """The table."""

    templates: ClassVar = {
        "nested": "/v1/<tenant>/mid/in/items/<int:number>",
        "static": "/static/<path:filename>",
        **{
            name: f"/{name}/<who>"
            for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
        },
    }
    # Flask names no rule where none of them takes the method.
    different: ClassVar = {"another method": {"feature": None}, "a method of its own": {"feature": None}}

    def make(self, folder: Path) -> Any:
        return make(folder)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)


@pytest.fixture
def app(log: RequestLog) -> Flask:
    """Return an application with a request log."""
    return install(make(), log)


def features(kept: Kept) -> list[tuple[str, int | None, str | None, str | None]]:
    """Return what the log says of each request: feature, status, error, failed."""
    return [(event["feature"], event.get("status"), event.get("error"), event.get("failed")) for event in kept.events]


def test_a_mounted_application_tells_no_value_of_the_mount(app: Flask, kept: Kept) -> None:
    """An application that is mounted under a customer's name tells its own rule, and nothing of the name."""
    outer = DispatcherMiddleware(app, {f"/t/{WHO.replace('%40', '@')}": app})
    assert ask_wsgi(outer, Request(f"/t/{WHO}/plain/{WHO}")).parts == [b"plain"]
    assert features(kept) == [("/plain/<who>", 200, None, None)]
    nothing_of(kept)


def test_another_request_of_the_same_environ_hides_no_rule(app: Flask, kept: Kept) -> None:
    """What makes a request of its own puts it where the framework's was; the rule is found all the same."""

    @app.get("/other/<who>")
    def other(who: str) -> str:
        OtherRequest(request.environ)
        return "other"

    ask_wsgi(app, Request(f"/other/{WHO}"))
    assert features(kept) == [("/other/<who>", 200, None, None)]


def test_a_response_from_outside_of_the_framework_is_unmatched(log: RequestLog, kept: Kept) -> None:
    """What a middleware around the application answers itself has no rule."""
    app = make()

    def refuse(environ: Any, start_response: Any) -> Any:
        start_response("403 No", [])
        return [b"no"]

    app.wsgi_app = refuse  # type: ignore[method-assign]  # as Flask's documentation has it
    ask_wsgi(install(app, log), Request(f"/plain/{WHO}"))
    assert features(kept) == [("unmatched", 403, None, None)]


@pytest.mark.parametrize("hook", ["before_request", "after_request", "teardown_request"])
def test_an_exception_of_a_hook_is_told(app: Flask, kept: Kept, hook: str) -> None:
    """What runs around a view may fail as well; the client gets a page, or nothing, and the log the class."""

    def fail(*_: Any) -> Any:
        raise Broken

    getattr(app, hook)(fail)
    answer = ask_wsgi(app, Request(f"/plain/{WHO}"))
    (found,) = features(kept)
    if hook == "teardown_request":
        assert (answer.raised, found) == ("Broken", ("/plain/<who>", 200, "Broken", "streaming"))
    else:
        assert found == ("/plain/<who>", 500, "Broken", None)
    nothing_of(kept)


def test_work_at_the_close_is_told_where_it_fails(app: Flask, kept: Kept) -> None:
    """Work that runs once the response is out may fail; the response was whole."""

    @app.get("/late/<who>")
    def late(who: str) -> Response:
        def fail() -> None:
            raise Broken

        response = Response("late")
        response.call_on_close(fail)
        return response

    assert ask_wsgi(app, Request(f"/late/{WHO}")).raised == "Broken"
    assert features(kept) == [("/late/<who>", 200, "Broken", "after_end")]


def test_an_exception_that_is_passed_on_is_told(app: Flask, kept: Kept) -> None:
    """While an application is tested, exceptions go to the server, and no response is made."""
    app.testing = True
    assert ask_wsgi(app, Request(f"/raises/{WHO}")).raised == "Broken"
    assert features(kept) == [("/raises/<who>", None, "Broken", "before_start")]


def test_what_is_no_common_exception_is_told(app: Flask, kept: Kept) -> None:
    """A time limit of the server's, or an exit, passes every handler by; template and class are told."""

    @app.get("/exits/<who>")
    def exits(who: str) -> str:
        raise SystemExit(who)

    with pytest.raises(SystemExit):
        ask_wsgi(app, Request(f"/exits/{WHO}"))
    assert features(kept) == [("/exits/<who>", None, "SystemExit", "before_start")]
    nothing_of(kept)


def test_an_error_page_of_the_hosts_own_leaves_the_class(app: Flask, kept: Kept) -> None:
    """A page for status 500 is handed another exception; the log has the one that was raised."""
    app.register_error_handler(500, lambda error: ("sorry", 500))
    ask_wsgi(app, Request(f"/raises/{WHO}"))
    assert features(kept) == [("/raises/<who>", 500, "Broken", None)]


@pytest.mark.parametrize(("status", "error"), [(404, None), (410, None), (503, "ServiceUnavailable")])
def test_aborting_is_an_error_from_500_on(app: Flask, kept: Kept, status: int, error: str | None) -> None:
    """Telling a client that a page is gone is no error of the application."""
    app.add_url_rule("/aborts/<who>", "aborts", lambda who: abort(status))
    ask_wsgi(app, Request(f"/aborts/{WHO}"))
    assert features(kept) == [("/aborts/<who>", status, error, None)]


def test_a_redirect_to_a_slash_and_automatic_options(app: Flask, kept: Kept) -> None:
    """A redirect that the router makes has no rule yet; OPTIONS has one."""
    app.add_url_rule("/slash/<who>/", "slash", lambda who: "slash")
    ask_wsgi(app, Request(f"/slash/{WHO}"))
    ask_wsgi(app, Request(f"/plain/{WHO}", "OPTIONS"))
    assert features(kept) == [("unmatched", 308, None, None), ("/plain/<who>", 200, None, None)]
    assert kept.events[1]["method"] == "OPTIONS"
    nothing_of(kept)


def test_a_wrong_call_is_told(app: Flask, log: RequestLog) -> None:
    """A second request log, another application, and another log are the caller's mistakes."""
    with pytest.raises(UsageError, match="has a request log already"):
        install(app, log)
    with pytest.raises(UsageError, match="is a function, and no Flask"):
        install(lambda environ, start: [], log)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(UsageError, match="no RequestLog"):
        install(make(), "log")  # type: ignore[arg-type]  # as above
