"""The canary kit itself: it finds a secret in any form, and nothing in an honest log."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.unit.requestlog.conftest import Kept

from smartify_core.errors import UsageError
from smartify_core.requestlog import FEATURE_KEY, RequestLog, asgi, wsgi
from smartify_core.testing.requestlog import Canary, CanaryError
from smartify_core.testing.requestlog._canary_search import forms, readings
from smartify_core.testing.requestlog._canary_secrets import Secrets, pieces_of

PATHS = ["/users/{user}/orders/{}", "/login"]
KINDS = ["token", "email", "uuid", "number", "script", "bytes", "surrogates", "host part"]


def data_of(text: str, kind: str) -> bytes:
    """Return a secret as bytes."""
    return text.encode("latin-1") if kind == "bytes" else text.encode("utf-8", "surrogatepass")


FORMS: dict[str, Callable[[str, str], str]] = {
    "as it is": lambda text, kind: text,
    "in capitals": lambda text, kind: text.upper(),
    "backwards": lambda text, kind: text[::-1],
    "escaped": lambda text, kind: "".join(f"%{byte:02x}" for byte in data_of(text, kind)),
    "escaped twice": lambda text, kind: quote("".join(f"%{byte:02X}" for byte in data_of(text, kind))),
    "as base64": lambda text, kind: base64.b64encode(data_of(text, kind)).decode(),
    "as base64 with something before": lambda text, kind: base64.b64encode(b"ab" + data_of(text, kind)).decode(),
    "as base64 for URLs": lambda text, kind: base64.urlsafe_b64encode(b"a" + data_of(text, kind)).decode(),
    "as hexadecimal digits": lambda text, kind: data_of(text, kind).hex(),
    "as hexadecimal digits in capitals": lambda text, kind: data_of(text, kind).hex().upper(),
    "with backslashes": lambda text, kind: text.encode("unicode_escape").decode(),
    "as JSON": lambda text, kind: json.dumps(text),
    "as bytes in latin-1": lambda text, kind: data_of(text, kind).decode("latin-1"),
    "as bytes with surrogates": lambda text, kind: data_of(text, kind).decode("utf-8", "surrogateescape"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_found_in_any_form(form: str, kind: Any) -> None:
    """In plain lines, in bytes, and in values and keys of JSON: the place is named, and never the secret."""
    canary = Canary()
    secret = canary.plant("the place", kind)
    written = FORMS[form](secret, kind)
    for line in (
        f"GET /users/{written} 200",
        f"GET /users/{written} 200".encode("utf-8", "surrogatepass"),
        json.dumps({"path": f"a {written} b"}),
        json.dumps({"path": written}).encode(),
        json.dumps({"nested": {"list": [1, written]}}, ensure_ascii=False),
        json.dumps({written: 1}),
        {"event": written},
    ):
        with pytest.raises(AssertionError, match=r"line 2 holds a piece of what was planted in the place") as raised:
            canary.assert_absent(["an honest line", line])
        told = str(raised.value).lower()
        assert not any(piece in told for piece in pieces_of(secret) if not piece.isdigit())


@pytest.mark.parametrize("kind", KINDS)
def test_four_characters_are_enough(kind: Any) -> None:
    """A piece of a secret is a secret; of a number six digits are, since other numbers stand in logs."""
    canary = Canary()
    secret = canary.plant("the place", kind)
    length = 6 if kind == "number" else 4
    for at in range(len(secret) - length + 1):
        with pytest.raises(AssertionError, match="the place"):
            canary.assert_absent([f"abc {secret[at : at + length]} abc"])
        canary.assert_absent([f"abc {secret[at : at + 3]} abc"])


def test_four_digits_are_enough_in_a_record(kept: Kept, log: RequestLog) -> None:
    """In a record of the request log the time is known to be a time, and no other number is long."""
    canary = Canary()
    number = canary.plant("the number", "number")
    log.record(int(number[:10]), f"/items/{number[4:8]}", "GET", 200, 0.0, None, None, [""] * 11)
    line = kept.records[0].line()
    with pytest.raises(AssertionError, match="the number"):
        canary.assert_absent([line])
    canary.assert_absent([line.replace(number[4:8].encode(), b"12").replace(number[:10].encode(), b"1700000000")])
    canary.assert_absent([b'{"count": ' + number[:4].encode() + b"}"])


def test_the_key_is_named_where_there_is_one() -> None:
    """A failure says under which key a secret stands, unless the key is the secret."""
    canary = Canary()
    secret = canary.plant("the place")
    with pytest.raises(AssertionError, match=r"in the place under the key 'feature'"):
        canary.assert_absent([json.dumps({"v": 1, "feature": secret})])
    with pytest.raises(AssertionError, match=r"in the place$"):
        canary.assert_absent([json.dumps({secret: 1})])


def test_no_two_secrets_share_a_piece() -> None:
    """So a failure names the one place that a piece is from."""
    secrets = Secrets(7)
    seen: dict[str, int] = {}
    for number in range(80):
        secret = secrets.made("x", "token")
        for piece in {*pieces_of(secret.text), *pieces_of(secret.text[::-1])}:
            assert seen.setdefault(piece, number) == number


def test_the_same_seed_plants_the_same_secrets() -> None:
    """A failure can be repeated; another seed plants others."""
    assert Canary(3).plant("x", "email") == Canary(3).plant("x", "email")
    assert Canary(3).plant("x", "email") != Canary(4).plant("x", "email")


def honest_wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    """Read the body, leave a template, and answer."""
    environ[FEATURE_KEY] = "/users/{user}/orders/{}"
    environ["wsgi.input"].read()
    start_response("200 OK", [])
    return iter([b"one", b"two"])


async def honest_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, leave a template, and answer; take a WebSocket and listen."""
    scope[FEATURE_KEY] = "/users/{user}/orders/{}"
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one"})


