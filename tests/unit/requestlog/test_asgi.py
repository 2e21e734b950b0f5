from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import pytest

from smartify_core.requestlog import Collecting, RequestLog
from smartify_core.requestlog.asgi import Message, Receive, RequestLogMiddleware, Scope, Send

from .conftest import Kept

HTTP: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/secret/path",
    "query_string": b"token=secret",
    "client": ("203.0.113.9", 4711),
    "headers": [(b"accept-language", b"de"), (b"cookie", b"secret"), (b"x-zone", b"Europe/Zurich")],
}
START = {"type": "http.response.start", "status": 200, "headers": []}
BODY = {"type": "http.response.body", "body": b"x"}
MORE = BODY | {"more_body": True}


def ran(log: RequestLog, app: Callable[..., Awaitable[None]], scope: Scope = HTTP, **options: Any) -> list[Message]:
    """Run one connection through the middleware, and return the messages that the server got."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"secret"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(RequestLogMiddleware(app, log, **options)(dict(scope), receive, send))
    return sent


def sending(
    *messages: Message, then: BaseException | None = None, **left: Any
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return an application that leaves something in its scope, sends messages and perhaps raises."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope.update({f"smartify_core.{key}": value for key, value in left.items()})
        for message in messages:
            await send(message)
        if then is not None:
            raise then

    return app


@pytest.mark.parametrize(("status", "told"), [("200", 200), (HTTPStatus.CREATED, 201), ("503", 503)])
def test_a_status_of_another_type_is_no_trouble(log: RequestLog, kept: Kept, status: Any, told: int) -> None:
    """Some servers take text for a status: the response goes on, and what can be read of it is recorded."""
    start = START | {"status": status}
    assert ran(log, sending(start, BODY, error=KeyError)) == [start, BODY]
    assert kept.events[0]["status"] == told


@pytest.mark.parametrize("status", [999, "ok", 99, -1, 2.5, [], "200 OK"])
def test_a_status_that_is_none_costs_the_line_and_is_told(log: RequestLog, kept: Kept, status: Any) -> None:
    """The response goes on; the log counts what it could not record, and says so in a line of its own."""
    start = START | {"status": status}
    assert ran(log, sending(start, BODY, error=KeyError)) == [start, BODY]
    assert log.failed == 1
    assert [(note.kind, note.count) for note in kept.notes] == [("dropped", 1)]


def test_a_request_is_recorded_when_it_ends(log: RequestLog, kept: Kept) -> None:
    """Feature, method, status, address and headers are told; the messages are the application's own."""
    assert ran(log, sending(START, BODY, feature="/x/{id}")) == [START, BODY]
    (event,) = kept.events
    assert event["feature"] == "/x/{id}"
    assert (event["method"], event["status"], event["ip"], event["language"]) == ("GET", 200, "203.0.113.0/24", "de")
    assert "failed" not in event
    assert b"secret" not in kept.records[0].line()


def test_no_route_is_unmatched(log: RequestLog, kept: Kept) -> None:
    """Without a template the path is not looked at."""
    ran(log, sending(START, BODY))
    assert kept.events[0]["feature"] == "unmatched"


@pytest.mark.parametrize(
    ("messages", "error", "failed", "status"),
    [
        ((), ValueError("secret"), "before_start", None),
        ((START,), ValueError("secret"), "streaming", 200),
        ((START, MORE), ValueError("secret"), "streaming", 200),
        ((START, BODY), ValueError("secret"), "after_end", 200),
        ((START | {"status": 500}, BODY), ValueError("secret"), "before_start", 500),
        ((START, MORE), asyncio.CancelledError(), "cancelled", 200),
        ((), asyncio.CancelledError(), "cancelled", None),
        ((START, BODY), KeyboardInterrupt(), "after_end", 200),
    ],
)
def test_an_exception_is_told_by_class_and_phase_and_passed_on(
    log: RequestLog, kept: Kept, messages: tuple[Message, ...], error: BaseException, failed: str, status: int | None
) -> None:
    """Before the response, in it, after it, and cancelled: four different troubles."""
    with pytest.raises(type(error)) as raised:
        ran(log, sending(*messages, then=error))
    assert raised.value is error or isinstance(error, asyncio.CancelledError)
    (event,) = kept.events
    assert event["failed"] == failed
    assert event.get("status") == status
    assert event.get("error") == (None if failed == "cancelled" else type(error).__name__)
    assert b"secret" not in kept.records[0].line()


def test_what_failed_in_a_task_group_is_told(log: RequestLog, kept: Kept) -> None:
    """A group of one exception is told by the exception; one of several is told as a group."""
    one, two = ValueError("secret"), KeyError("secret")
    for error in (ExceptionGroup("secret", [ExceptionGroup("secret", [one])]), ExceptionGroup("secret", [one, two])):
        with pytest.raises(ExceptionGroup):
            ran(log, sending(START, then=error))
    assert [event["error"] for event in kept.events] == ["ValueError", "ExceptionGroup"]


@pytest.mark.parametrize(
    ("messages", "failed"), [((), "before_start"), ((START,), "cancelled"), ((START, MORE), "cancelled")]
)
def test_a_response_without_an_end_is_told(
    log: RequestLog, kept: Kept, messages: tuple[Message, ...], failed: str
) -> None:
    """An application that comes back before its response ended had lost its client, or forgot to answer."""
    ran(log, sending(*messages))
    assert kept.events[0]["failed"] == failed


