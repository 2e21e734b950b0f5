"""Request logs that are broken in one way each: proof that the canary, or a law, catches each of them.

Every mutant replaces one function of ours by one that keeps too much, or that a client would feel. Where a second
net of ours would catch what it lets through, as the grammars of an event do, the net is taken away as well.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.properties import test_requestlog_laws as laws

from smartify_core.errors import UsageError
from smartify_core.requestlog import (
    Address,
    Client,
    Collecting,
    Failure,
    Feature,
    Language,
    Referrer,
    RequestLog,
    Zone,
    _request_log,
    asgi,
    django,
    falcon,
    flask,
    litestar,
    pyramid,
    wsgi,
)
from smartify_core.requestlog._event import _parts, _request_event
from smartify_core.requestlog._features._known_features import Features
from smartify_core.requestlog._features._routes import Routes
from smartify_core.requestlog._headers import _single_headers
from smartify_core.requestlog._headers._addresses import Addresses
from smartify_core.requestlog._headers._clients import Clients
from smartify_core.requestlog._routing import _starlette_routes
from smartify_core.testing.requestlog import Canary, MemorySink

from .frameworks import _faults as faults
from .frameworks import test_canaries as canaries
from .frameworks import test_django, test_falcon, test_flask, test_litestar, test_pyramid, test_starlette
from .frameworks._conformance import Conformance

Patch = pytest.MonkeyPatch
PATHS = ("/plain/{}",)


class Anything(frozenset[str]):
    """A closed list that is none."""

    def __contains__(self, one: object) -> bool:
        return True

    def issuperset(self, other: Iterable[object]) -> bool:
        return True


def part(kind: type, **items: Any) -> Any:
    """Return a part of an event that checked nothing when it was made."""
    made: Any = object.__new__(kind)
    for name, value in items.items():
        object.__setattr__(made, name, value)
    keys = {"name": "feature", "tags": "language", "text": "referrer", "phase": "failed"}
    told = {keys.get(name, name): value for name, value in items.items() if value is not None}
    if kind is Zone:
        told = {"zone": items["name"]}
    object.__setattr__(made, "piece", "".join(f',"{key}":{json.dumps(value)}' for key, value in told.items()))
    return made


MUTANTS: dict[str, tuple[type[Conformance], str, tuple[str, ...], Callable[[Patch], None]]] = {}


def mutant(
    name: str, suite: type[Conformance], place: str, paths: tuple[str, ...] = PATHS
) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    """Register a mutant: the application that it runs in, and where the first secret that it tells was planted."""

    def register(patch: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTANTS[name] = (suite, place, paths, patch)
        return patch

    return register


def no_grammar(patch: Patch) -> None:
    """Take away what a name has to look like."""
    patch.setattr(_parts, "check_feature", lambda name: None)


# --- features ---------------------------------------------------------------------------------------------------------


@mutant("the path is the feature, where the grammar lets it through", test_flask.TestFlask, "the path's parameter")
def _(patch: Patch) -> None:
    patch.setattr(flask, "_template", lambda environ: environ["PATH_INFO"])


@mutant("no route, so the path", test_flask.TestFlask, "the path's parameter")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(Features, "named", lambda self, name, time: Feature(name or "/nothing/at/all"))
    before = flask._template
    patch.setattr(flask, "_template", lambda environ: before(environ) and environ["PATH_INFO"])


@mutant("the query is kept", test_flask.TestFlask, "the query")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(flask, "_template", lambda environ: f"/plain?{environ['QUERY_STRING']}")


@mutant(
    "the path of a mount is joined",
    test_starlette.TestStarlette,
    "the path's parameter 1",
    ("/v1/{tenant}/mid/in/x/{n}",),
)
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(
        _starlette_routes.Templates,
        "__call__",
        lambda self, scope: scope.get("root_path", "") + getattr(scope.get("route"), "path", ""),
    )


@mutant("the path is the feature, in Django", test_django.TestDjangoWSGI, "the path's parameter")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(django, "_template", lambda route: route)

    def leave(request: Any, *_view: object) -> None:
        request.environ["smartify_core.feature"] = request.path

    patch.setattr(django, "_leave_route", leave)


@mutant("the path is the feature, in Falcon", test_falcon.TestFalconWSGI, "the path's parameter")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(falcon, "_leave", lambda place, template: place.update({"smartify_core.feature": place["PATH_INFO"]}))


@mutant("the path is the feature, in Pyramid", test_pyramid.TestPyramid, "the path's parameter")
def _(patch: Patch) -> None:
    no_grammar(patch)

    def tween_factory(handler: Any, registry: Any) -> Any:
        def tween(request: Any) -> Any:
            request.environ["smartify_core.feature"] = request.environ["PATH_INFO"]
            return handler(request)

        return tween

    patch.setattr(pyramid, "tween_factory", tween_factory)


@mutant("the path is the feature, in Litestar", test_litestar.TestLitestar, "the path's parameter")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(litestar._Templates, "__call__", lambda self, scope: scope["path"])


@mutant("a cookie is in a field", test_flask.TestFlask, "Cookie")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(flask, "_template", lambda environ: f"/plain/{environ.get('HTTP_COOKIE', '')[:40]}")


@mutant("the user is in a field", test_flask.TestFlask, "REMOTE_USER")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(flask, "_template", lambda environ: f"/plain/{environ.get('REMOTE_USER')}")


@mutant("the host is in a field", test_flask.TestFlask, "Host")
def _(patch: Patch) -> None:
    no_grammar(patch)
    patch.setattr(flask, "_template", lambda environ: f"{environ.get('HTTP_HOST')}/plain")


@mutant("a hash of nothing, as base64", test_flask.TestFlask, "Authorization")
def _(patch: Patch) -> None:
    import base64

    no_grammar(patch)
    patch.setattr(
        flask,
        "_template",
        lambda environ: "/plain/" + base64.b64encode(environ.get("HTTP_AUTHORIZATION", "").encode()).decode(),
    )


# --- what else there is to tell ---------------------------------------------------------------------------------------


@mutant("any method is told", test_flask.TestFlask, "the method")
def _(patch: Patch) -> None:
    patch.setattr(_request_log, "METHODS", Anything())
    patch.setattr(_request_event, "_METHODS", Anything())


@mutant(
    "the text of an exception is the error", canaries.BareASGI, "an exception|the text of an exception", ("/raises/{}",)
)
def _(patch: Patch) -> None:
    def of(kind: type[BaseException] | None, phase: Any) -> Any:
        error = sys.exc_info()[1]
        return part(Failure, error=None if error is None else str(error), phase=phase)

    patch.setattr(Failure, "of", of)


@mutant("a class is told by any name", canaries.BareASGI, "an exception, its class")
def _(patch: Patch) -> None:
    patch.setattr(_parts, "_known_name", lambda kind: kind.__name__)
    patch.setattr(_parts, "check_error_name", lambda name: None)


@mutant("a page is told in full", test_flask.TestFlask, "Referer")
def _(patch: Patch) -> None:
    patch.setattr(_request_log, "referrer_of", lambda referer, *_: part(Referrer, text=referer))


@mutant("a page is told without its query", test_flask.TestFlask, "Referer, the (path|user)")
def _(patch: Patch) -> None:
    patch.setattr(_request_log, "referrer_of", lambda referer, *_: part(Referrer, text=referer.partition("?")[0]))


@mutant("a page of ours is told by its path", test_flask.TestFlask, "Referer of our own, the path")
def _(patch: Patch) -> None:
    patch.setattr(_parts, "check_referrer", lambda text: None)
    patch.setattr(Routes, "template_of", lambda self, path: path)


@mutant("a page of ours is told by its host", test_flask.TestFlask, "Host, a customer")
def _(patch: Patch) -> None:
    patch.setattr(Collecting, "is_own", lambda self, host: False)
    before = _single_headers.referrer_of
    patch.setattr(_request_log, "referrer_of", lambda referer, host, *rest: before(referer, "", *rest))
    # A customer's name that looks like a value would be caught once more.
    patch.setattr(_single_headers, "is_public_origin", lambda text: True)
    patch.setattr(_parts, "check_referrer", lambda text: None)


@mutant("an address is told in full", test_flask.TestFlask, "the address of the client, its host part")
def _(patch: Patch) -> None:
    patch.setattr(Addresses, "of", lambda self, peer, forwarded=(): part(Address, ip=peer))


@mutant("whatever a proxy says is told", test_flask.TestFlask, "X-Forwarded-For")
def _(patch: Patch) -> None:
    patch.setattr(Addresses, "of", lambda self, peer, forwarded=(): part(Address, ip=",".join(forwarded)))


@mutant("a program is told by what it says of itself", test_flask.TestFlask, "User-Agent")
def _(patch: Patch) -> None:
    patch.setattr(Clients, "of", lambda self, agent, *_: part(Client, browser=agent, os="Other", device="other"))


@mutant("a brand is told as it is sent", test_flask.TestFlask, "Sec-CH-UA, a brand")
def _(patch: Patch) -> None:
    patch.setattr(Clients, "of", lambda self, agent, ua, *_: part(Client, browser=ua, os="Other", device="other"))


@mutant("languages are told as they are sent", test_flask.TestFlask, "Accept-Language")
def _(patch: Patch) -> None:
    patch.setattr(_request_log, "language_of", lambda text, most: part(Language, tags=text))


@mutant("any time zone is told", test_flask.TestFlask, "a header of the time zone")
def _(patch: Patch) -> None:
    patch.setattr(_request_log, "zone_of", lambda text, source: part(Zone, name=text, source=source))


def checked(suite: type[Conformance], paths: tuple[str, ...], folder: Path, patch: Patch) -> None:
    """Run the application with a canary, and look for what it planted."""
    canary = Canary()
    patch.setattr(faults, "SECRET", canary.plant("the text of an exception"))
    sink = MemorySink()
    ours = suite()
    app = ours.install(ours.make(folder), RequestLog(sink, canaries.COLLECTING))
    if suite.is_async:
        asyncio.run(canary.run_asgi(app, (), missing=paths))  # some of them nobody has
    else:
        canary.run_wsgi(app, (), missing=paths)
    canary.assert_absent([record.line() for record in sink.records])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", MUTANTS)
def test_the_canary_catches(name: str, tmp_path: Path, monkeypatch: Patch) -> None:
    """A log that keeps too much fails, and the failure says where the secret had been planted."""
    suite, place, paths, patch = MUTANTS[name]
    with monkeypatch.context() as patched:
        patch(patched)
        with pytest.raises(AssertionError, match=f"holds a piece of what was planted in ({place})"):
            checked(suite, paths, tmp_path, patched)


@pytest.mark.usefixtures("quiet")
def test_the_application_is_clean_without_a_mutant(tmp_path: Path, monkeypatch: Patch) -> None:
    """What the canary finds is the mutant's doing alone; of all frameworks, their canaries say the same."""
    checked(test_flask.TestFlask, PATHS, tmp_path, monkeypatch)


