"""Laws of the request log: for any request at all, nothing of it is written, and nobody feels that it was recorded."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from smartify_core.requestlog import (
    ERROR_KEY,
    FEATURE_KEY,
    Collecting,
    Note,
    Record,
    RequestEvent,
    RequestLog,
    TrustedProxies,
    asgi,
    read_line,
    wsgi,
)
from smartify_core.testing.requestlog import Canary, MemorySink
from smartify_core.testing.requestlog._canary_search import Search
from smartify_core.testing.requestlog._canary_secrets import Kind

CANARY = Canary(seed=11)
KINDS: tuple[Kind, ...] = ("token", "email", "uuid", "number", "script", "bytes", "surrogates", "host part")
TEXTS = [CANARY.plant(f"{kind} {number}", kind) for kind in KINDS for number in range(2)]
SEARCH = Search(CANARY._planted.values())
TEMPLATE = "/users/{user}/orders/{order}"

#: A few of each at every run; together they see much.
some = settings(max_examples=120)

ALL = Collecting(
    ip="network",
    proxies=TrustedProxies(("2001:db8:12::/48", "203.0.113.0/24"), "x-forwarded-for", unix_socket=True),
    own_hosts=("*.app.example",),
    languages=3,
    time_zone_header="X-Time-Zone",
    opt_out="ignore",
)
collectings = st.sampled_from([Collecting(), ALL, Collecting(ip="none", referrer="own", opt_out="skip")])

READ = [
    "user-agent",
    "accept-language",
    "referer",
    "host",
    "x-forwarded-for",
    "forwarded",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-gpc",
    "dnt",
    "x-time-zone",
]
UNREAD = ["cookie", "authorization", "x-api-key", "content-type", "x-request-id"]
#: What real clients say, so that secrets stand beside what is kept.
HONEST = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "de-CH,de;q=0.9",
    "https://www.example.org/",
    "http://acme.app.example/users/",
    "Europe/Zurich",
    "203.0.113.7, 2001:db8:77::1",
    "1",
    "?1",
    '"Windows"',
    "\r\n",
    "\n",
    "\x00",
    ", ",
    "",
]


def _data(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


MEGABYTE = 1_000_000
secrets = st.sampled_from(TEXTS)
escaped = secrets.map(lambda text: quote(_data(text)))
#: Text with secrets in it, also escaped ones, a line break, and once in a while a megabyte.
texts = st.builds(
    lambda parts, times: ("".join(parts) * times)[:MEGABYTE],
    st.lists(secrets | escaped | st.sampled_from(HONEST) | st.text(max_size=8), max_size=5),
    st.integers(0, 25).map(lambda number: MEGABYTE if number == 0 else 1),
)
blobs = texts.map(_data) | st.binary(max_size=20)


@define
class Watched:
    """What a run of an application shows to a server."""

    said: list[Any] = field(factory=list)
    raised: BaseException | None = None
    left: dict[str, Any] = field(factory=dict)


def errors() -> list[BaseException]:
    """Return what an application may raise: each with secrets in it."""
    planted = CANARY.error()
    several = ExceptionGroup(TEXTS[0], [ValueError(TEXTS[1]), planted])
    return [planted, several, UnicodeDecodeError("utf-8", _data(TEXTS[2]), 0, 1, TEXTS[0]), SystemExit(TEXTS[3])]


# --- what is written --------------------------------------------------------------------------------------------------


class Told(logging.Handler):
    """Keeps what is said through logging."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record with all that it carries."""
        self.lines.append(repr(vars(record)))


@contextmanager
def told() -> Iterator[Told]:
    """Keep what the room says of its troubles."""
    handler, logger = Told(), logging.getLogger("smartify_core.requestlog")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield handler
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def nothing_is_told(records: tuple[Record, ...], lines: list[str]) -> None:
    """Every line is one of the schema, in ASCII, on one line; and no piece of a secret is in any."""
    for record in records:
        line = record.line()
        assert line.isascii()
        assert line[-1:] == b"\n"
        assert not any(byte < 32 or byte == 127 for byte in line[:-1])
        assert len(line) < 1_000
        assert read_line(line) == record
        assert json.loads(line) == record.as_dict()
        assert SEARCH.find(line) is None
    for said in lines:
        assert SEARCH.find(said) is None


