"""A server for the benchmark under load: ``python -m tests.benchmarks._requestlog_server VARIANT FOLDER PORT``.

uvicorn with uvloop and httptools, one process, and a Starlette application with one route.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn
from tests.benchmarks._requestlog_peers import starlette, stdlib, structlog_json, traced

from smartify_core.requestlog import RequestLog
from smartify_core.requestlog.asgi import RequestLogMiddleware
from smartify_core.requestlog.files import JsonLinesFile


def ours(app: Any, folder: Path) -> Any:
    """Put the request log around an application, as a host does."""
    log = RequestLog(JsonLinesFile(folder / "log", queue=100_000))
    return RequestLogMiddleware(app, log, feature_of=lambda scope: getattr(scope.get("route"), "path_format", None))


def main(variant: str, folder: Path, port: int) -> None:
    """Serve until somebody ends it."""
    app: Any = starlette()
    if variant == "ours":
        app = ours(app, folder)
    elif variant == "stdlib":
        app = stdlib(app, folder / "stdlib")
    elif variant == "structlog":
        app = structlog_json(app, folder / "structlog")
    elif variant == "opentelemetry":
        app = traced(app)
    uvicorn.run(
        app,
        port=port,
        loop="uvloop",
        http="httptools",
        log_level="info" if variant == "access log" else "warning",
        access_log=variant == "access log",
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
