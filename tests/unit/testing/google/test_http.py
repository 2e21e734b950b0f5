"""The transport: headers, compression, keep-alive, method override, latency, the log, and what is no request."""

from __future__ import annotations

import gzip
import socket
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from smartify_core.errors import UsageError
from smartify_core.testing.google import GoogleServer, Workspace

MINE = {"customer": "my_customer"}
USERS = "/admin/directory/v1/users"


def raw(server: GoogleServer, data: bytes) -> bytes:
    """Send bytes and return all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_answers_carry_googles_headers(wire: Any, people: list[str]) -> None:
    """The headers of the real front end, with the listing's etag."""
    reply = wire.get("users", **MINE)
    assert reply.headers["content-type"] == "application/json; charset=UTF-8"
    assert (reply.headers["server"], reply.headers["cache-control"]) == ("ESF", "private")
    assert reply.headers["x-frame-options"] == "SAMEORIGIN"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["etag"] == reply.json()["etag"]
    assert len(people) == 10


def test_whoever_takes_gzip_gets_it_chunked(wire: Any, people: list[str]) -> None:
    """Compressed and plain are the same JSON; errors are compressed too."""
    plain = wire.get("users", **MINE)
    packed = wire.get("users", headers={"Accept-Encoding": "gzip, deflate"}, **MINE)
    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.headers["transfer-encoding"]) == ("gzip", "chunked")
    assert gzip.decompress(packed.body) == plain.body
    assert wire.get("users", headers={"Accept-Encoding": "gzip"}).reason() == "badRequest"
    assert len(people) == 10


def test_pretty_printing_is_the_same_answer(wire: Any, people: list[str]) -> None:
    """``prettyPrint=true`` adds white space and nothing else."""
    pretty = wire.get("users", prettyPrint="true", **MINE)
    assert b'\n  "kind"' in pretty.body
    assert pretty.json() == wire.get("users", **MINE).json()
    assert len(people) == 10


@pytest.mark.parametrize("in_body", [True, False])
def test_a_post_can_stand_for_a_get(server: GoogleServer, wire: Any, people: list[str], *, in_body: bool) -> None:
    """With ``X-HTTP-Method-Override: GET`` the query is in the form body or in the URL."""
    query = urlencode({**MINE, "maxResults": 3})
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    target = USERS if in_body else f"{USERS}?{query}"
    reply = wire.send("POST", target, headers, query.encode() if in_body else b"")
    assert [user["id"] for user in reply.json()["users"]] == people[:3]
    assert (server.requests[-1].method, server.requests[-1].operation) == ("GET", "users.list")


def test_googles_library_posts_what_is_too_long_for_a_url(
    server: GoogleServer, directory: Any, people: list[str]
) -> None:
    """A query of more than 2,048 characters reaches the server as an overridden POST and is answered."""
    query = " ".join(["familyName:Family*"] * 150)
    page = directory().users().list(query=query, **MINE).execute()
    assert len(page["users"]) == len(people)
    assert len(server.requests[-1].query["query"]) > 2048


@pytest.mark.parametrize(
    ("method", "path"), [("POST", USERS), ("DELETE", f"{USERS}/1"), ("PUT", "/admin/directory/v1/groups/1")]
)
def test_the_api_is_for_reading(server: GoogleServer, wire: Any, method: str, path: str) -> None:
    """Methods that change something are refused for want of a scope, or of permission."""
    assert wire.send(method, path, {}, b"{}").reason() == "insufficientPermissions"
    wire.token = server.access_token(scopes=["https://www.googleapis.com/auth/admin.directory.user"])
    assert wire.send(method, path, {}, b"{}").reason() == "forbidden"


