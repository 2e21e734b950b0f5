from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest

from smartify_core.requestlog import Collecting, RequestLog
from smartify_core.requestlog.wsgi import Environ, RequestLogMiddleware, StartResponse

from .conftest import Kept


def environ(**changed: Any) -> Environ:
    """Return the environ of a request."""
    values: Environ = {
        "PATH_INFO": "/secret",
        "QUERY_STRING": "token=secret",
        "REMOTE_ADDR": "203.0.113.9",
        "HTTP_COOKIE": "secret",
        "HTTP_ACCEPT_LANGUAGE": "de",
    }
    setup_testing_defaults(values)
    return values | changed


def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
    """Take the start of a response."""
    return lambda data: None


def answering(body: Iterable[bytes], status: str = "200 OK", **left: Any) -> Any:
    """Return an application that answers with ``body``."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ.update({f"smartify_core.{key}": value for key, value in left.items()})
        start_response(status, [("Content-Type", "text/plain")])
        return body

    return app


class Body:
    """A body that counts how it is used."""

    def __init__(
        self, *parts: bytes, error: BaseException | None = None, at_close: BaseException | None = None
    ) -> None:
        self.parts = iter(parts)
        self.error, self.at_close = error, at_close
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        yield from self.parts
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.closed += 1
        if self.at_close is not None:
            raise self.at_close


def test_a_list_is_handed_on_itself(log: RequestLog, kept: Kept) -> None:
    """A server may look at the length of a list, so it gets the list; the request is recorded at once."""
    body = [b"x"]
    assert RequestLogMiddleware(answering(body, feature="/x/{id}"), log)(environ(), started) is body
    (event,) = kept.events
    assert (event["feature"], event["status"], event["ip"], event["language"]) == (
        "/x/{id}",
        200,
        "203.0.113.0/24",
        "de",
    )
    assert b"secret" not in kept.records[0].line()


def test_the_servers_own_file_is_handed_on_itself(log: RequestLog, kept: Kept) -> None:
    """A server recognises its own wrapper and sends the file without reading it."""
    body = FileWrapper(io.BytesIO(b"x"))
    assert RequestLogMiddleware(answering(body), log)(environ(**{"wsgi.file_wrapper": FileWrapper}), started) is body
    assert len(kept.events) == 1


def test_any_other_body_is_read_and_closed_once(log: RequestLog, kept: Kept) -> None:
    """An iterator is passed on part by part; its request is recorded when it ends."""
    body = Body(b"a", b"b")
    passed = RequestLogMiddleware(answering(body), log)(environ(), started)
    assert kept.records == []
    assert list(passed) == [b"a", b"b"]
    passed.close()  # type: ignore[attr-defined]
    assert body.closed == 1
    assert len(kept.events) == 1
    assert "failed" not in kept.events[0]


def test_an_exception_before_the_response_is_told_and_passed_on(log: RequestLog, kept: Kept) -> None:
    """The application fails before it answers: class and phase, no status."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        raise ValueError("secret")

    with pytest.raises(ValueError, match="secret"):
        RequestLogMiddleware(app, log)(environ(), started)
    (event,) = kept.events
    assert (event["error"], event["failed"]) == ("ValueError", "before_start")
    assert "status" not in event


def test_an_exception_in_the_body_is_told_and_passed_on(log: RequestLog, kept: Kept) -> None:
    """The body fails after its start: class, phase and the status that went out."""
    passed = RequestLogMiddleware(answering(Body(b"a", error=ValueError("secret"))), log)(environ(), started)
    with pytest.raises(ValueError, match="secret"):
        list(passed)
    passed.close()  # type: ignore[attr-defined]
    (event,) = kept.events
    assert (event["error"], event["failed"], event["status"]) == ("ValueError", "streaming", 200)


def test_an_exception_of_the_close_is_told_and_passed_on(log: RequestLog, kept: Kept) -> None:
    """A body that fails when it is closed after its end."""
    passed = RequestLogMiddleware(answering(Body(b"a", at_close=ValueError("secret"))), log)(environ(), started)
    assert list(passed) == [b"a"]
    with pytest.raises(ValueError, match="secret"):
        passed.close()  # type: ignore[attr-defined]
    (event,) = kept.events
    assert (event["failed"], event["error"]) == ("after_end", "ValueError")


def test_an_exception_that_became_a_clients_mistake_is_no_error(log: RequestLog, kept: Kept) -> None:
    """A handler that answers an exception with 422 has told the client what was wrong; only a 5xx is an error."""
    for status in ("422 Unprocessable Content", "503 Service Unavailable"):
        RequestLogMiddleware(answering([], status, error=ValueError), log)(environ(), started)
    assert [event.get("error") for event in kept.events] == [None, "ValueError"]


