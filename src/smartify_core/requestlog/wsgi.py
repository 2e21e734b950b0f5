"""The collector for WSGI applications (PEP 3333).

Put it outermost, so that it sees what the client gets::

    app.wsgi_app = RequestLogMiddleware(app.wsgi_app, log)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from types import TracebackType
from typing import Any, TypeAlias

from ._event._names import ERROR_KEY, FEATURE_KEY
from ._event._parts import Failure
from ._event._schema import Phase
from ._request_log import HEADERS, ZONE, RequestLog

Environ: TypeAlias = dict[str, Any]
ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
Application: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
#: Finds the route's template of a request, once it is routed; None where no route matched.
FeatureOf: TypeAlias = Callable[[Environ], str | None]


def feature_left_in(environ: Environ) -> str | None:
    """Return the name that an inner part of the application left under `FEATURE_KEY`; None where there is none."""
    name: str | None = environ.get(FEATURE_KEY)
    return name


class RequestLogMiddleware:
    """Records each request of a WSGI application when its response ends.

    The response stays as it is: a body that is a list, or the server's own file wrapper, is handed on itself, and its
    request is recorded at once; any other is handed on by an iterator that ends and closes with it.

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
        names = [None if name is None else _variable(name) for name in HEADERS[: ZONE + 1]]
        ours = log.collecting
        if ours.time_zone_header is not None:
            names[ZONE] = _variable(ours.time_zone_header)
        # A name that no environ has: a header that is not read is always empty.
        self._variables = tuple("" if name is None else name for name in names)
        self._forwarded = None if ours.proxies is None else _variable(ours.proxies.header)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Run the application for one request."""
        seen = _Request(self, environ, start_response)
        try:
            body = self.app(environ, seen.start)
        except BaseException as error:
            seen.end(error)
            raise
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(body, (list, tuple)) or (isinstance(wrapper, type) and isinstance(body, wrapper)):
            seen.end(None)
            return body
        return _SizedBody(body, seen) if hasattr(body, "__len__") else _Body(body, seen)

    def feature(self, environ: Environ) -> str | None:
        """Return what the finder finds; a finder that fails has found nothing."""
        try:
            return self.feature_of(environ)
        except Exception as error:  # noqa: BLE001 - a finder's bug is the log's trouble, not the request's
            self.log.feature_not_found(error)
            return None

    def record(  # noqa: PLR0917 - by place: names cost a request a microsecond
        self,
        environ: Environ,
        time: float,
        seconds: float,
        feature: str | None,
        status: int | None,
        failure: Failure | None,
    ) -> None:
        """Record one request."""
        get = environ.get
        agent, ua, mobile, platform, language, gpc, dnt, zone = self._variables
        self.log.record(
            int(time),
            self.feature(environ) if feature is None else feature,
            get("REQUEST_METHOD", ""),
            status,
            seconds,
            failure,
            get("REMOTE_ADDR"),
            (
                get(agent, ""),
                get(ua, ""),
                get(mobile, ""),
                get(platform, ""),
                get(language, ""),
                get(gpc, ""),
                get(dnt, ""),
                get(zone, ""),
                get("HTTP_REFERER", ""),
                get("HTTP_HOST", ""),
                "",
            ),
            () if self._forwarded is None else (get(self._forwarded, ""),),
        )


class _Request:
    """What is seen of one request."""

    __slots__ = ("_began", "_ended", "_environ", "_feature", "_middleware", "_start_response", "_time", "status")

    def __init__(self, middleware: RequestLogMiddleware, environ: Environ, start_response: StartResponse) -> None:
        self._middleware = middleware
        self._environ = environ
        self._start_response = start_response
        self._feature: str | None = None
        self._ended = False
        self.status: int | None = None
        self._time = middleware.log.seconds()
        self._began = perf_counter()

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Pass the start of a response on."""
        self._feature = self._middleware.feature(self._environ)
        self.status = _code(status)
        if exc_info is None:
            return self._start_response(status, headers)
        return self._start_response(status, headers, exc_info)

    def end(self, error: BaseException | None, phase: Phase | None = None) -> None:
        """Record the request, once."""
        if self._ended:
            return
        self._ended = True
        try:
            self._record(error, phase)
        except Exception as trouble:  # noqa: BLE001 - whatever a broken server hands over, the request has to go on
            self._middleware.log.not_recorded(trouble)

    def _record(self, error: BaseException | None, phase: Phase | None) -> None:
        seconds = perf_counter() - self._began
        environ, middleware = self._environ, self._middleware
        if error is not None and phase is None:
            phase = "before_start" if self.status is None else "streaming"
        if error is not None:
            kind: type[BaseException] | None = type(error)
        elif self.status is None or self.status >= 500:  # noqa: PLR2004 - RFC 9110, section 15.6
            kind = environ.get(ERROR_KEY)
        else:
            kind = None  # an exception that became a client's mistake is no error
        failure = None if phase is None and kind is None else Failure.of(kind, phase)
        middleware.record(environ, self._time, seconds, self._feature, self.status, failure)

    @property
    def is_head(self) -> bool:
        """Whether a server may close the body without reading it."""
        return self._environ.get("REQUEST_METHOD") == "HEAD" or self.status in {204, 304}


class _Body:
    """Hands a body on, and records the request when the server is through with it."""

    __slots__ = ("_body", "_is_read", "_iterator", "_seen")

    def __init__(self, body: Iterable[bytes], seen: _Request) -> None:
        self._body = body
        self._is_read = False
        self._iterator: Iterator[bytes] | None = None
        self._seen = seen

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            return next(self._iterator)
        except StopIteration:
            self._is_read = True
            raise
        except BaseException as error:
            self._seen.end(error)
            raise

    def close(self) -> None:
        """Close the body, as a server has to. What was not read to its end was not wanted any more."""
        is_whole = self._is_read or self._seen.is_head
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self._seen.end(error, "after_end" if is_whole else "streaming")
            raise
        self._seen.end(None, None if is_whole else "cancelled")


class _SizedBody(_Body):
    """A body whose number of parts is known: from a single part a server tells the length of the response."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]  # made only for what has a length


#: PEP 3333 has a status begin with its code; RFC 9110 has codes from 100 to 599.
_status_like = re.compile(r"[1-5][0-9]{2}(?![0-9])", re.ASCII).match


def _code(status: object) -> int | None:
    # What is no text may be taken or refused by the server; the log knows no status then.
    return int(status[:3]) if isinstance(status, str) and _status_like(status) else None


def _variable(header: str) -> str:
    return "HTTP_" + header.upper().replace("-", "_")
