"""Requests, and which method of the API each one calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import field, frozen


@frozen
class Request:
    """One HTTP request as it came in; header names are in small letters."""

    method: str
    target: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@frozen
class Call:
    """One call of an API method.

    Attributes:
        operation: ``users.list``, ``users.get``, ``groups.list``, ``groups.get``, ``members.list``, ``members.get``,
            ``members.hasMember``, ``token`` or ``batch``; a method that changes something is ``write``.
        method: The HTTP method meant, after ``X-HTTP-Method-Override``.
        path: The path as sent, still percent-encoded.
        query: The query parameters, decoded; a repeated one has its last value.
        keys: The keys in the path, decoded: the user's or group's, then the member's.
    """

    operation: str
    method: str
    path: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def page_token(self) -> str | None:
        """Return the page token that the call brings, if any."""
        return self.query.get("pageToken") or None


_PREFIX = "/admin/directory/v1/"
_READS = (
    ("users.list", re.compile(r"users")),
    ("members.list", re.compile(r"groups/([^/]+)/members")),
    ("groups.list", re.compile(r"groups")),
    ("users.get", re.compile(r"users/([^/]+)")),
    ("groups.get", re.compile(r"groups/([^/]+)")),
    ("members.get", re.compile(r"groups/([^/]+)/members/([^/]+)")),
    ("members.hasMember", re.compile(r"groups/([^/]+)/hasMember/([^/]+)")),
)
_WRITES = re.compile(r"(users|groups)(/.*)?")
BATCH_PATHS = frozenset({"/batch", "/batch/admin/directory/v1", "/batch/admin/directory_v1"})


def route(request: Request) -> Call | None:
    """Return the API call that ``request`` makes, or ``None`` where the API has nothing.

    A POST with ``X-HTTP-Method-Override: GET`` is a GET whose query may be in the form body: clients send this when
    the URL would be too long.
    """
    address = urlsplit(request.target)
    path, query, method = address.path, address.query, request.method
    override = request.headers.get("x-http-method-override")
    if method == "POST" and override:
        method = override.upper()
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            query = "&".join(each for each in (query, request.body.decode("latin-1")) if each)
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if method == "POST" and path == "/token":
        return Call("token", method, path, parameters)
    if method == "POST" and path in BATCH_PATHS:
        return Call("batch", method, path, parameters)
    if not path.startswith(_PREFIX):
        return None
    rest = path.removeprefix(_PREFIX)
    if method != "GET":
        return Call("write", method, path, parameters) if _WRITES.fullmatch(rest) else None
    for operation, pattern in _READS:
        match = pattern.fullmatch(rest)
        if match:
            return Call(operation, method, path, parameters, tuple(unquote(key) for key in match.groups()))
    return None
