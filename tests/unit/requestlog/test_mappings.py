from __future__ import annotations

import json
from typing import Any

import pytest

from smartify_core.requestlog import (
    FIELDS,
    NOTE_FIELDS,
    Address,
    Client,
    Failure,
    Feature,
    Language,
    Note,
    Record,
    Referrer,
    RequestEvent,
    Zone,
)
from smartify_core.requestlog._sinks._mappings import line_of, to_ecs, to_otel, to_ours

FULL = RequestEvent(
    1_796_000_000,
    Feature("/users/{id}"),
    "POST",
    503,
    250,
    Client("Firefox", 140, "Linux", "desktop", "hints"),
    Address("203.0.113.0/24", "forwarded"),
    Failure("ValueError", "streaming"),
    Language("de,en"),
    Referrer("https://www.example.org"),
    Zone("Europe/Berlin", "cdn"),
)
PLAIN = RequestEvent(5, Feature("unmatched"), "GET", None, 1, Client("Other", None, "Other", "other"))
SOCKET = RequestEvent(5, Feature("/ws"), "WEBSOCKET", 101, 1, Client("Other", None, "Other", "other"))
ODD = RequestEvent(
    5, Feature("export"), "OTHER", 500, 1, Client("Other", None, "Other", "other"), Address("2001:db8::1")
)
NOTES = (Note(5, "dropped", 3), Note(5, "expired", 9, "2030-01-01"))
RECORDS: tuple[Record, ...] = (FULL, PLAIN, SOCKET, ODD, *NOTES)


def test_ecs_names() -> None:
    """Each value stands under the name that Elastic Common Schema gives it, in its unit, and what has none is ours."""
    assert to_ecs(FULL.as_dict()) == {
        "smartify.v": 1,
        "@timestamp": "2026-11-30T00:53:20Z",
        "ecs.version": "9.4.0",
        "event.dataset": "smartify.requests",
        "smartify.feature": "/users/{id}",
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "event.duration": 250_000_000,
        "event.outcome": "failure",
        "error.type": "ValueError",
        "smartify.failed": "streaming",
        "client.address": "203.0.113.0/24",
        "smartify.ip_from": "forwarded",
        "user_agent.name": "Firefox",
        "user_agent.version": "140",
        "user_agent.os.name": "Linux",
        "smartify.device": "desktop",
        "smartify.ua_from": "hints",
        "smartify.language": "de,en",
        "http.request.referrer": "https://www.example.org",
        "smartify.zone": "Europe/Berlin",
        "smartify.zone_from": "cdn",
    }


def test_otel_names() -> None:
    """Each value stands under the name that OpenTelemetry's conventions give it, and what has none is ours."""
    assert to_otel(FULL.as_dict()) == {
        "smartify.v": 1,
        "Timestamp": 1_796_000_000 * 10**9,
        "http.route": "/users/{id}",
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "smartify.ms": 250,
        "error.type": "ValueError",
        "smartify.failed": "streaming",
        "client.address": "203.0.113.0/24",
        "smartify.ip_from": "forwarded",
        "user_agent.name": "Firefox",
        "user_agent.version": "140",
        "user_agent.os.name": "Linux",
        "smartify.device": "desktop",
        "smartify.ua_from": "hints",
        "browser.language": "de",
        "smartify.language": "de,en",
        "smartify.referrer": "https://www.example.org",
        "smartify.zone": "Europe/Berlin",
        "smartify.zone_from": "cdn",
    }


def test_an_address_of_one_host_is_an_ip() -> None:
    """ECS has a type for addresses that takes no networks: only whole addresses stand under it."""
    assert to_ecs(ODD.as_dict())["client.ip"] == "2001:db8::1"
    assert "client.ip" not in to_ecs(FULL.as_dict())


def test_a_route_is_told_from_a_name() -> None:
    """OpenTelemetry's route is a template with a slash; what is unmatched, or has a name of the host's, is none."""
    assert "http.route" not in to_otel(PLAIN.as_dict())
    assert to_otel(ODD.as_dict())["smartify.feature"] == "export"


def test_methods_of_otel() -> None:
    """An unknown method is ``_OTHER``, and a WebSocket is a GET of another protocol; a failed response has an error."""
    odd, socket = to_otel(ODD.as_dict()), to_otel(SOCKET.as_dict())
    assert (odd["http.request.method"], odd["error.type"]) == ("_OTHER", "500")
    assert (socket["http.request.method"], socket["network.protocol.name"]) == ("GET", "websocket")


@pytest.mark.parametrize("record", RECORDS, ids=range(len(RECORDS)))
@pytest.mark.parametrize("keys", ["smartify", "ecs", "otel"])
def test_lines_read_back(record: Record, keys: Any) -> None:
    """Whatever names a line has, the same record is read from it, in the same order; it is ASCII and one line."""
    line = line_of(keys)(record)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert list(to_ours(json.loads(line)).items()) == list(record.as_dict().items())


@pytest.mark.parametrize("mapping", [to_ecs, to_otel])
def test_no_field_is_forgotten(mapping: Any) -> None:
    """Every field of the schema has a place; none keeps its bare name, which another's schema could mean otherwise."""
    sample: dict[str, str | int] = {field.name: 1 if field.kind == "int" else "/" for field in (*FIELDS, *NOTE_FIELDS)}
    mapped = mapping(sample)
    assert not mapped.keys() & sample.keys()
    assert len(mapped) >= len(sample)


@pytest.mark.parametrize("keys", ["smartify", "ecs", "otel"])
def test_only_records_become_lines(keys: Any) -> None:
    """A subclass, or anything else that has the methods of a record, is refused: it could say anything."""

    class Bold(RequestEvent):
        def line(self) -> bytes:
            return b"anything\n"

        def as_dict(self) -> dict[str, str | int]:
            return {"user": "somebody"}

    wrong: Any
    for wrong in (Bold(*FULL), "text", None, {}):
        with pytest.raises(TypeError):
            line_of(keys)(wrong)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("@timestamp", "yesterday"),
        ("@timestamp", 5),
        ("ecs.version", "1.0"),
        ("event.outcome", "unknown"),
        ("event.duration", 1.5),
        ("event.duration", True),
        ("user_agent.version", "140.0"),
        ("network.protocol", "somebody"),
        ("client.ip", "203.0.113.7"),
    ],
)
def test_what_was_not_made_by_a_mapping_is_refused(key: str, value: Any) -> None:
    """A record whose added or converted values cannot be ours is not taken for one of ours."""
    items: dict[str, Any] = {**to_ecs(FULL.as_dict()), key: value}
    with pytest.raises(ValueError, match=r".+"):
        to_ours(items)


def test_entries_of_others_pass() -> None:
    """An entry of another logger with the same names is nobody's of ours, and stays as it is."""
    for entry in ({"@timestamp": "2030-01-01T00:00:00Z", "message": "x"}, {"Timestamp": 1}, {"a": 1}):
        assert to_ours(entry) == entry
