"""The token endpoint and what its tokens may do."""

from __future__ import annotations

import json
import stat
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import google_auth_httplib2
import httplib2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from googleapiclient.errors import HttpError

from smartify_core.errors import FileExists, UsageError
from smartify_core.testing._clock import ManualClock
from smartify_core.testing.google import GROUP_SCOPE, MEMBER_SCOPE, USER_SCOPE, Fault, GoogleServer, Workspace

MINE = {"customer": "my_customer"}
ADMIN = "admin@acme.example"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def part(content: object) -> str:
    """Return one part of a JWT."""
    return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def assertion(info: dict[str, Any], head: Any = None, **claims: object) -> str:
    """Return a signed assertion for a service account; a claim of ``None`` is left out."""
    now = datetime.now(UTC).timestamp()
    content = {
        "iss": info["client_email"],
        "sub": ADMIN,
        "scope": USER_SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": int(now),
        "exp": int(now) + 3600,
        **claims,
    }
    signed = f"{part(head or {'alg': 'RS256', 'typ': 'JWT', 'kid': info['private_key_id']})}." + part(
        {name: value for name, value in content.items() if value is not None}
    )
    key = serialization.load_pem_private_key(info["private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def exchange(wire: Any, jwt: str, grant: str = JWT_BEARER) -> Any:
    """POST an assertion to the token endpoint."""
    body = urlencode({"grant_type": grant, "assertion": jwt}).encode()
    return wire.send("POST", "/token", {"Content-Type": "application/x-www-form-urlencoded"}, body)


def error_of(reply: Any) -> tuple[int, str]:
    """Return status and error code of the token endpoint's answer."""
    return reply.status, reply.json()["error"]


def test_a_good_assertion_gets_a_bearer_token(server: GoogleServer, wire: Any) -> None:
    """Google's audience and the server's own are both right; the token works."""
    info = server.service_account()
    for audience in ("https://oauth2.googleapis.com/token", server.url + "token"):
        reply = exchange(wire, assertion(info, aud=audience)).json()
        assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 3599)
        wire.token = reply["access_token"]
        assert wire.get("users", **MINE).status == 200


@pytest.mark.parametrize(
    ("claims", "status", "code"),
    [
        ({"sub": "nobody@acme.example"}, 400, "invalid_grant"),
        ({"sub": "admin@nowhere.example"}, 400, "invalid_grant"),
        ({"iss": "stranger@else.example"}, 400, "invalid_grant"),
        ({"aud": "https://else.example/token"}, 400, "invalid_grant"),
        ({"iss": None}, 400, "invalid_grant"),
        ({"iat": "soon"}, 400, "invalid_grant"),
        ({"sub": 7}, 400, "invalid_grant"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"scope": f"{USER_SCOPE} {MEMBER_SCOPE}"}, 401, "unauthorized_client"),
        ({"exp": 1}, 400, "invalid_grant"),
        ({"exp": 10**400}, 400, "invalid_grant"),
        ({"exp": float("nan")}, 400, "invalid_grant"),
    ],
)
def test_a_wrong_claim_gets_googles_refusal(
    server: GoogleServer, wire: Any, claims: dict[str, object], status: int, code: str
) -> None:
    """Unknown subject or issuer, wrong audience, scope or times; one scope too many fails all."""
    assert error_of(exchange(wire, assertion(server.service_account(), **claims))) == (status, code)


@pytest.mark.parametrize("jwt", ["", "a.b", "a.b.c", "....", f"{part({})}.{part([])}.x", f"{part([])}.{part({})}.x"])
def test_what_is_no_assertion_is_an_invalid_grant(wire: Any, jwt: str) -> None:
    """Nothing that can be sent as an assertion breaks the endpoint."""
    assert error_of(exchange(wire, jwt)) == (400, "invalid_grant")


def test_another_key_another_algorithm_or_another_key_id_does_not_sign(server: GoogleServer, wire: Any) -> None:
    """The signature is really verified, with the account's own key and RS256 only."""
    info, other = server.service_account(), server.service_account()
    stolen = {**other, "client_email": info["client_email"]}
    unsigned = assertion(info).rpartition(".")[0] + "."
    for jwt in (
        assertion(stolen),
        unsigned,
        assertion(info, head={"alg": "none"}),
        assertion(info, head={"alg": "RS256", "kid": "other"}),
    ):
        assert exchange(wire, jwt).json() == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


def test_another_grant_type_is_unsupported(server: GoogleServer, wire: Any) -> None:
    """Only assertions and refresh tokens are taken."""
    reply = exchange(wire, assertion(server.service_account()), grant="password")
    assert error_of(reply) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(("minutes_ahead", "good"), [(4, True), (6, False), (-64, True), (-66, False)])
