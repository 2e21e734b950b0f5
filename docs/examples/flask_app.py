"""A vendor's Flask application with a request log: ``REQUEST_LOG=logs gunicorn --workers 2 flask_app:app``."""

from __future__ import annotations

import os
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, abort, request

from smartify_core.requestlog import Collecting, RequestLog, TrustedProxies
from smartify_core.requestlog.files import JsonLinesFile
from smartify_core.requestlog.flask import install

orders = Blueprint("orders", __name__)


class OutOfStock(Exception):
    """What was ordered is not there."""


@orders.get("/<int:number>")
def show(tenant: str, number: int) -> dict[str, str | int]:
    """Show an order. Its log line says ``/t/<tenant>/orders/<int:number>``, and neither whose it is nor which."""
    if number == 0:
        abort(404)
    return {"tenant": tenant, "number": number}


@orders.post("/")
def place(tenant: str) -> tuple[dict[str, str], int]:
    """Take an order. A body is never looked at by the log."""
    if "coupon" in request.form:
        raise OutOfStock(f"{tenant} asked for {request.form['coupon']}")
    return {"tenant": tenant}, 201


@orders.get("/export/<name>.csv")
def export(tenant: str, name: str) -> Response:
    """Stream a file. Its line is written when the last part is out, or when the client has gone."""

    def rows() -> Iterator[str]:
        for number in range(50):
            yield f"{number},{tenant},{name}\n" * 100

    return Response(rows(), mimetype="text/csv")


def make_app(directory: str) -> Flask:
    """Return the application, which keeps its request log in ``directory``."""
    app = Flask(__name__)
    app.register_blueprint(orders, url_prefix="/t/<tenant>/orders")
    collecting = Collecting(
        proxies=TrustedProxies(("127.0.0.0/8",), "x-forwarded-for"),
        own_hosts=("*.app.example",),
        time_zone_header="X-Time-Zone",
    )
    return install(app, RequestLog(JsonLinesFile(directory), collecting))


app = make_app(os.environ.get("REQUEST_LOG", "logs"))