def one_record(log: RequestLog, records: tuple[Record, ...]) -> None:
    """One event for one request, unless the host has it skipped or a broken server's was counted."""
    events = [record for record in records if isinstance(record, RequestEvent)]
    assert all(isinstance(record, (RequestEvent, Note)) for record in records)
    assert len(events) + log.failed == 1 or (log.collecting.opt_out == "skip" and not events)


# --- ASGI -------------------------------------------------------------------------------------------------------------

Steps = list[tuple[str, Any]]
Wrap = Callable[[Any, RequestLog], Any]
statuses = st.sampled_from([200, 201, 204, 304, 404, 422, 500, 503, HTTPStatus.OK])
asgi_steps: st.SearchStrategy[Steps] = st.lists(
    st.tuples(st.just("receive"), st.none())
    | st.tuples(st.just("feature"), st.sampled_from([TEMPLATE, None]))
    | st.tuples(st.just("error"), st.sampled_from([ValueError, type(CANARY.error()), None]))
    | st.tuples(st.just("http.response.start"), statuses)
    | st.tuples(st.just("http.response.body"), st.booleans())
    | st.tuples(st.just("http.response.pathsend"), st.none())
    | st.tuples(st.just("raise"), st.integers(0, 3)),
    max_size=7,
)
websocket_steps: st.SearchStrategy[Steps] = st.lists(
    st.tuples(st.just("receive"), st.none())
    | st.tuples(st.just("feature"), st.sampled_from([TEMPLATE, None]))
    | st.tuples(st.just("websocket.accept"), st.none())
    | st.tuples(st.just("websocket.send"), st.none())
    | st.tuples(st.just("websocket.close"), st.none())
    | st.tuples(st.just("raise"), st.integers(0, 3)),
    max_size=6,
)
names = st.sampled_from(READ + UNREAD) | secrets.map(lambda text: f"x-{text}")
spelled = st.builds(
    lambda name, spell: getattr(name, spell)(), names, st.sampled_from(["lower", "lower", "title", "upper"])
)
asgi_headers = st.lists(st.tuples(spelled.map(_data), blobs), max_size=8)
#: What a broken server may hand over instead.
broken_headers = (
    st.lists(
        st.tuples(spelled, texts) | st.tuples(spelled.map(_data), st.none() | st.integers()) | st.just((b"host",)),
        min_size=1,
        max_size=3,
    )
    | st.none()
)
peers = st.sampled_from(
    [("203.0.113.9", 1), (f"2001:db8:12:{TEXTS[-1]}:1", 1), None, ("", 0), (TEXTS[0], None), (None, 0), (), "x", 5]
)


@st.composite
def scopes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the scope of a request or a WebSocket, of a server in order or of a broken one."""
    path = draw(texts)
    scope = {
        "type": draw(st.sampled_from(["http", "http", "websocket"])),
        "method": draw(st.sampled_from(["GET", "HEAD", "POST", TEXTS[0], "PURGE"])),
        "path": path,
        "raw_path": _data(path),
        "query_string": draw(blobs),
        "root_path": draw(texts),
        "headers": draw(asgi_headers),
        "client": draw(peers),
        "state": {"user": TEXTS[1]},
    }
    if draw(st.integers(0, 4)) == 0:
        scope["headers"] = draw(broken_headers)
        scope["method"] = draw(st.sampled_from(["GET", None, 5, b"GET"]))
    if draw(st.integers(0, 19)) == 0:
        del scope["headers"]
    return scope


def asgi_app(steps: Steps, raised: list[BaseException]) -> Any:
    """Return an application that takes these steps."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for step, detail in steps:
            match step:
                case "receive":
                    await receive()
                case "feature" if detail is not None:
                    scope[FEATURE_KEY] = detail
                case "error" if detail is not None:
                    scope[ERROR_KEY] = detail
                case "http.response.start":
                    await send({"type": step, "status": detail, "headers": [(b"x", _data(TEXTS[4]))]})
                case "http.response.body":
                    await send({"type": step, "body": _data(TEXTS[5]), "more_body": detail})
                case "raise":
                    raise raised[detail]
                case "feature" | "error":
                    pass
                case _:
                    await send({"type": step, "text": TEXTS[6], "path": TEXTS[7]})

    return app