def test_what_the_api_does_not_have_is_a_web_page(wire: Any) -> None:
    """Unknown paths are answered by the front end, in HTML."""
    for path in ("/", "/admin/directory/v1/orgunits", "/admin/directory/v1/users/1/photos/2"):
        reply = wire.send("GET", path)
        assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=UTF-8")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST /token HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"POST /token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", b"404"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(300)) + b"\r\n", b"400"),
    ],
    ids=["words", "version", "header", "length", "chunked", "long", "repeated", "many"],
)
def test_what_is_no_request_gets_a_status_and_the_server_goes_on(
    server: GoogleServer, wire: Any, data: bytes, status: bytes
) -> None:
    """Broken bytes are refused, and others are still served."""
    assert raw(server, data).split()[1] == status
    assert wire.get("users", **MINE).status == 200


def test_http_1_0_and_connection_close_end_the_connection(server: GoogleServer) -> None:
    """The server closes when asked to, and says so."""
    for head in (b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"):
        assert b"\r\nConnection: close\r\n" in raw(server, head)


def test_requests_may_be_pipelined(server: GoogleServer) -> None:
    """Two requests sent at once are answered one after the other."""
    assert raw(server, b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n").count(b"HTTP/1.1 404") == 2


def test_a_body_announced_with_expect_is_asked_for(server: GoogleServer) -> None:
    """``Expect: 100-continue`` is answered before the body is read."""
    data = b"POST /token HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na=b"
    assert raw(server, data).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400")


def test_every_request_takes_the_latency(server: GoogleServer, wire: Any, waits: list[float]) -> None:
    """Latency can be turned on at any time; it comes once to each request, answered or refused."""
    wire.get("users", **MINE)
    server.latency = 0.25
    assert [wire.get("users", **query).status for query in (MINE, {})] == [200, 400]
    assert waits == [0.25, 0.25]


def test_the_log_knows_what_was_asked_and_how_many_at_once(
    world: Workspace, server: GoogleServer, wire: Any, open_wire: Any
) -> None:
    """Entries have method, path, decoded query, instant and status, and no address in their representation."""
    wire.get("users", domain="acme.example")
    wire.get("users/nobody@acme.example")
    assert [(entry.operation, entry.status) for entry in server.requests] == [("users.list", 200), ("users.get", 404)]
    assert server.requests[0].query == {"domain": "acme.example"}
    assert server.requests[0].at <= server.requests[1].at
    assert server.requests.of("users.get") == server.requests[1:]
    assert "acme" not in repr(list(server.requests))
    server.reset_log()
    assert (len(server.requests), server.max_in_flight) == (0, 0)
    wires = [open_wire(server) for _ in range(4)]
    with world.reading():
        threads = [threading.Thread(target=each.get, args=("users",), kwargs=MINE) for each in wires]
        for thread in threads:
            thread.start()
        while server.max_in_flight < len(wires):
            assert any(thread.is_alive() for thread in threads)
    for thread in threads:
        thread.join(30)
    assert sorted(entry.in_flight for entry in server.requests) == [1, 2, 3, 4]


def test_a_stopped_server_closes_its_connections_and_can_start_again(world: Workspace, open_wire: Any) -> None:
    """After stop() the port is closed; start() opens another one with the same world and log."""
    server = GoogleServer(world)
    with pytest.raises(UsageError, match="not running"):
        _ = server.url
    with server:
        assert open_wire(server).get("users", **MINE).status == 200
        with pytest.raises(UsageError, match="already"):
            server.start()
    server.stop()
    with server:
        assert open_wire(server).get("users", **MINE).status == 200
    assert len(server.requests) == 2


def test_a_taken_port_and_worlds_that_clash_are_mistakes(server: GoogleServer, world: Workspace) -> None:
    """Each is a UsageError that says what to do."""
    with pytest.raises(UsageError, match="port 0"):
        GoogleServer(world, port=urlsplit(server.url).port or 0).start()
    with pytest.raises(UsageError, match="share"):
        GoogleServer([world, world])
    with pytest.raises(UsageError, match="share"):
        GoogleServer([])
