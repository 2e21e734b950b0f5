"""The requests that are sent: each with secrets in every place where a request can carry one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal
from urllib.parse import quote

from attrs import evolve, frozen

from ._canary_secrets import Kind

#: Makes the secret of a place, once, and returns its text.
Plant = Callable[[str, Kind], str]

_parameter = re.compile(r"\{[^{}]*\}")
#: How a parameter ends that is made of digits.
_DIGITS: Final = ":int}"
#: A real browser's header, but for what is planted in it.
_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
_MEGABYTE: Final = 1_000_000


@frozen
class PlantedRequest:
    """One request. Text stands for bytes in latin-1, as a server has them.

    Args:
        method: The method.
        target: The path as it is sent, escaped.
        path: The path as bytes, no longer escaped.
        query: What comes after the question mark.
        headers: Names, in lower case, and values.
        body: The body.
        mounted_at: Where the server has the application: SCRIPT_NAME, or root_path.
        breaks: Whether reading the body, or sending the response, fails with a planted exception.
    """

    method: str
    target: str
    path: bytes
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    mounted_at: str = ""
    breaks: Literal["reading", "sending"] | None = None


def planted_requests(path: str, plant: Plant) -> Iterator[PlantedRequest]:
    """Yield the requests for one path, whose parameters, in braces, are where secrets are planted."""
    headers = _headers(plant)
    query = _query(plant)
    paths = [_path(path, how, plant) for how in _WAYS]
    for target, decoded in paths:
        yield PlantedRequest("GET", target, decoded, query, headers)
    target, decoded = paths[0]
    get = PlantedRequest("GET", target, decoded, query, headers)
    for kind, body in _bodies(plant):
        typed = (*headers, ("content-type", kind), ("content-length", str(len(body))))
        yield evolve(get, method="POST", headers=typed, body=body)
        yield evolve(get, method="POST", headers=typed, body=body, breaks="reading")
    for method in ("HEAD", "OPTIONS", "PUT", "DELETE", plant("the method", "token").upper()):
        yield evolve(get, method=method)
    yield evolve(get, breaks="sending")
    yield evolve(get, mounted_at=f"/{plant('where the application is mounted', 'email')}")
    for name, value in _instead(plant):
        yield evolve(get, headers=(*(one for one in headers if one[0] != name), (name, value)))
    yield evolve(get, headers=(*headers, *_hostile(plant)))
    yield evolve(get, headers=(*headers, *_large(plant)))
    yield evolve(get, headers=tuple(one for one in headers for _ in range(3)))


#: What stands for a parameter of the path: what it is called, what it looks like, and how it is written.
_WAYS: Final[tuple[tuple[str, Kind, Callable[[str], bytes]], ...]] = (
    ("an address", "email", lambda text: quote(text).encode()),
    ("a token", "token", lambda text: text.encode()),
    ("a UUID", "uuid", lambda text: text.encode()),
    ("a number", "number", lambda text: text.encode()),
    ("another script", "script", lambda text: quote(text).encode()),
    ("bytes that are no text", "bytes", lambda text: quote(text.encode("latin-1")).encode()),
    ("a line break", "token", lambda text: f"{text}%0d%0aset-cookie:{text}%0a".encode()),
    ("an address, escaped twice", "email", lambda text: quote(quote(text, safe=""), safe="").encode()),
    ("a path in a parameter", "token", lambda text: f"{text}%2F..%2F{text}%00".encode()),
    ("what is not escaped at all", "script", lambda text: text.encode()),
)


def _path(path: str, how: tuple[str, Kind, Callable[[str], bytes]], plant: Plant) -> tuple[str, bytes]:
    name, kind, written = how
    target = b""
    at = 0
    for number, match in enumerate(_parameter.finditer(path), 1):
        place = f"the path's parameter {number}"
        if match[0].endswith(_DIGITS):
            planted = plant(f"{place}: a number", "number").encode()
        else:
            planted = written(plant(f"{place}: {name}", kind))
        target += quote(path[at : match.start()]).encode() + planted
        at = match.end()
    target += quote(path[at:]).encode()
    return target.decode("latin-1"), _unescaped(target)


def _unescaped(target: bytes) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), target)


def _query(plant: Plant) -> str:
    items = (
        f"token={plant('the query, a value', 'token')}",
        f"{plant('the query, a name', 'token')}=1",
        f"email={quote(plant('the query, an address', 'email'))}",
        f"id={plant('the query, a number', 'number')}",
        f"next=%2F{quote(quote(plant('the query, escaped twice', 'email')))}",
        f"q={quote(plant('the query, another script', 'script'))}",
        f"raw={quote(plant('the query, bytes that are no text', 'bytes').encode('latin-1'))}",
        f"lines=%0d%0a{plant('the query, after a line break', 'token')}%0a",
    )
    return "&".join(items)


def _headers(plant: Plant) -> tuple[tuple[str, str], ...]:
    forwarded = f"2001:db8:77:{plant('X-Forwarded-For, the host part of an address', 'host part')}:1"
    rest = f"?t={plant('Referer, the query', 'token')}#{plant('Referer, the fragment', 'token')}"
    page = f"/{quote(plant('Referer, the path', 'email'))}{rest}"
    whose = f"{plant('Referer, the user', 'token')}:{plant('Referer, the password', 'token')}@"
    host = f"{plant('Host, a customer', 'token')}.app.example"
    return (
        ("host", host),
        ("user-agent", _AGENT.format(plant("User-Agent, a comment", "token"))),
        ("accept-language", f"de-CH, {plant('Accept-Language', 'token')};q=0.9, en;q=0.8"),
        ("referer", f"https://{whose}www.example.org{page}"),
        ("cookie", f"session={plant('Cookie, a value', 'token')}; {plant('Cookie, a name', 'token')}=1"),
        ("authorization", f"Bearer {plant('Authorization', 'token')}"),
        ("proxy-authorization", f"Basic {plant('Proxy-Authorization', 'token')}"),
        ("x-api-key", plant("a header of one's own", "uuid")),
        (f"x-{plant('the name of a header', 'token')}", "1"),
        ("x-forwarded-for", f"{plant('X-Forwarded-For, no address', 'token')}, {forwarded}"),
        ("forwarded", f"for=_{plant('Forwarded, a hidden name', 'token')};host={host}"),
        ("x-request-id", plant("X-Request-ID", "uuid")),
        ("sec-ch-ua", f'"{plant("Sec-CH-UA, a brand", "token")}";v="120", "Not)A;Brand";v="99"'),
        ("sec-ch-ua-platform", f'"{plant("Sec-CH-UA-Platform", "token")}"'),
        ("sec-ch-ua-model", f'"{plant("Sec-CH-UA-Model", "token")}"'),
        ("x-time-zone", f"Europe/{plant('a header of the time zone', 'token')}"),
        ("if-none-match", f'"{plant("If-None-Match", "token")}"'),
        ("range", f"bytes={plant('Range', 'number')}-"),
    )


def _instead(plant: Plant) -> Iterator[tuple[str, str]]:
    """Yield headers that stand in the place of the usual one of their name."""
    own = f"http://{plant('Host, a customer', 'token')}.app.example"
    yield (
        "referer",
        f"{own}/{plant('Referer of our own, the path', 'token')}?t={plant('Referer of our own, the query', 'token')}",
    )
    yield "referer", f"{own}/users/{quote(plant('Referer of our own, an address', 'email'))}"
    yield "referer", f"https://{plant('Referer, a host', 'token')}/"
    yield "referer", plant("Referer, no address at all", "email")
    yield "user-agent", plant("User-Agent, nothing else", "token")
    yield "accept-language", plant("Accept-Language, nothing else", "token")
    yield "x-forwarded-for", plant("X-Forwarded-For, nothing else", "token")


def _hostile(plant: Plant) -> tuple[tuple[str, str], ...]:
    """Return headers that a careful server would refuse, and that a careless one hands over."""
    forged = '{"v":1,"feature":"' + plant("a forged line", "token") + '"}'
    return (
        ("accept-language", plant("Accept-Language, bytes that are no text", "bytes")),
        ("x-lines", f"a\r\nset-cookie: {plant('a header after a line break', 'token')}\r\n"),
        ("user-agent", f"a\n{forged}\n"),
    )


def _large(plant: Plant) -> tuple[tuple[str, str], ...]:
    return (
        ("user-agent", plant("User-Agent, a megabyte", "token") * (_MEGABYTE // 20)),
        ("x-large", plant("a header of a megabyte", "token") * (_MEGABYTE // 20)),
    )


def _bodies(plant: Plant) -> Iterator[tuple[str, bytes]]:
    name = plant("a form, the name of a file", "email")
    yield (
        "multipart/form-data; boundary=limit",
        (
            f'--limit\r\ncontent-disposition: form-data; name="{plant("a form, the name of a field", "token")}"; '
            f'filename="{name}.pdf"\r\ncontent-type: application/pdf\r\n\r\n{plant("a form, a file", "token")}\r\n'
            f'--limit\r\ncontent-disposition: form-data; name="password"\r\n\r\n{plant("a form, a value", "token")}\r\n'
            "--limit--\r\n"
        ).encode(),
    )
    yield "application/x-www-form-urlencoded", f"password={plant('a short form, a value', 'token')}".encode()
    yield (
        "application/json",
        f'{{"{plant("a JSON body, a key", "token")}": "{plant("a JSON body", "token")}"}}'.encode(),
    )
    yield "application/octet-stream", plant("a body that is no text", "bytes").encode("latin-1")