def watch_asgi(app: Any, scope: Mapping[str, Any], body: bytes) -> Watched:
    """Run an ASGI application, and return what its server sees."""
    watched = Watched()

    async def receive() -> Any:
        watched.said.append("receive")
        await asyncio.sleep(0)
        return {"type": f"{scope['type']}.request", "body": body, "text": TEXTS[8]}

    async def send(message: Any) -> None:
        watched.said.append(dict(message))
        await asyncio.sleep(0)

    own = dict(scope)

    async def run() -> None:
        try:
            await app(own, receive, send)
        except BaseException as error:  # noqa: BLE001 - whatever it is, a server sees it
            watched.raised = error

    asyncio.run(run())
    watched.left = own
    return watched


def law_of_asgi(
    scope: Mapping[str, Any], steps: Steps, body: bytes, collecting: Collecting, wrap: Wrap = asgi.RequestLogMiddleware
) -> None:
    """Run the application alone and recorded: the server sees the same, and nothing of it is written."""
    raised, sink = errors(), MemorySink()
    log = RequestLog(sink, collecting)
    alone = watch_asgi(asgi_app(steps, raised), scope, body)
    with told() as said:
        recorded = watch_asgi(wrap(asgi_app(steps, raised), log), scope, body)
        log.close()
    assert recorded == alone
    assert recorded.raised is alone.raised
    one_record(log, sink.records)
    nothing_is_told(sink.records, said.lines)


@some
@given(scope=scopes(), steps=asgi_steps, body=blobs, collecting=collectings)
def test_no_asgi_request_is_told_or_changed(
    scope: dict[str, Any], steps: Steps, body: bytes, collecting: Collecting
) -> None:
    """Whatever a client, an application or a broken server does, the server sees the same, and nothing is written."""
    law_of_asgi(scope | {"type": "http"}, steps, body, collecting)


@some
@given(scope=scopes(), steps=websocket_steps, collecting=collectings)
def test_no_websocket_is_told_or_changed(scope: dict[str, Any], steps: Steps, collecting: Collecting) -> None:
    """The same of WebSockets."""
    law_of_asgi(scope | {"type": "websocket"}, steps, b"", collecting)


# --- WSGI -------------------------------------------------------------------------------------------------------------


