"""The wire: googleapiclient builds the requests, one `httplib2.Http` a thread carries them, every answer is judged.

This and ``_credentials`` are the only files that import googleapiclient, google-auth and httplib2, whose import takes
most of a second; they are loaded with the first `GoogleDirectory` that needs them.
"""

from __future__ import annotations

import contextlib
import http.client
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import google_auth_httplib2
import httplib2
from googleapiclient.http import HttpRequest
from httplib2.decode import DecodeRatioError

from smartify_core.errors import SourceUnavailable

from ._credentials import TokenGate, TokenRefusedError
from ._cures import rejected
from ._http import Endpoint, Http
from ._limits import Limits, RateLimiter
from ._retry import ClosingError, DeclinedError, Persistence, RetryableError
from ._verdict import Kind, Verdict, judge, retry_after
from ._wire import GarbledError, Method, read_object

T = TypeVar("T")

_OK = 200
#: How often an attempt that waits for a free place looks whether the read is being closed, in seconds.
_LOOK_UP = 0.1


class _AnsweredError(Exception):
    """Internal: carries an answer with a status other than 200 past googleapiclient, which would log its body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(str(status))
        self.status, self.headers, self.body = status, headers, body


class _Line:
    """One thread's way to the API."""

    def __init__(self, transport: Transport) -> None:
        self.http = Http(transport.closing, transport.timeout, transport.limits.response_seconds, transport.ca_certs)
        self.token_request = google_auth_httplib2.Request(self.http)
        self.transport = transport
        self.authorization = ""

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> tuple[httplib2.Response, bytes]:
        """Send one request for googleapiclient; only a 200 goes back to it."""
        headers = dict(headers or {})
        try:
            self.authorization = self.transport.gate.authorize(headers, self.token_request, uri)
        except RetryableError:
            self.http.drop()
            raise
        with self.transport.place():
            response, content = self.http.request(uri, method=method, body=body, headers=headers)
        if response.status != _OK:
            raise _AnsweredError(response.status, response, content)
        return response, content


#: What a connection that breaks raises.
_NO_ANSWER = (httplib2.HttpLib2Error, http.client.HTTPException, OSError, EOFError)
#: What an answer (or a token) that is not HTTP raises. Their texts may quote it, so that nothing of them is kept.
_NONSENSE = (ValueError, OverflowError, DecodeRatioError)


class Transport:
    """Carries the requests of one read: counts and spaces them, judges the answers, asks again where that may help.

    Args:
        endpoint: What all reads of the directory share.
        limits: How stubborn to be.
        limiter: Spaces the requests of one project.
        sleep: Waits so many seconds; ``None`` for waits that closing interrupts.
        random: Where the random part of a wait comes from.
        timeout: Seconds that a connection may stay silent.
        ca_certs: A file with the certificate authorities to trust.
        now: The wall clock, to read a ``Retry-After`` date where the answer has no ``Date``.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        limits: Limits,
        limiter: RateLimiter,
        sleep: Callable[[float], None] | None,
        random: Callable[[], float],
        timeout: float,
        ca_certs: str | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._endpoint = endpoint
        self._limiter = limiter
        self._sleep = sleep
        self._now = now
        self._persistence = Persistence(limits, self.pause, random)
        self.gate: TokenGate = endpoint.gate
        self.closing: threading.Event = threading.Event()
        self.limits = limits
        self.timeout = timeout
        self.ca_certs = ca_certs
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._lines: list[_Line] = []
        self._requests = 0

    @property
    def requests(self) -> int:
        """Return how many requests went out so far, retries included, token requests not."""
        return self._requests

    def pause(self, seconds: float) -> None:
        """Wait so many seconds.

        Raises:
            ClosingError: The read is being closed.
        """
        if self._sleep is not None:
            self._sleep(seconds)
        else:
            self.closing.wait(seconds)
        self._look_up()

    def _look_up(self) -> None:
        if self.closing.is_set():
            raise ClosingError

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places for requests under way, once the rate allows it, and count the request."""
        self._limiter.acquire(self.pause)
        while not self._endpoint.places.acquire(timeout=_LOOK_UP):
            self._look_up()
        try:
            self._look_up()
            with self._lock:
                self._requests += 1
            yield
        finally:
            self._endpoint.places.release()

    def get(self, method: Method, read: Callable[[dict[str, Any]], T], **parameters: str | None) -> T:
        """Return what ``read`` makes of the JSON object of a successful call, asking again as long as that may help.

        Args:
            method: The listing or read.
            read: Takes the answer apart, and raises `GarbledError` for one that is not the protocol: then it is asked
                for again.
            parameters: What the call needs besides its fixed parameters; ``None`` leaves one out.

        Raises:
            DeclinedError: A clear answer that is no success.
            SourceRejected: The credentials are refused.
            SourceUnavailable: Out of attempts without an answer.
            SourceMalformed: Out of attempts, and the answer is not the protocol.
            ClosingError: The read is being closed.
        """
        request = self._endpoint.methods[method.name](**method.fixed, **parameters)
        line = self._line()

        def attempt() -> T:
            self._look_up()
            try:
                return read(read_object(self._send(request, line, method.name), method.kind))
            except GarbledError as garbled:
                raise RetryableError(Verdict(Kind.GARBLED, str(garbled))) from None
            except TokenRefusedError as refused:
                raise rejected(refused.verdict, "the token endpoint") from None
            except ssl.SSLCertVerificationError:
                line.http.drop()
                raise SourceUnavailable(
                    "the server's certificate is not trusted",
                    where=method.name,
                    cure="Name the certificate authorities with ca_certs.",
                ) from None
            except (*_NO_ANSWER, *_NONSENSE) as failed:
                line.http.drop()
                self._look_up()
                raise RetryableError(Verdict(Kind.AGAIN, f"no answer ({type(failed).__name__})")) from None

        return self._persistence.run(attempt, method.name)

    def _send(self, request: HttpRequest, line: _Line, where: str, *, renewed: bool = False) -> bytes:
        """Return the body of a 200; after a first 401 the same request goes out once more with a fresh token."""
        try:
            return request.execute(http=line)  # type: ignore[no-any-return, arg-type]  # _BytesModel answers bytes, a _Line is asked for request() alone
        except _AnsweredError as answered:
            status, headers, body = answered.status, answered.headers, answered.body
        verdict = judge(status, body, headers.get("www-authenticate", ""))
        match verdict.kind:
            case Kind.TOKEN if renewed:
                raise rejected(verdict, where)
            case Kind.TOKEN:
                self.gate.renew(line.authorization, line.token_request)
                return self._send(request, line, where, renewed=True)
            case Kind.AGAIN | Kind.GARBLED:
                raise RetryableError(verdict, retry_after(headers, self._now()))
        raise DeclinedError(verdict)

    def _line(self) -> _Line:
        line: _Line | None = getattr(self._thread, "line", None)
        if line is None:
            line = self._thread.line = _Line(self)
            with self._lock:
                self._lines.append(line)
        return line

    def close(self) -> None:
        """End everything under way at once. The threads that use this transport see `ClosingError`."""
        self.closing.set()
        with self._lock:
            lines = list(self._lines)
        for line in lines:
            line.http.cut()

    def release(self) -> None:
        """Close the calling thread's connections; for a thread that is about to end."""
        line: _Line | None = getattr(self._thread, "line", None)
        if line is not None:
            line.http.drop()
