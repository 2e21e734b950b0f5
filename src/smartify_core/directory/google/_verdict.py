"""What an answer that is no success means: try again, give up, or somebody must mend something. Pure.

Sources: the Directory API's limits guide and error codes, and the reasons that clients in the field have met over the
years. Google's messages are looked at and never repeated: they may quote an address.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from attrs import frozen


@enum.unique
class Kind(enum.Enum):
    """What to do about an answer."""

    #: Throttled, or out of order for now: wait and ask again.
    AGAIN = "again"
    #: Not the protocol: ask again, for front ends hiccup; it means nothing, least of all an empty directory.
    GARBLED = "garbled"
    #: The token is not accepted: fetch another one, once.
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    #: 400 ``invalid``: a page token that has expired, or a parameter that is wrong.
    INVALID = "invalid"
    #: 404 ``notFound`` about the very record that was asked for.
    MISSING = "missing"
    #: Refused; ``trouble`` says what is known about why.
    REFUSED = "refused"


@enum.unique
class Trouble(enum.Enum):
    """The misconfigurations that are known, each with its cure in ``_cures``."""

    TOKEN_REFUSED = "token refused"  # noqa: S105 - the words, not a secret
    NOT_DELEGATED = "not delegated"
    SUBJECT_REFUSED = "subject refused"
    JWT_REFUSED = "assertion refused"
    SCOPE_MISSING = "scope missing"
    NOT_AN_ADMIN = "not an admin"
    API_DISABLED = "API disabled"
    NO_SUBJECT = "no subject"
    CUSTOMER_UNKNOWN = "customer unknown"
    OTHER = "other"


@frozen(order=False)
class Verdict:
    """The meaning of one answer; ``text`` is impersonal, such as ``"HTTP 403 quotaExceeded"``."""

    kind: Kind
    text: str
    trouble: Trouble = Trouble.OTHER


#: Reasons that mean "slower", whatever their domain.
_THROTTLED = frozenset(
    {
        "quotaExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "sharingRateLimitExceeded",
        "dailyLimitExceeded",
        "concurrentLimitExceeded",
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
    }
)
#: Reasons that mean "something is broken here", seen with statuses below 500 too.
_TRANSIENT = frozenset(
    {"backendError", "internalError", "badGateway", "gatewayTimeout", "transientError", "serviceUnavailable"}
)
#: These carry the domain ``usageLimits`` and are none the less no throttling: the API is switched off in the project.
_DISABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
_SCOPES = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
_FORBIDDEN = frozenset({"forbidden", "domainCannotUseApis", "notAuthorizedToAccessResource"})
#: Plain-text bodies of front ends that throttle.
_quota_text = re.compile(
    rb"quota exceeded|request rate higher|rate limit|too many requests|resource_exhausted", re.IGNORECASE
).search
_word = re.compile(r"[A-Za-z_]{1,60}").fullmatch

_UNAUTHORIZED = 401
_FORBIDDEN_STATUS = 403
_REQUEST_TIMEOUT = 408
_TOO_MANY = 429
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


@frozen(order=False)
class _Error:
    """Google's error body, taken apart."""

    words: frozenset[str]
    domains: frozenset[str]
    message: str

    @property
    def word(self) -> str:
        """Return one reason for the text, in a fixed order."""
        return min(self.words, default="no reason given")


def _read_error(body: bytes) -> _Error | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = answer.get("error") if type(answer) is dict else None
    if type(error) is str:
        return _Error(frozenset({error} if _word(error) else ()), frozenset(), "")
    if type(error) is not dict:
        return None
    parts = [part for key in ("errors", "details") for part in _objects(error.get(key))]
    reasons = [part.get("reason") for part in parts]
    domains = [part.get("domain") for part in parts]
    message = error.get("message")
    return _Error(
        frozenset(word for word in (*reasons, error.get("status")) if type(word) is str and _word(word)),
        frozenset(domain for domain in domains if type(domain) is str),
        message.lower() if type(message) is str else "",
    )


def _objects(value: object) -> list[dict[str, Any]]:
    return [part for part in value if type(part) is dict] if type(value) is list else []


