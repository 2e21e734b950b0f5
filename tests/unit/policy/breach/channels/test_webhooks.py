"""Notices over a real web server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, timedelta
from hashlib import sha256
from typing import Any

import pytest
from attrs import evolve
from tests._receivers import Answer, HttpReceiver, http_receiver
from tests.unit.policy.breach.channels._parcels import AT, parcel

from smartify_core.errors import UsageError
from smartify_core.policy.breach import AttemptVerdict, Notifier, Parcel, Reply
from smartify_core.policy.breach.webhook import WebhookKey, WebhookNotifier, WebhookSecret, verify_webhook

ACCEPTED, AGAIN, REFUSED = AttemptVerdict.ACCEPTED, AttemptVerdict.TRY_AGAIN, AttemptVerdict.REFUSED
KEY = WebhookKey.generate()


def notifier(**other: Any) -> WebhookNotifier:
    """Return the channel, which may use this machine."""
    values: dict[str, Any] = {"keys": {"k1": KEY}, "allow_private": ["127.0.0.0/8", "::1/128"], "allow_http": True}
    return WebhookNotifier(**values | other)


def posted(server: HttpReceiver, *parcels: Parcel, **other: Any) -> list[Reply]:
    """Send parcels to a server over one sender; the address is the server's where it is none of its own."""
    with notifier(**other).opened() as sender:
        return [sender.send(evolve(one, address=server.url) if "@" in one.address else one) for one in parcels]


@pytest.fixture
def server() -> Iterator[HttpReceiver]:
    """Run a web server without TLS."""
    with http_receiver() as running:
        yield running


def test_receivers_can_verify(server: HttpReceiver) -> None:
    """What arrives is the payload, signed for its receiver, with the parcel's id and the attempt's time."""
    (reply,) = posted(server, parcel(payload={"type": "breach.notice.first", "text": "Grüße"}))
    (got,) = server.wait_for(1)
    assert got.body == '{"type":"breach.notice.first","text":"Grüße"}'.encode()
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-timestamp"] == str(int(AT.timestamp()))
    assert got.headers["host"] == f"127.0.0.1:{server.port}"
    assert verify_webhook(got.headers, got.body, [KEY.public], now=AT) == "ntc-0001"
    assert reply == Reply(ACCEPTED, "http 204", reference="ntc-0001", content_sha256=sha256(got.body).hexdigest())


@pytest.mark.parametrize("parcel_id", ["ntc-1.2", "x" * 65, "a b", "ü", "", "a\r\nHost: b.example"])
def test_odd_ids_are_hashed(server: HttpReceiver, parcel_id: str) -> None:
    """An id that cannot be signed without doubt, or stand in a header, goes as its hash, the same every time."""
    first, again = posted(server, parcel(id=parcel_id), parcel(id=parcel_id, attempt=2))
    digest = sha256(parcel_id.encode()).hexdigest()
    assert (first.verdict, first.reference, again.reference) == (ACCEPTED, digest, digest)
    got = server.wait_for(2)
    assert [verify_webhook(one.headers, one.body, [KEY.public], now=AT) for one in got] == [digest, digest]


def test_an_id_that_is_no_text_is_refused(server: HttpReceiver) -> None:
    """An id that has no form as bytes is refused, and nobody is called."""
    (reply,) = posted(server, parcel(id="\ud800"))
    assert (reply.verdict, reply.code, server.connections) == (REFUSED, "id", 0)


def test_a_dot_moves_no_signature(server: HttpReceiver) -> None:
    """What was signed for one id and instant vouches for no other pair that reads the same with a dot between."""
    posted(server, parcel())
    (got,) = server.wait_for(1)
    moved = dict(got.headers)
    instant = moved["webhook-timestamp"]
    moved["webhook-id"], moved["webhook-timestamp"] = f"ntc-0001.{instant}", instant
    assert verify_webhook(moved, got.body.removeprefix(f"{instant}.".encode()), [KEY.public], now=AT) is None