def test_an_exception_that_became_a_response_is_told(log: RequestLog, kept: Kept) -> None:
    """A framework that answers an exception with a page leaves its class, and the class is told."""
    ran(log, sending(START | {"status": 500}, BODY, error=ZeroDivisionError))
    (event,) = kept.events
    assert (event["error"], event["status"]) == ("ZeroDivisionError", 500)
    assert "failed" not in event


def test_an_exception_that_became_a_clients_mistake_is_no_error(log: RequestLog, kept: Kept) -> None:
    """A handler that answers an exception with 422 has told the client what was wrong; only a 5xx is an error."""
    for status in (422, 503):
        ran(log, sending(START | {"status": status}, BODY, error=ValueError))
    assert [event.get("error") for event in kept.events] == [None, "ValueError"]


def test_a_status_may_be_a_member_of_an_enumeration(log: RequestLog, kept: Kept) -> None:
    """Frameworks pass HTTPStatus on as they get it."""
    ran(log, sending(START | {"status": HTTPStatus.CREATED}, BODY))
    assert kept.events[0]["status"] == 201


@pytest.mark.parametrize(
    "end", [{"type": "http.response.pathsend", "path": "secret"}, {"type": "http.response.zerocopysend", "file": 3}]
)
def test_a_file_that_the_server_sends_ends_a_response(log: RequestLog, kept: Kept, end: Message) -> None:
    """Extensions of ASGI let a server send a file itself; no other body follows."""
    ran(log, sending(START, end))
    assert "failed" not in kept.events[0]


def test_the_finder_is_asked_at_the_start_and_again_at_the_end(log: RequestLog, kept: Kept) -> None:
    """A template that is there only when the response starts, or only afterwards, is found."""
    asked: list[int] = []

    def finder(scope: Scope) -> str | None:
        asked.append(len(asked))
        return "/late" if len(asked) == 2 else None

    ran(log, sending(START, BODY), feature_of=finder)
    assert asked == [0, 1]
    assert kept.events[0]["feature"] == "/late"


@pytest.mark.parametrize("name", [b"accept-language", b"Accept-Language", b"ACCEPT-LANGUAGE"])
def test_names_of_headers_in_capitals_are_known(log: RequestLog, kept: Kept, name: bytes) -> None:
    """Servers write names in lower case; some test clients do not."""
    ran(log, sending(START, BODY), HTTP | {"headers": [(name, b"fr")]})
    assert kept.events[0]["language"] == "fr"


def test_the_named_header_tells_the_zone(kept: Kept) -> None:
    """A time zone is read from the header that the host names, and from no other."""
    ran(RequestLog(kept, Collecting(time_zone_header="X-Zone")), sending(START, BODY))
    ran(RequestLog(kept), sending(START, BODY))
    assert [event.get("zone") for event in kept.events] == ["Europe/Zurich", None]


@pytest.mark.parametrize("client", [None, ["2001:db8:1:2::3", 0], ("/run/app.sock", 0)])
def test_any_peer_is_survived(log: RequestLog, kept: Kept, client: Any) -> None:
    """No peer, an IPv6 one, and the path of a socket."""
    ran(log, sending(START, BODY), HTTP | {"client": client})
    assert len(kept.events) == 1


def test_other_scopes_are_passed_through(log: RequestLog, kept: Kept) -> None:
    """Lifespan, and whatever comes after it, is the application's own affair."""
    reached: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append((receive, send))

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        """Take it."""

    asyncio.run(RequestLogMiddleware(app, log)({"type": "lifespan"}, receive, send))
    assert reached == [(receive, send)]
    assert kept.records == []


WEBSOCKET = HTTP | {"type": "websocket"}
ACCEPT = {"type": "websocket.accept"}
CLOSE = {"type": "websocket.close", "code": 1000}


@pytest.mark.parametrize(
    ("messages", "error", "status", "failed"),
    [
        ((ACCEPT, {"type": "websocket.send", "text": "secret"}, CLOSE), None, 101, None),
        ((CLOSE,), None, 403, None),
        (({"type": "websocket.http.response.start", "status": 401, "headers": []},), None, 401, None),
        ((ACCEPT,), ValueError("secret"), 101, "streaming"),
        ((), ValueError("secret"), None, "before_start"),
        ((ACCEPT,), asyncio.CancelledError(), 101, "cancelled"),
    ],
)
def test_a_websocket_is_one_line_at_its_end(
    log: RequestLog,
    kept: Kept,
    messages: tuple[Message, ...],
    error: BaseException | None,
    status: int | None,
    failed: str | None,
) -> None:
    """Accepted, refused, broken: told by status and phase, and nothing of what was said over it."""
    app = sending(*messages, then=error, feature="/ws/{room}")
    if error is None:
        ran(log, app, WEBSOCKET)
    else:
        with pytest.raises(type(error)):
            ran(log, app, WEBSOCKET)
    (event,) = kept.events
    assert (event["method"], event["feature"], event.get("status"), event.get("failed")) == (
        "WEBSOCKET",
        "/ws/{room}",
        status,
        failed,
    )
    assert b"secret" not in kept.records[0].line()


def test_a_finder_that_fails_is_not_felt_by_the_request(log: RequestLog, kept: Kept) -> None:
    """A host's own finder may have a bug; the response goes out all the same."""

    def finder(scope: Scope) -> str | None:
        raise KeyError("secret")

    assert ran(log, sending(START, BODY), feature_of=finder) == [START, BODY]
    assert kept.events[0]["feature"] == "unmatched"