def judge(status: int, body: bytes, challenge: str = "") -> Verdict:
    """Return what an answer with a status other than 200 means.

    Args:
        status: The HTTP status.
        body: The body as it came, unpacked.
        challenge: The ``WWW-Authenticate`` header; Google names a missing scope there.
    """
    error = _read_error(body)
    text = f"HTTP {status} {error.word}" if error else f"HTTP {status} in no format of Google's"
    if status >= _SERVER_ERROR or status in {_TOO_MANY, _REQUEST_TIMEOUT}:
        return Verdict(Kind.AGAIN, text)
    if status == _UNAUTHORIZED:
        return Verdict(Kind.TOKEN, text, Trouble.TOKEN_REFUSED)
    if error is None:
        throttled = status == _FORBIDDEN_STATUS and _quota_text(body)
        return Verdict(Kind.AGAIN if throttled else Kind.GARBLED, text)
    return _judge_error(status, error, text, body, challenge)


def _judge_error(status: int, error: _Error, text: str, body: bytes, challenge: str) -> Verdict:
    match status:
        case 400:
            return _judge_400(error, text)
        case 403:
            return _judge_403(error, text, body, challenge)
        case 404:
            return _judge_404(error, text)
        case 412:  # "User creation is not complete": true in a minute
            return Verdict(Kind.AGAIN, text)
    if error.words & _TRANSIENT:
        return Verdict(Kind.AGAIN, text)
    return Verdict(Kind.REFUSED if status >= _CLIENT_ERROR else Kind.GARBLED, text)


def _judge_400(error: _Error, text: str) -> Verdict:
    if error.words & (_TRANSIENT | _THROTTLED):
        return Verdict(Kind.AGAIN, text)
    if error.words & {"invalid", "INVALID_ARGUMENT"}:
        return Verdict(Kind.INVALID, text)
    return Verdict(Kind.REFUSED, text)


def _judge_403(error: _Error, text: str, body: bytes, challenge: str) -> Verdict:
    if error.words & _DISABLED:
        return Verdict(Kind.REFUSED, text, Trouble.API_DISABLED)
    if "usageLimits" in error.domains or error.words & (_THROTTLED | _TRANSIENT):
        return Verdict(Kind.AGAIN, text)
    if error.words & _SCOPES or "insufficient_scope" in challenge:
        return Verdict(Kind.REFUSED, text, Trouble.SCOPE_MISSING)
    if error.words & _FORBIDDEN:
        return Verdict(Kind.REFUSED, text, Trouble.NOT_AN_ADMIN)
    if _quota_text(body):
        return Verdict(Kind.AGAIN, text)
    return Verdict(Kind.REFUSED, text, Trouble.NOT_AN_ADMIN if "PERMISSION_DENIED" in error.words else Trouble.OTHER)


def _judge_404(error: _Error, text: str) -> Verdict:
    """Return the meaning of a 404: "no such record" only when Google says so, and not about the account itself."""
    if not error.words & {"notFound", "NOT_FOUND"}:
        return Verdict(Kind.REFUSED, text)
    if "domain" in error.message or "customer" in error.message:
        return Verdict(Kind.REFUSED, text, Trouble.CUSTOMER_UNKNOWN)
    return Verdict(Kind.MISSING, text)


def judge_token(data: object, text: str) -> Verdict:
    """Return what the token endpoint's refusal means.

    Args:
        data: Its JSON answer, if there was one. Not repeated.
        text: google-auth's words. Not repeated.
    """
    words = f"{json.dumps(data, default=str)} {text}".lower()
    if "unauthorized_client" in words or "access_denied" in words or "invalid_scope" in words:
        return Verdict(Kind.REFUSED, "the token endpoint refused the client or a scope", Trouble.NOT_DELEGATED)
    if "invalid_grant" in words or "invalid_client" in words:
        if "jwt" in words or "account not found" in words or "invalid_client" in words or "signature" in words:
            return Verdict(Kind.REFUSED, "the token endpoint refused the signed assertion", Trouble.JWT_REFUSED)
        return Verdict(Kind.REFUSED, "the token endpoint refused the subject", Trouble.SUBJECT_REFUSED)
    return Verdict(Kind.REFUSED, "the token endpoint gave no token", Trouble.TOKEN_REFUSED)


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how many seconds the answer asks to be left alone, or ``None`` where it does not say: RFC 9110, 10.2.3.

    A date is held against the answer's own ``Date``, so that a wrong clock here does not matter; ``now`` (aware) serves
    where there is none.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    until = _http_date(value)
    if until is None:
        return None
    return max(0.0, (until - (_http_date(headers.get("date", "")) or now)).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
