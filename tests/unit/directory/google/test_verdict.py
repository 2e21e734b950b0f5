"""What each answer of the error table means (research: sections 8, 12 and 13)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartify_core.directory.google._cures import rejected
from smartify_core.directory.google._verdict import Kind, Trouble, judge, judge_token, retry_after
from smartify_core.directory.google._wire import SCOPES

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def body(code: int, reason: str | None, message: str = "M", domain: str = "global", **more: Any) -> bytes:
    """Return an error body as Google writes it."""
    error: dict[str, Any] = {"code": code, "message": message, **more}
    if reason is not None:
        error["errors"] = [{"message": message, "domain": domain, "reason": reason}]
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (403, body(403, "quotaExceeded", "Request rate higher than configured.", "usageLimits")),
        (403, body(403, "userRateLimitExceeded", domain="usageLimits")),
        (403, body(403, "rateLimitExceeded", domain="usageLimits")),
        (403, body(403, "quotaExceeded")),
        (403, body(403, "somethingNew", domain="usageLimits")),
        (403, body(403, None, "Quota exceeded", status="RESOURCE_EXHAUSTED")),
        (403, b"Request rate higher than configured"),
        (403, b"<html>Quota exceeded for quota metric 'Queries'</html>"),
        (403, body(403, "backendError")),
        (400, body(400, "rateLimitExceeded")),
        (429, body(429, "rateLimitExceeded", domain="usageLimits")),
        (429, body(429, None, status="RESOURCE_EXHAUSTED")),
        (429, b"slow down"),
        (408, b""),
        (412, body(412, "conditionNotMet", "User creation is not complete.")),
        (500, body(500, "backendError")),
        (500, body(500, "internalError")),
        (503, body(503, "backendError")),
        (502, b"<html>Bad Gateway</html>"),
        (503, b""),
        (504, b"Gateway Timeout"),
        (599, b"\xff"),
    ],
)
def test_throttling_and_server_trouble_are_asked_again(status: int, sent: bytes) -> None:
    """Every way in which Google asks for patience is met with patience, quotaExceeded and plain texts included."""
    assert judge(status, sent).kind is Kind.AGAIN


@pytest.mark.parametrize(
    ("status", "sent", "trouble"),
    [
        (403, body(403, "forbidden", "Not Authorized to access this resource/api"), Trouble.NOT_AN_ADMIN),
        (403, body(403, None, "The caller does not have permission", status="PERMISSION_DENIED"), Trouble.NOT_AN_ADMIN),
        (403, body(403, "insufficientPermissions", "Insufficient Permission"), Trouble.SCOPE_MISSING),
        (403, body(403, "accessNotConfigured", domain="usageLimits"), Trouble.API_DISABLED),
        (403, body(403, "accessNotConfigured"), Trouble.API_DISABLED),
        (403, body(403, None, details=[{"reason": "SERVICE_DISABLED"}]), Trouble.API_DISABLED),
        (403, body(403, "neverSeenBefore"), Trouble.OTHER),
        (404, body(404, "notFound", "Domain not found"), Trouble.CUSTOMER_UNKNOWN),
        (404, body(404, "notFound", "Resource Not Found: domain"), Trouble.CUSTOMER_UNKNOWN),
        (404, body(404, "notFound", "Customer doesn't exist"), Trouble.CUSTOMER_UNKNOWN),
        (404, body(404, "somethingElse"), Trouble.OTHER),
        (400, body(400, "badRequest", "Bad Request"), Trouble.OTHER),
        (400, body(400, "required", "Missing required field: memberKey"), Trouble.OTHER),
        (409, body(409, "duplicate"), Trouble.OTHER),
    ],
)
def test_a_refusal_is_final_and_says_what_is_known(status: int, sent: bytes, trouble: Trouble) -> None:
    """A disabled API is no throttling although its domain says so, and a refusal never means "gone"."""
    verdict = judge(status, sent)
    assert (verdict.kind, verdict.trouble) == (Kind.REFUSED, trouble)


def test_a_missing_scope_is_known_by_the_challenge_too() -> None:
    """The WWW-Authenticate header of a 403 names a missing scope."""
    verdict = judge(403, body(403, "forbidden"), 'Bearer realm="x", error="insufficient_scope", scope="s"')
    assert verdict.trouble is Trouble.SCOPE_MISSING


@pytest.mark.parametrize("reason", ["authError", "required"])
def test_401_asks_for_another_token(reason: str) -> None:
    """A token that is not accepted is fetched again before anybody is blamed."""
    assert judge(401, body(401, reason, "Invalid Credentials")).kind is Kind.TOKEN


def test_400_invalid_is_for_the_caller_to_understand() -> None:
    """An expired page token and a wrong parameter look alike: whoever asked knows which it was."""
    assert judge(400, body(400, "invalid", "Invalid Input: CjQKM...")).kind is Kind.INVALID


def test_only_googles_own_404_about_the_record_means_missing() -> None:
    """A 404 of a proxy, an unknown path or another shape proves nothing about a person."""
    assert judge(404, body(404, "notFound", "Resource Not Found: userKey")).kind is Kind.MISSING
    assert judge(404, body(404, None, status="NOT_FOUND")).kind is Kind.MISSING
    for other in (b"", b"Not Found", b"<html>404</html>", b"{}", b"null", b'{"error": 404}'):
        assert judge(404, other).kind is Kind.GARBLED


@pytest.mark.parametrize(
    ("status", "sent"), [(204, b""), (206, b"{}"), (302, b"<html>"), (304, b""), (400, b"x"), (403, b"no")]
)
def test_answers_outside_the_protocol_are_garbled(status: int, sent: bytes) -> None:
    """Redirects, half answers and texts of unknown origin are no answer, and no refusal either."""
    assert judge(status, sent).kind is Kind.GARBLED


@given(
    st.integers(100, 599).filter(lambda status: status != 200),
    st.binary(max_size=60) | st.text(max_size=60).map(str.encode),
)
def test_every_answer_has_a_verdict_that_quotes_nothing(status: int, sent: bytes) -> None:
    """Whatever comes, judging does not fail, and its text holds the status and at most Google's one-word reason."""
    text = judge(status, sent).text
    assert text.startswith(f"HTTP {status} ")
    assert "@" not in text


