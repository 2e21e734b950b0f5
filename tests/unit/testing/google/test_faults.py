"""Every way to fail, as a client sees it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from googleapiclient.errors import HttpError

from smartify_core.testing.google import Call, Fault, GoogleServer, Workspace

MINE = {"customer": "my_customer"}

#: Fault, status, reason (``None`` for no ``errors`` list), domain, and a piece of the message.
TABLE = [
    (Fault.bad_request(), 400, "badRequest", "global", "Bad Request"),
    (Fault.invalid_input(), 400, "invalid", "global", "Invalid Input"),
    (Fault.invalid_input("groupKey"), 400, "invalid", "global", "Invalid Input: groupKey"),
    (Fault.missing_field(), 400, "required", "global", "Missing required field: memberKey"),
    (Fault.invalid_token(), 401, "authError", "global", "Invalid Credentials"),
    (Fault.login_required(), 401, "required", "global", "Login Required"),
    (Fault.forbidden(), 403, "forbidden", "global", "Not Authorized to access this resource/api"),
    (Fault.insufficient_scope(), 403, "insufficientPermissions", "global", "insufficient authentication scopes"),
    (Fault.access_not_configured(), 403, "accessNotConfigured", "usageLimits", "disabled"),
    (Fault.quota_exceeded(), 403, "quotaExceeded", "usageLimits", "Request rate higher than configured."),
    (Fault.user_rate_limit(), 403, "userRateLimitExceeded", "usageLimits", "User Rate Limit"),
    (Fault.rate_limit(), 403, "rateLimitExceeded", "usageLimits", "Quota exceeded for quota metric"),
    (Fault.rate_limit_429(), 429, "rateLimitExceeded", "usageLimits", "Rate Limit"),
    (Fault.resource_exhausted(), 429, None, "", "exhausted"),
    (Fault.not_found(), 404, "notFound", "global", "Resource Not Found: userKey"),
    (Fault.not_found("groupKey"), 404, "notFound", "global", "Resource Not Found: groupKey"),
    (Fault.no_customer(), 404, "notFound", "global", "Customer doesn't exist"),
    (Fault.duplicate(), 409, "duplicate", "global", "Entity already exists."),
    (Fault.creation_incomplete(), 412, "conditionNotMet", "global", "User creation is not complete."),
    (Fault.cyclic_membership(), 412, "conditionNotMet", "global", "Cyclic memberships not allowed"),
    (Fault.internal_error(), 500, "internalError", "global", "Internal error encountered."),
    (Fault.backend_error(500), 500, "backendError", "global", "Backend Error"),
    (Fault.backend_error(), 503, "backendError", "global", "Service unavailable"),
    (Fault.error(418, "teapot", "Short and stout", domain="usageLimits"), 418, "teapot", "usageLimits", "Short"),
]


@pytest.mark.parametrize(
    ("fault", "status", "reason", "domain", "message"), TABLE, ids=lambda each: getattr(each, "name", "")
)
def test_the_error_table(
    server: GoogleServer, wire: Any, fault: Fault, status: int, reason: str | None, domain: str, message: str
) -> None:
    """Each row has its status and its error object, once, and the next call is answered as usual."""
    rule = server.faults.add("users.list", fault)
    reply = wire.get("users", **MINE)
    error = reply.json()["error"]
    assert (reply.status, error["code"], rule.hits) == (status, status, 1)
    assert message in error["message"]
    if reason is None:
        assert "errors" not in error
        assert error["status"] == "RESOURCE_EXHAUSTED"
    else:
        assert error["errors"][0] == {
            **error["errors"][0],
            "reason": reason,
            "domain": domain,
            "message": error["message"],
        }
    assert wire.get("users", **MINE).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "piece"),
    [
        (Fault.quota_text(), 403, b"Request rate higher than configured"),
        (Fault.text(403, "quota exceeded for the current request"), 403, b"current request"),
        (Fault.bad_gateway(), 502, b"<title>Bad Gateway</title>"),
        (Fault.gateway_timeout(), 504, b"<title>Gateway Timeout</title>"),
        (Fault.html200(), 200, b"<!DOCTYPE html>"),
        (Fault.empty200(), 200, b""),
        (Fault.json_null(), 200, b"null"),
        (Fault.json_list(), 200, b"[]"),
        (Fault.not_modified(), 304, b""),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_answers_that_are_not_the_api(server: GoogleServer, wire: Any, fault: Fault, status: int, piece: bytes) -> None:
    """Front ends speak text and HTML, and some 200s hold nothing of use; the connection survives them all."""
    server.faults.add("users.list", fault)
    reply = wire.get("users", **MINE)
    assert reply.status == status
    assert piece in reply.body
    assert piece or reply.body == b""
    assert wire.get("users", **MINE).status == 200


def test_googles_library_hands_out_html_as_a_directory(server: GoogleServer, directory: Callable[..., Any]) -> None:
    """Why clients must look: a web page, nothing, and half a JSON come back from the real library as plain text."""
    users = directory().users()
    for fault in (Fault.html200(), Fault.empty200(), Fault.truncated_json200()):
        server.faults.add("users.list", fault)
        assert isinstance(users.list(**MINE).execute(), str)


def test_googles_library_does_not_retry_the_concurrency_quota(
    server: GoogleServer, directory: Callable[..., Any]
) -> None:
    """403 ``quotaExceeded`` is an error at once, however many retries were asked for."""
    rule = server.faults.add("users.list", Fault.quota_exceeded(), times=None)
    with pytest.raises(HttpError) as refused:
        directory().users().list(**MINE).execute(num_retries=3)
    assert (refused.value.status_code, rule.hits) == (403, 1)


def test_truncated_json_is_whole_http(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """Half the JSON arrives with a matching length, so that only a parser notices."""
    whole = wire.get("users", **MINE).body
    server.faults.add("users.list", Fault.truncated_json200())
    half = wire.get("users", **MINE).body
    assert whole.startswith(half)
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)
    assert len(people) == 10


def test_a_cut_body_is_an_incomplete_read(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """The connection closes before the promised length."""
    server.faults.add("users.list", Fault.cut_body())
    with pytest.raises(http.client.IncompleteRead):
        wire.get("users", **MINE)
    wire.connection.close()
    assert len(wire.get("users", **MINE).json()["users"]) == len(people)


def test_a_reset_is_a_reset(server: GoogleServer, wire: Any) -> None:
    """The client sees the connection reset, and the log records no status."""
    server.faults.add("users.list", Fault.reset())
    with pytest.raises(ConnectionResetError):
        wire.get("users", **MINE)
    wire.connection.close()
    assert wire.get("users", **MINE).status == 200
    assert [entry.status for entry in server.requests] == [0, 200]


def test_retry_after_is_in_the_header(server: GoogleServer, wire: Any) -> None:
    """A refusal may say when to come back; throttling and trouble each keep their reason."""
    for status, reason in ((429, "rateLimitExceeded"), (403, "rateLimitExceeded"), (503, "backendError")):
        server.faults.add("users.list", Fault.retry_after(status, 7))
        reply = wire.get("users", **MINE)
        assert (reply.status, reply.headers["retry-after"], reply.reason()) == (status, "7", reason)


def test_slow_and_dripping_answers_arrive_whole(
    server: GoogleServer, wire: Any, people: list[str], waits: list[float]
) -> None:
    """Both take the seconds asked for, a dripping one in ten steps, and nothing is lost."""
    for fault, expected in (
        (Fault.slow(30.0), [30.0]),
        (Fault.slow_drip(30.0), [3.0] * 10),
        (attrs.evolve(Fault.backend_error(), delay=7.0), [7.0]),
    ):
        waits.clear()
        server.faults.add("users.list", fault)
        reply = wire.get("users", **MINE)
        assert waits == expected
        assert reply.status == 503 or len(reply.json()["users"]) == len(people)


def test_keys_can_be_missing_and_kinds_wrong(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """A 200 with a key left out, or of another kind."""
    for key in ("users", "kind", "nextPageToken"):
        server.faults.add("users.list", Fault.missing_key(key))
        assert key not in wire.get("users", maxResults=3, **MINE).json()
    server.faults.add("users.list", Fault.wrong_kind())
    assert wire.get("users", **MINE).json()["kind"] == "admin#directory#channels"
    assert len(people) == 10


def test_a_page_can_be_empty_and_go_on(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """An empty page with a token costs a page and loses nobody, wherever it comes."""
    for after in range(3):
        server.faults.add("users.list", Fault.empty_page_with_token(), after=after)
        pages = wire.pages("users", maxResults=4, **MINE)
        assert [len(page.get("users", [])) for page in pages] == [[0, 4, 4, 2], [4, 0, 4, 2], [4, 4, 0, 2]][after]
        assert [user["id"] for page in pages for user in page.get("users", [])] == people


def test_a_page_can_come_twice(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """A duplicate page shows the same people again, under a new token, and then the listing goes on."""
    server.faults.add("users.list", Fault.duplicate_page(), after=1)
    pages = wire.pages("users", maxResults=4, **MINE)
    assert [user["id"] for page in pages for user in page["users"]] == people[:8] + people[4:]
    tokens = [page.get("nextPageToken") for page in pages]
    assert len(set(tokens)) == len(tokens)


def test_a_token_can_lead_to_itself(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """The next token equals the one that was sent; the first page, which brings none, is spared."""
    server.faults.add("users.list", Fault.same_token_again(), times=None)
    first = wire.get("users", maxResults=4, **MINE).json()
    second = wire.get("users", maxResults=4, pageToken=first["nextPageToken"], **MINE).json()
    assert second["nextPageToken"] == first["nextPageToken"]
    assert [user["id"] for user in second["users"]] == people[4:8]


def test_a_page_token_can_expire_on_demand(server: GoogleServer, wire: Any, people: list[str]) -> None:
    """The first page is spared, the token is quoted, and the listing can be restarted."""
    server.faults.add("users.list", Fault.expired_page_token())
    token = wire.get("users", maxResults=4, **MINE).json()["nextPageToken"]
    reply = wire.get("users", maxResults=4, pageToken=token, **MINE)
    assert (reply.status, reply.json()["error"]["message"]) == (400, f"Invalid Input: {token}")
    assert len(wire.pages("users", maxResults=4, **MINE)) == 3
    assert len(people) == 10


def test_a_rule_counts_calls_and_asks_about_them(
    server: GoogleServer, wire: Any, world: Workspace, people: list[str]
) -> None:
    """``after`` lets calls pass, ``times`` ends the fault, ``where`` picks calls, and ``*`` is every method."""
    server.faults.add("users.list", Fault.backend_error(), times=2, after=1)
    assert [wire.get("users", **MINE).status for _ in range(4)] == [200, 503, 503, 200]

    def is_first(call: Call) -> bool:
        return call.keys == (people[0],)

    rule = server.faults.add("users.get", Fault.forbidden(), times=None, where=is_first)
    assert [wire.get(f"users/{each}").status for each in (people[1], people[0], people[0])] == [200, 403, 403]
    assert rule.hits == 2
    server.faults.clear()
    server.faults.add("*", Fault.empty200(), times=2)
    world.add_group(email="team@acme.example", name="T")
    assert [len(wire.get(path, **MINE).body) for path in ("users", "groups")] == [0, 0]
    assert wire.get("groups", **MINE).body != b""


def test_rules_are_asked_in_the_order_of_their_making(server: GoogleServer, wire: Any) -> None:
    """A storm is a list: the oldest rule that still has times left decides."""
    for fault in (Fault.backend_error(), Fault.rate_limit_429(), Fault.internal_error()):
        server.faults.add("groups.list", fault)
    assert [wire.get("groups", **MINE).status for _ in range(4)] == [503, 429, 500, 200]


def test_stopping_ends_slow_answers(world: Workspace, open_wire: Any) -> None:
    """A server that is told to stop does not wait for the seconds that a fault still has to go."""
    server = GoogleServer(world).start()
    wire = open_wire(server)
    arrived = threading.Event()
    server.faults.add("users.list", attrs.evolve(Fault.before(arrived.set), delay=3600.0))
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            wire.get("users", **MINE)
        except (OSError, http.client.HTTPException) as error:
            failures.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert arrived.wait(30)
    server.stop()
    asking.join(30)
    assert not asking.is_alive()
    assert len(failures) <= 1