def test_clocks_may_differ_by_five_minutes(world: Workspace, open_wire: Any, minutes_ahead: int, *, good: bool) -> None:
    """An assertion from a clock that is ahead, or one that ran out, is good within five minutes and no more."""
    with GoogleServer(world, clock=ManualClock(datetime.now(UTC) - timedelta(minutes=minutes_ahead))) as server:
        reply = exchange(open_wire(server), assertion(server.service_account()))
        assert reply.status == (200 if good else 400)
        assert good or "short-lived" in reply.json()["error_description"]


def test_an_assertion_of_more_than_an_hour_is_refused(server: GoogleServer, wire: Any) -> None:
    """One hour is the longest that an assertion may ask for."""
    now = int(datetime.now(UTC).timestamp())
    reply = exchange(wire, assertion(server.service_account(), iat=now, exp=now + 3601))
    assert error_of(reply) == (400, "invalid_grant")


@pytest.mark.parametrize("change", ["suspend", "archive", "delete_user"])
def test_an_inactive_subject_gets_no_token(world: Workspace, server: GoogleServer, wire: Any, change: str) -> None:
    """A suspended, archived or deleted administrator is an invalid grant, in Google's words."""
    admin = world.add_user(email=ADMIN, given_name="A", family_name="D")
    getattr(world, change)(admin)
    reply = exchange(wire, assertion(server.service_account()))
    assert (reply.status, reply.json()["error_description"]) == (400, "Invalid email or User ID")


def test_a_subject_may_be_limited(world: Workspace, server: GoogleServer, wire: Any, people: list[str]) -> None:
    """An account delegated for some subjects only is unauthorized for others who exist."""
    info = server.service_account(subjects=["A@acme.example"])
    assert exchange(wire, assertion(info, sub="a@acme.example")).status == 200
    assert error_of(exchange(wire, assertion(info, sub="b@acme.example"))) == (401, "unauthorized_client")
    assert len(people) == 10


def test_a_person_without_rights_gets_a_token_that_opens_nothing(
    server: GoogleServer, wire: Any, people: list[str]
) -> None:
    """Delegation works for anybody active; the API then says 403 to whoever is no administrator."""
    wire.token = exchange(wire, assertion(server.service_account(), sub="a@acme.example")).json()["access_token"]
    assert (wire.get("users", **MINE).status, wire.get("users", **MINE).reason()) == (403, "forbidden")
    assert len(people) == 10


def test_a_service_account_for_itself_has_no_customer(server: GoogleServer, wire: Any) -> None:
    """Without a subject ``my_customer`` is invalid input, and everything else forbidden."""
    wire.token = exchange(wire, assertion(server.service_account(), sub=None)).json()["access_token"]
    assert (wire.get("users", **MINE).status, wire.get("users", **MINE).reason()) == (400, "invalid")
    assert wire.get("users", customer="C01abcdef").reason() == "forbidden"


def test_each_method_asks_for_its_own_scopes(server: GoogleServer, wire: Any, world: Workspace) -> None:
    """The group scope opens groups and members, the member scope members only; the refusal carries the challenge."""
    group = world.add_group(email="g@acme.example", name="G")
    paths = ("users", "groups", f"groups/{group}/members")
    for scope, expected in (
        (USER_SCOPE, [200, 403, 403]),
        (GROUP_SCOPE, [403, 200, 200]),
        (MEMBER_SCOPE, [403, 403, 200]),
    ):
        wire.token = server.access_token(scopes=[scope])
        assert [wire.get(path, **MINE).status for path in paths] == expected
    refused = wire.get("users", **MINE)
    assert refused.reason() == "insufficientPermissions"
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]


def test_no_token_and_a_bad_token_are_two_refusals(wire: Any) -> None:
    """Without a token 401 ``required``; with a made-up one 401 ``authError``. A token may come as a parameter."""
    good = wire.token
    wire.token = None
    assert (wire.get("users", **MINE).status, wire.get("users", **MINE).reason()) == (401, "required")
    assert wire.get("users", access_token=good, **MINE).status == 200
    wire.token = "made-up"
    assert (wire.get("users", **MINE).status, wire.get("users", **MINE).reason()) == (401, "authError")


