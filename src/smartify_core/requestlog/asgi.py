"""The collector for ASGI applications: plain ASGI, around the application itself (ASGI 3.0).

Put it outermost, so that it sees what the client gets::

    app = RequestLogMiddleware(app, log)
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from time import perf_counter
from typing import Any, Final, TypeAlias

from ._event._names import ERROR_KEY, FEATURE_KEY
from ._event._parts import Failure
from ._event._schema import Phase
from ._request_log import HEADERS, ZONE, HeaderValue, RequestLog

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Finds the route's template of a request, once it is routed; None where no route matched.
FeatureOf: TypeAlias = Callable[[Scope], str | None]

_UNREAD: Final = len(HEADERS) - 1
#: The first status of those that are the server's failure (RFC 9110, section 15.6).
_FAILED: Final = 500


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
        self._seconds = log.seconds
        named = [*HEADERS]
        ours = log.collecting
        named[ZONE] = None if ours.time_zone_header is None else ours.time_zone_header.lower()
        self._slots = {
            spelled: slot for slot, name in enumerate(named) if name is not None for spelled in _spellings(name)
        }
        self._forwarded = frozenset(() if ours.proxies is None else _spellings(ours.proxies.header))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application for one connection."""
        kind = scope["type"]
        if kind != "http":
            await (self._websocket if kind == "websocket" else self.app)(scope, receive, send)
            return
        # Variables of a closure and no object with a method: half the time, and this is what each request costs.
        status: int | None = None
        feature: str | None = None
        done = False

        def sending(message: Message) -> Awaitable[None]:
            # No coroutine of its own: the server's is handed back.
            nonlocal status, feature, done
            kind = message["type"]
            if kind == "http.response.body":
                done = not message.get("more_body", False)
            elif kind == "http.response.start":
                status = message["status"]
                # What `_feature` does, without the call: this is in every request.
                try:
                    feature = self.feature_of(scope)
                except Exception as error:  # noqa: BLE001 - a finder's bug is the log's trouble, not the request's
                    self.log.feature_not_found(error)
            elif kind == "http.response.pathsend":
                done = True
            elif kind == "http.response.zerocopysend":
                done = not message.get("more_body", False)
            return send(message)

        time = self._seconds()
        began = perf_counter()
        try:
            await self.app(scope, receive, sending)
        except BaseException as error:
            kind = _kind(error)
            phase = _phase(kind, status, done=done)
            told = _left(scope, status) if phase == "cancelled" else kind
            self._end(scope, time, began, feature, scope.get("method"), status, told, phase)
            raise
        # An application that came back without ending its response: its client had gone, or it forgot to answer.
        ended: Phase | None = None if done else "before_start" if status is None else "cancelled"
        self._end(scope, time, began, feature, scope.get("method"), status, _left(scope, status), ended)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        status: int | None = None
        feature: str | None = None

        def sending(message: Message) -> Awaitable[None]:
            nonlocal status, feature
            if status is None:
                kind = message["type"]
                if kind == "websocket.accept":
                    status = 101
                elif kind == "websocket.close":
                    # The server answers the handshake with 403 (ASGI specification, WebSocket close).
                    status = 403
                elif kind == "websocket.http.response.start":
                    status = message["status"]
                feature = self._feature(scope)
            return send(message)

        time = self.log.seconds()
        began = perf_counter()
        try:
            await self.app(scope, receive, sending)
        except BaseException as error:
            kind = _kind(error)
            phase = _phase(kind, status, done=False)
            told = None if phase == "cancelled" else kind
            self._end(scope, time, began, feature, "WEBSOCKET", status, told, phase)
            raise
        left = scope.get(ERROR_KEY)
        is_gone = left is not None and left.__name__ in _GONE
        told = None if is_gone else left
        self._end(scope, time, began, feature, "WEBSOCKET", status, told, "cancelled" if is_gone else None)

    def _end(  # noqa: PLR0917 - by place: names cost a request a microsecond
        self,
        scope: Scope,
        time: float,
        began: float,
        feature: str | None,
        method: str | None,
        status: int | None,
        error: type[BaseException] | None,
        phase: Phase | None,
    ) -> None:
        """Record one connection. Never raises."""
        seconds = perf_counter() - began
        try:
            if feature is None:
                feature = self._feature(scope)
            failure = None if error is None and phase is None else Failure.of(error, phase)
            # The last place is for all that is not read: cheaper than to ask of each header whether it is.
            heard: list[HeaderValue] = ["", "", "", "", "", "", "", "", "", "", ""]
            slot_of = self._slots.get
            for name, value in scope["headers"]:
                heard[slot_of(name, _UNREAD)] = value
            client = scope.get("client")
            self.log.record(
                int(time),
                feature,
                method or "",
                status,
                seconds,
                failure,
                client[0] if client else None,
                heard,
                self._lines_of_proxies(scope) if self._forwarded else (),
            )
        except Exception as trouble:  # noqa: BLE001 - whatever a broken server hands over, the request has to go on
            self.log.not_recorded(trouble)

    def _lines_of_proxies(self, scope: Scope) -> Sequence[str]:
        return [value.decode("latin-1") for name, value in scope["headers"] if name in self._forwarded]

    def _feature(self, scope: Scope) -> str | None:
        try:
            return self.feature_of(scope)
        except Exception as error:  # noqa: BLE001 - a finder's bug is the log's trouble, not the request's
            self.log.feature_not_found(error)
            return None


def _left(scope: Scope, status: int | None) -> type[BaseException] | None:
    """Return the class of an exception that became a response; one that became a client's mistake is no error."""
    kind: type[BaseException] | None = scope.get(ERROR_KEY)
    return kind if kind is not None and _is_failure(status) else None


def _is_failure(status: object) -> bool:
    # What is no number a server may take all the same; whoever records it says what becomes of it.
    return status is None or (isinstance(status, int) and status >= _FAILED)


#: What servers and frameworks call the exception that says that the client is gone. They have no class in common.
_GONE: Final = frozenset(
    {"ClientDisconnect", "ClientDisconnected", "RequestAborted", "WebSocketDisconnect", "WebSocketDisconnected"}
)


def _kind(error: BaseException) -> type[BaseException]:
    # Task groups wrap what failed in them, and one of a single exception says nothing by itself.
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return type(error)


def _phase(kind: type[BaseException], status: int | None, *, done: bool) -> Phase:
    if issubclass(kind, (CancelledError, GeneratorExit)) or kind.__name__ in _GONE:
        return "cancelled"
    if status is None or (done and _is_failure(status)):  # an error page of the framework's
        return "before_start"
    return "after_end" if done else "streaming"


def _spellings(name: str) -> tuple[bytes, ...]:
    """Return a header's name as servers write it, and as some test clients do."""
    return name.encode("ascii"), name.title().encode("ascii"), name.upper().encode("ascii")
