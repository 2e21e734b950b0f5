"""What the request log weighs: ``python -m tests.benchmarks._requestlog_memory CASE FOLDER NUMBER``.

Prints its figures as JSON. Nothing of the library is imported before the scales are set to nought.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks._measured import measured
from tests.benchmarks._requestlog_requests import scope


def full(folder: Path, number: int) -> dict[str, float]:
    """Weigh a request log with its caches and its queue full: ``number`` requests that differ in all that is cached."""
    figures: dict[str, float] = {}
    with measured(figures):
        from smartify_core.requestlog import RequestLog
        from smartify_core.requestlog.asgi import RequestLogMiddleware
        from smartify_core.requestlog.files import JsonLinesFile

        log = RequestLog(JsonLinesFile(folder / "log", flush_every=60.0))
        app = RequestLogMiddleware(answer, log)
        asyncio.run(drive(app, number))
        log.close()
    return figures


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer a request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def drive(app: Any, number: int) -> None:
    """Send each request twice: what is asked for once is not kept long."""

    async def send(message: object) -> None:
        pass

    varied = {b"user-agent", b"referer", b"accept-language"}
    for one in range(number):
        for _ in range(2):
            request = scope()
            request["headers"] = [
                (name, value + b"%d" % one if name in varied else value) for name, value in request["headers"]
            ]
            request["client"] = (f"{one >> 8 & 255}.{one & 255}.{one % 7}.1", 1)
            request["smartify_core.feature"] = f"/features/{one % 900}"
            await app(request, None, send)


if __name__ == "__main__":
    case, where, size = sys.argv[1:]
    print(json.dumps({"full": full}[case](Path(where), int(size))))