def test_a_token_ends_with_its_lifetime(world: Workspace, open_wire: Any) -> None:
    """The lifetime is settable, told in ``expires_in``, and kept by the server's clock."""
    clock = ManualClock(datetime.now(UTC))
    with GoogleServer(world, clock=clock) as server:
        server.token_lifetime = timedelta(seconds=60)
        wire = open_wire(server)
        reply = exchange(wire, assertion(server.service_account())).json()
        assert reply["expires_in"] == 60
        wire.token = reply["access_token"]
        clock.advance(seconds=59)
        assert wire.get("users", **MINE).status == 200
        clock.advance(seconds=1)
        assert wire.get("users", **MINE).reason() == "authError"


def test_revoked_tokens_are_replaced_by_googles_library(
    server: GoogleServer, directory: Callable[..., Any], people: list[str]
) -> None:
    """After a 401 the library fetches a new token and repeats the call."""
    users = directory().users()
    assert len(users.list(**MINE).execute()["users"]) == len(people)
    server.revoke_tokens()
    server.reset_log()
    assert len(users.list(**MINE).execute()["users"]) == len(people)
    assert [(entry.operation, entry.status) for entry in server.requests] == [
        ("users.list", 401), ("token", 200), ("users.list", 200),
    ]  # fmt: skip


def test_an_administrator_suspended_mid_run_ends_the_run(
    world: Workspace, server: GoogleServer, directory: Callable[..., Any], people: list[str]
) -> None:
    """Suspended between two pages: the library ends in RefreshError, never in an empty page."""
    admin = world.add_user(email=ADMIN, given_name="A", family_name="D")
    users = directory().users()
    request = users.list(maxResults=2, **MINE)
    page = request.execute()
    server.faults.add("users.list", Fault.before(lambda: world.suspend(admin)))
    with pytest.raises(RefreshError):
        users.list_next(request, page).execute()
    assert len(people) == 10


def test_an_administrator_who_lost_the_role_is_forbidden(world: Workspace, wire: Any) -> None:
    """Without the role the token still is one, and opens nothing."""
    admin = world.add_user(email=ADMIN, given_name="A", family_name="D")
    wire.token = wire.server.access_token()
    assert wire.get("users", **MINE).status == 200
    world.set_admin(admin, is_admin=False)
    assert wire.get("users", **MINE).reason() == "forbidden"


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [(Fault.unauthorized_client(), False), (Fault.invalid_grant(), False), (Fault.backend_error(), True)],
)
def test_token_failures_reach_googles_library(
    server: GoogleServer, directory: Callable[..., Any], fault: Fault, retryable: bool
) -> None:
    """The library reports both refusals as final, and a 503 as worth another try."""
    server.faults.add("token", fault, times=None)
    with pytest.raises(RefreshError) as refused:
        directory().users().list(**MINE).execute()
    assert refused.value.retryable is retryable


def test_a_missing_scope_is_an_error_and_not_an_empty_directory(
    server: GoogleServer, directory: Callable[..., Any]
) -> None:
    """With the group scope alone users.list is a 403 for the real library."""
    with pytest.raises(HttpError) as refused:
        directory(scopes=[GROUP_SCOPE]).users().list(**MINE).execute()
    assert refused.value.status_code == 403


def test_an_authorized_user_file_works_with_googles_library(server: GoogleServer, wire: Any) -> None:
    """A refresh token is exchanged like a person's consent; an unknown one is an invalid grant."""
    info = server.authorized_user(ADMIN)
    credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth is partly typed
        None, **{name: info[name] for name in ("refresh_token", "token_uri", "client_id", "client_secret")}
    )
    http = httplib2.Http(timeout=30)
    credentials.refresh(google_auth_httplib2.Request(http))  # type: ignore[no-untyped-call]  # google-auth is partly typed
    http.close()
    wire.token = credentials.token
    assert wire.get("users", **MINE).status == 200
    body = urlencode({"grant_type": "refresh_token", "refresh_token": "1//made-up"}).encode()
    assert error_of(wire.send("POST", "/token", {}, body)) == (400, "invalid_grant")


def test_a_service_account_file_is_private_and_never_overwritten(server: GoogleServer, tmp_path: Path) -> None:
    """The file has mode 0600 and the content of a key file; a second write to the same name is refused."""
    path = server.write_service_account(tmp_path / "sa.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = json.loads(path.read_text())
    assert (content["type"], content["token_uri"]) == ("service_account", server.url + "token")
    with pytest.raises(FileExists):
        server.write_service_account(path)
    assert json.loads(path.read_text()) == content


def test_an_access_token_for_nobody_is_refused(server: GoogleServer) -> None:
    """Asking for a token of somebody unknown is a mistake in the test, and says so without the address."""
    with pytest.raises(UsageError) as refused:
        server.access_token("nobody@acme.example")
    assert "@" not in str(refused.value)