# --- what a client would feel -----------------------------------------------------------------------------------------

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "query_string": b"",
    "root_path": "",
    "headers": [],
    "client": None,
}
ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.input": io.BytesIO()}
STEPS: laws.Steps = [("http.response.start", 200), ("http.response.body", True), ("http.response.body", False)]
BREAKING: laws.Steps = [("http.response.start", 200), ("raise", 0)]


def body(shape: str, **changed: Any) -> laws.Behaviour:
    """Return what an application does."""
    usual: dict[str, Any] = {"feature": None, "left": None, "early": None, "error": None, "late": None, "read": 4}
    return laws.Behaviour(shape, [b"one", b"two"], "200 OK", **usual | changed)


class AsgiMutant(asgi.RequestLogMiddleware):
    """A middleware that is broken in one way."""

    def __init__(self, app: Any, log: RequestLog, way: str) -> None:
        super().__init__(app, log)
        self.way = way

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application, and break what there is to break."""
        kept: list[Any] = []

        async def sending(message: Any) -> None:
            if self.way == "adds a header" and message["type"] == "http.response.start":
                message = message | {"headers": [*message["headers"], (b"x-request-id", b"1")]}
            if self.way == "keeps the body" and message["type"] == "http.response.body":
                kept.append(message)
                if message["more_body"]:
                    return
                message = message | {"body": b"".join(one["body"] for one in kept)}
            await send(message)

        if self.way == "reads the body":
            await receive()
        if self.way == "leaves something behind":
            scope["smartify_core.time"] = 1
        if self.way == "records twice":
            self._end(scope, 0, 0, None, "GET", 200, None, None)
        try:
            await super().__call__(scope, receive, sending)
        except Exception:
            if self.way != "swallows exceptions":
                raise


@pytest.mark.parametrize(
    ("way", "steps"),
    [
        ("adds a header", STEPS),
        ("keeps the body", STEPS),
        ("reads the body", STEPS),
        ("leaves something behind", STEPS),
        ("records twice", STEPS),
        ("swallows exceptions", BREAKING),
    ],
)
def test_the_law_of_asgi_catches(way: str, steps: laws.Steps) -> None:
    """A middleware that a server or a client would feel breaks the law; without its fault it does not."""
    laws.law_of_asgi(SCOPE, steps, b"", Collecting(), lambda app, log: AsgiMutant(app, log, "no way"))
    with pytest.raises(AssertionError):
        laws.law_of_asgi(SCOPE, steps, b"", Collecting(), lambda app, log: AsgiMutant(app, log, way))


class WsgiMutant(wsgi.RequestLogMiddleware):
    """A middleware that is broken in one way."""

    def __init__(self, app: Any, log: RequestLog, way: str) -> None:
        super().__init__(app, log)
        self.way = way

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Run the application, and break what there is to break."""

        def start(status: str, headers: Any, *rest: Any) -> Any:
            return start_response(status, [*headers, ("X-Request-ID", "1")], *rest)

        try:
            body: Any = super().__call__(environ, start if self.way == "adds a header" else start_response)
            match self.way:
                case "joins the parts":
                    return [b"".join(body)]
                case "makes an iterator of a list":
                    return iter(body)
                case "forgets to close":
                    return (part for part in body)
                case "forgets the length":
                    return wsgi._Body(body, body._seen)
                case _:
                    return body
        except Exception:
            if self.way != "swallows exceptions":
                raise
            return []