def test_an_honest_log_of_wsgi_is_clean(kept: Kept, log: RequestLog) -> None:
    """Of every request one record was kept, and no secret is in any."""
    canary = Canary()
    count = canary.run_wsgi(wsgi.RequestLogMiddleware(honest_wsgi, log), PATHS)
    assert count == len(kept.events) > 50
    assert log.failed == 0
    # Those that break off are told as such; a planted class has no name of its own.
    assert {event.get("error") for event in kept.events} == {None, "CanaryError"}
    canary.assert_absent([record.line() for record in kept.records])


def test_an_honest_log_of_asgi_is_clean(kept: Kept, log: RequestLog) -> None:
    """Of every request and WebSocket one record was kept, and no secret is in any."""
    canary = Canary()
    count = asyncio.run(canary.run_asgi(asgi.RequestLogMiddleware(honest_asgi, log), PATHS))
    assert count == len(kept.events) > 70
    assert log.failed == 0
    assert {event.get("error") for event in kept.events} == {None, "CanaryError"}
    assert sum(event["method"] == "WEBSOCKET" for event in kept.events) > 10
    canary.assert_absent([record.line() for record in kept.records])


def leaking(told: list[str]) -> Callable[..., Iterator[bytes]]:
    """Return an application that logs all it sees."""

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        told.append(repr({name: value for name, value in environ.items() if isinstance(value, str)}))
        try:
            told.append(repr(environ["wsgi.input"].read()))
        except CanaryError as error:
            told.append(f"{type(error).__name__} {error.args} {error.__notes__} {error.__dict__} {error.__cause__!r}")
        start_response("200 OK", [])
        yield b"x"

    return app


def test_every_place_reaches_the_application() -> None:
    """What is planted is really there: a log of all that an application sees has every one of the secrets."""
    canary, told = Canary(), list[str]()
    canary.run_wsgi(leaking(told), PATHS)
    lines = [line if len(line) < 100_000 else line[:10_000] + line[-10_000:] for line in told]
    written = {piece for line in lines for reading in readings(line) for piece in pieces_of(reading)}
    found = {
        secret.place
        for secret in canary._planted.values()
        if any(pieces_of(text) <= written for text in forms(secret)[0])
    }
    assert set(canary.places) - found == set()
    assert len(found) > 60


@pytest.mark.parametrize("pack", [False, True])
def test_every_file_of_a_directory_is_read(tmp_path: Path, pack: bool) -> None:
    """Whatever it is called, however deep it lies, compressed or not; its own name, too."""
    canary = Canary()
    secret = canary.plant("the place")
    (tmp_path / "day=1").mkdir()
    (tmp_path / "empty").write_bytes(b"")
    file = tmp_path / "day=1" / "cells.parquet"
    data = b"\x00\xff" + secret[:4].encode() + b"\n"
    file.write_bytes(gzip.compress(data) if pack else data)
    with pytest.raises(AssertionError, match=r"file 1, line 1 holds a piece of what was planted in the place"):
        canary.assert_absent(tmp_path)
    file.write_bytes(gzip.compress(b"honest") if pack else b"honest")
    canary.assert_absent(tmp_path)
    file.rename(file.with_name(f"log of {secret}"))
    with pytest.raises(AssertionError, match=r"the name of file 1 holds a piece"):
        canary.assert_absent(str(tmp_path))


