"""What goes back over the wire, and the refusals that the API is known for."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"

_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_ENCODE_PRETTY = json.JSONEncoder(ensure_ascii=False, indent=2).encode


@frozen
class Answer:
    """One HTTP response, before it is compressed and framed."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    #: The body as gzip, where somebody has compressed it already.
    gzipped: bytes | None = field(default=None, repr=False, eq=False)


class Refusal(Exception):
    """Carries an error answer up to the server."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def encode_json(payload: Any, *, pretty: bool = False) -> bytes:  # noqa: ANN401 - any JSON value
    """Return UTF-8 JSON, dense unless ``pretty``."""
    text: str = (_ENCODE_PRETTY if pretty else _ENCODE)(payload)
    return text.encode()


def gzip(body: bytes) -> bytes:
    """Compress fast, and to the same bytes every time."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return compressor.compress(body) + compressor.flush()


def json_answer(status: int, payload: Any, headers: tuple[tuple[str, str], ...] = ()) -> Answer:  # noqa: ANN401 - whatever JSON can spell
    """Return an answer with a JSON body."""
    return Answer(status, encode_json(payload), JSON_TYPE, headers)


def error_answer(
    status: int,
    reason: str | None,
    message: str,
    *,
    domain: str = "global",
    grpc_status: str | None = None,
    location: tuple[str, str] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """Return ``{"error": {"code", "message", "errors": [{"message", "domain", "reason"}]}}``.

    Without ``reason`` there is no ``errors`` list, as from newer front ends, which send ``grpc_status`` as
    ``status``. ``location`` is the pair (where, kind of place) that names a bad parameter.
    """
    error: dict[str, Any] = {"code": status, "message": message}
    if reason is not None:
        detail = {"message": message, "domain": domain, "reason": reason}
        if location is not None:
            detail |= {"location": location[0], "locationType": location[1]}
        error["errors"] = [detail]
    if grpc_status is not None:
        error["status"] = grpc_status
    return json_answer(status, {"error": error}, headers)


def oauth_error(status: int, error: str, description: str) -> Answer:
    """Return the token endpoint's error shape."""
    return json_answer(status, {"error": error, "error_description": description})


def html_answer(status: int, title: str) -> Answer:
    """Return a page as the front ends in front of the API make them."""
    page = f"<!DOCTYPE html>\n<html lang=en>\n<title>{title}</title>\n<p><b>{status}.</b> {title}.\n</html>\n"
    return Answer(status, page.encode(), HTML_TYPE)


# --- refusals that the server itself decides on, worded as Google words them -----------------------------------


def bad_request() -> Answer:
    """Return what neither ``customer`` nor ``domain`` gets."""
    return error_answer(400, "badRequest", "Bad Request")


def invalid_input(what: str | None = None) -> Answer:
    """Return ``Invalid Input``, naming the parameter or quoting the page token if there is one."""
    return error_answer(400, "invalid", "Invalid Input" if what is None else f"Invalid Input: {what}")


def invalid_parameter(name: str, message: str) -> Answer:
    """Return what a parameter of a wrong form gets."""
    return error_answer(400, "invalidParameter", message, location=(name, "parameter"))


def not_found(what: str) -> Answer:
    """Return the 404 for an unknown ``userKey``, ``groupKey``, ``memberKey`` or ``domain``."""
    return error_answer(404, "notFound", f"Resource Not Found: {what}")


def forbidden() -> Answer:
    """Return the 403 for a caller who is no administrator, and for whatever belongs to another customer."""
    return error_answer(403, "forbidden", "Not Authorized to access this resource/api")


def insufficient_scope(scopes: Sequence[str] = ()) -> Answer:
    """Return the 403 for a token without a needed scope; ``scopes`` are those that would do."""
    challenge = f'Bearer realm="https://accounts.google.com/", error="insufficient_scope", scope="{" ".join(scopes)}"'
    return error_answer(
        403,
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        grpc_status="PERMISSION_DENIED",
        headers=(("WWW-Authenticate", challenge),),
    )


def invalid_credentials() -> Answer:
    """Return the 401 for an expired, revoked or made-up token."""
    challenge = 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    return error_answer(
        401,
        "authError",
        "Invalid Credentials",
        location=("Authorization", "header"),
        headers=(("WWW-Authenticate", challenge),),
    )


def login_required() -> Answer:
    """Return the 401 for a call without a token."""
    challenge = 'Bearer realm="https://accounts.google.com/"'
    return error_answer(
        401,
        "required",
        "Login Required",
        location=("Authorization", "header"),
        headers=(("WWW-Authenticate", challenge),),
    )
