"""The canary in every framework: whatever a request carries, no piece of it is in any byte of the log's files."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from smartify_core.requestlog import (
    FEATURE_KEY,
    Collecting,
    RequestEvent,
    RequestLog,
    TrustedProxies,
    asgi,
    read_line,
    wsgi,
)
from smartify_core.requestlog.files import JsonLinesFile, log_files
from smartify_core.testing.requestlog import Canary, assert_header_only

from . import _faults as faults
from . import test_django, test_falcon, test_fastapi, test_flask, test_litestar, test_pyramid, test_starlette
from ._conformance import Conformance

#: One parameter or more, in routes of each kind.
PATHS = [
    "/plain/{}",
    "/post/{}",
    "/raises/{}",
    "/breaks/{}",
    "/static/{}",
]
#: In an application within another.
MOUNTED = "/v1/{tenant}/mid/in/items/{n}"
#: What nobody has.
MISSING = ["/nothing/{}/at/all"]
#: All that may be read is read: nothing of it may be told.
COLLECTING = Collecting(
    proxies=TrustedProxies(("2001:db8:12::/48",), "x-forwarded-for"),
    own_hosts=("*.app.example",),
    languages=3,
    time_zone_header="X-Time-Zone",
    opt_out="ignore",
)


class BareWSGI(Conformance):
    """No framework at all."""

    def make(self, folder: Path) -> Any:
        def app(environ: Any, start_response: Any) -> Any:
            environ[FEATURE_KEY] = "/plain/{}"
            environ["wsgi.input"].read()
            start_response("200 OK", [])
            if environ["PATH_INFO"].startswith("/raises"):
                raise faults.Broken
            return iter([b"one", b"two"])

        return app

    def install(self, app: Any, log: RequestLog) -> Any:
        return wsgi.RequestLogMiddleware(app, log)


class BareASGI(Conformance):
    """No framework at all."""

    is_async = True

    def make(self, folder: Path) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope[FEATURE_KEY] = "/plain/{}"
            await receive()
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 200, "headers": []})
                if scope["path"].startswith("/raises"):
                    raise faults.Broken
                await send({"type": "http.response.body", "body": b"one"})

        return app

    def install(self, app: Any, log: RequestLog) -> Any:
        return asgi.RequestLogMiddleware(app, log)


SUITES: list[type[Conformance]] = [
    BareWSGI,
    BareASGI,
    test_flask.TestFlask,
    test_django.TestDjangoWSGI,
    test_django.TestDjangoASGI,
    test_starlette.TestStarlette,
    test_fastapi.TestFastAPI,
    test_falcon.TestFalconWSGI,
    test_falcon.TestFalconASGI,
    test_pyramid.TestPyramid,
    test_litestar.TestLitestar,
]


@pytest.mark.usefixtures("tidy", "quiet")
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile:ResourceWarning")
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning")
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.__name__)
def test_no_secret_is_in_any_byte_of_the_log(
    suite: type[Conformance], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line for each request, each strictly of the schema, and nothing else in the files or in their names."""
    canary = Canary()
    monkeypatch.setattr(faults, "SECRET", canary.plant("the text of an exception"))
    sink = JsonLinesFile(tmp_path / "log")
    log = RequestLog(sink, COLLECTING)
    ours = suite()
    app = ours.install(ours.make(folder), log)
    # Pyramid has no mounts.
    here = PATHS if suite is test_pyramid.TestPyramid else [*PATHS, MOUNTED]
    if suite.is_async:
        count = asyncio.run(canary.run_asgi(app, here, missing=MISSING))
    else:
        count = canary.run_wsgi(app, here, missing=MISSING)
    log.close()
    assert log.failed == 0
    canary.assert_absent(tmp_path / "log")
    assert_header_only(tmp_path / "log")
    lines = [line for file in log_files(tmp_path / "log") for line in file.path.read_bytes().splitlines()]
    records = [read_line(line) for line in lines]
    events = [record for record in records if isinstance(record, RequestEvent)]
    assert len(events) == len(records) == count
    features = Counter(event.feature.name for event in events)
    assert len(features) <= len(here) + len(MISSING) + 1
    # A proxy that tells no address makes it unknown.
    assert {event.address is not None and event.address.source for event in events} == {"forwarded", False}


def test_every_suite_has_a_canary() -> None:
    """No framework of the table is left out."""
    table = {suite for suite in Conformance.__subclasses__() if suite.__name__.startswith("Test")}
    assert table <= set(SUITES)
