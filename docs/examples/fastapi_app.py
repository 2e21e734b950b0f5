"""A vendor's FastAPI application with a request log.

``REQUEST_LOG=logs uvicorn --workers 2 --no-proxy-headers fastapi_app:app``: uvicorn would else believe what
``X-Forwarded-For`` says from 127.0.0.1, and replace the client's address before `TrustedProxies` sees it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

from fastapi import APIRouter, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import StreamingResponse

from smartify_core.requestlog import Collecting, RequestLog, TrustedProxies
from smartify_core.requestlog.files import JsonLinesFile
from smartify_core.requestlog.starlette import install

orders = APIRouter(prefix="/orders")


class OutOfStock(Exception):
    """What was ordered is not there."""


@orders.get("/{number:int}")
async def show(tenant: str, number: int) -> dict[str, str | int]:
    """Show an order. Its log line says ``/t/{tenant}/orders/{number:int}``, and neither whose it is nor which."""
    if number == 0:
        raise HTTPException(404)
    return {"tenant": tenant, "number": number}


@orders.post("/", status_code=201)
async def place(tenant: str, request: Request) -> dict[str, str]:
    """Take an order. A body is never looked at by the log."""
    form = parse_qs((await request.body()).decode())
    if "coupon" in form:
        raise OutOfStock(f"{tenant} asked for {form['coupon']}")
    return {"tenant": tenant}


@orders.get("/export/{name}.csv")
async def export(tenant: str, name: str) -> StreamingResponse:
    """Stream a file. Its line is written when the last part is out, or when the client has gone."""

    async def rows() -> AsyncIterator[str]:
        for number in range(50):
            yield f"{number},{tenant},{name}\n" * 100

    return StreamingResponse(rows(), media_type="text/csv")


@orders.websocket("/watch/{number}")
async def watch(websocket: WebSocket, tenant: str, number: int) -> None:
    """Tell of an order's changes. A WebSocket is one line, when it ends."""
    await websocket.accept()
    await websocket.send_json({"tenant": tenant, "number": number})
    await websocket.close()


def make_app(directory: str) -> FastAPI:
    """Return the application, which keeps its request log in ``directory``."""
    app = FastAPI()
    app.include_router(orders, prefix="/t/{tenant}")
    collecting = Collecting(
        proxies=TrustedProxies(("127.0.0.0/8",), "x-forwarded-for"),
        own_hosts=("*.app.example",),
        time_zone_header="X-Time-Zone",
    )
    return install(app, RequestLog(JsonLinesFile(directory), collecting))


app = make_app(os.environ.get("REQUEST_LOG", "logs"))