def test_each_receiver_has_its_keys(server: HttpReceiver) -> None:
    """A contact's key signs, two while it is changed; without a name the only one; and nobody else's is taken."""
    secret, other = WebhookSecret.generate(), WebhookKey.generate()
    keys = {"a": [KEY, other], "b": secret}
    replies = posted(server, *(parcel(key_id=name) for name in ("a", "b", "c", None)), keys=keys)
    assert [(one.verdict, one.code) for one in replies] == [
        (ACCEPTED, "http 204"),
        (ACCEPTED, "http 204"),
        (AGAIN, "no-key"),
        (AGAIN, "no-key"),
    ]
    first, second = server.wait_for(2)
    assert [one[:3] for one in first.headers["webhook-signature"].split(" ")] == ["v1a", "v1a"]
    assert verify_webhook(first.headers, first.body, [other.public], now=AT)
    assert verify_webhook(second.headers, second.body, [secret.secret], now=AT)


@pytest.mark.parametrize(
    ("answer", "verdict", "wait"),
    [
        (Answer(200), ACCEPTED, None),
        (Answer(202, body=b"queued"), ACCEPTED, None),
        (Answer(302, {"Location": "http://127.0.0.1:9/"}), AGAIN, None),
        (Answer(308, {"Location": "/other"}), AGAIN, None),
        (Answer(400), AGAIN, None),
        (Answer(404), AGAIN, None),
        (Answer(410), AttemptVerdict.GONE, None),
        (Answer(429, {"Retry-After": "120"}), AGAIN, timedelta(minutes=2)),
        (Answer(503, {"Retry-After": "99999999999999999999"}), AGAIN, timedelta(days=1)),
        (Answer(503, {"Retry-After": "Wed, 04 Mar 2026 06:06:07 GMT"}), AGAIN, timedelta(hours=1)),
        (Answer(503, {"Retry-After": "Wed, 04 Mar 2020 06:06:07 GMT"}), AGAIN, timedelta(0)),
        (Answer(503, {"Retry-After": "Wed, 04 Mar 2099 06:06:07 GMT"}), AGAIN, timedelta(days=1)),
        (Answer(503, {"Retry-After": "soon"}), AGAIN, None),
        (Answer(503, {"Retry-After": "-5"}), AGAIN, None),
        (Answer(500, {"Retry-After": "120"}), AGAIN, None),
    ],
)
def test_answers_mean_what_the_specification_says(
    server: HttpReceiver, answer: Answer, verdict: AttemptVerdict, wait: timedelta | None
) -> None:
    """2xx is a yes, 410 is gone, and all else, redirects among it, is tried again; a wish to wait is told."""
    server.answers.append(answer)
    replies = posted(server, parcel(), parcel(id="ntc-2"))
    assert (replies[0].verdict, replies[0].code, replies[0].retry_after) == (verdict, f"http {answer.status}", wait)
    assert replies[1].verdict is ACCEPTED
    assert [one.path for one in server.arrived] == ["/hook", "/hook"]


def test_long_answers_are_cut(server: HttpReceiver) -> None:
    """Of what a server says to people, 1,000 characters are kept, and the rest is not waited for."""
    server.answers += [Answer(500, body=b"x" * 1_000_000), Answer(500, body=b"\xff\xfe")]
    long, odd, last = posted(server, parcel(), parcel(), parcel())
    assert long.detail == "x" * 1_000
    assert odd.detail == "\ufffd\ufffd"
    assert last.verdict is ACCEPTED


def test_one_connection_serves_many(server: HttpReceiver) -> None:
    """A sender keeps its connection from one message to the next, and makes another once it was closed."""
    with notifier().opened() as sender:
        one = parcel(address=server.url)
        for _ in range(3):
            assert sender.send(one).verdict is ACCEPTED
        assert server.connections == 1
        server.answers.append(Answer(way="cut"))
        assert sender.send(one).verdict is ACCEPTED
        assert server.connections == 2