def test_a_body_of_known_length_keeps_it(log: RequestLog, kept: Kept) -> None:
    """A server tells the length of a response that has one part; so the number of parts is handed on."""

    class Sized(Body):
        def __len__(self) -> int:
            return 1

    passed: Any = RequestLogMiddleware(answering(Sized(b"a")), log)(environ(), started)
    assert len(passed) == 1
    assert list(passed) == [b"a"]
    assert not hasattr(RequestLogMiddleware(answering(Body(b"a")), log)(environ(), started), "__len__")


def test_a_status_of_another_type_is_the_servers_affair(log: RequestLog, kept: Kept) -> None:
    """What a server may take or refuse is passed on; the log knows no status."""
    got: list[Any] = []

    def start(status: Any, headers: list[tuple[str, str]]) -> Callable[[bytes], object]:
        got.append(status)
        return started("", [])

    RequestLogMiddleware(answering([], b"200 OK"), log)(environ(), start)  # type: ignore[arg-type]
    assert got == [b"200 OK"]
    assert "status" not in kept.events[0]


@pytest.mark.parametrize(
    ("method", "status", "failed"),
    [("GET", "200 OK", "cancelled"), ("HEAD", "200 OK", None), ("GET", "304 Not Modified", None)],
)
def test_a_body_that_was_not_wanted(log: RequestLog, kept: Kept, method: str, status: str, failed: str | None) -> None:
    """A server that closes a body before its end lost its client, unless the response has no body."""
    passed = RequestLogMiddleware(answering(Body(b"a", b"b"), status), log)(environ(REQUEST_METHOD=method), started)
    passed.close()  # type: ignore[attr-defined]
    assert kept.events[0].get("failed") == failed


def test_an_application_that_starts_late_is_seen(log: RequestLog, kept: Kept) -> None:
    """A generator calls start_response with its first part."""

    def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
        start_response("201 Created", [])
        yield b"x"

    passed: Any = RequestLogMiddleware(app, log)(environ(), started)
    assert list(passed) == [b"x"]
    passed.close()
    assert kept.events[0]["status"] == 201


def test_an_exception_that_became_a_response_is_told(log: RequestLog, kept: Kept) -> None:
    """A framework that answers an exception with a page leaves its class; start_response gets its exc_info."""
    got: list[Any] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["smartify_core.error"] = KeyError
        start_response("200 OK", [])
        start_response("500 Oops", [], (KeyError, KeyError(), None))
        return [b"x"]

    def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Callable[[bytes], object]:
        got.append((status, *rest))
        return started(status, headers)

    RequestLogMiddleware(app, log)(environ(), start)
    assert [one[0] for one in got] == ["200 OK", "500 Oops"]
    assert len(got[0]) == 1
    assert got[1][1][0] is KeyError
    (event,) = kept.events
    assert (event["status"], event["error"]) == (500, "KeyError")


def test_the_named_header_tells_the_zone(kept: Kept) -> None:
    """A time zone is read from the header that the host names, and from no other."""
    zone = {"HTTP_X_ZONE": "Europe/Zurich"}
    RequestLogMiddleware(answering([]), RequestLog(kept, Collecting(time_zone_header="X-Zone")))(
        environ(**zone), started
    )
    RequestLogMiddleware(answering([]), RequestLog(kept))(environ(**zone), started)
    assert [event.get("zone") for event in kept.events] == ["Europe/Zurich", None]


def test_the_protocol_is_kept(log: RequestLog, kept: Kept) -> None:
    """The standard library's validator of PEP 3333 finds nothing to say, on either side."""
    app = validator(RequestLogMiddleware(validator(answering(Body(b"a"))), log))
    passed = app(environ(QUERY_STRING="", SCRIPT_NAME=""), started)
    assert list(passed) == [b"a"]
    passed.close()  # type: ignore[attr-defined]
    assert len(kept.events) == 1


@pytest.mark.parametrize("status", ["", "OK", "9", "²00 x", "099 Low"])
def test_a_strange_status_is_survived(log: RequestLog, kept: Kept, status: str) -> None:
    """What is no status is told as none; the server decides what to make of it."""
    RequestLogMiddleware(answering([], status), log)(environ(), started)
    assert "status" not in kept.events[0]


def test_a_finder_that_fails_is_not_felt_by_the_request(log: RequestLog, kept: Kept) -> None:
    """A host's own finder may have a bug; the response goes out all the same."""

    def finder(environ: Environ) -> str | None:
        raise KeyError("secret")

    assert RequestLogMiddleware(answering([b"x"]), log, feature_of=finder)(environ(), started) == [b"x"]
    assert kept.events[0]["feature"] == "unmatched"


def test_an_environ_that_lacks_everything_is_survived(log: RequestLog) -> None:
    """A test client that hands over no method and no peer gets its response."""
    assert RequestLogMiddleware(answering([b"x"]), log)({}, started) == [b"x"]
