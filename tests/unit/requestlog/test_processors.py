from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog
from structlog.processors import JSONRenderer, TimeStamper, add_log_level
from structlog.testing import capture_logs

from smartify_core.errors import UsageError
from smartify_core.requestlog import Address, Client, Feature, Note, RequestEvent, Sink
from smartify_core.requestlog.processors import EcsKeys, HeaderOnly, OtelKeys, StructlogSink
from smartify_core.testing.requestlog import assert_header_only

EVENT = RequestEvent(
    5, Feature("/users/{id}"), "GET", 200, 5, Client("Chrome", 120, "Windows", "desktop"), Address("203.0.113.0/24")
)
SECRETS: dict[str, Any] = {
    "path": "/users/4711",
    "url": "https://app.example.org/users?token=abc",
    "query": "token=abc",
    "user": "ada",
    "user_id": 4711,
    "email": "ada@acme.example",
    "body": b"bytes",
    "headers": {"Cookie": "a=b"},
    "exception": "Traceback (most recent call last): ada@acme.example",
    "exc_info": True,
    "event": "ada signed in",
    "ada@acme.example": True,
    "status": 4711,
    "method": "ada",
    "error": "ada is not allowed",
    "feature": "/users/ada@acme.example",
    "ip": "somewhere",
    "version": "1.2.3",
    "zone": "Ada/Lovelace",
    "level": "ada",
    "timestamp": "ada",
    "logger": "ada lovelace",
    "time": 4711,
    "count": 4711,
    "refused": "ada",
}


def processed(processor: Any, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    result: MutableMapping[str, Any] = processor(None, "info", entry)
    return result


@pytest.mark.parametrize("keys", [EcsKeys(), OtelKeys()])
def test_keys_are_mapped_and_others_pass(keys: Any) -> None:
    """A record gets other names, with what loggers added beside it; an entry of the host's own stays as it is."""
    mapped = processed(keys, {**EVENT.as_dict(), "level": "info"})
    assert mapped["http.response.status_code"] == 200
    assert mapped["level"] == "info"
    own = {"event": "started", "version": "1.2.3", "method": "fast"}
    assert processed(keys, dict(own)) == own


@pytest.mark.parametrize("record", [EVENT, Note(5, "dropped", 3)])
@pytest.mark.parametrize("keys", [None, EcsKeys(), OtelKeys()])
def test_records_pass(record: Any, keys: Any) -> None:
    """A record of the request log is let through whole, under any of its names, with a logger's items beside it."""
    entry = {**record.as_dict(), "level": "info", "timestamp": "2030-01-01T00:00:00.123456Z", "logger": "app.requests"}
    entry = dict(processed(keys, entry)) if keys else entry
    assert processed(HeaderOnly(), dict(entry)) == entry
    assert processed(HeaderOnly(on_refusal="raise"), dict(entry)) == entry


@pytest.mark.parametrize("key", SECRETS)
def test_what_is_not_allowed_is_left_out(key: str) -> None:
    """An item that the schema does not know, or whose value it does not know, is left out, and counted."""
    kept = processed(HeaderOnly(), {"level": "info", key: SECRETS[key]})
    assert kept == ({"level": "info"} if key != "level" else {}) | {"refused": 1}


@pytest.mark.parametrize("key", SECRETS)
def test_what_is_not_allowed_is_raised_without_its_value(key: str) -> None:
    """In tests a refusal raises; the message names the key, unless that is somebody's data, and never the value."""
    with pytest.raises(UsageError) as raised:
        processed(HeaderOnly(on_refusal="raise"), {"level": "info", key: SECRETS[key]})
    assert "ada" not in str(raised.value)
    assert "4711" not in str(raised.value)
    assert (f"'{key}'" in str(raised.value)) is ("@" not in key)


def test_a_bad_record_keeps_what_is_sound() -> None:
    """Of a record with a value out of bounds, under others' names too, the other items are kept."""
    entry = processed(OtelKeys(), {**EVENT.as_dict(), "status": 200})
    entry["client.address"] = "ada"
    entry["url.path"] = "/users/4711"
    kept = processed(HeaderOnly(), entry)
    assert "client.address" not in kept
    assert "url.path" not in kept
    assert kept["http.route"] == "/users/{id}"
    assert kept["refused"] == 2


def test_hosts_allow_their_own_keys_within_bounds() -> None:
    """A set or a range says which values a key may have, a function checks one; a lenient function is checked again."""
    processor = HeaderOnly(
        {"event": {"request finished"}, "attempt": range(1, 4), "done": {True, False}, "job": lambda value: True}
    )
    sound = {"event": "request finished", "attempt": 3, "done": False, "job": "nightly"}
    assert processed(processor, dict(sound)) == sound
    for key, value in {
        "event": "request of ada finished",
        "attempt": 4711,
        "done": 1,
        "job": "for ada@acme.example",
    }.items():
        assert processed(processor, {**sound, key: value}) == {
            **{name: kept for name, kept in sound.items() if name != key},
            "refused": 1,
        }
    assert processed(processor, {"attempt": True}) == {"refused": 1}
    assert processed(processor, {"attempt": 2.0}) == {"refused": 1}
    assert processed(processor, {"event": ["request finished"]}) == {"refused": 1}


@pytest.mark.parametrize(
    "allow", [{"event": "request finished"}, {"event": None}, {5: {1}}, ["event"], {"event": b"x"}]
)
def test_a_key_without_bounds_is_refused_at_once(allow: Any) -> None:
    """A key that is allowed any value is a usage error when the processor is made."""
    with pytest.raises(UsageError):
        HeaderOnly(allow)


def test_another_word_for_refusals_is_refused() -> None:
    """What happens with refusals is one of two words."""
    with pytest.raises(UsageError, match="on_refusal"):
        HeaderOnly(on_refusal="ignore")  # type: ignore[arg-type] # what the test is about


def test_it_ends_a_host_s_own_chain() -> None:
    """In a chain of structlog's own, a host's log lines hold what is allowed and nothing else."""
    out = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=[add_log_level, TimeStamper(fmt="iso"), HeaderOnly({"event": {"signed in"}}), JSONRenderer()],
    )
    logger.info("signed in", user="ada", feature="/sign-in")
    logger.warning("ada signed in")
    lines = out.getvalue().splitlines()
    assert "ada" not in out.getvalue()
    assert [json.loads(line).get("event") for line in lines] == ["signed in", None]
    assert_header_only(lines, allow={"event": {"signed in"}})