def test_tls_is_verified() -> None:
    """A server with a certificate that we trust is written to; one with another's is not, and is tried again."""
    with http_receiver(tls=True) as server:
        (reply,) = posted(server, parcel(), context=server.trust)
        assert reply.verdict is ACCEPTED
        (reply,) = posted(server, parcel())
        assert (reply.verdict, reply.code) == (AGAIN, "tls")
    with http_receiver(tls=True, name="other.example") as server:
        (reply,) = posted(server, parcel(), context=server.trust)
        assert (reply.verdict, reply.code, server.arrived) == (AGAIN, "tls", [])


@pytest.mark.parametrize("answer", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:169.254.169.254"], ["fe80::1%1"]])
def test_names_that_lead_inside_are_refused(
    server: HttpReceiver, answer: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A public name one of whose addresses is an inner machine's is refused, and nobody is called."""

    def lookup(_host: str, port: int, **_: object) -> list[Any]:
        families = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in answer]
        return [(family, socket.SOCK_STREAM, 6, "", (one, port)) for family, one in zip(families, answer, strict=True)]

    def connect(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    monkeypatch.setattr(socket.socket, "connect", connect)
    (reply,) = posted(server, parcel(address="https://hooks.customer.example/"), allow_private=False)
    assert (reply.verdict, reply.code) == (REFUSED, "private-address")


def test_names_are_asked_for_once(server: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads outside when it is looked at, and inside a moment later, is not asked for again."""
    asked: list[str] = []

    def lookup(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    there = f"http://hooks.customer.example:{server.port}/x"
    replies = posted(server, parcel(address=there), parcel(address=there))
    assert [one.verdict for one in replies] == [ACCEPTED, ACCEPTED]
    assert asked == ["hooks.customer.example"]
    assert {one.headers["host"] for one in server.arrived} == {f"hooks.customer.example:{server.port}"}


def test_no_proxy_is_used(server: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says of proxies changes nothing: a proxy would look names up that we did not see."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (reply,) = posted(server, parcel())
    assert reply.verdict is ACCEPTED


@pytest.mark.parametrize(
    ("payload", "code"),
    [({"x": "y" * 20_000}, "too-large"), ({"x": object()}, "payload"), ({"x": float("nan")}, "payload")],
)
def test_what_is_no_small_payload_is_not_sent(server: HttpReceiver, payload: dict[str, object], code: str) -> None:
    """A payload over 20 kB, or one that JSON does not know, is refused, and nobody is called."""
    (reply,) = posted(server, parcel(payload=payload))
    assert (reply.verdict, reply.code, server.connections) == (REFUSED, code, 0)


def test_dribbled_text_does_not_undo_a_yes(server: HttpReceiver) -> None:
    """A receiver that said yes and then never ends its text has said yes."""
    server.always = Answer(200, {"Content-Length": "4000"}, body=b"x")
    (reply,) = posted(server, parcel(), timeout=timedelta(milliseconds=500))
    assert (reply.verdict, reply.code) == (ACCEPTED, "http 200")


@pytest.mark.parametrize(
    "wrong", [{"timeout": timedelta(0)}, {"allow_private": ["inside"]}, {"user_agent": "a\r\nb"}, {"user_agent": "ü"}]
)
def test_wrong_settings_are_told(wrong: dict[str, Any]) -> None:
    """A setting that cannot be meant is an error at once."""
    with pytest.raises(UsageError):
        notifier(**wrong)


def test_it_is_a_notifier_with_three_days_of_patience() -> None:
    """It is what the port asks for, tries for over three days, and shows no key."""
    made = notifier()
    assert isinstance(made, Notifier)
    assert sum(made.waits, timedelta(0)) > timedelta(days=3)
    assert KEY.secret not in repr(made) + repr(vars(made))
    assert AT.tzinfo is UTC
