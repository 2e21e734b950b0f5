"""A real browser's request, as servers hand it over: with texts and bytes that are new in every request."""

from __future__ import annotations

from typing import Any

FEATURE = "/items/{id}"
PATH = "/items/4711"
QUERY = "sort=name&token=s3cr3t"
PEER = "203.0.113.77"
_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
_ACCEPT = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
#: The seventeen headers of Chrome 126 on Windows, in its order.
HEADERS = (
    ("host", "app.example.com"),
    ("connection", "keep-alive"),
    ("cache-control", "max-age=0"),
    ("sec-ch-ua", '"Not/A)Brand";v="8", "Chromium";v="126", "Google Chrome";v="126"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Windows"'),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", _AGENT),
    ("accept", _ACCEPT),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-user", "?1"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://www.example.org/some/page?with=query"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark; consent=all"),
)


def scope() -> dict[str, Any]:
    """Return a request for ASGI. No two share a header's bytes, for bytes remember their hash."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": (PEER.encode().decode(), 51234),
        "scheme": "http",
        "root_path": "",
        "method": "GET",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": QUERY.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in HEADERS],
        "state": {},
        "smartify_core.feature": FEATURE,
    }


_VARIABLES = [(f"HTTP_{name.upper().replace('-', '_')}", value.encode()) for name, value in HEADERS]


def environ() -> dict[str, Any]:
    """Return a request for WSGI. No two share a header's text."""
    variables: dict[str, Any] = {name: value.decode("latin-1") for name, value in _VARIABLES}
    variables.update(
        {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": PATH,
            "QUERY_STRING": QUERY,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": PEER.encode().decode(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "smartify_core.feature": FEATURE,
        }
    )
    return variables
