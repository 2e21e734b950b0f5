"""A small world, a server in front of it, and two kinds of client: plain HTTP and Google's own library."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import google_auth_httplib2
import httplib2
import pytest
from attrs import define, frozen
from google.oauth2 import service_account
from googleapiclient.discovery import build

from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import READ_ONLY, GoogleServer, Workspace


@frozen
class Reply:
    """What came back over plain HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON, decompressed if need be."""
        packed = self.headers.get("content-encoding") == "gzip"
        return json.loads(gzip.decompress(self.body) if packed else self.body)

    def reason(self) -> str:
        """Return the reason of the first error."""
        return str(self.json()["error"]["errors"][0]["reason"])


@define
class Wire:
    """A keep-alive connection with an access token."""

    server: GoogleServer
    token: str | None
    connection: http.client.HTTPConnection

    def get(self, path: str, headers: Any = None, **query: object) -> Reply:
        """GET a path below ``/admin/directory/v1/`` with a query."""
        return self.send("GET", f"/admin/directory/v1/{path}?{urlencode(query)}", headers or {})

    def send(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> Reply:
        """Send any request."""
        auth = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        self.connection.request(method, target, body=body, headers={**auth, **(headers or {})})
        response = self.connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, found, response.read())

    def pages(self, path: str, **query: object) -> list[Any]:
        """Follow a listing to its end and return its pages."""
        found = [self.get(path, **query).json()]
        while "nextPageToken" in found[-1]:
            found.append(self.get(path, **query, pageToken=found[-1]["nextPageToken"]).json())
        return found


class OpenWire(Protocol):
    """Makes a connection to a server."""

    def __call__(self, server: GoogleServer, token: str | None = ..., subject: str | None = ...) -> Wire:
        """Connect with ``token``, or with a new one for ``subject``."""


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at the present minute, so that Google's own library agrees with it."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def world(clock: ManualClock) -> Workspace:
    """Return an empty account of two domains, on the manual clock."""
    return Workspace(domains=("acme.example", "acme.test"), clock=clock)


@pytest.fixture
def server(world: Workspace) -> Iterator[GoogleServer]:
    """Return a running server in front of the world."""
    with GoogleServer(world) as running:
        yield running


@pytest.fixture
def open_wire() -> Iterator[OpenWire]:
    """Return a function that connects to a server; all connections are closed at the end."""
    wires: list[Wire] = []

    def open_one(server: GoogleServer, token: str | None = None, subject: str | None = None) -> Wire:
        address = urlsplit(server.url)
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=30)
        wires.append(Wire(server, token or server.access_token(subject), connection))
        return wires[-1]

    yield open_one
    for wire in wires:
        wire.connection.close()


@pytest.fixture
def wire(server: GoogleServer, open_wire: OpenWire) -> Wire:
    """Return a connection of the administrator's."""
    return open_wire(server)


@pytest.fixture
def directory(server: GoogleServer) -> Iterator[Callable[..., Any]]:
    """Return a function that makes Google's own client for the server, with a new service account."""
    opened: list[httplib2.Http] = []

    def make(subject: str = "admin@acme.example", info: dict[str, Any] | None = None, scopes: Any = READ_ONLY) -> Any:
        credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # google-auth is partly typed
            info or server.service_account(), scopes=list(scopes), subject=subject
        )
        opened.append(httplib2.Http(timeout=30))
        http = google_auth_httplib2.AuthorizedHttp(credentials, http=opened[-1])
        return build("admin", "directory_v1", http=http, client_options={"api_endpoint": server.url})

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def people(world: Workspace) -> list[str]:
    """Add ten people, a@ to j@, and return their ids in that order."""
    return [
        world.add_user(email=f"{letter}@acme.example", given_name=letter.upper(), family_name=f"Family {letter}")
        for letter in "abcdefghij"
    ]


@pytest.fixture
def waits(server: GoogleServer, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that the server would have waited, which it does not while this is in use."""
    waited: list[float] = []
    assert server._listener is not None
    monkeypatch.setattr(server._service, "_wait", waited.append)
    monkeypatch.setattr(server._listener, "wait", waited.append)
    return waited