def test_what_cannot_be_read_to_its_end_proves_nothing(tmp_path: Path) -> None:
    """A compressed log that was cut is told, and a log that is not there."""
    canary = Canary()
    canary.plant("the place")
    file = tmp_path / "x.gz"
    file.write_bytes(gzip.compress(b"honest" * 100)[:-12])
    with pytest.raises(AssertionError, match="cannot be read to its end"):
        canary.assert_absent(file)
    with pytest.raises(UsageError, match="no such log"):
        canary.assert_absent(tmp_path / "nothing")


def test_a_log_without_a_line_proves_nothing(tmp_path: Path) -> None:
    """Nothing written, and nothing planted, are mistakes of the test."""
    canary = Canary()
    with pytest.raises(UsageError, match="nothing was planted"):
        canary.assert_absent([b"line"])
    canary.plant("the place")
    nothings: list[Any] = [[], b"", tmp_path]
    for empty in nothings:
        with pytest.raises(AssertionError, match="nothing was written"):
            canary.assert_absent(empty)


def test_whole_addresses_are_no_secret_where_the_host_keeps_them() -> None:
    """The host part of an address counts, unless the host says that it keeps it."""
    canary = Canary()
    line = f"2001:db8:12:{canary.plant('the address', 'host part')}:1"
    with pytest.raises(AssertionError, match="the address"):
        canary.assert_absent([line])
    canary.assert_absent([line], full_addresses=True)


def test_many_findings_are_cut() -> None:
    """A message that nobody reads to its end helps nobody."""
    canary = Canary()
    secret = canary.plant("the place")
    with pytest.raises(AssertionError) as raised:
        canary.assert_absent([secret] * 1_000)
    assert str(raised.value).count("\n") == 20


@pytest.mark.parametrize("paths", ["/users/{}", ["users/{}"], [1]])
def test_paths_are_a_list_of_paths(paths: Any) -> None:
    """A single text would be taken letter by letter."""
    with pytest.raises(UsageError, match="begin with a slash"):
        Canary().run_wsgi(honest_wsgi, paths)


def typed_wsgi(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Answer where an order has a number."""
    start("200 OK" if environ["PATH_INFO"].removeprefix("/orders/").isdecimal() else "404 Not Found", [])
    return [b""]


async def typed_asgi(scope: Any, receive: Any, send: Any) -> None:
    """Answer where an order has a number."""
    status = 200 if scope["path"].removeprefix("/orders/").isdecimal() else 404
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_a_path_that_reaches_no_route_proves_nothing() -> None:
    """A mistyped path would make every canary pass; one that is to be missing is said to be."""
    for path in ("/order/{}", "/order/{number:int}"):
        with pytest.raises(UsageError, match="reached a route at /order/"):
            Canary().run_wsgi(typed_wsgi, [path])
        with pytest.raises(UsageError, match="reached a route at /order/"):
            asyncio.run(Canary().run_asgi(typed_asgi, [path]))
    Canary().run_wsgi(typed_wsgi, ["/orders/{number:int}"], missing=["/order/{}"])
    asyncio.run(Canary().run_asgi(typed_asgi, ["/orders/{number:int}"], missing=["/order/{}"]))


def test_a_parameter_of_digits_gets_nothing_else() -> None:
    """Every request reaches a route whose parameter is a number, and each has a secret there."""
    canary = Canary()
    paths = [one.path for one in canary.requests(["/orders/{number:int}"])]
    assert all(path.removeprefix(b"/orders/").isdigit() for path in paths)
    assert "the path's parameter 1: a number" in canary.places


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_an_application_of_the_other_kind_is_told() -> None:
    """What answers nothing at all is no application of that protocol."""
    wrong: Any = honest_asgi
    with pytest.raises(UsageError, match="answered none"):
        Canary().run_wsgi(wrong, ["/users/{}"])
    wrong = honest_wsgi
    with pytest.raises(UsageError, match="answered none"):
        asyncio.run(Canary().run_asgi(wrong, ["/users/{}"]))


def test_other_wrong_calls_are_told() -> None:
    """A seed that is no number, and a kind that there is not."""
    with pytest.raises(UsageError, match="seed"):
        Canary("x")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(UsageError, match="no such kind"):
        Canary().plant("x", "y")  # type: ignore[arg-type]  # as above