class Parts:
    """A body that is neither a list nor a generator, and says how it was used."""

    def __init__(self, parts: list[bytes], error: BaseException | None, late: BaseException | None) -> None:
        self.parts, self.error, self.late = iter(parts), error, late
        self.used: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        self.used.append("iter")
        yield from self.parts
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Note that it was closed."""
        self.used.append("close")
        if self.late is not None:
            raise self.late


@define
class Behaviour:
    """What a WSGI application does."""

    shape: str
    parts: list[bytes]
    status: Any
    feature: str | None
    left: type[BaseException] | None
    early: int | None
    error: int | None
    late: int | None
    read: int


behaviours = st.builds(
    Behaviour,
    shape=st.sampled_from(["list", "tuple", "body", "sized", "generator", "late generator", "writes"]),
    parts=st.lists(st.sampled_from([b"", b"one", _data(TEXTS[5])]), max_size=3),
    status=st.sampled_from(["200 OK", "404 Not Found", "500 Oops", f"200 {TEXTS[0]}", "99 Odd", "2000 Odd", "", "é"]),
    feature=st.sampled_from([TEMPLATE, None]),
    left=st.sampled_from([ValueError, None]),
    early=st.none() | st.integers(0, 3),
    error=st.none() | st.integers(0, 3),
    late=st.none() | st.integers(0, 3),
    read=st.integers(0, 4),
)


def wsgi_app(does: Behaviour, raised: list[BaseException], made: list[Parts]) -> Any:  # noqa: C901 - as many shapes
    """Return an application that behaves so."""

    def picked(number: int | None) -> BaseException | None:
        return None if number is None else raised[number]

    def generator() -> Iterator[bytes]:
        yield from does.parts
        if does.error is not None:
            raise raised[does.error]

    def app(environ: Any, start_response: Any) -> Any:
        if does.feature is not None:
            environ[FEATURE_KEY] = does.feature
        if does.left is not None:
            environ[ERROR_KEY] = does.left
        if does.early is not None:
            raise raised[does.early]
        if does.shape == "late generator":
            return starting_late(start_response)
        write = start_response(does.status, [("X-Secret", TEXTS[4])])
        match does.shape:
            case "list" | "tuple":
                return list(does.parts) if does.shape == "list" else tuple(does.parts)
            case "generator":
                return generator()
            case "writes":
                for part in does.parts:
                    write(part)
                return []
            case _:
                kind = type("Sized", (Parts,), {"__len__": lambda self: len(does.parts)})
                body = kind if does.shape == "sized" else Parts
                made.append(body(does.parts, picked(does.error), picked(does.late)))
                return made[-1]

    def starting_late(start_response: Any) -> Iterator[bytes]:
        start_response(does.status, [("X-Secret", TEXTS[4])])
        yield from does.parts

    return app


environ_texts = texts | st.sampled_from(["", "\ud800", "GET", "203.0.113.9", "::1"])


@st.composite
def environs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the environ of a request, of a server in order or of a broken one."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": draw(st.sampled_from(["GET", "HEAD", "POST", TEXTS[0]])),
        "PATH_INFO": draw(environ_texts),
        "SCRIPT_NAME": draw(environ_texts),
        "QUERY_STRING": draw(environ_texts),
        "REMOTE_ADDR": draw(st.sampled_from(["203.0.113.9", f"2001:db8:12:{TEXTS[-1]}:1", "", TEXTS[0], "localhost"])),
        "REMOTE_USER": TEXTS[1],
        "wsgi.input": io.BytesIO(draw(blobs)),
    }
    for name in draw(st.lists(names, max_size=8)):
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = draw(environ_texts)
    if draw(st.integers(0, 4)) == 0:
        odd = st.none() | st.integers() | st.binary(max_size=4) | st.just([TEXTS[0]])
        for name in draw(st.lists(st.sampled_from([*environ, "HTTP_USER_AGENT", "HTTP_REFERER"]), max_size=3)):
            environ[name] = draw(odd)
    if draw(st.integers(0, 19)) == 0:
        del environ["REQUEST_METHOD"]
    return environ


def watch_wsgi(app: Any, environ: Mapping[str, Any], read: int) -> Watched:
    """Run a WSGI application, and return what its server sees; the server stops after ``read`` parts."""
    watched = Watched()

    def start(*arguments: Any) -> Callable[[bytes], None]:
        watched.said.append(("start", *arguments))
        return lambda data: watched.said.append(("write", data))

    own = dict(environ)
    body: Any = None
    try:
        body = app(own, start)
        # What a server may look at: its own kinds of bodies, and how many parts there are.
        watched.said.append((type(body) if isinstance(body, (list, tuple)) else None, hasattr(body, "__len__")))
        if hasattr(body, "__len__"):
            watched.said.append(len(body))
        for number, part in enumerate(body, 1):
            watched.said.append(part)
            if number >= read:
                break
    except BaseException as error:  # noqa: BLE001 - whatever it is, a server sees it
        watched.raised = error
    try:
        if hasattr(body, "close"):
            body.close()
    except BaseException as error:  # noqa: BLE001 - as above
        watched.raised = error
    watched.left = own
    return watched


def law_of_wsgi(
    environ: Mapping[str, Any], does: Behaviour, collecting: Collecting, wrap: Wrap = wsgi.RequestLogMiddleware
) -> None:
    """Run the application alone and recorded: the server sees the same, and nothing of it is written."""
    raised, sink = errors(), MemorySink()
    log = RequestLog(sink, collecting)
    first, second = list[Parts](), list[Parts]()
    alone = watch_wsgi(wsgi_app(does, raised, first), environ, does.read)
    with told() as said:
        recorded = watch_wsgi(wrap(wsgi_app(does, raised, second), log), environ, does.read)
        log.close()
    assert recorded == alone
    assert recorded.raised is alone.raised
    assert [parts.used for parts in second] == [parts.used for parts in first]
    one_record(log, sink.records)
    nothing_is_told(sink.records, said.lines)


@some
@given(environ=environs(), does=behaviours, collecting=collectings)
def test_no_wsgi_request_is_told_or_changed(environ: dict[str, Any], does: Behaviour, collecting: Collecting) -> None:
    """Whatever a client, an application or a broken server does, the server sees the same, and nothing is written."""
    law_of_wsgi(environ, does, collecting)
