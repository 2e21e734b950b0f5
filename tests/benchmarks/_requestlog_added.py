"""What requests cost: ``python -m tests.benchmarks._requestlog_added requests FOLDER ROUNDS``.

Prints its figures as JSON: µs a request for each variant, in the request's own thread, and for some in all threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time, thread_time
from typing import Any

from tests.benchmarks import _requestlog_peers as peers
from tests.benchmarks._requestlog_requests import environ, scope

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog import asgi as for_asgi
from smartify_core.requestlog import wsgi as for_wsgi
from smartify_core.requestlog.files import JsonLinesFile

Figures = dict[str, float]
#: Requests of one round of one variant: few, so that some rounds meet a quiet moment of the machine. As many go before
#: them, for the processor to be warm.
ROUND = 150
#: Requests of one window of all threads.
WINDOW = 2_000


class Null:
    """A sink that takes everything and keeps nothing."""

    def put(self, record: object) -> None:
        """Take a record."""

    def flush(self, timeout: float = 5.0) -> bool:
        """Have nothing to write."""
        return True

    def close(self, timeout: float = 5.0) -> None:
        """Have nothing to close."""


async def receive() -> dict[str, Any]:
    """Return the end of a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: object) -> None:
    """Take a message, as a server does."""


def start(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
    """Take the start of a response, as a server does."""
    return len


async def drive_asgi(app: Any, number: int) -> None:
    """Make requests and have them answered at once, as a server does: what was just made is near the processor."""
    for _ in range(number):
        await app(scope(), receive, send)


async def drive_wsgi(app: Any, number: int) -> None:
    """Make requests and have them answered at once, as a server does."""
    for _ in range(number):
        body = app(environ(), start)
        for _ in body:
            pass
        close = getattr(body, "close", None)
        if close is not None:
            close()


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """Leave a request without an answer: what making it takes."""


def variants(folder: Path, sink: JsonLinesFile) -> dict[str, Any]:
    """Return the applications by name; those for WSGI have it in their name."""
    log, nowhere = RequestLog(sink), RequestLog(Null())
    bare: Any = peers.bare
    return {
        "nothing": nothing,
        "bare": bare,
        "ours": for_asgi.RequestLogMiddleware(bare, log),
        "ours, no sink": for_asgi.RequestLogMiddleware(bare, nowhere),
        "floor": peers.floor(bare, folder / "floor"),
        "starlette": peers.starlette(),
        "stdlib": peers.stdlib(bare, folder / "stdlib"),
        "stdlib queue": peers.stdlib_queue(bare, folder / "queue"),
        "structlog": peers.structlog_json(bare, folder / "structlog"),
        "opentelemetry": peers.traced(bare),
        "wsgi bare": peers.bare_wsgi,
        "wsgi ours": for_wsgi.RequestLogMiddleware(peers.bare_wsgi, log),
        "wsgi ours, no sink": for_wsgi.RequestLogMiddleware(peers.bare_wsgi, nowhere),
        "wsgi opentelemetry": peers.traced_wsgi(peers.bare_wsgi),
    }


def requests(folder: Path, number: int) -> Figures:
    """Measure all variants, ``number`` rounds in turn."""
    sink = JsonLinesFile(folder / "log", queue=100_000, rotate_bytes=1 << 40)
    figures = asyncio.run(_measured(variants(folder, sink), sink, number))
    sink.close()
    lines = [line for file in (folder / "log").iterdir() for line in file.read_bytes().splitlines()]
    assert len(lines) == 2 * (2 * ROUND * number + WINDOW * windows(number)), len(lines)
    figures["bytes"] = max(map(len, lines)) + 1
    return figures


def windows(number: int) -> int:
    """Return how often all threads are measured."""
    return max(5, number // 5)


async def _measured(apps: dict[str, Any], sink: JsonLinesFile, number: int) -> Figures:
    figures: Figures = {}
    for _ in range(number):
        for name, app in apps.items():
            drive = drive_wsgi if "wsgi" in name else drive_asgi
            await drive(app, ROUND)
            began = thread_time()
            await drive(app, ROUND)
            _least(figures, name, (thread_time() - began) / ROUND)
    sink.flush()
    for _ in range(windows(number)):
        for name, app in apps.items():
            if "no sink" in name:
                continue
            drive = drive_wsgi if "wsgi" in name else drive_asgi
            requests = WINDOW // 8 if "opentelemetry" in name else WINDOW
            began = process_time()
            await drive(app, requests)
            if "ours" in name:
                sink.flush()
            _least(figures, f"{name}, all threads", (process_time() - began) / requests)
    return figures


def _least(figures: Figures, name: str, seconds: float) -> None:
    figures[name] = min(figures.get(name, 1e9), seconds * 1e6)


if __name__ == "__main__":
    case, where, size = sys.argv[1:]
    print(json.dumps({"requests": requests}[case](Path(where), int(size))), flush=True)
    os._exit(0)  # threads of others' are still waiting