@pytest.mark.parametrize(
    ("data", "text", "trouble"),
    [
        ({"error": "unauthorized_client"}, "unauthorized_client: Client is unauthorized", Trouble.NOT_DELEGATED),
        ({"error": "access_denied"}, "", Trouble.NOT_DELEGATED),
        ({"error": "invalid_grant", "error_description": "Invalid email or User ID"}, "", Trouble.SUBJECT_REFUSED),
        (
            {"error": "invalid_grant", "error_description": "Invalid JWT: Token must be a short-lived token"},
            "",
            Trouble.JWT_REFUSED,
        ),
        ({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, "", Trouble.JWT_REFUSED),
        ({"error": "invalid_grant", "error_description": "account not found"}, "", Trouble.JWT_REFUSED),
        (None, "No access token in response.", Trouble.TOKEN_REFUSED),
    ],
)
def test_the_token_endpoints_refusals_are_told_apart(data: Any, text: str, trouble: Trouble) -> None:
    """Grant, subject, and key or clock: each has its own cure."""
    verdict = judge_token(data, text)
    assert (verdict.kind, verdict.trouble) == (Kind.REFUSED, trouble)
    assert "Client is" not in verdict.text


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_has_a_cure(trouble: Trouble) -> None:
    """An error about a misconfiguration says what to do, and where the scopes matter it holds the line to paste."""
    error = rejected(judge(403, body(403, "forbidden")), "users.list", trouble)
    assert error.cure
    assert error.where == "users.list: HTTP 403 forbidden"
    if trouble in {Trouble.NOT_DELEGATED, Trouble.SCOPE_MISSING, Trouble.NOT_AN_ADMIN}:
        assert ",".join(SCOPES) in error.cure


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Tue, 01 Jan 2030 00:00:30 GMT"}, 30.0),
        ({"retry-after": "Tue, 01 Jan 2030 10:00:30 GMT", "date": "Tue, 01 Jan 2030 10:00:00 GMT"}, 30.0),
        ({"retry-after": "Mon, 31 Dec 2029 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Tue, 01 Jan 2030 00:00:30 -0000"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """A date is held against the answer's own clock where it has one; what cannot be read counts as not there."""
    assert retry_after(headers, NOW) == seconds
