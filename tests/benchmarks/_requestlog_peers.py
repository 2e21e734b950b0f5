"""What the request log is measured against: the floor, the standard library, structlog, OpenTelemetry."""

from __future__ import annotations

import logging
import logging.handlers
import os
import queue
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter, time
from typing import Any, TypeAlias

import orjson
import structlog
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware as TracedASGI
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware as TracedWSGI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.benchmarks._requestlog_requests import FEATURE, HEADERS, PEER

Scope: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGI: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Environ: TypeAlias = dict[str, Any]
WSGI: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

BATCH = 256
_START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}
_BODY = {"type": "http.response.body", "body": b"ok"}


async def bare(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and do nothing else."""
    await send(dict(_START))
    await send(dict(_BODY))


def bare_wsgi(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer, and do nothing else."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def starlette() -> Starlette:
    """Return an application with one route, which takes the request that is measured."""

    async def answer(request: Request) -> Response:
        return Response(b"ok", media_type="text/plain")

    return Starlette(routes=[Route(FEATURE, answer)])


class Lines:
    """Writes lines to a file, a batch with one call, in the caller."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self.waiting: list[bytes] = []

    def put(self, line: bytes) -> None:
        """Take a line."""
        self.waiting.append(line)
        if len(self.waiting) >= BATCH:
            os.write(self.fd, b"\n".join(self.waiting))
            self.waiting = []


def floor(app: ASGI, path: Path) -> ASGI:
    """Do the least that a collector of the same fields must do: there is no less to be done in Python.

    A closure around ``send``, three readings of clocks, one pass over the headers, four look-ups of what was found out
    about them before, the line by the fastest writer of JSON, and a write for each batch.
    """
    lines = Lines(path)
    known = dict(HEADERS)
    clients = {known["user-agent"].encode(): ("Chrome", 126, "Windows", "desktop")}
    languages = {known["accept-language"].encode(): "de"}
    referrers = {known["referer"].encode(): "https://www.example.org"}
    networks = {PEER.rpartition(".")[0]: "203.0.113.0/24"}
    wanted = {name.encode(): slot for slot, name in enumerate(("user-agent", "accept-language", "referer"))}

    async def collecting(scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        def sending(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            return send(message)

        at = time()
        began = perf_counter()
        await app(scope, receive, sending)
        seconds = perf_counter() - began
        heard = [b"", b"", b""]
        for name, value in scope["headers"]:
            if name in wanted:
                heard[wanted[name]] = value
        agent, language, referrer = heard
        browser, version, system, device = clients[agent]
        lines.put(
            orjson.dumps(
                {
                    "v": 1,
                    "time": int(at),
                    "feature": scope["smartify_core.feature"],
                    "method": scope["method"],
                    "status": status,
                    "ms": 1 if seconds < 0.001 else 1000,
                    "ip": networks[scope["client"][0].rpartition(".")[0]],
                    "browser": browser,
                    "version": version,
                    "os": system,
                    "device": device,
                    "ua_from": "hints",
                    "language": languages[language],
                    "referrer": referrers[referrer],
                }
            )
        )

    return collecting


# --- one line of the standard library, and of structlog -------------------------------------------------------------


Emit: TypeAlias = Callable[[Scope, int, float, bytes, bytes], None]


def logging_lines(app: ASGI, emit: Emit) -> ASGI:
    """Collect what an access log has, and have ``emit`` log it."""

    async def collecting(scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = perf_counter()
        await app(scope, receive, sending)
        headers = dict(scope["headers"])
        agent, referrer = headers.get(b"user-agent", b"-"), headers.get(b"referer", b"-")
        emit(scope, status, perf_counter() - began, agent, referrer)

    return collecting


def _logger(name: str, handler: logging.Handler) -> Emit:
    logger = logging.getLogger(f"bench.{name}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)

    def emit(scope: Scope, status: int, seconds: float, agent: bytes, referrer: bytes) -> None:
        logger.info(
            '%s "%s %s HTTP/%s" %d %.6f "%s" "%s"',
            scope["client"][0],
            scope["method"],
            scope["path"],
            scope["http_version"],
            status,
            seconds,
            referrer.decode("latin-1"),
            agent.decode("latin-1"),
        )

    return emit


def stdlib(app: ASGI, path: Path) -> ASGI:
    """Log a line with a `logging.FileHandler`."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    return logging_lines(app, _logger("stdlib", handler))


def stdlib_queue(app: ASGI, path: Path) -> ASGI:
    """Log a line with a `logging.handlers.QueueHandler`, and write it in its listener's thread."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    logging.handlers.QueueListener(waiting, handler).start()
    return logging_lines(app, _logger("queue", logging.handlers.QueueHandler(waiting)))


def structlog_json(app: ASGI, path: Path) -> ASGI:
    """Log a line with structlog as its own page on speed has it: orjson, bytes, no filter but the level."""
    log = structlog.wrap_logger(
        structlog.BytesLogger(path.open("wb")),
        processors=[
            structlog.processors.TimeStamper(fmt=None, utc=True),
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    ).bind()

    def emit(scope: Scope, status: int, seconds: float, agent: bytes, referrer: bytes) -> None:
        log.info(
            "request",
            client=scope["client"][0],
            method=scope["method"],
            path=scope["path"],
            status=status,
            seconds=seconds,
            referrer=referrer.decode("latin-1"),
            agent=agent.decode("latin-1"),
        )

    return logging_lines(app, emit)


# --- OpenTelemetry --------------------------------------------------------------------------------------------------


class Nowhere(SpanExporter):
    """Exports to nowhere."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def _provider() -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere(), max_queue_size=100_000))
    return provider


def traced(app: ASGI) -> ASGI:
    """Trace with the SDK: the collector for ASGI as it is installed, batches, an exporter that does nothing."""
    traced: Any = TracedASGI
    wrapped: ASGI = traced(app, tracer_provider=_provider())
    return wrapped


def traced_wsgi(app: WSGI) -> WSGI:
    """Trace with the SDK: the collector for WSGI."""
    wrapped: WSGI = TracedWSGI(app, tracer_provider=_provider())
    return wrapped