# --- the sink ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def out() -> list[Any]:
    """Return what was written."""
    return []


@pytest.fixture
def sink(out: list[Any]) -> Iterator[StructlogSink]:
    """Give a sink that renders JSON under OpenTelemetry's names."""
    with StructlogSink([OtelKeys(), HeaderOnly(), JSONRenderer()], out.append, on_sigterm=False) as made:
        yield made


def test_processors_run_in_order(sink: StructlogSink, out: list[Any]) -> None:
    """A record goes through all processors, and what the last one returns is written."""
    assert isinstance(sink, Sink)
    sink.put(EVENT)
    assert sink.flush()
    assert json.loads(out[0])["http.route"] == "/users/{id}"


def test_no_logger_takes_part(out: list[Any]) -> None:
    """Processors are called with no logger and the method ``info``; structlog's configuration has no part in it."""
    seen: list[Any] = []

    def look(logger: object, method: str, entry: Any) -> Any:
        seen.append((logger, method))
        return entry

    with capture_logs() as captured, StructlogSink([look], out.append, on_sigterm=False) as sink:
        sink.put(EVENT)
        assert sink.flush()
    assert captured == []
    assert seen == [(None, "info")]
    assert out == [EVENT.as_dict()]


def test_a_record_can_be_left_out_on_purpose(out: list[Any]) -> None:
    """A processor that raises DropEvent takes a record out; that is no loss, and nothing is told of it."""

    def sample(logger: object, method: str, entry: Any) -> Any:
        if entry.get("status") == 200:
            raise structlog.DropEvent
        return entry

    with StructlogSink([sample], out.append, on_sigterm=False) as sink:
        sink.put(EVENT)
        sink.put(Note(5, "folded", 1))
        assert sink.flush()
        assert [entry["note"] for entry in out] == ["folded"]
        assert sink.dropped == 0


def test_a_processor_that_fails_loses_its_record_only(out: list[Any]) -> None:
    """A record on which a processor fails is counted and told; those around it are written."""

    def fail(logger: object, method: str, entry: Any) -> Any:
        if entry.get("status") == 200:
            raise KeyError("ada")
        return entry

    with StructlogSink([fail], out.append, on_sigterm=False) as sink:
        for record in (Note(5, "folded", 1), EVENT, Note(5, "folded", 2)):
            sink.put(record)
        assert sink.flush()
        assert [(entry["note"], entry["count"]) for entry in out] == [("folded", 1), ("folded", 2), ("dropped", 1)]


def test_what_is_written_to_may_fail_and_come_back(out: list[Any]) -> None:
    """An OSError of ``write`` is waited for, and the record is written again."""
    errors = [OSError(28, "full"), OSError(28, "full")]

    def write(entry: Any) -> None:
        if errors:
            raise errors.pop()
        out.append(entry)

    with StructlogSink([lambda logger, method, entry: entry], write, on_sigterm=False) as sink:
        sink.put(EVENT)
        assert [sink.flush() for _ in range(3)] == [False, False, True]
        assert out == [EVENT.as_dict()]


@pytest.mark.parametrize(
    "options",
    [
        {"processors": []},
        {"processors": ["json"]},
        {"write": None},
        {"queue": 0},
        {"queue": 1.5},
        {"flush_every": 0},
        {"flush_every": 1_000.0},
    ],
    ids=str,
)
def test_a_wrong_argument_is_told_at_once(options: dict[str, Any]) -> None:
    """What makes no sense is a usage error when the sink is made."""
    given = {"processors": [JSONRenderer()], "write": logging.debug} | options
    with pytest.raises(UsageError):
        StructlogSink(given.pop("processors"), given.pop("write"), **given)  # type: ignore[arg-type] # the test
