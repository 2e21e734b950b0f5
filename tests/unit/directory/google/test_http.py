"""One thread's connections."""

from __future__ import annotations

import threading

import httplib2
import pytest

from smartify_core.directory.google._http import Http

from .conftest import Office


def test_a_connection_that_opens_while_closing_is_not_used(populated: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cuts connections cannot find one that is still being opened: it gives itself up once it is open."""
    closing = threading.Event()
    http = Http(closing, 5.0, 5.0, None)
    connect = httplib2.HTTPConnectionWithTimeout.connect

    def closed_meanwhile(connection: httplib2.HTTPConnectionWithTimeout) -> None:
        closing.set()
        http.cut()
        connect(connection)

    monkeypatch.setattr(httplib2.HTTPConnectionWithTimeout, "connect", closed_meanwhile)
    with pytest.raises(ConnectionAbortedError):
        http.request(populated.server.url)
    assert [connection.sock for connection in http.connections.values()] == [None]
    assert len(populated.server.requests) == 0
