"""The error table of the Directory API, a constructor a row: status, reason, message and domain as on the wire."""

from __future__ import annotations

from typing import Literal, Self

from smartify_core.testing.google import _answers as answers
from smartify_core.testing.google._answers import Answer
from smartify_core.testing.google._quota import quota_exceeded, too_many_requests, user_rate_limit
from smartify_core.testing.google._tokens import READ_ONLY, unauthorized_client


class NamedErrors:
    """Constructors of faults that answer with a known error."""

    @classmethod
    def _always(cls, name: str, answer: Answer) -> Self:
        raise NotImplementedError  # pragma: no cover - Fault says how

    # --- 400 and 401: the caller's mistake -------------------------------------------------------------------------

    @classmethod
    def bad_request(cls) -> Self:
        """400 ``badRequest``, as for a listing without customer and domain."""
        return cls._always("400 badRequest", answers.bad_request())

    @classmethod
    def invalid_input(cls, what: str | None = None) -> Self:
        """400 ``invalid``: ``Invalid Input``, or ``Invalid Input: what``."""
        return cls._always("400 invalid", answers.invalid_input(what))

    @classmethod
    def missing_field(cls, what: str = "memberKey") -> Self:
        """400 ``required``."""
        return cls._always("400 required", answers.error_answer(400, "required", f"Missing required field: {what}"))

    @classmethod
    def invalid_token(cls) -> Self:
        """401 ``authError``: the access token is not (or no longer) good."""
        return cls._always("401 authError", answers.invalid_credentials())

    @classmethod
    def login_required(cls) -> Self:
        """401 ``required``: no access token came."""
        return cls._always("401 required", answers.login_required())

    # --- 403: not allowed ------------------------------------------------------------------------------------------

    @classmethod
    def forbidden(cls) -> Self:
        """403 ``forbidden``: no administrator, or somebody else's. Never means that something is gone."""
        return cls._always("403 forbidden", answers.forbidden())

    @classmethod
    def insufficient_scope(cls) -> Self:
        """403 ``insufficientPermissions`` with the challenge that names the scopes."""
        return cls._always("403 insufficientPermissions", answers.insufficient_scope(READ_ONLY))

    @classmethod
    def access_not_configured(cls) -> Self:
        """403 ``accessNotConfigured``: the API is not enabled in the project."""
        text = "Admin SDK API has not been used in project 1 before or it is disabled."
        return cls._always(
            "403 accessNotConfigured",
            answers.error_answer(
                403, "accessNotConfigured", text, domain="usageLimits", grpc_status="PERMISSION_DENIED"
            ),
        )

    # --- 403 and 429: too much -------------------------------------------------------------------------------------

    @classmethod
    def quota_exceeded(cls) -> Self:
        """403 ``quotaExceeded``: too many requests at once. Google's own client library does not retry it."""
        return cls._always("403 quotaExceeded", quota_exceeded())

    @classmethod
    def user_rate_limit(cls) -> Self:
        """403 ``userRateLimitExceeded``: over the queries per minute, user and project."""
        return cls._always("403 userRateLimitExceeded", user_rate_limit())

    @classmethod
    def rate_limit(cls) -> Self:
        """403 ``rateLimitExceeded``, naming metric, limit, service and consumer."""
        text = (
            "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user' "
            "of service 'admin.googleapis.com' for consumer 'project_number:1'."
        )
        return cls._always(
            "403 rateLimitExceeded", answers.error_answer(403, "rateLimitExceeded", text, domain="usageLimits")
        )

    @classmethod
    def rate_limit_429(cls) -> Self:
        """429 ``rateLimitExceeded``: too many requests at once for the account."""
        return cls._always("429 rateLimitExceeded", too_many_requests())

    @classmethod
    def resource_exhausted(cls) -> Self:
        """429 ``RESOURCE_EXHAUSTED``: the newer shape, without an ``errors`` list."""
        text = "Resource has been exhausted (e.g. check quota)."
        return cls._always(
            "429 RESOURCE_EXHAUSTED", answers.error_answer(429, None, text, grpc_status="RESOURCE_EXHAUSTED")
        )

    @classmethod
    def quota_text(cls) -> Self:
        """403 with a plain text about quota, from a front end."""
        text = "Quota exceeded for quota metric 'Queries'. Request rate higher than configured\n"
        return cls._always("403 text", Answer(403, text.encode(), "text/plain; charset=UTF-8"))

    # --- 404, 409, 412: the thing itself ---------------------------------------------------------------------------

    @classmethod
    def not_found(cls, what: Literal["userKey", "groupKey", "memberKey", "domain"] = "userKey") -> Self:
        """404 ``notFound`` for a key."""
        return cls._always("404 notFound", answers.not_found(what))

    @classmethod
    def no_customer(cls) -> Self:
        """404 ``notFound``: a consumer account, or a customer that is no more."""
        return cls._always("404 notFound customer", answers.error_answer(404, "notFound", "Customer doesn't exist"))

    @classmethod
    def duplicate(cls) -> Self:
        """409 ``duplicate``."""
        return cls._always("409 duplicate", answers.error_answer(409, "duplicate", "Entity already exists."))

    @classmethod
    def creation_incomplete(cls) -> Self:
        """412 ``conditionNotMet``: the user was made moments ago."""
        text = "User creation is not complete."
        return cls._always("412 conditionNotMet", answers.error_answer(412, "conditionNotMet", text))

    @classmethod
    def cyclic_membership(cls) -> Self:
        """412 ``conditionNotMet``: a group would contain itself."""
        text = "Cyclic memberships not allowed"
        return cls._always("412 cyclic", answers.error_answer(412, "conditionNotMet", text))

    # --- 5xx: the server's own trouble -----------------------------------------------------------------------------

    @classmethod
    def internal_error(cls) -> Self:
        """500 ``internalError``."""
        text = "Internal error encountered."
        return cls._always(
            "500 internalError", answers.error_answer(500, "internalError", text, grpc_status="INTERNAL")
        )

    @classmethod
    def backend_error(cls, status: Literal[500, 503] = 503) -> Self:
        """500 or 503 ``backendError``: the common passing failure."""
        text = "Backend Error" if status == 500 else "Service unavailable. Please try again"  # noqa: PLR2004 - HTTP statuses
        return cls._always(f"{status} backendError", answers.error_answer(status, "backendError", text))

    @classmethod
    def bad_gateway(cls) -> Self:
        """502 as a web page."""
        return cls._always("502 html", answers.html_answer(502, "Bad Gateway"))

    @classmethod
    def gateway_timeout(cls) -> Self:
        """504 as a web page."""
        return cls._always("504 html", answers.html_answer(504, "Gateway Timeout"))

    # --- the token endpoint ----------------------------------------------------------------------------------------

    @classmethod
    def unauthorized_client(cls) -> Self:
        """401 of the token endpoint: not delegated, or not for one of the scopes."""
        return cls._always("401 unauthorized_client", unauthorized_client())

    @classmethod
    def invalid_grant(cls, description: str = "Invalid email or User ID") -> Self:
        """400 of the token endpoint: a subject that is unknown, suspended or deleted, or a clock that is off."""
        return cls._always("400 invalid_grant", answers.oauth_error(400, "invalid_grant", description))
