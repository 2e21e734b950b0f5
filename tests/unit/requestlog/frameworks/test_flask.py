from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, request, send_file

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.flask import install

from ._conformance import Conformance
from ._faults import BIG, Broken, Handled, Refused


def make(folder: Path | None = None) -> Flask:
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
                yield b"more"

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

    templates = {
        "nested": "/v1/<tenant>/mid/in/items/<int:number>",
        "static": "/static/<path:filename>",
        **{
            name: f"/{name}/<who>"
            for name in ("plain", "post", "raises", "handled", "refused", "stream", "breaks", "endless", "file")
        },
    }
    # Flask names no rule where none of them takes the method.
    different = {"another method": {"feature": None}, "a method of its own": {"feature": None}}

    def make(self, folder: Path) -> Any:
        return make(folder)

    def install(self, app: Any, log: RequestLog) -> Any:
        return install(app, log)