@pytest.mark.parametrize(
    ("way", "does"),
    [
        ("adds a header", body("list")),
        ("joins the parts", body("body")),
        ("makes an iterator of a list", body("list")),
        ("forgets to close", body("body")),
        ("forgets the length", body("sized")),
        ("swallows exceptions", body("list", early=0)),
    ],
)
def test_the_law_of_wsgi_catches(way: str, does: laws.Behaviour) -> None:
    """A middleware that a server or a client would feel breaks the law; without its fault it does not."""
    laws.law_of_wsgi(ENVIRON, does, Collecting(), lambda app, log: WsgiMutant(app, log, "no way"))
    with pytest.raises(AssertionError):
        laws.law_of_wsgi(ENVIRON, does, Collecting(), lambda app, log: WsgiMutant(app, log, way))


def test_the_law_catches_a_mutant_that_keeps_too_much(monkeypatch: Patch) -> None:
    """The laws look for secrets as the canary does: one request is enough."""
    scope = SCOPE | {"headers": [(b"user-agent", laws._data(laws.TEXTS[0]))]}
    laws.law_of_asgi(scope, STEPS, b"", Collecting())
    MUTANTS["a program is told by what it says of itself"][3](monkeypatch)
    # It finds the line to be none of the schema, even before it finds the secret in it.
    with pytest.raises((AssertionError, UsageError)):
        laws.law_of_asgi(scope, STEPS, b"", Collecting())
