"""Multipart batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smartify_core.testing.google import Fault, GoogleServer, Quota, Workspace

MINE = {"customer": "my_customer"}
TYPE = {"Content-Type": "multipart/mixed; boundary=xyz"}


def body(*requests: str, boundary: str = "xyz") -> bytes:
    """Return a batch of requests without bodies."""
    parts = [
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <b29c5de2 + {number}>\r\n\r\n{request}\r\n\r\n"
        for number, request in enumerate(requests)
    ]
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


@pytest.mark.parametrize("path", ["batch", "batch/admin/directory/v1"])
def test_googles_library_reads_every_part_for_itself(
    server: GoogleServer, directory: Callable[..., Any], people: list[str], path: str
) -> None:
    """Known, unknown and foreign users in one batch: 200, 404 and 403, each to its own callback."""
    service = directory()
    service.users().list(**MINE).execute()  # has a token before the batch, which would fetch one over a socket it leaks
    batch = service.new_batch_http_request()
    batch._batch_uri = server.url + path
    found: dict[str, object] = {}

    def note(number: str, reply: Any, error: Any) -> None:
        found[number] = reply["id"] if error is None else error.status_code

    for number, key in enumerate((people[0], "123", "x@else.example", people[1])):
        batch.add(service.users().get(userKey=key), callback=note, request_id=str(number))
    batch.execute()
    assert found == {"0": people[0], "1": 404, "2": 403, "3": people[1]}


def test_the_answer_echoes_content_ids(wire: Any, people: list[str]) -> None:
    """The outer status is 200, and each part says which request it answers."""
    reply = wire.send(
        "POST", "/batch", TYPE, body(f"GET /admin/directory/v1/users/{people[0]}", "GET /nothing HTTP/1.1")
    )
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("multipart/mixed; boundary=")
    for piece in (b"Content-ID: <response-b29c5de2 + 0>", b"Content-ID: <response-b29c5de2 + 1>", b"HTTP/1.1 404"):
        assert piece in reply.body


def test_parts_count_against_the_quota_and_fail_for_themselves(
    world: Workspace, open_wire: Callable[..., Any], people: list[str]
) -> None:
    """An outer 200 holds throttled parts: nobody retries those but the caller."""
    with GoogleServer(world, quota=Quota(per_minute=2)) as server:
        requests = [f"GET /admin/directory/v1/users/{each}?fields=id" for each in people[:4]]
        reply = open_wire(server).send("POST", "/batch", TYPE, body(*requests))
    assert reply.status == 200
    assert (reply.body.count(b"HTTP/1.1 200"), reply.body.count(b"HTTP/1.1 403")) == (2, 2)
    assert reply.body.count(b'"reason":"userRateLimitExceeded"') == 2


def test_faults_reach_single_parts_and_whole_batches(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """A rule for users.get hits one part; one for ``batch`` hits them all at once."""
    requests = [f"GET /admin/directory/v1/users/{each}?fields=id" for each in people[:3]]
    server.faults.add("users.get", Fault.backend_error(), after=1)
    reply = wire.send("POST", "/batch", TYPE, body(*requests))
    assert (reply.body.count(b"HTTP/1.1 200"), reply.body.count(b"HTTP/1.1 503")) == (2, 1)
    server.faults.add("batch", Fault.backend_error())
    assert wire.send("POST", "/batch", TYPE, body(*requests)).status == 503


def test_a_part_may_bring_its_own_authorization(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """A part's own token counts before the batch's."""
    token, wire.token = wire.token, "made-up"
    plain = f"GET /admin/directory/v1/users/{people[0]}?fields=id HTTP/1.1"
    reply = wire.send("POST", "/batch", TYPE, body(plain, f"{plain}\r\nAuthorization: Bearer {token}"))
    assert (reply.body.count(b"HTTP/1.1 401"), reply.body.count(b"HTTP/1.1 200")) == (1, 1)
    assert server.requests[-1].operation == "batch"


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, body("GET /x")),
        ({"Content-Type": "text/plain; boundary=xyz"}, body("GET /x")),
        (TYPE, b""),
        (TYPE, b"--xyz\r\n\r\nGET\r\n--xyz--"),
        (TYPE, body(*["GET /x"] * 1001)),
    ],
    ids=["no type", "other type", "empty", "no target", "too many"],
)
def test_what_is_no_batch_is_refused(wire: Any, headers: dict[str, str], content: bytes) -> None:
    """No multipart body, no parts, a part that is no request, or more than 1,000 of them: 400."""
    assert wire.send("POST", "/batch", headers, content).reason() == "badRequest"


def test_a_boundary_may_be_quoted(wire: Any, people: list[str]) -> None:
    """Some clients put the boundary in quotes."""
    content = body(f"GET /admin/directory/v1/users/{people[0]}", boundary="=a b=")
    reply = wire.send("POST", "/batch", {"Content-Type": 'multipart/mixed; boundary="=a b="'}, content)
    assert reply.body.count(b"HTTP/1.1 200") == 1
