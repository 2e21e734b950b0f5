"""The collector for ASGI applications: plain ASGI, around the application itself (ASGI 3.0).

Put it outermost, so that it sees what the client gets::

    app = RequestLogMiddleware(app, log)
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any, Final, TypeAlias

from ._event import Failure
from ._names import ERROR_KEY, FEATURE_KEY
from ._request_log import HEADERS, NOTHING_HEARD, ZONE, RequestLog
from ._schema import Phase

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Finds the route's template of a request, once it is routed; None where no route matched.
FeatureOf: TypeAlias = Callable[[Scope], str | None]

_FORWARDED: Final = len(HEADERS)


def feature_left_in(scope: Scope) -> str | None:
    """Return the name that an inner part of the application left under `FEATURE_KEY`; None where there is none."""
    name: str | None = scope.get(FEATURE_KEY)
    return name


class RequestLogMiddleware:
    """Records each request of an ASGI application, and each WebSocket when it ends.

    It buffers no body, changes no message, and passes every exception on, `asyncio.CancelledError` too. Work that
    follows the response counts into the duration, as the server holds the connection's slot until it ends.

    Args:
        app: The application.
        log: Where requests are recorded.
        feature_of: Finds the route's template. It is called when the response starts, and again at the end where it
            found nothing. By default what is left under `FEATURE_KEY`.
    """

    def __init__(self, app: Application, log: RequestLog, *, feature_of: FeatureOf = feature_left_in) -> None:
        self.app = app
        self.log = log
        self.feature_of = feature_of
        self._slots = _slots(log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application for one connection."""
        kind = scope["type"]
        seen: _Http | _WebSocket
        if kind == "http":
            seen = _Http(self, scope, send)
        elif kind == "websocket":
            seen = _WebSocket(self, scope, send)
        else:
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, seen.send)
        except BaseException as error:
            self._end(seen, error)
            raise
        self._end(seen, None)

    def _end(self, seen: _Http | _WebSocket, error: BaseException | None) -> None:
        try:
            seen.end(error)
        except Exception as trouble:  # noqa: BLE001 - whatever a broken server hands over, the request has to go on
            self.log.not_recorded(trouble)

    def feature(self, scope: Scope) -> str | None:
        """Return what the finder finds; a finder that fails has found nothing."""
        try:
            return self.feature_of(scope)
        except Exception as error:  # noqa: BLE001 - a finder's bug is the log's trouble, not the request's
            self.log.feature_not_found(error)
            return None

    def heard(self, scope: Scope) -> tuple[list[bytes | str], list[str]]:
        """Return the headers that are read, each at its place, and the lines in which proxies tell the client."""
        heard: list[bytes | str] = [*NOTHING_HEARD]
        forwarded: list[str] = []
        slots = self._slots
        for name, value in scope["headers"]:
            slot = slots.get(name)
            if slot is None:
                continue
            if slot == _FORWARDED:
                forwarded.append(value.decode("latin-1"))
            else:
                heard[slot] = value
        return heard, forwarded


class _Http:
    """What is seen of one request."""

    __slots__ = ("_began", "_done", "_feature", "_middleware", "_scope", "_send", "_status", "_time")

    def __init__(self, middleware: RequestLogMiddleware, scope: Scope, send: Send) -> None:
        self._middleware = middleware
        self._scope = scope
        self._send = send
        self._status: int | None = None
        self._feature: str | None = None
        self._done = False
        self._time = middleware.log.time()
        self._began = perf_counter()

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on. No coroutine of its own: the server's is handed back."""
        kind = message["type"]
        if kind == "http.response.body":
            self._done = not message.get("more_body", False)
        elif kind == "http.response.start":
            self._status = message["status"]
            self._feature = self._middleware.feature(self._scope)
        return self._send(message)

    def end(self, error: BaseException | None) -> None:
        """Record the request."""
        seconds = perf_counter() - self._began
        scope, middleware = self._scope, self._middleware
        phase: Phase | None = None
        if error is not None:
            phase = self._phase(error)
        elif not self._done:
            # The application came back without ending its response: its client had gone.
            phase = "cancelled" if self._status is not None else "before_start"
        kind = scope.get(ERROR_KEY) if error is None or phase == "cancelled" else type(error)
        failure = None if phase is None and kind is None else Failure.of(kind, phase)
        if self._feature is None:
            self._feature = middleware.feature(scope)
        client = scope.get("client")
        heard, forwarded = middleware.heard(scope)
        middleware.log.record(
            self._time,
            self._feature,
            scope["method"],
            self._status,
            seconds,
            failure,
            client[0] if client else None,
            heard,
            forwarded,
        )

    def _phase(self, error: BaseException) -> Phase:
        if isinstance(error, (CancelledError, GeneratorExit)):
            return "cancelled"
        if self._status is None or (self._done and self._status >= 500):  # noqa: PLR2004 - an error page of the framework's
            return "before_start"
        return "after_end" if self._done else "streaming"


class _WebSocket:
    """What is seen of one WebSocket, from its handshake to its end."""

    __slots__ = ("_began", "_feature", "_middleware", "_scope", "_send", "_status", "_time")

    def __init__(self, middleware: RequestLogMiddleware, scope: Scope, send: Send) -> None:
        self._middleware = middleware
        self._scope = scope
        self._send = send
        self._status: int | None = None
        self._feature: str | None = None
        self._time = middleware.log.time()
        self._began = perf_counter()

    def send(self, message: Message) -> Awaitable[None]:
        """Pass a message on."""
        if self._status is None:
            kind = message["type"]
            if kind == "websocket.accept":
                self._status = 101
            elif kind == "websocket.close":
                # The server answers the handshake with 403 (ASGI specification, WebSocket close).
                self._status = 403
            elif kind == "websocket.http.response.start":
                self._status = message["status"]
            if self._status is not None:
                self._feature = self._middleware.feature(self._scope)
        return self._send(message)

    def end(self, error: BaseException | None) -> None:
        """Record the WebSocket."""
        seconds = perf_counter() - self._began
        scope, middleware = self._scope, self._middleware
        failure = None
        if isinstance(error, (CancelledError, GeneratorExit)):
            failure = Failure.of(None, "cancelled")
        elif error is not None:
            failure = Failure.of(type(error), "before_start" if self._status is None else "streaming")
        if self._feature is None:
            self._feature = middleware.feature(scope)
        client = scope.get("client")
        heard, forwarded = middleware.heard(scope)
        peer = client[0] if client else None
        middleware.log.record(
            self._time, self._feature, "WEBSOCKET", self._status, seconds, failure, peer, heard, forwarded
        )


def _slots(log: RequestLog) -> dict[bytes, int]:
    """Return the place of each header by its name, as servers write it and as some test clients do."""
    ours = log.collecting
    names = {name: slot for slot, name in enumerate(HEADERS) if name is not None}
    if ours.time_zone_header is not None:
        names[ours.time_zone_header.lower()] = ZONE
    if ours.proxies is not None:
        names[ours.proxies.header] = _FORWARDED
    spellings = {spelled: slot for name, slot in names.items() for spelled in (name, name.title(), name.upper())}
    return {spelled.encode("ascii"): slot for spelled, slot in spellings.items()}
